"""What is kept only for a time goes, in small batches, by whoever looks after the fleet."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from stocktake.access.tenants import list_tenants
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from stocktake.run.workspace import Workspace

SQL = load_queries("stocktake.store", "sql/kept.sql")
TOGETHER = 1_000
"""Rows that go in one transaction."""


def prune(workspace: Workspace) -> dict[str, int]:
    """Remove what is older than the settings keep it; return how many rows went, by table.

    The installation's rows, then those of each tenant. Nothing is done while another program does
    it. What counting, undo and provenance read is never touched: rows, captures, receipts, former
    rows, the ledger's history, runs, results of checks, the audit.
    """
    with workspace.database.connection() as conn:
        tenants = list_tenants(conn)
    places = [workspace, *(workspace.of(one.tenant_id) for one in tenants)]
    gone: Counter[str] = Counter()
    for place in places:
        gone.update(_prune(place))
    return dict(gone)


def _prune(workspace: Workspace) -> Counter[str]:
    settings, gone = workspace.settings, Counter[str]()
    ways = (
        ("schedule_fire", SQL.prune_fires, settings.keep_fires_days),
        ("delivery", SQL.prune_deliveries, settings.keep_events_days),
        ("event", SQL.prune_events, settings.keep_events_days),
        ("attempt", SQL.prune_tries, settings.keep_tries_days),
        ("run_log", SQL.prune_logs, settings.keep_logs_days),
    )
    for table, statement, days in ways:
        facts = {"before": workspace.clock() - timedelta(days=days), "most": TOGETHER}
        several = TOGETHER if days else 0
        while several == TOGETHER:
            with workspace.database.connection() as conn:
                if conn.execute(SQL.try_lock_pruning).fetchone() != (True,):
                    return gone
                several = conn.execute(statement, facts).rowcount
            gone[table] += several
    return +gone
