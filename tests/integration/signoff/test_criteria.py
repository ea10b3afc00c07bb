"""Each kind of criterion, on real rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from stocktake.model import Gate, Limit, PlanOptions, Range, Severity, State, criteria
from stocktake.run.measured import measure_gate
from stocktake.run.schedule import schedule_lines
from tests.integration.signoff.system import LEAGUE, SINCE, mean_points

if TYPE_CHECKING:
    from stocktake.model import Criterion, Item
    from tests.integration.signoff.conftest import Office

JANUARY = Range(date(2026, 1, 1), date(2026, 1, 10))
PLACE = "tests.integration.signoff.system:later_rain"


def lines(item: Item) -> dict[str, float | None]:
    return {line.group: line.value for line in item.lines}


def test_coverage_is_measured_per_dataset_and_season(office: Office) -> None:
    office.rain(SINCE, date(2026, 1, 10))
    office.games("2025-06-30", "2025-07-01", "2026-01-02", scored=2)

    item = office.item(criteria.coverage("score", "rain", fail=0.9))

    assert lines(item) == {"score 2025-26": 0.5, "score 2024-25": 1.0, "rain 2025-26": 1.0}
    assert (item.severity, item.value) == (Severity.FAIL, 0.5)


def test_a_game_without_a_day_counts_in_the_first_season(office: Office) -> None:
    office.load("fixture", [("a", "2025-01-01"), ("b", "2026-01-01"), ("x", "")])
    office.load("score", [("a", 90), ("b", 90)])

    item = office.item(criteria.coverage("score", fail=0.9))

    assert lines(item) == {"score 2024-25": 0.5, "score 2025-26": 1.0}


def test_coverage_of_nothing_expected_proves_nothing(office: Office) -> None:
    item = office.item(criteria.coverage("score", fail=0.9))

    assert (item.severity, item.value, item.is_met) == (Severity.NOT_APPLICABLE, None, False)


def test_coverage_between_its_limits_warns(office: Office) -> None:
    office.rain(SINCE, date(2026, 1, 9))

    item = office.item(criteria.coverage("rain", warn=1.0, fail=0.5))

    assert (item.severity, item.is_met) == (Severity.WARN, True)


def test_a_gap_is_as_long_as_its_expected_days(office: Office) -> None:
    office.rain(SINCE, date(2026, 1, 10), "harbour")
    office.rain(SINCE, date(2026, 1, 4), "moor")
    office.rain(date(2026, 1, 10), date(2026, 1, 10), "moor")

    item = office.item(criteria.gaps("rain", days=2))

    assert item.severity is Severity.PASS  # the 5th and the 9th; the holiday between is nothing


def test_a_gap_of_more_days_than_allowed_fails_and_is_named(office: Office) -> None:
    office.rain(SINCE, date(2026, 1, 1))
    office.rain(date(2026, 1, 5), date(2026, 1, 10))

    item = office.item(criteria.gaps("rain", days=2))

    assert lines(item) == {"rain/harbour": 3.0, "rain/moor": 3.0}
    assert (item.severity, item.value) == (Severity.FAIL, 3.0)
    assert "2026-01-02 to 2026-01-04" in item.detail


def test_a_gap_of_games_is_counted_in_days_with_games(office: Office) -> None:
    office.load("fixture", [("a", "2026-01-01"), ("b", "2026-01-04"), ("c", "2026-01-04")])
    office.load("fixture", [("d", "2026-01-08"), ("e", "2026-01-09")])
    office.load("score", [("a", 90), ("e", 90)])

    item = office.item(criteria.gaps("score", days=1))

    assert (item.value, item.lines[0].detail) == (2.0, "2026-01-04 to 2026-01-08: missing")


def test_a_day_with_one_of_two_games_is_no_gap_of_days(office: Office) -> None:
    office.load("fixture", [("a", "2026-01-01"), ("b", "2026-01-01")])
    office.load("score", [("a", 90)])

    assert office.item(criteria.gaps("score", days=0)).severity is Severity.PASS


def test_units_in_a_state_are_counted_with_their_reasons(office: Office) -> None:
    office.rain(SINCE, date(2026, 1, 10), "harbour")
    criterion = criteria.in_states(
        State.MISSING, State.NOT_EXPECTED, datasets=("rain",), most=3, name="lacking"
    )

    item = office.item(criterion, JANUARY)

    assert (item.severity, item.value) == (Severity.FAIL, 10.0)
    assert sorted(line.detail for line in item.lines) == [
        "missing, such as 2026-01-01/moor",
        "not_expected: holiday, such as 2026-01-06/moor",
    ]


def test_surplus_is_found(office: Office) -> None:
    office.rain(SINCE, date(2026, 1, 7))

    item = office.item(criteria.no_surplus())

    assert (item.severity, lines(item)) == (Severity.FAIL, {"rain": 2.0})


def test_checks_are_chosen_by_pattern(filled: Office) -> None:
    filled.execute("update league.rain set millimetres = 500 where day = '2026-01-02'")

    named = filled.item(criteria.checks_pass("*_invalid"))
    others = filled.item(criteria.checks_pass("*_coverage"))

    assert (named.severity, others.severity) == (Severity.FAIL, Severity.PASS)
    assert [line.group for line in named.lines] == ["rain_millimetres_invalid"]


def test_a_pattern_that_names_no_check_is_an_error(filled: Office) -> None:
    item = filled.item(criteria.checks_pass("rian_*"))

    assert (item.severity, item.is_met) == (Severity.ERROR, False)
    assert "no check is called rian_*" in item.detail


def test_a_measurement_of_its_own_is_judged_by_its_check(filled: Office) -> None:
    item = filled.item(criteria.measured(replace(mean_points, warn=Limit(low=101))))

    assert (item.name, item.severity, item.value) == ("mean_points", Severity.WARN, 100.0)


def test_a_measurement_of_its_own_is_not_kept_with_the_checks(filled: Office) -> None:
    filled.item(criteria.measured(mean_points))

    assert filled.execute("select count(*) from stocktake.check_result") == [(0,)]


def test_a_statement_that_does_not_exist_is_an_error(filled: Office) -> None:
    item = filled.item(criteria.measured(replace(mean_points, value="nowhere")))

    assert item.severity is Severity.ERROR


def test_rows_that_vanished_are_found_by_verifying(filled: Office) -> None:
    before = filled.item(criteria.verified())
    filled.execute("delete from league.rain where day = '2026-01-02'")

    after = filled.item(criteria.verified())

    assert (before.severity, after.severity) == (Severity.PASS, Severity.FAIL)
    assert lines(after) == {"ledger of rain": 2.0}


def test_a_paused_run_is_unfinished(filled: Office) -> None:
    filled.execute("update stocktake.run set state = 'paused' where run_id = 1")

    item = filled.item(criteria.no_unfinished_runs())

    assert (item.severity, lines(item)) == (Severity.FAIL, {"run 1": 1.0})


def test_pairs_nobody_decided_are_counted(filled: Office) -> None:
    filled.load("score", [("g2026-01-02", 3), ("g2026-01-02", 4)])

    item = filled.item(criteria.no_duplicates())

    assert (item.severity, lines(item)) == (Severity.FAIL, {"score": 1.0})


def test_the_next_schedule_is_listed(filled: Office) -> None:
    item = filled.item(criteria.schedules())
    (line,) = schedule_lines([LEAGUE], now=filled.now)

    assert (item.severity, item.value) == (Severity.PASS, 1.0)
    assert item.detail == f"next health at {line.next_at:%a %Y-%m-%d %H:%M}"


def test_a_list_of_nothing_is_met(filled: Office) -> None:
    item = filled.item(criteria.accepted_or_unrecoverable())

    assert (item.severity, item.threshold) == (Severity.PASS, "listed only")


def test_a_function_measures_and_leaves_no_trace(filled: Office) -> None:
    item = filled.item(criteria.function("later", PLACE, fail=Limit(high=0)), JANUARY)

    assert (item.severity, item.detail) == (Severity.PASS, "2026-01-01 to 2026-01-10")
    assert filled.execute("select count(*) > 0 from league.rain") == [(True,)]


def test_a_function_that_does_not_exist_is_an_error(filled: Office) -> None:
    item = filled.item(criteria.function("later", f"{PLACE}s"))

    assert (item.severity, item.is_met) == (Severity.ERROR, False)


@pytest.mark.parametrize(
    ("scored", "points", "verdict", "code"),
    [(20, 100, "ready", 0), (18, 100, "ready_degraded", 1), (10, 100, "not_ready", 2),
     (20, 60, "ready_degraded", 1), (20, 40, "not_ready", 2)],
)  # fmt: skip
def test_a_gate_is_as_ready_as_its_gravest_criterion(
    office: Office, scored: int, points: int, verdict: str, code: int
) -> None:
    days = [f"2025-12-{day:02}" for day in range(1, 21)]
    office.games(*days, points=points, scored=scored)

    told = measure_gate(office.workspace, LEAGUE, "model", Range())

    assert (told.verdict, told.exit_code, bool(told.reasons)) == (verdict, code, code > 0)


def test_a_gate_with_nothing_to_measure_is_not_ready(office: Office) -> None:
    told = measure_gate(office.workspace, LEAGUE, "model", Range())

    assert told.verdict == "not_ready"


def test_a_gate_is_a_criterion_of_a_sign_off(office: Office) -> None:
    item = office.item(criteria.gate("model"))

    assert (item.name, item.severity) == ("gate_model", Severity.FAIL)
    assert item.detail.startswith("not_ready; coverage: nothing is expected")


def test_a_gate_within_a_gate_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be a criterion of a gate"):
        Gate("outer", (criteria.gate("inner"),))


def test_two_criteria_of_one_name_are_refused() -> None:
    twice: tuple[Criterion, ...] = (criteria.schedules(), criteria.schedules())

    with pytest.raises(ValueError, match="schedules"):
        replace(LEAGUE, signoff=twice)


def test_a_plan_that_would_fetch_something_is_not_idle(filled: Office) -> None:
    assert PlanOptions().states == ()
    item = filled.item(criteria.second_run_is_idle())

    assert (item.severity, item.detail) == (Severity.PASS, "0 requests, nothing to recompute")
