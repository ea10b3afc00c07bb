"""Undo from the command line, killed on its way."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.run.workspace import components
from stocktake.store.installation import init
from stocktake.testing.database import temporary_database
from tests.acceptance.fleet import Fleet
from tests.acceptance.installation import RATE_FACTOR, Installation, State, backfill
from tests.acceptance.revised import Revision, revised_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster

FROM_FILES = {"hk_race_days"}
"""Tables that no backfill writes."""
FAR_BETWEEN = {"ra_performance_by_distance"}
"""Tables that stay empty: in two days nobody runs five times over one distance."""


@pytest.fixture
def revision(today: date) -> Iterator[Revision]:
    """A sandbox that tells something else once it is told to."""
    made = revised_sandbox(today, rate_factor=RATE_FACTOR * 2)
    with made.server:
        yield made


@pytest.fixture
def fleet(cluster: LocalCluster, revision: Revision, tmp_path: Path) -> Iterator[Fleet]:
    """Two workers on an installation whose source revises what it told."""
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        made = Fleet(Installation(database, revision.server, tmp_path))
        made.worker()
        made.worker()
        yield made
        made.kill()


def changed_tables(one: State, other: State) -> tuple[set[str], set[str]]:
    """Return the tables of which rows changed, and those that got more."""
    tables = one.tables.keys() | other.tables.keys()
    changed = {name for name in tables if set(one.tables[name]) - set(other.tables[name])}
    grown = {name for name in tables if len(one.tables[name]) < len(other.tables[name])}
    return changed, grown


@pytest.mark.parametrize(
    ("results_days", "untouched"),
    [
        pytest.param(1, FROM_FILES | FAR_BETWEEN, id="two days"),
        pytest.param(90, FROM_FILES, id="three months", marks=pytest.mark.soak),
    ],
)
def test_undoing_a_backfill_that_changed_and_made_rows_restores_every_table(
    results_days: int, untouched: set[str], fleet: Fleet, revision: Revision, settled: date
) -> None:
    installation = fleet.installation
    fleet.follow(fleet.queue(*backfill(settled, settled)))
    # Not of the day before, so that the second run makes rows of every kind.
    since, until = settled - timedelta(days=results_days + 1), settled - timedelta(days=2)
    fleet.follow(fleet.queue(*backfill(since, until, "ra_race_results")))
    before = installation.state()
    revision.begin()
    second = fleet.queue(*backfill(settled - timedelta(days=1), settled), "--refetch")
    fleet.follow(second)
    after = installation.state()

    fleet.follow(fleet.queue("run", "undo", str(second), "--json"))

    assert installation.state().differences(before) == []
    changed, grown = changed_tables(before, after)
    assert changed | grown == before.tables.keys() - untouched
    assert {"ra_races", "ra_runners", "ra_race_results", "ra_mst_horses"} <= changed & grown


@pytest.mark.fault("C01")
def test_an_undo_that_is_killed_has_done_all_or_nothing_and_goes_on(
    installation: Installation, settled: date
) -> None:
    installation.run("count", "racing", "--json")  # what is shipped is loaded
    empty = installation.state()
    filled = installation.run(*backfill(settled, settled, "ra_race_results"))
    full = installation.state()
    undo = ("run", "undo", str(filled.document["run_id"]), "--json")

    for point in ("claimed", "rows_undone", "undo_before_commit"):
        assert installation.run(*undo, fail_at=point).code == -signal.SIGKILL
        assert installation.state().differences(full) == [], point
    for point in ("undone", "derive_merged"):
        assert installation.run(*undo, fail_at=point).code == -signal.SIGKILL
        assert installation.state().tables["ra_race_results"] == [], point
    done = installation.run(*undo)

    assert installation.state().differences(empty) == []
    kinds = [kind for _, kind, *_ in installation.rows("runs")]
    assert kinds.count("undo") == 1
    removed = {table: told["removed"] for table, told in done.document["tables"].items()}
    assert removed["ra_race_results"] == filled.document["rows"]["ra_race_results"]["inserted"]
