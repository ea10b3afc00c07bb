"""Recording what a load made of units, in the load's transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NotRequired, TypedDict, Unpack

from stocktake.count.ledger import (
    Change,
    UnitLine,
    forget_units,
    note_tries,
    series_ids,
    write_ledger,
    write_units,
)
from stocktake.count.members import Column, note_days, register
from stocktake.count.routes import (
    DERIVE,
    EXTRACT,
    axis_of,
    join_key,
    ordinal_text,
    position_ordinal,
    split_key,
    zone_of,
)
from stocktake.count.statements import UnitKey, key_column, tally
from stocktake.count.states import QUERIES, Connection, member_series
from stocktake.count.verdict import (
    FAILURES,
    GONE_FOR,
    NO_LOOK,
    NOTHING,
    WORST_FIRST,
    Known,
    Look,
    Tally,
    Verdict,
    decide,
    settle_day,
)
from stocktake.model import (
    Dataset,
    Days,
    FromDataset,
    Settle,
    State,
    System,
    UnitOutcome,
    Values,
    day_of,
)

Place = tuple[int, int]
"""Series and ordinal."""


class Landing(TypedDict):
    """What the load transaction knows besides the outcomes.

    Args:
        values: Texts staged per (dataset, column), for every column that units are read from and
            the key of every dataset whose units are members; with the earliest day they were
            seen on. What an earlier load of the same run told may be left out.
        days: Values that an earlier load of the same run told, now seen on an earlier day.
        run_id: The run that writes.
        now: Instant of the load.
    """

    values: Mapping[Column, Mapping[str, date | None]]
    days: NotRequired[Mapping[Column, Mapping[str, date | None]]]
    run_id: int | None
    now: datetime


def record(
    conn: Connection,
    system: System,
    feed: str,
    outcomes: Sequence[UnitOutcome],
    **landing: Unpack[Landing],
) -> dict[State, int]:
    """Write states, counts, ledger and members of one load; return units of the feed per state.

    Rows must have been merged: held always means that rows were counted. A unit that fills several
    datasets is counted once, with the worst state. The transaction stays the caller's.

    Failed and blocked units are recorded the same way: nothing held is ever taken away by a
    failure, it only waits for its next try: 1 h, 6 h, 1 day, 3 days, then 7 days. Unrecoverable
    ones are asked for again after a month.

    Args:
        feed: Feed, file format, or ``derive`` (outcomes then name their datasets).
        outcomes: What the answers proved about each unit.
    """
    fills, brought_along = _fills(system, feed), _brought_along(system, feed)
    batch = _Batch(feed, outcomes, landing["values"], _told(outcomes, fills))
    run_id, now = landing["run_id"], landing["now"]
    ordinals = _register(conn, system, batch, run_id=run_id, now=now)
    note_days(conn, system, landing.get("days", {}))
    writer = _Writer(conn, system, feed, run_id=run_id, now=now)
    asked: list[_Asked] = []
    for dataset in system.datasets:
        told = batch.told.get(dataset.name)
        if told:
            axis = axis_of(dataset)
            members = ordinals[axis.dataset, axis.column] if isinstance(axis, FromDataset) else {}
            brought = batch.values.get((dataset.name, key_column(dataset)), {})
            asked.append(_Asked(dataset, told, members, brought))
        elif dataset.name not in fills:
            if dataset.name in brought_along or feed == DERIVE:
                writer.extracted(dataset, batch, ordinals=ordinals)
            if _is_beside(system, dataset, fills):
                every = {outcome.key: outcome for outcome in outcomes}
                asked.append(_Asked(dataset, every, {}, is_beside=True))
    writer.take(asked)
    return writer.write()


def _told(
    outcomes: Sequence[UnitOutcome], fills: Sequence[str]
) -> dict[str, dict[UnitKey, UnitOutcome]]:
    """Return the outcomes of each dataset by unit."""
    told: dict[str, dict[UnitKey, UnitOutcome]] = defaultdict(dict)
    for outcome in outcomes:
        for name in outcome.datasets or fills:
            told[name][outcome.key] = outcome
    return told


def _is_beside(system: System, dataset: Dataset, fills: Collection[str]) -> bool:
    """Whether rows of the datasets filled tell how many rows a fetched one should have."""
    return bool(system.feeds_of(dataset.name)) and any(
        above in fills and system.dataset(above).partitions == dataset.partitions
        for above in dataset.after
    )


@dataclass(frozen=True, slots=True)
class _Batch:
    feed: str
    outcomes: Sequence[UnitOutcome]
    values: Mapping[Column, Mapping[str, date | None]]
    told: Mapping[str, Mapping[UnitKey, UnitOutcome]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Units of one dataset whose state is to be decided.

    Args:
        dataset: Theirs.
        outcomes: What the answers proved.
        members: Ordinals, where units are members.
        brought: Members whose rows came now. Their age is that of the answer; of one that was
            only confirmed the next look is noted.
        is_beside: Whether this feed does not fill the dataset, but says more about it: units that
            are held are only counted again.
    """

    dataset: Dataset
    outcomes: Mapping[UnitKey, UnitOutcome]
    members: Mapping[str, int]
    brought: Collection[str] = ()
    is_beside: bool = False


def _fills(system: System, feed: str) -> tuple[str, ...]:
    filled: dict[str, tuple[str, ...]] = {}
    for source in system.sources:
        filled |= {one.name: one.fills for one in source.feeds}
        filled |= {one.name: one.fills for one in source.files}
    return filled.get(feed, ())


def _brought_along(system: System, feed: str) -> tuple[str, ...]:
    """Return the datasets that receive rows of the feed, but are not told by its units."""
    along: dict[str, tuple[str, ...]] = {}
    for source in system.sources:
        along |= {one.name: one.also for one in source.feeds}
        along |= {one.name: one.also for one in source.files}
    return along.get(feed, ())


def _register(
    conn: Connection, system: System, batch: _Batch, *, run_id: int | None, now: datetime
) -> dict[Column, dict[str, int]]:
    """Number every value staged, and every unit named, of datasets whose units are members."""
    seen: dict[Column, set[str]] = defaultdict(set)
    for dataset in system.datasets:
        axis = axis_of(dataset)
        if not isinstance(axis, FromDataset):
            continue
        column = (axis.dataset, axis.column)
        seen[column].update(batch.values.get((dataset.name, key_column(dataset)), ()))
        seen[column].update(
            split_key(dataset.partitions, key)[1] for key in batch.told.get(dataset.name, ())
        )
    return register(conn, system, batch.values, seen, run_id=run_id, now=now)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the units of one dataset share while they are recorded."""

    dataset: Dataset
    settle: Settle | None
    keeps_counts: bool
    refresh_after: timedelta | None = None
    brought: Collection[str] = ()
    days: Mapping[int, date] | None = None

    def day(self, ordinal: int) -> date | None:
        """Return the day of a unit: the unit itself, or the day of a member."""
        return day_of(ordinal) if self.days is None else self.days.get(ordinal)

    def is_asked_by_line(self, spot: _Spot) -> bool:
        """Whether the next look at a unit must be noted: no new answer tells a member's age."""
        if not isinstance(axis_of(self.dataset), FromDataset):
            return True
        return spot.known.is_held and (
            split_key(self.dataset.partitions, spot.key)[1] not in self.brought
        )


@dataclass(frozen=True, slots=True)
class _Spot:
    """One unit of one feed, and what was known and counted of it."""

    place: Place
    key: UnitKey
    feed: str
    known: Known
    counted: Tally


def _placed(asked: _Asked) -> dict[UnitKey, tuple[tuple[str, ...], int]]:
    """Return series and ordinal of each unit that is one."""
    partitions = asked.dataset.partitions
    axis = axis_of(asked.dataset)
    parted = {key: split_key(partitions, key) for key in asked.outcomes}
    return {
        key: (series, ordinal)
        for key, (series, position) in parted.items()
        if (ordinal := position_ordinal(axis, position, members=asked.members)) is not None
    }


class _Writer:
    """Lines of one batch, gathered per series and written at the end in one order."""

    def __init__(
        self,
        conn: Connection,
        system: System,
        feed: str,
        *,
        run_id: int | None,
        now: datetime,
    ) -> None:
        self._conn = conn
        self._system = system
        self._feed = feed
        self._run_id = run_id
        self._now = now.astimezone(UTC)
        self._changes: dict[int, Change] = defaultdict(Change)
        self._lines: list[UnitLine] = []
        self._tried: list[Place] = []
        self._plain: list[Place] = []
        self._states: dict[tuple[str, UnitKey], State] = {}

    def take(self, asked: Sequence[_Asked]) -> None:
        """Decide the state of each unit an answer spoke of.

        Other feeds' counts of the same units are renewed: a result may tell how many runners a
        card should have had.
        """
        settle, refresh_after = self._looks()
        for one, spots in zip(asked, self._spots(asked), strict=True):
            axis = axis_of(one.dataset)
            keeps_counts = isinstance(axis, Days)
            ground = _Ground(one.dataset, None, keeps_counts=keeps_counts)
            if not one.is_beside:
                ground = _Ground(
                    one.dataset,
                    settle,
                    keeps_counts=keeps_counts,
                    refresh_after=None if keeps_counts else refresh_after,
                    brought=one.brought if isinstance(axis, FromDataset) else (),
                    days=self._member_days(axis, one.members) if settle is not None else None,
                )
            for spot in spots:
                if spot.feed == self._feed:
                    if not one.is_beside:
                        outcome = one.outcomes[spot.key]
                        verdict = decide(outcome, spot.counted, known=spot.known)
                        self._keep(spot, verdict, ground, again_at=outcome.next_try_at)
                elif spot.known.is_held:
                    self._renew(spot, ground)

    def _member_days(
        self, axis: Days | Values | FromDataset, members: Mapping[str, int]
    ) -> Mapping[int, date] | None:
        """Return the days of members that have one; ``None`` where units are days themselves."""
        if isinstance(axis, Days):
            return None
        if not isinstance(axis, FromDataset) or axis.day is None:
            return {}
        series = member_series(self._conn, self._system, axis)
        parameters = {"series_id": series, "ordinals": list(members.values())}
        return dict(self._conn.execute(QUERIES.days_of_members, parameters).fetchall())

    def _looks(self) -> tuple[Settle | None, timedelta | None]:
        """Return how the feed's days become final, and after how long it is asked again."""
        for _, feed in self._system.feeds():
            if feed.name == self._feed:
                return feed.settle, feed.refresh_after
        return None, None

    def _spots(self, asked: Sequence[_Asked]) -> list[list[_Spot]]:
        """Return the units of each dataset asked about: counted, and with what was known."""
        counted, wanted = [], []
        for one in asked:
            placed = _placed(one)
            answered = {key for key in placed if one.outcomes[key].state not in FAILURES}
            found = tally(self._conn, self._system, one.dataset, keys=answered) if answered else {}
            feeds = sorted({self._feed} | {feed for _, feed in found if feed})
            counted.append(found)
            wanted.append([(key, feed, *at) for key, at in placed.items() for feed in feeds])
        named = [
            (one.dataset.name, feed, series)
            for one, places in zip(asked, wanted, strict=True)
            for _, feed, series, _ in places
        ]
        ids = series_ids(self._conn, self._system.name, named) if named else {}
        sought = [
            [
                ((ids[one.dataset.name, feed, series], ordinal), key, feed)
                for key, feed, series, ordinal in places
            ]
            for one, places in zip(asked, wanted, strict=True)
        ]
        known = self._known([place for places in sought for place, _, _ in places])
        return [
            [
                _Spot(
                    place,
                    key,
                    feed,
                    known[place],
                    found.get((key, feed), found.get((key, None), NOTHING)),
                )
                for place, key, feed in places
            ]
            for places, found in zip(sought, counted, strict=True)
        ]

    def _known(self, places: Sequence[Place]) -> dict[Place, Known]:
        if not places:
            return {}
        parameters = {
            "series_ids": [place[0] for place in places],
            "ordinals": [place[1] for place in places],
        }
        found = self._conn.execute(QUERIES.known_units, parameters).fetchall()
        return {
            (line[0], line[1]): Known(
                line[2], State(line[3]) if line[3] else None, line[4] or "", line[5], line[6]
            )
            for line in found
        }

    def _keep(
        self, spot: _Spot, verdict: Verdict, ground: _Ground, *, again_at: datetime | None
    ) -> None:
        if self._feed == DERIVE and verdict.state is State.FAILED:
            # Nothing was tried: what its inputs gave no rows is simply not there.
            self._changes[spot.place[0]].removed.add(spot.place[1])
            self._plain.append(spot.place)
            self._note(spot, ground, State.MISSING)
            return
        look = NO_LOOK
        day = ground.day(spot.place[1]) if ground.settle is not None else None
        if ground.settle is not None and day is not None:
            verdict, look = settle_day(
                verdict,
                ground.settle,
                day=day,
                zone=zone_of(self._system, ground.dataset),
                now=self._now,
            )
        if verdict.state is None:
            self._tried.append(spot.place)
            self._note(spot, ground, spot.known.state or State.COMPLETE)
            return
        self._note(spot, ground, verdict.state)
        change = self._changes[spot.place[0]]
        (change.added if verdict.is_held else change.removed).add(spot.place[1])
        if verdict.state is State.COMPLETE and not ground.keeps_counts:
            if ground.refresh_after is not None and ground.is_asked_by_line(spot):
                look = Look(self._now + ground.refresh_after)
            elif look.next_try_at is None:
                self._plain.append(spot.place)
                return
        gone = verdict.state is State.UNRECOVERABLE
        self._lines.append(
            UnitLine(
                *spot.place,
                verdict.state,
                verdict.reason,
                rows=spot.counted.rows if verdict.is_held else None,
                expected_rows=spot.counted.expected_rows,
                tries=1 if verdict.state is State.FAILED else 0,
                next_try_at=self._now + GONE_FOR if gone else look.next_try_at or again_at,
                settled_at=look.settled_at,
            )
        )

    def _renew(self, spot: _Spot, ground: _Ground) -> None:
        """Count another feed's rows again; what its own answer said of the unit stays."""
        own_word = spot.known.state not in {None, State.COMPLETE} and not (
            spot.known.state is State.THIN and spot.known.reason.startswith("rows ")
        )
        if own_word or not ground.keeps_counts or spot.counted.rows == 0:
            return
        verdict = decide(UnitOutcome(spot.key), spot.counted, known=spot.known)
        if verdict.state is not None:
            self._lines.append(
                UnitLine(
                    *spot.place,
                    verdict.state,
                    verdict.reason,
                    rows=spot.counted.rows,
                    expected_rows=spot.counted.expected_rows,
                    next_try_at=spot.known.next_try_at,
                )
            )

    def _note(self, spot: _Spot, ground: _Ground, state: State) -> None:
        # One unit of several derived datasets was computed several times, fetched only once.
        key = (ground.dataset.name if self._feed == DERIVE else "", spot.key)
        before = self._states.get(key, state)
        self._states[key] = min(before, state, key=WORST_FIRST.index)

    def extracted(
        self, dataset: Dataset, batch: _Batch, *, ordinals: Mapping[Column, Mapping[str, int]]
    ) -> None:
        """Hold the members whose rows came along with other units."""
        axis = axis_of(dataset)
        texts = batch.values.get((dataset.name, key_column(dataset)), ())
        if not isinstance(axis, FromDataset) or not texts:
            return
        name = (dataset.name, DERIVE if batch.feed == DERIVE else EXTRACT, ())
        known = ordinals[axis.dataset, axis.column]
        series_id = series_ids(self._conn, self._system.name, [name])[name]
        self._changes[series_id].added.update(known[text] for text in texts)

    def write(self) -> dict[State, int]:
        """Write everything, each touched series once; return units per state."""
        write_ledger(self._conn, self._changes, run_id=self._run_id, now=self._now)
        write_units(self._conn, self._lines, run_id=self._run_id, now=self._now)
        note_tries(self._conn, self._tried, run_id=self._run_id, now=self._now)
        forget_units(self._conn, self._plain, run_id=self._run_id)
        return dict(Counter(self._states.values()))


def follows_units(system: System, dataset: Dataset) -> bool:
    """Return whether a derived dataset has the units of one it is derived from."""
    return _unit_parent(system, dataset) is not None


def _unit_parent(system: System, dataset: Dataset) -> str | None:
    return next(
        (name for name in dataset.after if system.dataset(name).partitions == dataset.partitions),
        None,
    )


def empty_above(conn: Connection, system: System, dataset: Dataset) -> dict[tuple[str, ...], bool]:
    """Return units of a derived dataset that have nothing to be derived from, proven empty above.

    Each with whether it is not recorded yet. Members are left out: their promise is rows.
    """
    above = _unit_parent(system, dataset)
    axis = axis_of(dataset)
    if above is None or isinstance(axis, FromDataset):
        return {}
    names = {"system": system.name, "upstream": above, "derived": dataset.name}
    return {
        join_key(
            dataset.partitions,
            tuple(series),
            position=ordinal_text(axis, ordinal, members={}),
        ): is_new
        for series, ordinal, is_new in conn.execute(QUERIES.empty_above, names)
    }
