"""Taking a run back: rows it made are removed, rows it changed become what they were."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Literal

from stocktake.model import Dataset, FromDataset, System, dimensions
from stocktake.store.queries import embedded, load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import psycopg
    from psycopg.sql import Composable

    Connection = psycopg.Connection[Any]

QUERIES = load_queries("stocktake.store", "sql/undo.sql")
COMMA = SQL(", ")
STAYING = frozenset({"created_at", "_loaded_at"})
"""Columns of a row that taking a run back does not put back."""


@dataclass(frozen=True, slots=True)
class TableBack:
    """What taking a run back does to one table.

    Args:
        dataset: The table.
        removed: Rows the run had made.
        restored: Rows it had changed.
        kept: Rows it had made that stay, for rows of later runs name them; ``None``: not counted.
    """

    dataset: str
    removed: int
    restored: int
    kept: int | None = None


class LaterRun(NamedTuple):
    """A run that changed rows after another one had written them."""

    run_id: int
    kind: str
    started_at: datetime


def later_runs(conn: Connection, system: System, run_id: int) -> list[LaterRun]:
    """Return the runs to be taken back before this one, newest first; they may depend on others."""
    names = [dataset.name for dataset in _fetched(system)]
    found: dict[int, LaterRun] = {}
    asked = [run_id]
    while asked:
        parameters = {"system": system.name, "datasets": names, "run_id": asked.pop()}
        for row in conn.execute(QUERIES.later_runs, parameters).fetchall():
            if row[0] not in found and row[0] != run_id:
                found[row[0]] = LaterRun(*row)
                asked.append(row[0])
    return [found[number] for number in sorted(found, reverse=True)]


def preview(conn: Connection, system: System, run_id: int) -> list[TableBack]:
    """Return what taking the run back would do to each table; nothing is changed.

    Tables in the system's order; those it did not touch are left out.
    """
    found = []
    for dataset in _fetched(system):
        parts = _gather(conn, system, dataset, run_id=run_id)
        counts = []
        for query in (QUERIES.count_removed, QUERIES.count_restored, QUERIES.count_kept):
            row = conn.execute(query.format(**parts), {"run_id": run_id}).fetchone()
            counts.append(row[0] if row else 0)
        row = conn.execute(QUERIES.count_returning.format(**parts)).fetchone()
        counts[1] += row[0] if row else 0
        found.append(TableBack(dataset.name, *counts))
    return [one for one in found if one.removed or one.restored or one.kept]


def take_back(conn: Connection, system: System, run_id: int, *, by: int, now: datetime) -> None:
    """Remove the rows a run made, put back what it changed and bring back what it took away.

    What the rows were is kept as the work of run ``by``. Rows that a later run merely mentioned
    again (a horse of its own runners) stay and become that run's. Derived tables are left to
    ``derive``. The caller commits.
    """
    for dataset in _mentioning_first(system):
        parts = _gather(conn, system, dataset, run_id=run_id)
        values = {"system": system.name, "dataset": dataset.name, "run_id": run_id, "by": by}
        conn.execute(QUERIES.keep_restored.format(**parts), values)
        restored = conn.execute(QUERIES.restore.format(**parts), values).rowcount
        if parts["others"] is not None:
            conn.execute(QUERIES.pass_on.format(**parts), values)
        conn.execute(QUERIES.keep_removed.format(**parts), values)
        conn.execute(QUERIES.remove.format(**parts), values)
        restored += conn.execute(QUERIES.bring_back.format(**parts)).rowcount
        if restored:
            told = {"run_id": by, "dataset": dataset.name, "restored": restored, "now": now}
            conn.execute(QUERIES.add_receipt, told)
    conn.execute(QUERIES.close_rejects, {"run_id": run_id, "now": now})
    conn.execute(QUERIES.reopen_rejects, {"run_id": run_id})
    conn.execute(QUERIES.drop_duplicates, {"run_id": run_id})
    conn.execute(QUERIES.drop_tombstones, {"run_id": run_id})


def taken_back(conn: Connection, system: System, *, by: int) -> list[TableBack]:
    """Return what an undo did to each fetched table, in the system's order."""
    names = [dataset.name for dataset in _fetched(system)]
    values = {"system": system.name, "datasets": names, "by": by}
    done = {row[0]: TableBack(*row) for row in conn.execute(QUERIES.done_by, values)}
    return [done[name] for name in names if name in done]


def _fetched(system: System) -> list[Dataset]:
    """Return the datasets that rows are merged into."""
    return [dataset for dataset in system.datasets if dataset.facets]


def _mentioning_first(system: System) -> list[Dataset]:
    """Return fetched datasets so that each comes after the one whose rows mention its own."""
    fetched = {dataset.name: dataset for dataset in _fetched(system)}
    graph = {
        name: {axis.dataset for axis in _members(dataset)} & (fetched.keys() - {name})
        for name, dataset in fetched.items()
    }
    return [fetched[name] for name in TopologicalSorter(graph).static_order()]


def _members(dataset: Dataset) -> list[FromDataset]:
    return [part for part in dimensions(dataset.partitions) if isinstance(part, FromDataset)]


def _told_in_passing(system: System) -> set[str]:
    """Return the datasets whose rows come along with those of others."""
    named = {name for _, feed in system.feeds() for name in feed.also}
    return named | {name for one in system.sources for form in one.files for name in form.also}


def _gather(conn: Connection, system: System, dataset: Dataset, *, run_id: int) -> dict[str, Any]:
    """Fill ``former_rows`` for one table; return what its statements are composed of."""
    table = Identifier(system.name, dataset.name)
    found = conn.execute(QUERIES.column_types, {"target": table.as_string(conn)}).fetchall()
    types: Mapping[str, str] = dict(found)
    all_columns = [name for name in types if name != "_loaded_at"]
    put_back = [name for name in types if name not in STAYING and name not in dataset.key]
    conn.execute(QUERIES.drop_former)
    values = {"system": system.name, "dataset": dataset.name, "run_id": run_id}
    conn.execute(QUERIES.gather_former, values)
    conn.execute(QUERIES.analyze_former)
    axes = _members(dataset) if dataset.name in _told_in_passing(system) else []
    mentioned: Composable = SQL("false")
    names: dict[str, Any] = {"others": None}
    if axes and len(dataset.key) == 1:
        names = {
            "others": Identifier(system.name, axes[0].dataset),
            "column": Identifier(axes[0].column),
            "key": Identifier(dataset.key[0]),
        }
        mentioned = QUERIES.is_mentioned.format(**names)
    return {
        **names,
        "table": table,
        "mentioned": mentioned,
        "same_key": _same_key(dataset.key, types),
        "pairs": _each("key_pair", dataset.key),
        "columns": COMMA.join(map(Identifier, put_back)),
        "former": _each("former_column", put_back),
        "all_columns": COMMA.join(map(Identifier, all_columns)),
        "all_former": _each("former_column", all_columns),
    }


def _same_key(key: Sequence[str], types: Mapping[str, str]) -> Composed:
    return SQL(" and ").join(
        QUERIES.key_column.format(
            column=Identifier(name), name=Literal(name), kind=SQL(types[name])
        )
        for name in key
    )


def _each(fragment: str, names: Sequence[str]) -> Composed:
    return COMMA.join(
        embedded(QUERIES[fragment]).format(column=Identifier(name), name=Literal(name))
        for name in names
    )
