"""What of a plan's parts is left to do, as errands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stocktake.fetch.captures import known_bodies
from stocktake.plan.saved import remaining, set_ordinals
from stocktake.run.again import again
from stocktake.run.errands import Assignment, errands
from stocktake.run.planned import dynamic_ranges, member_names, member_order, still_lacking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stocktake.fetch.answer import Known
    from stocktake.model import Feed, Plan, PlanOptions, PlanPart, Request, System
    from stocktake.run.errands import Errand, Series
    from stocktake.run.workspace import Workspace

    Left = Mapping[Series, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Supply:
    """The errands of one run.

    Args:
        workspace: Where.
        system: Of which.
        run_id: The run.
        plan: Its saved plan.
        looks_again: Whether units that are held are asked for too, so that what is stored of
            them must be known.
    """

    workspace: Workspace
    system: System
    run_id: int
    plan: Plan
    looks_again: bool

    @property
    def newest_first(self) -> bool:
        """Whether days go from the last to the first, and members from the latest seen."""
        return self.plan.options.order != "oldest"

    def left(self, number: int, part: PlanPart) -> Left:
        """Return what of a part is not checked off; a dynamic part is fixed the first time."""
        _, feed = self.system.feed(part.feed)
        return again(lambda: self._left(number, part, feed))

    def _left(self, number: int, part: PlanPart, feed: Feed) -> Left:
        plan_id = self.plan.plan_id
        assert plan_id is not None  # noqa: S101 -- what is executed was saved
        with self.workspace.database.connection() as conn:
            if part.dynamic and not part.ordinals:
                ranges = dynamic_ranges(
                    conn,
                    self.workspace,
                    self.system,
                    feed,
                    options=self._options_of(part),
                    due_only=self.looks_again and not self.plan.options.refetch,
                )
                set_ordinals(conn, plan_id, number, ranges)
            left = remaining(conn, self.run_id, plan_id, number)
            if not feed.instead_of or part.dynamic:
                return left
            return still_lacking(
                conn, self.workspace, self.system, feed, options=self._options_of(part), left=left
            )

    def _options_of(self, part: PlanPart) -> PlanOptions:
        """Return the plan's options, narrowed to how urgent the part is."""
        options = self.plan.options
        return options if part.priority is None else replace(options, priorities=(part.priority,))

    def assigned(self, number: int, part: PlanPart, order: Sequence[int] = ()) -> Assignment:
        """Return how a part's units are cut; ``order`` of members if it is not the usual one."""
        source, feed = self.system.feed(part.feed)
        return Assignment(number, source, feed, self.system.dataset(feed.fills[0]), order)

    def order(self, part: PlanPart) -> Sequence[int]:
        """Return the ordinals of a part's members in the order wanted; none for other units."""
        if not self.newest_first:
            return ()
        _, feed = self.system.feed(part.feed)
        return again(lambda: member_order(self.workspace.database, self.system, feed))

    def errands(self, assigned: Assignment, left: Left) -> Iterator[Errand]:
        """Return the errands of what is left of a part, in order."""
        database, feed = self.workspace.database, assigned.feed
        return errands(
            assigned,
            left,
            newest_first=self.newest_first,
            names=lambda ordinals: again(
                lambda: member_names(database, self.system, feed, ordinals)
            ),
            known=lambda requests: again(lambda: self._known(requests)),
        )

    def _known(self, requests: Sequence[Request]) -> Sequence[Known | None]:
        """Return what is stored of earlier answers, if units that are held are asked for again."""
        if not self.looks_again:
            return [None] * len(requests)
        with self.workspace.database.connection() as conn:
            return known_bodies(conn, self.system.name, requests)


def requests_for(units: int, part: PlanPart) -> int:
    """Return how many requests so many units of a part take, as far as the plan knew."""
    return -(-units * part.requests // part.units) if part.units else units
