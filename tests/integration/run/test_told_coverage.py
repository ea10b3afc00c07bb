"""Runs of workers tell in their logs, once an hour, what is held."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.model import PlanOptions
from stocktake.run.planned import make_and_save
from stocktake.run.tending import tell_coverage
from tests.integration.run.conftest import DAYS
from tests.integration.run.test_chunks import SINCE, UNTIL

if TYPE_CHECKING:
    from tests.integration.run.conftest import Stable

UNDER_WAY = (
    "insert into stocktake.run (system, kind, plan_id, state, is_detached, started_at, updated_at)"
    " values ('racing', 'backfill', %(plan)s, %(state)s, %(detached)s, now() - %(since)s, now())"
    " returning run_id"
)
SAID = "select run_id, text from stocktake.run_log where text like 'coverage:%%' order by seq"


@pytest.fixture
def plan(stable: Stable) -> int:
    """A saved plan of ten days, of which one is held."""
    stable.backfill("ra_races", since=UNTIL, until=UNTIL)
    asked = PlanOptions(datasets=DAYS, since=SINCE, until=UNTIL)
    saved = make_and_save(stable.workspace, stable.system, asked, save=True).plan_id
    assert saved is not None
    return saved


def begun(stable: Stable, plan: int, *, hours: float, state: str = "running") -> int:
    facts = {"plan": plan, "state": state, "detached": True, "since": timedelta(hours=hours)}
    return int(stable.execute(UNDER_WAY, facts)[0][0])


def test_a_run_tells_once_an_hour_how_far_every_dataset_is(stable: Stable, plan: int) -> None:
    run_id = begun(stable, plan, hours=1.1)
    for _ in range(2):
        tell_coverage(stable.workspace)
    once = stable.execute(SAID)
    stable.execute("update stocktake.run set counted_at = counted_at - interval '61 minutes'")

    tell_coverage(stable.workspace)

    ((teller, text),) = once
    assert teller == run_id
    assert "ra_races 5.0%" in text
    assert stable.execute(SAID) == [(run_id, text)] * 2


def test_runs_just_begun_or_ended_tell_nothing(stable: Stable, plan: int) -> None:
    begun(stable, plan, hours=0.9)
    begun(stable, plan, hours=5, state="paused")

    tell_coverage(stable.workspace)

    assert stable.execute(SAID) == []
