"""Promises that are rows: a fixtures list, an index of race days."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stocktake.model import Dataset, Scheduled, System
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    import psycopg


def scheduled(
    conn: psycopg.Connection[tuple[Any, ...]], system: System, dataset: Dataset
) -> Dataset:
    """Return the dataset with the expectation its schedule amounts to now.

    Datasets whose expectation is a rule are returned as they are.
    """
    if not isinstance(dataset.expect, Scheduled):
        return dataset
    statement = load_queries(system.package, "count.sql")[dataset.expect.statement]
    rows = conn.execute(statement).fetchall()
    told = dataset.expect.read((tuple(series), day, bool(off)) for series, day, off in rows)
    return replace(dataset, expect=told)
