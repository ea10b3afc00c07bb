"""Accounts that have less than everything: other endpoints in place of the feeds they lack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.errors import SourceUnavailable
from stocktake.model import State
from stocktake.run.asked import ask
from stocktake.run.explained import explain_unit
from stocktake.run.tried import verify_source
from stocktake.systems.racing.sandbox import create
from stocktake.systems.racing.sources import THE_RACING_API
from tests.integration.run.conftest import DAYS, RACING, RATE_FACTOR, Stable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stocktake.testing import SandboxServer

TODAY = date(2026, 3, 31)


@dataclass(slots=True)
class OnPlan(Stable):
    """An installation whose account has a smaller plan.

    Args:
        plan: Its name.
    """

    plan: str = "pro"

    @property
    def workspace(self) -> Any:
        own = Stable.workspace.fget(self)  # type: ignore[attr-defined]
        sources = {
            name: {**given, "plan": self.plan} for name, given in own.settings.sources.items()
        }
        return replace(own, settings=replace(own.settings, sources=sources))


@pytest.fixture
def on_plan(
    stabled: Callable[[SandboxServer], Stable],
) -> Iterator[Callable[[str], OnPlan]]:
    with create(1, "year", until=TODAY, rate_factor=RATE_FACTOR * 2) as server:
        base = stabled(server)

        def of(plan: str) -> OnPlan:
            noon = datetime(2026, 3, 31, 12, tzinfo=UTC)
            return OnPlan(base.database, server, base.home, noon, plan=plan)

        yield of


@pytest.mark.parametrize(
    ("plan", "paths"),
    [
        ("free", {"/v1/racecards/free"}),
        ("basic", {"/v1/racecards/basic", "/v1/results/today"}),
        ("standard", {"/v1/racecards/standard", "/v1/results"}),
        ("pro", {"/v1/racecards/pro", "/v1/results"}),
    ],
)
def test_a_plan_asks_the_endpoints_it_has(
    on_plan: Callable[[str], OnPlan], plan: str, paths: set[str]
) -> None:
    stable = on_plan(plan)

    report = stable.backfill(*DAYS, since=TODAY, until=TODAY)

    assert report.state == "done"
    assert {target.partition("?")[0] for target in stable.targets()} == paths
    assert len(stable.rows("ra_races", f"date = '{TODAY}'")) > 0
    assert len(stable.rows("ra_runners", f"race_date = '{TODAY}'")) > 0


def test_today_and_tomorrow_are_asked_by_these_words(on_plan: Callable[[str], OnPlan]) -> None:
    stable = on_plan("basic")

    stable.sync(*DAYS, days=1)

    days = sorted(
        target.partition("day=")[2][:8] for target in stable.targets() if "day=" in target
    )
    assert days == ["today&re", "tomorrow"]


def test_what_a_smaller_plan_never_had_is_not_called_missing(
    on_plan: Callable[[str], OnPlan],
) -> None:
    stable = on_plan("basic")

    stable.backfill(*DAYS, since=date(2026, 3, 25), until=TODAY)

    told = explain_unit(
        stable.workspace, RACING, RACING.dataset("ra_race_results"), "2026-03-28/gb"
    )
    assert (told.state, told.reason) == (State.UNRECOVERABLE, "plan: basic has today")
    assert [feed.feed for feed in told.feeds] == ["results_today"]


def test_horses_of_a_standard_account_come_without_birthdays(
    on_plan: Callable[[str], OnPlan],
) -> None:
    stable = on_plan("standard")

    stable.backfill("ra_races", "ra_runners", "ra_horse_pedigree", since=TODAY, until=TODAY)

    asked = {target.rpartition("/")[2] for target in stable.targets() if "/horses/" in target}
    assert asked == {"standard"}
    assert stable.count("ra_horse_pedigree").missing == 0


def test_a_source_is_tried_by_what_its_plan_has(on_plan: Callable[[str], OnPlan]) -> None:
    samples = verify_source(on_plan("free").workspace, RACING, THE_RACING_API)

    assert [one.feed for one in samples if not one.problem] == [
        "regions",
        "courses",
        "racecards_free",
    ]


def test_a_plan_that_is_none_leaves_only_what_every_plan_has(
    on_plan: Callable[[str], OnPlan],
) -> None:
    samples = verify_source(on_plan("gold").workspace, RACING, THE_RACING_API)

    assert [one.feed for one in samples] == ["regions", "courses"]


def test_a_day_that_has_passed_is_refused_before_it_is_asked(
    on_plan: Callable[[str], OnPlan],
) -> None:
    stable = on_plan("basic")

    with pytest.raises(SourceUnavailable, match="today and tomorrow only"):
        ask(stable.workspace, RACING, "/v1/racecards/basic", [("day", "2026-03-20")])
    assert stable.asked == 0
