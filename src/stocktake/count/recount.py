"""The ledger held against the tables: every unit counted anew."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier

from stocktake.count.dated import redate
from stocktake.count.ledger import Change, UnitLine, series_ids, write_ledger, write_units
from stocktake.count.members import as_json, date_members, member_columns, register
from stocktake.count.routes import (
    EXTRACT,
    axis_of,
    join_key,
    ordinal_text,
    position_ordinal,
    routes,
    split_key,
)
from stocktake.count.statements import UnitKey, system_statements, tally
from stocktake.count.states import QUERIES, Connection, member_series
from stocktake.model import (
    Dataset,
    Days,
    Drift,
    FromDataset,
    Range,
    State,
    System,
    dimensions,
    ordinal_of,
)
from stocktake.model.ordinals import HIGHEST, LOWEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from stocktake.count.verdict import Tally

FeedUnit = tuple[UnitKey, str]


@dataclass(frozen=True, slots=True)
class Held:
    """One unit the ledger says a feed holds."""

    series_id: int
    ordinal: int
    rows: int | None
    is_empty: bool


def recount(
    conn: Connection,
    system: System,
    datasets: Sequence[Dataset],
    *,
    window: Range,
    now: datetime,
    repair: bool,
) -> list[Drift]:
    """Return the units of which ledger and rows disagree, in the order of datasets and keys.

    ``lost``: the ledger says held, there are no rows (and the unit was not proven empty).
    ``unrecorded``: rows the ledger does not know. ``changed``: another number of rows than kept.

    Args:
        window: Days counted anew; datasets without days are counted whole.
        repair: Rewrite the ledger by the rows, members included.
    """
    if repair:
        _renew_members(conn, system, now=now)
        redate(conn, system)
        conn.execute(QUERIES.look_again, {"system": system.name})
    found: list[Drift] = []
    for dataset in datasets:
        if is_countable(system, dataset):
            found += _recount(conn, system, dataset, window=window, now=now, repair=repair)
    return found


def is_countable(system: System, dataset: Dataset) -> bool:
    """Return whether rows of the dataset can be told apart by unit."""
    single = len(dimensions(dataset.partitions)) == 1
    has_statement = dataset.name in system_statements(system)
    return has_statement or (single and isinstance(axis_of(dataset), FromDataset))


def _recount(
    conn: Connection,
    system: System,
    dataset: Dataset,
    *,
    window: Range,
    now: datetime,
    repair: bool,
) -> list[Drift]:
    counted = tally(conn, system, dataset, since=window.since, until=window.until)
    held = _held(conn, system, dataset, window)
    if dataset.name in system_statements(system):  # its rows are counted by the feed that told them
        held = {place: one for place, one in held.items() if place[1] != EXTRACT}
    lost, changed = _gone(counted, held), _changed(counted, held)
    unrecorded = _unrecorded(system, dataset, counted, held)
    drift = [
        *(Drift(dataset.name, feed, key, "lost", held[key, feed].rows, 0) for key, feed in lost),
        *(
            Drift(dataset.name, feed, key, "changed", held[key, feed].rows, one.rows)
            for (key, feed), one in changed.items()
        ),
        *(
            Drift(dataset.name, feed, key, "unrecorded", None, one.rows)
            for (key, feed), one in unrecorded.items()
        ),
    ]
    if repair and drift:
        changes: dict[int, Change] = defaultdict(Change)
        for place in lost:
            changes[held[place].series_id].removed.add(held[place].ordinal)
        lines = [_lost_line(held[place]) for place in lost]
        lines += [
            counted_line(held[p].series_id, held[p].ordinal, one) for p, one in changed.items()
        ]
        lines += _take_in(conn, system, dataset, unrecorded, changes=changes)
        write_ledger(conn, changes, run_id=None, now=now)
        write_units(conn, lines, run_id=None, now=now)
        _leave_traces(conn, system, dataset, [key for key, _ in lost])
    return sorted(drift, key=lambda one: (one.key, one.feed))


def _leave_traces(
    conn: Connection, system: System, dataset: Dataset, lost: Sequence[UnitKey]
) -> None:
    """Let derivations learn of units whose rows somebody deleted: by the column that names them.

    Of derived rows nobody need learn: they are computed again.
    """
    units = dataset.partitions
    if dataset.facets and isinstance(units, FromDataset):
        names = {"system": system.name, "dataset": dataset.name, "column": units.column}
        conn.execute(QUERIES.leave_traces, names | {"keys": sorted({key[0] for key in lost})})


def _held(
    conn: Connection, system: System, dataset: Dataset, window: Range
) -> dict[FeedUnit, Held]:
    axis = axis_of(dataset)
    names: dict[int, str] = {}
    first, last = LOWEST, HIGHEST
    if isinstance(axis, FromDataset):
        names = {at: key for key, at in _members(conn, system, axis).items()}
    if isinstance(axis, Days):
        first = first if window.since is None else ordinal_of(window.since)
        last = last if window.until is None else ordinal_of(window.until) + 1
    parameters = {
        "system": system.name,
        "dataset": dataset.name,
        "first": first,
        "last": last,
    }
    return {
        (
            join_key(
                dataset.partitions, series, position=ordinal_text(axis, ordinal, members=names)
            ),
            feed,
        ): Held(series_id, ordinal, rows, is_empty)
        for series, feed, ordinal, rows, series_id, is_empty in conn.execute(
            QUERIES.ledger_units, parameters
        )
    }


def _members(conn: Connection, system: System, axis: FromDataset) -> dict[str, int]:
    parameters = {"series_id": member_series(conn, system, axis)}
    return dict(conn.execute(QUERIES.all_members, parameters).fetchall())


def _gone(
    counted: Mapping[tuple[UnitKey, str | None], Tally], held: Mapping[FeedUnit, Held]
) -> list[FeedUnit]:
    return [
        (key, feed)
        for (key, feed), one in held.items()
        if not one.is_empty and (key, feed) not in counted and (key, None) not in counted
    ]


def _changed(
    counted: Mapping[tuple[UnitKey, str | None], Tally], held: Mapping[FeedUnit, Held]
) -> dict[FeedUnit, Tally]:
    found: dict[FeedUnit, Tally] = {}
    for place, one in held.items():
        now = counted.get(place) or counted.get((place[0], None))
        if now is not None and one.rows is not None and one.rows != now.rows:
            found[place] = now
    return found


def _unrecorded(
    system: System,
    dataset: Dataset,
    counted: Mapping[tuple[UnitKey, str | None], Tally],
    held: Mapping[FeedUnit, Held],
) -> dict[FeedUnit, Tally]:
    """Return rows no feed is known to hold; rows of no certain feed go to the one that only holds.

    That is ``extract`` or a file where there is one, else the first feed.
    """
    ways = routes(system, dataset)
    fallback = next((way.name for way in ways if way.feed is None), ways[0].name if ways else "")
    known = {key for key, _ in held}
    found: dict[FeedUnit, Tally] = {}
    for (key, feed), one in counted.items():
        is_held = (key, feed) in held if feed is not None else key in known
        if one.rows and not is_held:
            found[key, feed or fallback] = one
    return found


def _take_in(
    conn: Connection,
    system: System,
    dataset: Dataset,
    unrecorded: Mapping[FeedUnit, Tally],
    *,
    changes: dict[int, Change],
) -> list[UnitLine]:
    axis = axis_of(dataset)
    parted = {place: split_key(dataset.partitions, place[0]) for place in unrecorded}
    members: Mapping[str, int] = {}
    if isinstance(axis, FromDataset):
        members = _members(conn, system, axis)
    names = {place: (dataset.name, place[1], series) for place, (series, _) in parted.items()}
    ids = series_ids(conn, system.name, names.values()) if names else {}
    lines = []
    for place, (_, position) in parted.items():
        ordinal = position_ordinal(axis, position, members=members)
        if ordinal is None:
            continue
        changes[ids[names[place]]].added.add(ordinal)
        if isinstance(axis, Days):
            lines.append(counted_line(ids[names[place]], ordinal, unrecorded[place]))
    return lines


def counted_line(series_id: int, ordinal: int, one: Tally) -> UnitLine:
    """Return what is kept of a unit of which so many rows were counted."""
    is_short = one.expected_rows is not None and one.rows < one.expected_rows
    return UnitLine(
        series_id,
        ordinal,
        State.THIN if is_short else State.COMPLETE,
        f"rows {one.rows} of {one.expected_rows}" if is_short else "",
        rows=one.rows,
        expected_rows=one.expected_rows,
    )


def _lost_line(one: Held) -> UnitLine:
    return UnitLine(one.series_id, one.ordinal, State.MISSING, "rows are gone")


def _renew_members(conn: Connection, system: System, *, now: datetime) -> None:
    """Promise every value the tables hold, and take back what they no longer hold."""
    statements: dict[tuple[str, str], Any] = {
        column: QUERIES.column_values.format(
            column=Identifier(column[1]), table=Identifier(system.name, column[0])
        )
        if day is None
        else QUERIES.dated_column_values.format(
            column=Identifier(column[1]),
            day=Identifier(day),
            table=Identifier(system.name, column[0]),
        )
        for column, day in member_columns(system).items()
    }
    present = {
        column: {row[0]: row[1] if len(row) > 1 else None for row in conn.execute(statement)}
        for column, statement in statements.items()
    }
    found = register(conn, system, present, {}, run_id=None, now=now)
    changes: dict[int, Change] = {}
    for column, values in present.items():
        series_id = member_series(conn, system, FromDataset(*column))
        if series_id is None:
            continue
        promised = conn.execute(QUERIES.promised_members, {"series_id": series_id})
        gone = [key for (key,) in promised if key not in values]
        parameters = {"series_id": series_id, "keys": as_json(gone)}
        ordinals: dict[str, int] = dict(
            conn.execute(QUERIES.member_ordinals, parameters).fetchall()
        )
        known = found.get(column, {})
        date_members(conn, series_id, days=values, is_whole=True)
        changes[series_id] = Change(
            expected_removed={at for key, at in ordinals.items() if key not in known}
        )
    write_ledger(conn, changes, run_id=None, now=now)
