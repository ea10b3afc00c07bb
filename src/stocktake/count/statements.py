"""Rows counted per unit and feed, by the statements a system ships or by key."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Identifier

from stocktake.count.routes import axis_of, split_key
from stocktake.count.states import QUERIES, Connection
from stocktake.count.verdict import Tally
from stocktake.errors import ConfigurationError
from stocktake.model import Dataset, Days, FromDataset, System, dimensions
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

UnitKey = tuple[str, ...]


def system_statements(system: System) -> Mapping[str, SQL]:
    """Return the statements of the system's ``count.sql``, none when it ships no such file."""
    if not system.package or not files(system.package).joinpath("count.sql").is_file():
        return {}
    return load_queries(system.package, "count.sql")


def key_column(dataset: Dataset) -> str:
    """Return the column of ``dataset`` that holds its member: of the same name, else the first."""
    axis = axis_of(dataset)
    if isinstance(axis, FromDataset) and axis.column in dataset.key:
        return axis.column
    return dataset.key[0]


def tally(
    conn: Connection,
    system: System,
    dataset: Dataset,
    *,
    keys: Collection[UnitKey] | None = None,
    since: date | None = None,
    until: date | None = None,
) -> dict[tuple[UnitKey, str | None], Tally]:
    """Count rows per unit and feed (``None``: whichever feed); units without rows are left out.

    Args:
        keys: Units wanted; ``None`` for all between ``since`` and ``until``.

    Raises:
        ConfigurationError: The dataset needs a statement that the system does not ship.
    """
    positions = None
    if keys is not None:
        positions = sorted({split_key(dataset.partitions, key)[1] for key in keys})
    by_day = isinstance(axis_of(dataset), Days)
    parameters: dict[str, Any] = {
        "days": positions if by_day else None,
        "keys": None if by_day else positions,
        "since": since,
        "until": until,
    }
    found = conn.execute(_statement(system, dataset), parameters).fetchall()
    return {
        (tuple(key), feed): Tally(rows, expected)
        for key, feed, rows, expected in found
        if keys is None or tuple(key) in keys
    }


def _statement(system: System, dataset: Dataset) -> Any:
    own = system_statements(system).get(dataset.name)
    if own is not None:
        return own
    if len(dimensions(dataset.partitions)) == 1 and isinstance(axis_of(dataset), FromDataset):
        return QUERIES.rows_by_key.format(
            column=Identifier(key_column(dataset)), table=Identifier(system.name, dataset.name)
        )
    raise ConfigurationError(
        f"{system.name}.{dataset.name} cannot be counted: count.sql has no statement of that name.",
        hint=f"Add '-- name: {dataset.name}' to {system.package}/count.sql.",
    )
