"""Provenance: from a row back to captures, receipts, runs, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import DataError
from psycopg.sql import Identifier, Literal, Placeholder
from psycopg.types.json import Jsonb

from stocktake.errors import UsageError
from stocktake.load.duplicates import decisions_of_row
from stocktake.load.edits import edit_of
from stocktake.load.tables import AND, COMMA, FRAGMENTS, QUERIES
from stocktake.model import RowCounts

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from stocktake.load.duplicates import Duplicate
    from stocktake.load.edits import Edit
    from stocktake.model import Dataset, System


NEAR = 3
"""Keys told on each side of one that is not there."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What one facet of a row comes from.

    Attributes:
        facet: The facet; the dataset's name where it has none or one.
        capture_id: The capture that told it last, ``None`` when it has not spoken.
        source: The capture's source and endpoint.
        request: Path and parameters of the capture's request.
        fetched_at: When it was fetched.
        run_id: The run that loaded it.
        loaded_at: When it was loaded.
        counts: What the receipt of that capture and facet says, ``None`` without receipt.
        edit: What a person changed in that capture, ``None`` when it is as it came.
    """

    facet: str
    capture_id: int | None
    source: str
    request: str
    fetched_at: datetime | None
    run_id: int | None
    loaded_at: datetime | None
    counts: RowCounts | None
    edit: Edit | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """What a row was before a run changed it: the columns that changed, with what they held."""

    run_id: int
    facet: str
    operation: str
    before: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a full answer no longer told a row.

    Attributes:
        run_id: The run that found it so.
        feed: Whose answer it was.
        facet: What that had told of the row.
        capture_id: First page of the answer.
        is_row_gone: Whether the row went with it; else others still told it.
        at: When.
    """

    run_id: int
    feed: str
    facet: str
    capture_id: int | None
    is_row_gone: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a row comes from.

    Attributes:
        dataset: Its dataset.
        key: Its key as people write it.
        created_at: When it was first loaded; ``updated_at`` when a value last changed.
        run_id: Run that touched it last.
        origins: One line a facet, weakest first.
        overruled: What facets told of shared columns that is not the value shown, by facet.
        versions: What it was before each change, latest change first.
        withdrawals: When its source no longer told it, latest first.
        is_gone: Whether it is no longer in its table; ``versions`` tells what it was.
        row: The row itself, by column, without the engine's own.
        decisions: What people decided where its key came twice with different values.
    """

    dataset: str
    key: str
    created_at: datetime
    updated_at: datetime
    run_id: int | None
    origins: Sequence[Origin]
    overruled: Mapping[str, Mapping[str, Any]]
    versions: Sequence[Version]
    withdrawals: Sequence[Withdrawal] = ()
    is_gone: bool = False
    row: Mapping[str, Any] = field(default_factory=dict)
    decisions: Sequence[Duplicate] = ()


def trace(
    conn: psycopg.Connection[Any],
    system: System,
    dataset: Dataset,
    key: Mapping[str, str],
) -> Provenance:
    """Return where a row comes from, also of one that its source withdrew.

    Args:
        key: Value of each key column, as text.

    Raises:
        UsageError: The table has no such row, or a text that is no value of its column.
    """
    written = ",".join(f"{name}={key.get(name, '')}" for name in dataset.key)
    facets = [facet.name for facet in dataset.facets] if len(dataset.facets) > 1 else []
    where = AND.join(
        FRAGMENTS.key_given.format(column=Identifier(name), value=Placeholder(f"k{index}"))
        for index, name in enumerate(dataset.key)
    )
    pairs = _pairs(dataset)
    statement = QUERIES.read_row.format(
        table=Identifier(system.name, dataset.name), same_key=where, pairs=pairs
    )
    values = {f"k{index}": key.get(name) for index, name in enumerate(dataset.key)}
    try:
        with conn.transaction():
            found = conn.execute(statement, values).fetchone()
    except DataError as error:
        raise UsageError(f"{dataset.name}: {written} is no key: {error}") from error
    if found is None:
        return _gone(conn, system, dataset, key=key, pairs=pairs, written=written)
    row, row_key, created_at, updated_at = found
    told = [(name, row.get(f"_{name}_capture_id")) for name in facets] or [
        (dataset.facets[0].name if dataset.facets else dataset.name, row["_capture_id"])
    ]
    return Provenance(
        dataset=dataset.name,
        key=written,
        created_at=created_at,
        updated_at=updated_at,
        run_id=row["_run_id"],
        origins=[_origin(conn, dataset, facet, capture) for facet, capture in told],
        overruled=row.get("_overruled") or {},
        versions=_versions(conn, system, dataset, row_key),
        withdrawals=_withdrawals(conn, system, dataset, row_key),
        row={name: value for name, value in row.items() if not name.startswith("_")},
        decisions=decisions_of_row(conn, system.name, dataset.name, written),
    )


def keys_near(
    conn: psycopg.Connection[Any], system: System, dataset: Dataset, key: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    """Return keys of the table next to one that it lacks; none for a text that is no key."""
    names = [Identifier(name) for name in dataset.key]
    values = {f"k{index}": key.get(name, "") for index, name in enumerate(dataset.key)}
    statement = QUERIES.keys_near.format(
        table=Identifier(system.name, dataset.name),
        pairs=_pairs(dataset),
        key=COMMA.join(names),
        values=COMMA.join(map(Placeholder, values)),
        ascending=COMMA.join(names),
        descending=COMMA.join(FRAGMENTS.falling.format(column=name) for name in names),
    )
    try:
        with conn.transaction():
            return [row[0] for row in conn.execute(statement, {**values, "limit": NEAR})]
    except DataError:
        return []


def _pairs(dataset: Dataset) -> Composed:
    return COMMA.join(
        FRAGMENTS.held_pair.format(name=Literal(name), column=Identifier(name))
        for name in dataset.key
    )


def _gone(
    conn: psycopg.Connection[Any],
    system: System,
    dataset: Dataset,
    *,
    key: Mapping[str, str],
    pairs: Composed,
    written: str,
) -> Provenance:
    """Return what is known of a row that is no longer there."""
    place = Identifier(system.name, dataset.name)
    statement = QUERIES.key_as_stored.format(pairs=pairs, table=place)
    ((row_key,),) = conn.execute(statement, {"given": Jsonb(dict(key))}).fetchall()
    withdrawals = _withdrawals(conn, system, dataset, row_key)
    if not any(one.is_row_gone for one in withdrawals):
        near = [
            ",".join(f"{name}={one[name]}" for name in dataset.key)
            for one in keys_near(conn, system, dataset, key)
        ]
        raise UsageError(
            f"{dataset.name} has no row {written}.",
            hint=f"Keys are {' and '.join(dataset.key)}; see stocktake gaps for what is missing."
            + (f" Nearest: {'; '.join(near)}." if near else ""),
        )
    versions = _versions(conn, system, dataset, row_key)
    last = next(one for one in versions if one.operation == "delete")
    return Provenance(
        dataset=dataset.name,
        key=written,
        created_at=datetime.fromisoformat(last.before["created_at"]),
        updated_at=last.at,
        run_id=last.run_id,
        origins=(),
        overruled={},
        versions=versions,
        withdrawals=withdrawals,
        is_gone=True,
    )


def _versions(
    conn: psycopg.Connection[Any], system: System, dataset: Dataset, row_key: Mapping[str, Any]
) -> list[Version]:
    names = {"system": system.name, "dataset": dataset.name, "row_key": Jsonb(row_key)}
    return [Version(*version) for version in conn.execute(QUERIES.read_versions, names)]


def _withdrawals(
    conn: psycopg.Connection[Any], system: System, dataset: Dataset, row_key: Mapping[str, Any]
) -> list[Withdrawal]:
    names = {"system": system.name, "dataset": dataset.name, "row_key": Jsonb(row_key)}
    return [Withdrawal(*line) for line in conn.execute(QUERIES.tombstones_of_row, names)]


def _origin(
    conn: psycopg.Connection[Any], dataset: Dataset, facet: str, capture_id: int | None
) -> Origin:
    """Return what is known of the capture that told a facet."""
    if capture_id is None:
        return Origin(facet, None, "", "", None, None, None, None)
    found = conn.execute(
        QUERIES.read_origin,
        {"capture_id": capture_id, "dataset": dataset.name, "facet": facet},
    ).fetchone()
    if found is None:
        return Origin(facet, capture_id, "", "", None, None, None, None)
    source, request, fetched_at, run_id, loaded_at, *counts = found
    receipt = RowCounts(*counts) if run_id is not None else None
    edit = edit_of(conn, capture_id)
    return Origin(facet, capture_id, source, request, fetched_at, run_id, loaded_at, receipt, edit)
