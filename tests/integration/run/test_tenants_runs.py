"""Runs of tenants: workers take them on, and nobody else sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stocktake.access.audit import Actor
from stocktake.access.tenants import add_tenant
from stocktake.model import PlanOptions
from stocktake.run.listed import list_runs
from stocktake.run.queue import backfill_work, enqueue, verify_work
from stocktake.run.tending import tend
from tests.integration.run.test_chunks import NO_LIMITS, UNTIL, worked

if TYPE_CHECKING:
    from stocktake.run.queue import Work
    from stocktake.run.workspace import Workspace
    from tests.integration.run.conftest import Stable

TESTS = Actor("tests", "cli")
ONE_DAY = backfill_work(PlanOptions(datasets=("ra_races",), since=UNTIL, until=UNTIL))


@pytest.fixture
def tenants(stable: Stable) -> tuple[Workspace, Workspace]:
    """One installation as two tenants see it."""
    with stable.database.connection() as conn:
        ids = [
            add_tenant(conn, slug, by=TESTS, now=stable.now).tenant_id
            for slug in ("north", "south")
        ]
    north, south = map(stable.workspace.of, ids)
    return north, south


def queued(tenant: Workspace, stable: Stable, work: Work) -> int:
    with tenant.database.connection() as conn:
        return enqueue(conn, stable.system, work, by="ann", now=stable.now)


def seen(workspace: Workspace) -> list[int]:
    return [line.run_id for line in list_runs(workspace, None, limit=9) if line.kind != "load"]


def test_workers_take_on_runs_of_tenants_and_what_these_bring_is_theirs(
    stable: Stable, tenants: tuple[Workspace, Workspace]
) -> None:
    north, south = tenants
    runs = [queued(one, stable, ONE_DAY) for one in tenants]

    ends = [worked(stable, run, seen_by=one) for run, one in zip(runs, tenants, strict=True)]

    assert [one.state for one in ends] == ["done", "done"], [one.error for one in ends]
    assert [seen(one) for one in (north, south, stable.workspace)] == [runs[:1], runs[1:], []]


def test_a_tenants_run_whose_task_was_lost_is_found_by_who_tends(
    stable: Stable, tenants: tuple[Workspace, Workspace]
) -> None:
    north, _ = tenants
    run_id = queued(north, stable, verify_work(["ra_races"]))
    lost = stable.execute("delete from stocktake_queue.procrastinate_jobs returning args")

    tend(stable.workspace, limits=NO_LIMITS)

    assert stable.execute("select args from stocktake_queue.procrastinate_jobs") == lost
    assert worked(stable, run_id, seen_by=north).state == "done"


def test_tenants_without_runs_are_not_looked_after_for_ever(
    stable: Stable, tenants: tuple[Workspace, Workspace]
) -> None:
    north, south = tenants
    worked(stable, queued(north, stable, verify_work(["ra_races"])), seen_by=north)
    queued(south, stable, ONE_DAY)
    stable.execute("update stocktake.at_work set noted_at = noted_at - interval '1 hour'")

    tend(stable.workspace, limits=NO_LIMITS)

    assert stable.execute("select tenant from stocktake.at_work") == [(south.tenant_id,)]
