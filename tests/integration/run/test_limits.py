"""What a source refuses, by its plan or by its rate, and what is left undone because of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from stocktake.count.gaps import gaps
from stocktake.model import Range, State
from stocktake.run.registry import find_datasets
from tests.integration.run.conftest import Stable

REASON = "plan: historical results add-on"
TODAY = date(2026, 3, 10)
PROGRAMS, FASTER = 4, 4.0
ASKED = {"results": 12, "racecards": 5}
"""Days each program asks for, per feed."""
WORKER = """
import asyncio, sys
from datetime import date, timedelta
from stocktake.run.clock import system_clock
from stocktake.run.errands import Errand
from stocktake.run.fetching import open_fetching
from stocktake.run.registry import find_system
from stocktake.run.workspace import SANDBOX_LOGIN
from stocktake.store.database import Database

async def work(url, base_url, factor, first, counts):
    system = find_system("racing")
    login = {**SANDBOX_LOGIN, "rate_factor": factor, "base_url": base_url}
    database = Database(url, application="worker")
    async with open_fetching(
        database, {"theracingapi": login}, stored={}, clock=system_clock
    ) as fetching:
        async def ask(name, count):
            source, feed = system.feed(name)
            for number in range(count):
                day = (date.fromisoformat(first) - timedelta(days=number)).isoformat()
                (request,) = feed.requests([(day, "gb"), (day, "ire")])
                answer = await fetching.fetch(Errand(-1, source, feed, request, ()))
                assert answer.failure is None and not answer.attempts, answer
        await asyncio.gather(*(ask(name, int(n)) for name, n in counts.items()))

names, numbers = sys.argv[5::2], sys.argv[6::2]
asyncio.run(work(*sys.argv[1:5], dict(zip(names, numbers, strict=True))))
"""


class WithoutAddOn(Stable):
    """An installation whose plan has no historical results."""

    @property
    def workspace(self) -> Any:
        own = super().workspace
        given = {name: dict(values) for name, values in own.settings.sources.items()}
        given["theracingapi"]["historical_results"] = "false"
        return replace(own, settings=replace(own.settings, sources=given))


@pytest.fixture
def limited(stable: Stable) -> WithoutAddOn:
    return WithoutAddOn(stable.database, stable.server, stable.home)


def units_in(stable: Stable, state: State) -> tuple[set[tuple[date, str]], set[str]]:
    """Return results' units in a state, and the reasons given."""
    chosen = find_datasets(stable.system, ["ra_race_results"])
    with stable.database.connection() as conn:
        found = gaps(
            conn,
            stable.system,
            chosen,
            states=(state,),
            limit=None,
            window=Range(),
            now=stable.now,
            lifted=stable.workspace.lifted(stable.system),
        )
    units = {
        (day, "/".join(gap.series))
        for gap in found
        for first, last in [(date.fromisoformat(gap.first), date.fromisoformat(gap.last))]
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
    }
    return units, {gap.reason for gap in found}


def test_without_the_add_on_all_but_the_last_365_days_are_unrecoverable(
    stable: Stable, limited: WithoutAddOn
) -> None:
    every, _ = units_in(stable, State.MISSING)
    lost, reasons = units_in(limited, State.UNRECOVERABLE)
    missing, _ = units_in(limited, State.MISSING)
    oldest_had = TODAY - timedelta(days=364)  # 365 days with today, as the source's plan has it

    assert reasons == {REASON}
    assert lost == {unit for unit in every if unit[0] < oldest_had}
    assert missing == {unit for unit in every if unit[0] >= oldest_had}
    assert min(lost)[0] == date(2015, 1, 1)


def test_without_the_add_on_no_older_day_is_asked_for(limited: WithoutAddOn) -> None:
    first = TODAY - timedelta(days=367)
    limited.backfill("ra_race_results", since=first, until=first + timedelta(days=4))

    assert [target for target in limited.targets() if target.startswith("/v1/results")] == [
        f"/v1/results?start_date={day}&end_date={day}&region=gb&region=ire&limit=100"
        for day in ("2025-03-12", "2025-03-11")
    ]


@pytest.mark.soak  # alone on the machine: a stalled program sends late what it was let send in time
def test_four_programs_never_exceed_the_limit_of_any_endpoint(stable: Stable) -> None:
    stable.server.limit_factor = FASTER
    counts = [text for name, count in ASKED.items() for text in (name, str(count))]
    address = (stable.database.url, stable.server.base_url, str(FASTER))
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, *address, f"2026-02-{10 + number}", *counts],
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROGRAMS)
    ]
    told = [program.communicate()[1] for program in programs]
    endpoints = {name: stable.system.feed(name)[1].endpoint for name in ASKED}
    most = {name: stable.server.log.per_second(one.name) for name, one in endpoints.items()}

    assert [text[-400:] for text in told] == [""] * PROGRAMS
    assert {entry.status for entry in stable.server.requests} == {200}
    assert stable.asked == PROGRAMS * sum(ASKED.values())
    assert all(most[name] <= one.per_second * FASTER for name, one in endpoints.items()), most
