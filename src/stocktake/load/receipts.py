"""Receipts: what loading each capture did to each table, and the row counts of a merge."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stocktake.load.tables import QUERIES
from stocktake.model import RowCounts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import psycopg

    from stocktake.load.rows import Batch, Load
    from stocktake.load.staging import Written

_COUNTS = ("read", "inserted", "updated", "unchanged", "rejected", "duplicates")


class Receipts:
    """Counts of one merge per load, dataset and facet; written append-only, never changed."""

    def __init__(self, loads: Sequence[Load]) -> None:
        """Begin with no counts."""
        self._loads = loads
        self._lines: dict[tuple[int, str, str], RowCounts] = {}

    def add(self, dataset: str, facet: str, *, batch: Batch, written: Written) -> None:
        """Count what became of a facet's rows."""
        inserted = Counter(written.inserted)
        updated = Counter(written.updated)
        rejected = Counter(load for load, _ in batch.rejects)
        for index, read in enumerate(batch.read):
            if not read:
                continue
            duplicates = batch.duplicates[index]
            changed = inserted[index] + updated[index]
            self._lines[index, dataset, facet] = RowCounts(
                read=read,
                inserted=inserted[index],
                updated=updated[index],
                unchanged=read - changed - rejected[index] - duplicates,
                rejected=rejected[index],
                duplicates=duplicates,
            )

    def add_parsed(self) -> None:
        """Count the rows that parsers rejected or dropped: with the facet that spoke, if any."""
        for index, load in enumerate(self._loads):
            rejected = Counter(reject.dataset for reject in load.parsed.rejects)
            dropped = Counter(load.parsed.duplicates)
            for dataset in sorted(rejected.keys() | dropped.keys()):
                place = next(
                    (line for line in self._lines if line[:2] == (index, dataset)),
                    (index, dataset, ""),
                )
                self._lines[place] = self._lines.get(place, RowCounts()) + RowCounts(
                    read=rejected[dataset] + dropped[dataset],
                    rejected=rejected[dataset],
                    duplicates=dropped[dataset],
                )

    def totals(self) -> dict[str, RowCounts]:
        """Return the counts per dataset."""
        totals: dict[str, RowCounts] = {}
        for (_, dataset, _), counts in self._lines.items():
            totals[dataset] = totals.get(dataset, RowCounts()) + counts
        return totals

    def write(self, conn: psycopg.Connection[Any], *, run_id: int, now: datetime) -> None:
        """Store one receipt per capture, dataset and facet.

        Raises:
            StoreError: Counts that do not add up; the table's own check refuses them too.
        """
        if not self._lines:
            return
        lines = list(self._lines.items())
        counts = {name: [getattr(line, name) for _, line in lines] for name in _COUNTS}
        conn.execute(
            QUERIES.add_receipts,
            {
                "run_id": run_id,
                "at": now,
                "capture": [self._loads[index].capture_id for (index, _, _), _ in lines],
                "dataset": [dataset for (_, dataset, _), _ in lines],
                "facet": [facet for (_, _, facet), _ in lines],
                **counts,
            },
        )


def write_derived_receipt(
    conn: psycopg.Connection[Any], dataset: str, counts: RowCounts, *, run_id: int, now: datetime
) -> None:
    """Store the receipt of a derivation: rows computed, without a capture."""
    conn.execute(
        QUERIES.add_derived_receipt,
        {"run_id": run_id, "at": now, "dataset": dataset, **asdict(counts)},
    )
