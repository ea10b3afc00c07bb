"""Derived units whose inputs changed: stale until they are computed again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from stocktake.model import PlanOptions, Range, Severity, State, criteria
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.counted import recount_system
from stocktake.run.derived import derive_system
from stocktake.run.explained import explain_unit
from stocktake.run.measured import measure
from stocktake.run.planned import make_and_save
from stocktake.run.registry import find_datasets
from tests.integration.run.conftest import DAYS

if TYPE_CHECKING:
    from stocktake.run.progress import Progress
    from tests.integration.run.conftest import Stable

FORM = "ra_runner_statistics"
WEEKEND = Range(date(2026, 3, 7), date(2026, 3, 9))


class Stopped(Exception):
    """Somebody stopped a run."""


def stop_before_derive(progress: Progress) -> None:
    """Stop a run when everything is loaded and nothing derived."""
    if progress.wave == "derived tables":
        raise Stopped


@pytest.fixture
def interrupted(stable: Stable) -> Stable:
    """2026-03-08 and 09 complete; 2026-03-07 loaded, its statistics not computed."""
    stable.backfill(*DAYS, since=date(2026, 3, 8), until=date(2026, 3, 9))
    options = PlanOptions(datasets=DAYS, since=date(2026, 3, 7), until=date(2026, 3, 7))
    with pytest.raises(Stopped):
        backfill(
            stable.workspace, stable.system, options, conduct=Conduct(report=stop_before_derive)
        )
    return stable


def later_runs_of(stable: Stable, day: str) -> set[str]:
    """Return the units of the days after ``day`` in which its horses run again."""
    found = stable.rows(
        "ra_runners",
        f"race_date > '{day}' and horse_id in "
        f"(select horse_id from racing.ra_race_results where race_date = '{day}')",
        "distinct race_date::text, lower(region)",
    )
    return {"/".join(line) for line in found}


def test_an_older_day_makes_later_days_of_its_horses_stale(interrupted: Stable) -> None:
    touched = later_runs_of(interrupted, "2026-03-07")

    assert touched
    assert interrupted.units(FORM, State.STALE) == touched


def test_a_day_loaded_and_not_derived_is_missing(interrupted: Stable) -> None:
    held = interrupted.units("ra_race_results", State.COMPLETE)

    missing = interrupted.units(FORM, State.MISSING)

    assert "2026-03-07/gb" in held & missing
    assert interrupted.count("ra_entity_combinations").states == {State.STALE: 1}


def test_deriving_completes_what_was_stale_and_missing(interrupted: Stable) -> None:
    interrupted.count(FORM)
    chosen = find_datasets(interrupted.system, ())

    derive_system(interrupted.workspace, interrupted.system, chosen, full=False, parameters={})

    counted = interrupted.count(FORM, since=date(2026, 3, 7), until=date(2026, 3, 9))
    assert counted.coverage == 1.0
    assert set(counted.states) <= {State.COMPLETE, State.EMPTY}
    assert interrupted.count("ra_entity_combinations").states.keys() <= {
        State.COMPLETE,
        State.EMPTY,
    }
    assert interrupted.differences() == {}


def test_why_says_that_an_input_changed(interrupted: Stable) -> None:
    unit = min(later_runs_of(interrupted, "2026-03-07"))
    (dataset,) = find_datasets(interrupted.system, [FORM])

    told = explain_unit(interrupted.workspace, interrupted.system, dataset, unit)

    assert (told.state, told.reason) == (State.STALE, "an input changed after it was computed")


def test_a_plan_says_that_stale_units_will_be_derived(interrupted: Stable) -> None:
    options = PlanOptions(datasets=(FORM,), since=date(2026, 3, 7), until=date(2026, 3, 9))

    made = make_and_save(interrupted.workspace, interrupted.system, options, save=False)

    (part,) = [part for part in made.parts if part.kind == "derive"]
    # A transaction open elsewhere makes changes be looked at once more: then some more are named.
    assert made.requests == 0
    assert part.units >= 2 + len(later_runs_of(interrupted, "2026-03-07"))


def test_a_derivation_that_fails_leaves_its_units_stale(interrupted: Stable) -> None:
    touched = later_runs_of(interrupted, "2026-03-07")
    interrupted.execute(
        "alter table racing.ra_runner_statistics add constraint refused "
        "check (runner_id is null) not valid"
    )
    chosen = find_datasets(interrupted.system, ())

    with pytest.raises(Exception, match="refused"):
        derive_system(interrupted.workspace, interrupted.system, chosen, full=False, parameters={})

    assert interrupted.units(FORM, State.STALE) == touched


def test_what_comes_before_a_derivation_that_fails_is_kept(interrupted: Stable) -> None:
    interrupted.count(FORM)
    interrupted.execute(
        "alter table racing.ra_performance_by_venue add constraint refused "
        "check (total_runs is null) not valid"
    )

    with pytest.raises(Exception, match="refused"):
        derive_system(interrupted.workspace, interrupted.system, (), full=False, parameters={})

    assert interrupted.units(FORM, State.STALE) == set()


def test_what_was_derived_together_is_not_touched_again(interrupted: Stable) -> None:
    derive_system(interrupted.workspace, interrupted.system, (), full=False, parameters={})

    again = derive_system(interrupted.workspace, interrupted.system, (), full=False, parameters={})

    assert again.rows == {}


def test_stale_statistics_stand_in_the_way_of_a_sign_off(interrupted: Stable) -> None:
    listed = (criteria.nothing_stale(FORM), criteria.second_run_is_idle(FORM))

    before = measure(interrupted.workspace, interrupted.system, listed, WEEKEND)
    chosen = find_datasets(interrupted.system, ())
    derive_system(interrupted.workspace, interrupted.system, chosen, full=False, parameters={})
    after = measure(interrupted.workspace, interrupted.system, listed, WEEKEND)

    assert [item.severity for item in before] == [Severity.FAIL, Severity.FAIL]
    assert [item.severity for item in after] == [Severity.PASS, Severity.PASS]


def test_units_rewritten_by_a_recount_are_found_stale_again(interrupted: Stable) -> None:
    touched = interrupted.units(FORM, State.STALE)
    interrupted.execute("update stocktake.unit set state = 'complete' where state = 'stale'")

    recount_system(interrupted.workspace, interrupted.system, interrupted.system.datasets, Range())

    assert interrupted.units(FORM, State.STALE) == touched
