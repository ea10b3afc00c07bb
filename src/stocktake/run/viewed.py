"""Views of systems: what their statements find, and what the engine knows of their members."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier, Placeholder

from stocktake.errors import UsageError
from stocktake.model import FromDataset, day_of
from stocktake.run.counted import layers
from stocktake.run.explained import explain_unit
from stocktake.store.queries import embedded, load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import Connection

    from stocktake.model import Dataset, Range, System
    from stocktake.model.views import View
    from stocktake.run.workspace import Workspace
    from stocktake.store.queries import Queries

QUERIES = load_queries("stocktake.store", "sql/view.sql")
COMMA = SQL(", ")
Row = dict[str, Any]


def statements_of(system: System) -> Queries:
    """Return the statements of a system's ``api.sql``."""
    return load_queries(system.package, "api.sql")


def view_rows(
    workspace: Workspace,
    system: System,
    view: View,
    given: Mapping[str, Any],
    *,
    after: Sequence[str] | None,
    limit: int,
) -> list[Row]:
    """Return rows of a view in the order of its key, those after a key when one is named.

    Raises:
        UsageError: ``after`` is not a key of this view.
    """
    if after is not None and len(after) != len(view.key):
        raise UsageError("the cursor is not one of this list.")
    statement = QUERIES.page_of_view.format(
        statement=embedded(statements_of(system)[view.statement]),
        after=SQL("") if after is None else _after(view),
        key=COMMA.join(map(Identifier, view.key)),
    )
    past = {f"after_{place}": text for place, text in enumerate(after or ())}
    with workspace.database.connection() as conn:
        found = _rows(conn, statement, {**given, **past, "limit": limit})
    return [_linked(system, view, row) for row in found]


def view_one(
    workspace: Workspace, system: System, view: View, given: Mapping[str, Any]
) -> Row | None:
    """Return a view's document with the lists within it; ``None`` when there is none."""
    known = statements_of(system)
    with workspace.database.connection() as conn:
        found = _rows(conn, known[view.statement], given)
        if not found:
            return None
        parts = {member: _rows(conn, known[name], given) for member, name in view.parts}
    return {**_linked(system, view, found[0]), **parts}


def view_layers(workspace: Workspace, system: System, window: Range) -> list[Row]:
    """Return, of datasets whose members fall on days, what each holds and lacks of every day."""
    found = layers(workspace, system, system.datasets, window)
    return [
        {
            "dataset": name,
            "days": [
                {
                    "series": list(one.series),
                    "first": day_of(one.first),
                    "last": day_of(one.last),
                    "held": one.held,
                    "missing": one.lacking,
                    "reason": one.reason,
                }
                for one in lines
            ],
        }
        for name, lines in found.items()
    ]


def view_unit(workspace: Workspace, system: System, column: str, key: str) -> list[Row]:
    """Return a unit's state in every dataset that is counted by ``column``, in their order.

    Raises:
        UsageError: No unit can be called so.
    """
    return [
        {
            "dataset": dataset.name,
            "state": told.state,
            "reason": told.reason,
            "feeds": [asdict(feed) for feed in told.feeds],
            "advice": told.advice,
        }
        for dataset in system.datasets
        if _is_counted_by(dataset, column)
        for told in [explain_unit(workspace, system, dataset, key)]
    ]


def _is_counted_by(dataset: Dataset, column: str) -> bool:
    axis = dataset.partitions
    return isinstance(axis, FromDataset) and axis.column == column


def _after(view: View) -> Composed:
    return QUERIES.after_key.format(
        key=COMMA.join(map(Identifier, view.key)),
        values=COMMA.join(Placeholder(f"after_{place}") for place in range(len(view.key))),
    )


def _rows(conn: Connection[Any], statement: SQL | Composed, given: Mapping[str, Any]) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, given).fetchall()


def _linked(system: System, view: View, row: Row) -> Row:
    if not view.rows_of:
        return row
    dataset = system.dataset(view.rows_of)
    key = urlencode([("key", f"{name}={row[name]}") for name in dataset.key], quote_via=quote)
    place = f"/api/v1/systems/{system.name}/trace/{dataset.name}?{key}"
    return {**row, "_links": {"provenance": place}}
