"""What a source withdrew: rows that a full answer of their unit no longer tells.

A row that only this facet told is removed; of one that others tell too, only what this facet had
told goes. What it was is kept in ``row_version``, that and why it went in ``tombstone``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composed, Identifier, Literal
from psycopg.types.json import Jsonb

from stocktake.load.tables import (
    COMMA,
    CONCAT,
    FRAGMENTS,
    QUERIES,
    each_column,
    facet_table,
    overruled_by,
    told_laterals,
    told_row,
)
from stocktake.model import Days, axis_index, dimensions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import psycopg
    from psycopg.sql import Composable

    from stocktake.load.rows import Load
    from stocktake.load.tables import FacetTable
    from stocktake.model import Facet, System, Whole

UnitKey = tuple[str, ...]
NOTHING = SQL("")
OR = SQL(" or ")


@dataclass(frozen=True, slots=True)
class Lacking:
    """A row held of a unit whose latest full answer does not tell it.

    Args:
        whole: Of which table and facet.
        unit: The unit.
        row_key: The row's key by column.
        capture_id: First page of the answer.
    """

    whole: Whole
    unit: UnitKey
    row_key: Mapping[str, Any]
    capture_id: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing full answers with the rows held of their units gave.

    Args:
        lacking: Rows that the answers do not tell.
        held: Rows of the facet per dataset and unit, these included.
    """

    lacking: tuple[Lacking, ...]
    held: Mapping[tuple[str, UnitKey], int]


def lacking_rows(
    conn: psycopg.Connection[Any],
    system: System,
    wholes: Sequence[Whole],
    answers: Mapping[UnitKey, Load],
) -> Compared:
    """Return which rows of the units the answers do not tell any more.

    Rows that were told by an answer fetched later are left out. Nothing is changed.

    Args:
        wholes: The tables of which the answers tell every row.
        answers: Per unit the latest full answer, already merged.
    """
    lacking: list[Lacking] = []
    held: dict[tuple[str, UnitKey], int] = defaultdict(int)
    for whole in wholes:
        table = _table(conn, system, whole)
        told = {
            capture: _keys_told(table, load)
            for capture, load in {load.capture_id: load for load in answers.values()}.items()
        }
        for unit, fetched_at, row_key, *key in _rows_of(conn, table, whole, answers):
            load = answers.get(tuple(unit))
            if load is None:
                continue
            held[whole.dataset, tuple(unit)] += 1
            is_later = fetched_at is not None and fetched_at > load.captures[0].fetched_at
            if tuple(key) not in told[load.capture_id] and not is_later:
                lacking.append(Lacking(whole, tuple(unit), row_key, load.capture_id))
    return Compared(tuple(lacking), held)


def withdraw_rows(
    conn: psycopg.Connection[Any],
    system: System,
    lacking: Iterable[Lacking],
    *,
    feed: str,
    run_id: int,
    now: datetime,
) -> None:
    """Take rows away that their source withdrew, and note it; the caller commits.

    Args:
        lacking: As ``lacking_rows`` found them.
        feed: Whose answers they lack in.
        run_id: The run whose work it is: undoing it puts them back.
        now: Instant written on tombstones.
    """
    by_table: dict[Whole, list[Lacking]] = defaultdict(list)
    for one in lacking:
        by_table[one.whole].append(one)
    for whole, found in by_table.items():
        table = _table(conn, system, whole)
        stays = _split(conn, table, found)
        names = {
            "run_id": run_id,
            "system": system.name,
            "dataset": whole.dataset,
            "facet": whole.facet,
        }
        gone = [one for one in found if not stays[_text(one.row_key)]]
        cleared = [one for one in found if stays[_text(one.row_key)]]
        if gone:
            _run(conn, table, "keep_withdrawn", gone, names)
            _run(conn, table, "remove_withdrawn", gone, names)
        if cleared:
            _run(conn, table, "keep_cleared", cleared, names)
            keys = {"keys": Jsonb([dict(one.row_key) for one in cleared]), "run_id": run_id}
            conn.execute(_cleared(table), keys)
        lines = [
            {
                "unit": list(one.unit),
                "row_key": dict(one.row_key),
                "capture_id": one.capture_id,
                "is_row_gone": not stays[_text(one.row_key)],
            }
            for one in found
        ]
        conn.execute(
            QUERIES.add_tombstones, {**names, "feed": feed, "now": now, "lines": Jsonb(lines)}
        )


def _table(conn: psycopg.Connection[Any], system: System, whole: Whole) -> FacetTable:
    dataset = system.dataset(whole.dataset)
    (facet,) = (one for one in dataset.facets if one.name == whole.facet)
    return facet_table(conn, system.name, dataset=dataset, facet=facet)


def _keys_told(table: FacetTable, load: Load) -> set[tuple[Any, ...]]:
    at = table.key_positions
    rows = load.parsed.rows.get(table.facet.row, ())
    return {tuple(row[index] for index in at) for row in rows}


def _rows_of(
    conn: psycopg.Connection[Any],
    table: FacetTable,
    whole: Whole,
    units: Collection[UnitKey],
) -> list[tuple[Any, ...]]:
    """Return every row of the facet that lies in one of the units, or near them."""
    partitions = table.dataset.partitions
    axis = axis_index(partitions)
    by_day = isinstance(dimensions(partitions)[axis], Days)
    # Expressions of a declaration on the table's columns, as those of checks are.
    unit = [SQL(text) for text in whole.unit]
    statement = QUERIES.rows_of_units.format(
        unit=COMMA.join(SQL("({})::text").format(text) for text in unit),
        pairs=_pairs(table),
        key=COMMA.join(FRAGMENTS.held_column.format(column=Identifier(n)) for n in table.key),
        table=table.table,
        capture=Identifier(table.capture_column),
        hash=Identifier(table.hash_column),
        position=unit[axis],
        kind=SQL("date" if by_day else "text"),
        condition=SQL("and ({})").format(SQL(whole.where)) if whole.where else NOTHING,
    )
    positions = sorted({key[axis] for key in units})
    return conn.execute(statement, {"positions": positions}).fetchall()


def _split(
    conn: psycopg.Connection[Any], table: FacetTable, found: Sequence[Lacking]
) -> dict[str, bool]:
    """Return per key whether another facet still tells the row."""
    others = [one for one in table.dataset.facets if one.name != table.facet.name]
    if not others:
        return {_text(one.row_key): False for one in found}
    told = OR.join(
        SQL("held.{} is not null").format(Identifier(f"_{one.name}_hash")) for one in others
    )
    statement = QUERIES.split_withdrawn.format(
        pairs=_pairs(table), is_told_otherwise=told, **_places(table)
    )
    keys = Jsonb([dict(one.row_key) for one in found])
    return {_text(key): stays for key, stays in conn.execute(statement, {"keys": keys})}


def _run(
    conn: psycopg.Connection[Any],
    table: FacetTable,
    name: str,
    found: Sequence[Lacking],
    names: Mapping[str, Any],
) -> None:
    parts: dict[str, Composable] = {"pairs": _pairs(table), **_places(table)}
    statement = QUERIES[name].format(**parts)
    conn.execute(statement, {**names, "keys": Jsonb([dict(one.row_key) for one in found])})


def _places(table: FacetTable) -> dict[str, Composable]:
    return {"table": table.table, "same_key": table.same_key("given")}


def _pairs(table: FacetTable) -> Composable:
    return COMMA.join(
        FRAGMENTS.held_pair.format(name=Literal(name), column=Identifier(name))
        for name in table.key
    )


def _text(row_key: Mapping[str, Any]) -> str:
    return repr(sorted(row_key.items()))


def _cleared(table: FacetTable) -> Composed:
    """Return the statement that takes a facet back from rows that others tell too."""
    others = [facet for facet in table.dataset.facets if facet.name != table.facet.name]
    tellers = [facet for facet in others if set(facet.columns) & set(table.shared)]
    own = [
        name
        for name in table.facet.columns
        if name not in {*table.key, *table.shared, *table.longest}
    ]
    shown = [_left_value(table, others, name) for name in table.shared]
    assignments = [FRAGMENTS.assign_default.format(column=Identifier(name)) for name in own]
    assignments += [
        FRAGMENTS.assign_column.format(column=Identifier(name)) for name in table.shared
    ]
    parts = [overruled_by(other, table.shared) for other in tellers]
    captures = [
        FRAGMENTS.held_column.format(column=Identifier(f"_{facet.name}_capture_id"))
        for facet in reversed(others)
    ]
    return QUERIES.clear_facet.format(
        key=each_column(FRAGMENTS.held_column, table.key),
        shared_columns=SQL("").join(
            SQL("{}, ").format(FRAGMENTS.shown_column.format(column=Identifier(name)))
            for name in table.shared
        ),
        overruled=FRAGMENTS.overruled_all.format(parts=CONCAT.join(parts))
        if parts
        else FRAGMENTS.overruled_none,
        table=table.table,
        same_key=table.same_key("given"),
        told=told_laterals(tellers),
        shown=SQL("").join(SQL(", {}").format(value) for value in shown),
        assignments=SQL("").join(SQL("{}, ").format(one) for one in assignments),
        hash=Identifier(table.hash_column),
        capture=Identifier(table.capture_column),
        captures=COMMA.join(captures),
        same_key_compared=table.same_key("compared"),
    )


def _left_value(table: FacetTable, others: Sequence[Facet], name: str) -> Composable:
    """Return what is shown of a column once the table's facet has taken its word back."""
    values = [
        FRAGMENTS.told_value.format(
            hash=Identifier(f"_{facet.name}_hash"), told=told_row(facet), column=Identifier(name)
        )
        for facet in reversed(others)
        if name in facet.columns
    ]
    if table.columns[name].is_required:  # of facets that cannot tell it, none may be empty
        values.append(FRAGMENTS.held_column.format(column=Identifier(name)))
    return FRAGMENTS.strongest_value.format(values=COMMA.join(values), column=Identifier(name))
