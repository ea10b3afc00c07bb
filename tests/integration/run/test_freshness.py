"""Freshness: how far datasets are behind what their sources have, on a clock that tests move."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.model import Freshness, Lag, Range, Severity
from stocktake.run.checked import check_system
from stocktake.run.fresh import measure_freshness
from stocktake.run.registry import find_datasets
from stocktake.run.standing import stand_json, stand_of
from stocktake.testing import Fault
from tests.integration.run.conftest import DAYS, RACING

if TYPE_CHECKING:
    from tests.integration.run.conftest import Stable

GB, IRE = ("gb",), ("ire",)


def lags(stable: Stable) -> dict[tuple[str, tuple[str, ...]], Lag]:
    return {
        (one.dataset, one.series): one for one in measure_freshness(stable.workspace, stable.system)
    }


def hours(stable: Stable, dataset: str = "ra_races", series: tuple[str, ...] = GB) -> float | None:
    found = lags(stable)[dataset, series].behind_hours
    return None if found is None else round(found, 2)


@pytest.fixture
def kept(stable: Stable) -> Stable:
    """Kept up to 2026-03-10 12:00, without statistics."""
    stable.system = replace(RACING, derivations=())
    stable.sync(*DAYS, days=3)
    return stable


def test_nothing_is_late_where_nothing_was_ever_held(stable: Stable) -> None:
    found = lags(stable)

    assert found["ra_races", GB].severity is Severity.NOT_APPLICABLE
    assert found["ra_races", GB].behind_hours is None


def test_a_day_is_late_from_four_hours_after_its_end(kept: Stable) -> None:
    assert hours(kept) == 0.0

    kept.now = datetime(2026, 3, 11, 3, 59, tzinfo=UTC)
    assert hours(kept) == 0.0
    kept.now = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)
    assert hours(kept) == 2.5


@pytest.mark.parametrize(
    ("later", "severity"), [(3.9, Severity.PASS), (4.1, Severity.WARN), (28.1, Severity.FAIL)]
)
def test_the_promise_says_from_when_on_it_warns_and_fails(
    kept: Stable, later: float, severity: Severity
) -> None:
    kept.now = datetime(2026, 3, 11, 4, tzinfo=UTC) + timedelta(hours=later)

    assert lags(kept)["ra_races", GB].severity is severity


def test_a_sync_makes_it_fresh_again_and_moves_the_newest_settled_day(kept: Stable) -> None:
    kept.now = datetime(2026, 3, 12, 12, tzinfo=UTC)
    late = lags(kept)["ra_races", GB]
    kept.sync(*DAYS, days=3)

    assert (late.settled_until, late.reason[:10]) == (date(2026, 3, 9), "2026-03-10")
    assert hours(kept) == 0.0
    assert lags(kept)["ra_races", GB].settled_until == date(2026, 3, 11)


def test_slices_are_measured_by_themselves(kept: Stable) -> None:
    kept.now = datetime(2026, 3, 11, 12, tzinfo=UTC)
    kept.server.rules.add([Fault("results_empty_with_total", match="2026-03-10")])
    kept.sync(*DAYS, days=3)

    assert hours(kept, series=IRE) == 8.0
    kept.system = replace(
        kept.system,
        freshness=(
            Freshness(("ra_races",), timedelta(hours=4)),
            Freshness(("ra_races",), timedelta(hours=9), series=IRE),
        ),
    )
    found = lags(kept)
    assert found["ra_races", GB].severity is Severity.WARN
    assert found["ra_races", IRE].severity is Severity.PASS


def test_an_old_gap_is_a_gap_and_not_lateness(kept: Stable) -> None:
    kept.now = datetime(2026, 3, 11, 12, tzinfo=UTC)
    kept.server.rules.add([Fault("results_empty_with_total", match="2026-03-10")])
    for _ in range(5):
        kept.sync(*DAYS, days=3)
        kept.now += timedelta(days=1)
    kept.now -= timedelta(days=1)

    assert hours(kept) == 0.0


def test_nothing_new_for_weeks_is_late_since_it_began(kept: Stable) -> None:
    kept.now = datetime(2026, 3, 30, 4, tzinfo=UTC)

    found = lags(kept)["ra_races", GB]
    assert (hours(kept), found.severity) == (19 * 24, Severity.FAIL)


def test_statistics_are_late_since_their_inputs_changed(stable: Stable) -> None:
    derivations = stable.system.derivations
    stable.sync(*DAYS, days=2)
    assert hours(stable, "ra_performance_by_venue", ()) == 0.0

    stable.system = replace(stable.system, derivations=())
    stable.now += timedelta(days=1)
    stable.sync(*DAYS, days=2)
    stable.system = replace(stable.system, derivations=derivations)

    found = lags(stable)["ra_performance_by_venue", ()]
    assert found.behind_hours is not None
    assert 0 < found.behind_hours < 1
    assert "has not followed" in found.reason


def test_check_and_status_tell_what_is_late(kept: Stable) -> None:
    kept.now = datetime(2026, 3, 11, 10, tzinfo=UTC)
    chosen = find_datasets(kept.system, ["ra_races"])

    results = check_system(kept.workspace, kept.system, chosen, Range())
    told = {(one.check, one.group): one for one in results if one.check == "ra_races_fresh"}
    assert told["ra_races_fresh", "gb"].severity is Severity.WARN
    assert told["ra_races_fresh", "gb"].value == 6.0
    past = check_system(kept.workspace, kept.system, chosen, Range(until=date(2026, 3, 1)))
    assert [one for one in past if one.check == "ra_races_fresh"] == []

    stand = stand_json(stand_of(kept.workspace, kept.system))
    (races,) = [one for one in stand if one["dataset"] == "ra_races"]
    assert {one["series"][0]: one["severity"] for one in races["freshness"]} == {
        "gb": "warn", "ire": "warn",
    }  # fmt: skip
    assert races["newest_settled"] == date(2026, 3, 9)


def test_a_slice_without_days_is_as_late_as_its_own_promise_says() -> None:
    promise = Freshness(("ra_mst_owners",), timedelta(days=7))

    assert promise.limit == timedelta(days=8)
