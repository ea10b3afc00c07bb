"""What a source withdraws between two answers: found by re-checks, kept, shown, undone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.model import State
from stocktake.run.explained import explain_unit, trace_row
from stocktake.run.listed import show_run
from stocktake.run.undone import undo
from stocktake.testing import Fault
from tests.integration.run.conftest import DAYS
from tests.integration.run.test_undo import differences, state

if TYPE_CHECKING:
    from stocktake.model import RunReport
    from tests.integration.run.conftest import Stable

OLD = date(2022, 6, 1)
"""A day before cards: only the results tell its fields."""


def starter(stable: Stable, where: str) -> tuple[str, str]:
    """Return race and horse of the last of some race."""
    rows = stable.rows("ra_race_results", f"{where} and position = 5", "race_id, horse_id")
    return rows[0][0], rows[0][1]


def look_again(stable: Stable, horse_id: str) -> RunReport:
    """Let the source withdraw a horse, and ask for the old day again."""
    stable.server.rules.add([Fault("withdrawn_runner", match=horse_id)])
    stable.now += timedelta(hours=1)
    return stable.backfill(*DAYS, since=OLD, until=OLD, refetch=True)


@pytest.fixture
def withdrawn(stable: Stable) -> tuple[Stable, tuple[str, str], RunReport]:
    """An old day, a horse that its source withdrew since, and the run that found it."""
    stable.backfill(since=OLD, until=OLD)
    key = starter(stable, f"race_date = '{OLD}'")
    return stable, key, look_again(stable, key[1])


@pytest.mark.fault("H20")
def test_a_runner_that_its_source_withdrew_goes_with_a_tombstone(
    withdrawn: tuple[Stable, tuple[str, str], RunReport],
) -> None:
    stable, (race_id, horse_id), report = withdrawn
    where = f"race_id = '{race_id}' and horse_id = '{horse_id}'"

    assert stable.rows("ra_race_results", where) == stable.rows("ra_runners", where) == []
    assert len([note for note in report.notes if "the source withdrew 1 rows" in note]) == 2
    results = stable.system.dataset("ra_race_results")
    told = trace_row(
        stable.workspace, stable.system, results, {"race_id": race_id, "horse_id": horse_id}
    )
    assert (told.is_gone, told.versions[0].before["position"]) == (True, 5)
    region = stable.rows("ra_races", f"race_id = '{race_id}'", "lower(region), 1")[0][0]
    unit = explain_unit(stable.workspace, stable.system, results, f"{OLD}/{region}")
    assert unit.state is State.COMPLETE
    assert [row.key for row in unit.withdrawn] == [f"race_id={race_id},horse_id={horse_id}"]
    _, log = show_run(stable.workspace, report.run_id)
    assert any("the source withdrew" in text for _, _, text in log)


@pytest.mark.fault("H20")
def test_statistics_follow_what_a_source_withdrew(
    withdrawn: tuple[Stable, tuple[str, str], RunReport],
) -> None:
    stable, _, _ = withdrawn

    assert stable.differences() == {}


@pytest.mark.fault("H20")
def test_undoing_the_run_brings_back_what_it_found_withdrawn(stable: Stable) -> None:
    stable.backfill(since=OLD, until=OLD)
    before = state(stable)
    report = look_again(stable, starter(stable, f"race_date = '{OLD}'")[1])
    assert differences(before, state(stable))

    undo(stable.workspace, stable.system, report.run_id)

    assert differences(before, state(stable)) == {}
    assert stable.execute("select 1 from stocktake.tombstone") == []


@pytest.mark.fault("H20")
def test_a_second_look_finds_nothing_more(
    withdrawn: tuple[Stable, tuple[str, str], RunReport],
) -> None:
    stable, _, _ = withdrawn
    stable.now += timedelta(hours=1)

    again = stable.backfill(*DAYS, since=OLD, until=OLD, refetch=True)

    assert len(stable.execute("select 1 from stocktake.tombstone")) == 2
    assert not [note for note in again.notes if "withdrew" in note]


@pytest.mark.fault("H20")
def test_results_that_leave_out_most_of_a_day_are_not_believed(stable: Stable) -> None:
    stable.backfill(*DAYS, since=OLD, until=OLD)
    before = stable.rows("ra_race_results", columns="race_id, horse_id")
    stable.server.rules.add([Fault("runners_absent")])
    stable.now += timedelta(hours=1)

    report = stable.backfill(*DAYS, since=OLD, until=OLD, refetch=True)

    assert stable.rows("ra_race_results", columns="race_id, horse_id") == before
    assert [note for note in report.notes if "too many to believe" in note]


@pytest.mark.fault("H20")
def test_a_finisher_whose_card_still_promises_it_is_not_taken_away(stable: Stable) -> None:
    stable.sync(*DAYS, days=2)
    stable.now += timedelta(days=1)
    stable.sync(*DAYS, days=2)
    race_id, _ = starter(stable, "race_date = '2026-03-09'")
    before = stable.rows("ra_race_results", f"race_id = '{race_id}'", "horse_id, position")
    stable.server.rules.add([Fault("drop_finishers", match=race_id)])
    stable.now += timedelta(days=2)

    report = stable.sync(*DAYS, days=3)

    after = stable.rows("ra_race_results", f"race_id = '{race_id}'", "horse_id, position")
    assert after == before
    assert [note for note in report.notes if "rows left out by the source are kept" in note]


@pytest.mark.fault("H20")
def test_a_declared_runner_that_never_ran_goes_when_its_day_is_final(stable: Stable) -> None:
    stable.sync(*DAYS, days=1)
    card = "_result_hash is null and race_date = '2026-03-12' and not is_scratched"
    race_id, horse_id = stable.rows("ra_runners", card, "race_id, horse_id")[0]
    stable.server.rules.add([Fault("withdrawn_runner", match=horse_id)])
    stable.now += timedelta(days=3)

    stable.sync(*DAYS, days=4)

    where = f"race_id = '{race_id}' and horse_id = '{horse_id}'"
    assert stable.rows("ra_runners", where) == []
    final = stable.units("ra_runners", State.COMPLETE, State.EMPTY)
    assert {f"2026-03-12/{region}" for region in ("gb", "ire")} <= final
