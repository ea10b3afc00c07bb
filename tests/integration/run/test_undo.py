"""Undo: what a run did is as if it had never been, and can be done again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import Identifier

from stocktake.errors import PlanRefused, UsageError
from stocktake.model import State
from stocktake.run.undone import undo, undoing
from stocktake.testing import Fault
from tests.acceptance.installation import MEMBERS, QUERIES, UNCOMPARED

if TYPE_CHECKING:
    from tests.integration.run.conftest import Stable

FIRST, SECOND = date(2026, 2, 10), date(2026, 2, 11)


def state(stable: Stable) -> dict[str, list[Any]]:
    """Every table, statistics included, and the ledger with its units."""
    with stable.database.login() as session:
        found: dict[str, list[Any]] = {}
        for schema, table in session.execute(QUERIES.loaded_tables).fetchall():
            statement = QUERIES.table_lines.format(table=Identifier(schema, table))
            rows = session.execute(statement, {"without": UNCOMPARED}).fetchall()
            found[table] = sorted(line for (line,) in rows)
        for name in ("held_units", "unit_lines"):
            found[name] = sorted(map(str, session.execute(QUERIES[name], MEMBERS).fetchall()))
    return found


def differences(left: dict[str, list[Any]], right: dict[str, list[Any]]) -> dict[str, Any]:
    """What only one of two states has: three lines each."""
    return {
        name: (
            sorted(set(left[name]) - set(right[name]))[:3],
            sorted(set(right[name]) - set(left[name]))[:3],
        )
        for name in left
        if left[name] != right[name]
    }


@pytest.fixture
def filled(stable: Stable) -> Stable:
    """One day is filled."""
    stable.backfill(since=FIRST, until=FIRST)
    return stable


def test_undoing_a_backfill_that_made_rows_restores_every_table(filled: Stable) -> None:
    before = state(filled)
    done = filled.backfill(since=SECOND, until=SECOND)
    assert state(filled) != before

    undo(filled.workspace, filled.system, done.run_id)

    assert differences(before, state(filled)) == {}
    assert filled.differences() == {}
