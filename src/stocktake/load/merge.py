"""Merge: the rows of many answers into their tables, each row once, each change kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from itertools import repeat
from operator import itemgetter, or_
from typing import TYPE_CHECKING, Any

from stocktake.errors import LoadError
from stocktake.load.duplicates import Pair, decided_rows, store_duplicates
from stocktake.load.known import KeyCache
from stocktake.load.receipts import Receipts
from stocktake.load.rejects import still_untold, store_rejects
from stocktake.load.rows import Load, as_json, gather, key_text, named, reject_row, row_hash
from stocktake.load.staging import NOT_STORABLE, Written, write, write_apart
from stocktake.load.tables import facet_table
from stocktake.model import FromDataset, RowCounts, dimensions
from stocktake.observe.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.load.lines import Lines, Row
    from stocktake.load.rows import Batch
    from stocktake.load.tables import FacetTable
    from stocktake.model import Dataset, Facet, System

Column = tuple[str, str]
"""Dataset and column."""

__all__ = ["KeyCache", "Load", "Merged", "check_accounts", "merge"]


@dataclass(slots=True)
class Merged:
    """What merging some answers did.

    Attributes:
        rows: Counts per dataset, facets added up.
        values: ``(dataset, column)`` → texts seen in it and the earliest day they were seen on
            (None without a day), for every column that ``FromDataset`` reads keys from and for
            the key of the dataset that reads them. What ``known`` was told before is left out.
        days: The same of texts that ``known`` was told before, but with a later day.
        notes: Observations worth a warning → how often.
        duplicates: Pairs of rows of one answer with one key and different values, now in
            ``duplicate``.
    """

    rows: dict[str, RowCounts] = field(default_factory=dict)
    values: dict[Column, dict[str, date | None]] = field(default_factory=dict)
    days: dict[Column, dict[str, date | None]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0


def merge(
    conn: psycopg.Connection[Any],
    system: System,
    loads: Sequence[Load],
    *,
    run_id: int,
    now: datetime,
    known: KeyCache,
) -> Merged:
    """Merge the rows of ``loads`` into the system's tables; the caller commits.

    Datasets go in the system's order, facets weakest first. A row equal to what its facet told
    last is not touched; what a changed row was is kept in ``row_version``; a row that cannot be
    stored becomes a reject. Answers may come in any order: the one fetched last tells.

    Args:
        now: Aware instant written on receipts and rejects; rows carry the transaction's own.
        known: Keys that need not be asked for; ``publish`` it after the commit.

    Raises:
        LoadError: A parser's rows, rejects and duplicates do not add up to what it read.
        StoreError: A table is not there or lacks a column.
    """
    loads = sorted(loads, key=lambda load: (load.captures[0].fetched_at, load.capture_id))
    for load in loads:
        check_accounts(system, load)
    receipts = Receipts(loads)
    rejects = [(load.capture_id, reject) for load in loads for reject in load.parsed.rejects]
    pairs: list[Pair] = []
    values: dict[Column, dict[str, date | None]] = defaultdict(dict)
    days: dict[Column, dict[str, date | None]] = defaultdict(dict)
    for dataset, facet in _told_facets(system, loads):
        table = facet_table(conn, system.name, dataset=dataset, facet=facet)
        batch, written = _merge_facet(conn, table, loads=loads, run_id=run_id, known=known)
        reach("table_merged")
        receipts.add(dataset.name, facet.name, batch=batch, written=written)
        rejects += [(loads[index].capture_id, reject) for index, reject in batch.rejects]
        pairs += _pairs(table, batch, loads)
        for column, told in _told(table, batch, _key_columns(system, dataset.name)):
            place = dataset.name, column
            if column == dataset.key[0] and known.remembers(table):
                values[place].update(told)  # rows told before were left out already
                continue
            fresh, earlier = known.news(place, told)
            values[place].update(fresh)
            days[place].update(earlier)
    receipts.add_parsed()
    receipts.write(conn, run_id=run_id, now=now)
    retold = {load.capture_id: load.retells for load in loads if load.retells is not None}
    if retold:
        rejects = still_untold(conn, rejects, retold=retold, run_id=run_id, now=now)
    store_rejects(conn, system.name, rejects=rejects, run_id=run_id, now=now)
    store_duplicates(conn, system.name, pairs=pairs, run_id=run_id, now=now)
    return Merged(receipts.totals(), values, days, _notes(pairs), len(pairs))


def check_accounts(system: System, load: Load) -> None:
    """Refuse an answer whose parser lost count: read = rows + rejects + duplicates, per dataset.

    A row that speaks for several facets of a table was read once.

    Raises:
        LoadError: They differ, or a row is of a type that no facet names.
    """
    known = {facet.row: (one, facet) for one in system.datasets for facet in one.facets}
    told: dict[str, list[tuple[Dataset, Facet]]] = {}
    for kind in load.parsed.rows:
        if kind not in known:
            msg = f"{load.request.feed}, {load.request.path}: no facet holds {kind.__name__} rows."
            raise LoadError(msg, hint=f"Name it in a Facet of {system.name}'s datasets.")
        told.setdefault(known[kind][0].name, []).append(known[kind])
    rows = Counter({name: _rows_told(load, kinds) for name, kinds in told.items()})
    rows.update(reject.dataset for reject in load.parsed.rejects)
    rows.update(load.parsed.duplicates)
    for dataset, read in load.parsed.read.items():
        if rows[dataset] != read:
            msg = (
                f"{load.request.feed}, {load.request.path}: {read} rows of {dataset} were read, "
                f"but {rows[dataset]} accepted, rejected or dropped as duplicates."
            )
            raise LoadError(msg, hint=f"The capture is kept: {load.capture_id}. Fix the parser.")


def _rows_told(load: Load, kinds: Sequence[tuple[Dataset, Facet]]) -> int:
    """Return how many rows were read for one dataset: a key told to two facets was one row."""
    if len(kinds) == 1:
        return len(load.parsed.rows[kinds[0][1].row])
    keys = [
        Counter(
            map(
                itemgetter(*map(facet.columns.index, dataset.key)),
                load.parsed.rows[facet.row],
            )
        )
        for dataset, facet in kinds
    ]
    return reduce(or_, keys).total()


def _told_facets(system: System, loads: Sequence[Load]) -> Iterator[tuple[Dataset, Facet]]:
    """Yield the facets that have rows, parents first, weakest first."""
    for dataset in system.datasets:
        for facet in dataset.facets:
            if any(load.parsed.rows.get(facet.row) for load in loads):
                yield dataset, facet


def _merge_facet(
    conn: psycopg.Connection[Any],
    table: FacetTable,
    *,
    loads: Sequence[Load],
    run_id: int,
    known: KeyCache,
) -> tuple[Batch, Written]:
    """Merge one facet's rows of all loads, first as if every value were sound."""
    held = known.known(table)
    try:
        batch = gather(table, loads, thorough=False, known=held)
        lines = _as_decided(conn, table, batch)
        written = write(conn, table, lines=lines, run_id=run_id) if lines else Written()
    except NOT_STORABLE:
        batch = gather(table, loads, thorough=True, known=held)
        lines = _as_decided(conn, table, batch)
        written = write_apart(conn, table, lines=lines, run_id=run_id)
        for line in written.refused:
            reject = reject_row(table, line.row, "refused", line.reason)
            batch.rejects.append((line.load, reject))
    known.add(table, lines, but={*written.met, *(line.key for line in written.refused)})
    return batch, written


def _as_decided(conn: psycopg.Connection[Any], table: FacetTable, batch: Batch) -> Lines:
    """Return the rows to be written, those of pairs that a person decided as decided."""
    lines = batch.lines
    if not batch.conflicts:
        return lines
    rows, digests = list(lines.rows), list(lines.digests)
    for conflict, row in decided_rows(conn, table, batch.conflicts):
        for at, (load, told) in enumerate(zip(lines.loads, lines.rows, strict=True)):
            if load == conflict.load and told == conflict.kept:
                rows[at], digests[at] = row, row_hash(row)
    lines.rows, lines.digests = rows, digests
    return lines


def _pairs(table: FacetTable, batch: Batch, loads: Sequence[Load]) -> list[Pair]:
    return [
        Pair(
            table.dataset.name,
            key_text(table, conflict.kept),
            as_json(named(table, conflict.kept)),
            as_json(named(table, conflict.other)),
            loads[conflict.load].capture_id,
        )
        for conflict in batch.conflicts
    ]


def _notes(pairs: Sequence[Pair]) -> Counter[str]:
    return Counter(
        f"{pair.dataset}: one answer gives a key twice with different values" for pair in pairs
    )


def _key_columns(system: System, dataset: str) -> dict[str, str | None]:
    """Return the columns of a dataset that units are read from, or that name its own.

    Each with the column that tells the units' day, if there is one.
    """
    columns: dict[str, str | None] = {}
    for other in system.datasets:
        if other.name == dataset and isinstance(other.partitions, FromDataset):
            columns.setdefault(other.key[0], None)
        for part in dimensions(other.partitions):
            if isinstance(part, FromDataset) and part.dataset == dataset:
                columns[part.column] = columns.get(part.column) or part.day
    return columns


def _told(
    table: FacetTable, batch: Batch, wanted: Mapping[str, str | None]
) -> Iterator[tuple[str, dict[str, date | None]]]:
    """Yield columns with their texts, each with the earliest day of its rows.

    Args:
        wanted: Columns with the column that tells their days, if there is one.
    """
    columns = table.facet.columns
    by_day: dict[str | None, Sequence[Row]] = {}
    for column, day in wanted.items():
        if column not in columns:
            continue
        told_day = day if day in columns else None
        if told_day not in by_day:
            by_day[told_day] = _latest_first(table, batch, told_day)
        rows = by_day[told_day]
        texts = map(itemgetter(columns.index(column)), rows)
        days = repeat(None) if told_day is None else map(itemgetter(columns.index(told_day)), rows)
        found: dict[Any, date | None] = dict(zip(texts, days, strict=False))
        found.pop(None, None)
        if set(map(type, found)) != {str}:
            found = {str(text): on for text, on in found.items()}
        yield column, found


def _latest_first(table: FacetTable, batch: Batch, day: str | None) -> Sequence[Row]:
    """Return rows by their day, none at all and the latest first: the earliest is what stays.

    Without days in the order of the answers, which is the order their days were asked for.
    """
    if day is None:
        return batch.told
    at = table.facet.columns.index(day)
    return sorted(batch.told, key=lambda row: row[at] or date.max, reverse=True)
