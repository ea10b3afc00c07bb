"""The system as declared: endpoints, requests, calendar, tables."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from stocktake import State
from stocktake.systems.racing import system
from stocktake.systems.racing.bookmakers import shipped
from stocktake.systems.racing.racing_days import RACING_CALENDAR
from stocktake.systems.racing.sources import ENDPOINTS
from tests.systems.racing.real import real_file

TODAY = date(2026, 11, 21)


def requests(feed: str, *units: tuple[str, ...]) -> list[Any]:
    return list(system.feed(feed)[1].requests(units))


def closed(region: str, since: date, until: date) -> set[date]:
    spans = RACING_CALENDAR.spans((region,), since, until)
    return {
        span.first + timedelta(days=offset)
        for span in spans
        if span.state is State.NOT_EXPECTED
        for offset in range((span.last - span.first).days + 1)
    }


def test_every_endpoint_is_one_of_the_published_specification() -> None:
    specification = real_file("reference/theracingapi_openapi_1.4.3.yml.gz").decode()
    published = set(re.findall(r"^  (/v1/\S+):$", specification, re.MULTILINE))

    assert set(ENDPOINTS) <= published


def test_there_is_no_results_pro() -> None:
    assert "/v1/results/pro" not in ENDPOINTS


def test_rates_are_those_of_the_plan() -> None:
    rates = {feed.name: feed.endpoint.per_second for _, feed in system.feeds()}

    assert rates == {
        "regions": 1,
        "courses": 1,
        "results": 5,
        "racecards": 2,
        "horse_pro": 5,
        "horse_standard": 5,
        "results_today": 5,
        "racecards_standard": 2,
        "racecards_basic": 2,
        "racecards_free": 1,
    }


def test_every_endpoint_can_be_asked_by_hand() -> None:
    """None of them has a list of people, horses or bookmakers; `/v1/results/pro` does not exist."""
    (api,) = (source for source in system.sources if source.lookups)

    assert {endpoint.name for endpoint in api.lookups} >= {
        "/v1/racecards/summaries",
        "/v1/racecards/{race_id}/pro",
        "/v1/results/{race_id}",
        "/v1/results/today/free",
        "/v1/horses/search",
        "/v1/odds/{race_id}/{horse_id}",
    }
    assert "/v1/results/pro" not in {endpoint.name for endpoint in api.lookups}


def test_one_request_fills_both_regions_of_a_day() -> None:
    (request,) = requests("results", ("2025-10-07", "gb"), ("2025-10-07", "ire"))

    assert request.params == (
        ("start_date", "2025-10-07"),
        ("end_date", "2025-10-07"),
        ("region", "gb"),
        ("region", "ire"),
        ("limit", "100"),
    )
    assert len(request.units) == 2


def test_days_are_asked_for_in_the_order_wanted() -> None:
    days = [("2025-10-07", "gb"), ("2025-10-06", "gb"), ("2025-10-07", "ire")]

    assert [dict(one.params)["date"] for one in requests("racecards", *days)] == [
        "2025-10-07",
        "2025-10-06",
    ]


def test_hong_kong_is_never_asked_of_the_api() -> None:
    assert requests("results", ("2025-10-07", "hk")) == []


def test_a_horse_is_one_request() -> None:
    (request,) = requests("horse_pro", ("hrs_7",))

    assert request.path == "/v1/horses/hrs_7/pro"


def test_results_beyond_a_year_are_unrecoverable_without_the_add_on() -> None:
    window = system.feed("results")[1].window

    assert (window.days_back, window.state, window.reason, window.lifted_by) == (
        365,
        State.UNRECOVERABLE,
        "plan: historical results add-on",
        "historical_results",
    )


def test_cards_start_in_2023() -> None:
    window = system.feed("racecards")[1].window

    assert (window.since, window.reason, window.days_ahead) == (
        date(2023, 1, 23),
        "source starts 2023-01-23",
        7,
    )
    assert (date(2023, 1, 23) - date(2015, 1, 1)).days == 2_944


def test_a_dead_id_is_unrecoverable() -> None:
    feed = system.feed("horse_pro")[1]

    assert (set(feed.absent_statuses), feed.absent_reason) == ({404}, "no such horse")


@pytest.mark.parametrize("region", ["gb", "ire"])
def test_christmas_is_closed_every_year(region: str) -> None:
    days = closed(region, date(2015, 1, 1), TODAY)

    assert {date(year, 12, 25) for year in range(2015, 2026)} <= days


@pytest.mark.parametrize(
    ("region", "first", "last"),
    [
        ("gb", date(2020, 3, 18), date(2020, 5, 31)),
        ("ire", date(2020, 3, 25), date(2020, 6, 7)),
        ("gb", date(2019, 2, 7), date(2019, 2, 12)),
        ("gb", date(2022, 9, 9), date(2022, 9, 10)),
        ("gb", date(2022, 9, 19), date(2022, 9, 19)),
    ],
)
def test_times_without_racing_are_closed_from_first_to_last_day(
    region: str, first: date, last: date
) -> None:
    day = timedelta(days=1)

    days = closed(region, first - day, last + day)
    assert days == {first + day * offset for offset in range((last - first).days + 1)}


def test_every_day_but_the_closed_ones_is_expected() -> None:
    since = date(2015, 1, 1)
    spans = list(RACING_CALENDAR.spans(("ire",), since, TODAY))

    days = sum((span.last - span.first).days + 1 for span in spans)
    assert (days, len(closed("ire", since, TODAY))) == (4_343, 22 + 75)


def test_assumed_reasons_say_so() -> None:
    reasons = {closure.reason for closure in RACING_CALENDAR.closures}

    assert {one for one in reasons if "(assumed)" not in one} == {"no racing: Christmas Day"}


def test_eighteen_tables_keep_their_names() -> None:
    ours = {"hk_race_days", "entity_alias"}
    names = {dataset.name for dataset in system.datasets} - ours

    assert len(names) == 18


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("ra_mst_races", "ra_races"),
        ("ra_mst_runners", "ra_runners"),
        ("ra_mst_race_results", "ra_race_results"),
        ("ra_courses", "ra_mst_courses"),
        ("ra_horses", "ra_mst_horses"),
        ("ra_jockeys", "ra_mst_jockeys"),
        ("ra_trainers", "ra_mst_trainers"),
        ("ra_owners", "ra_mst_owners"),
        ("ra_bookmakers", "ra_mst_bookmakers"),
        ("ra_regions", "ra_mst_regions"),
    ],
)
def test_old_names_are_known(old: str, name: str) -> None:
    assert system.dataset(old).name == name


def test_datasets_come_after_those_they_need() -> None:
    for dataset in system.datasets:
        assert set(dataset.after) <= {other.name for other in system.datasets}


def test_races_are_shared_but_for_what_only_one_side_knows() -> None:
    card, result = system.dataset("ra_races").facets

    owned_by_card = set(card.columns) - card.shared - {"race_id"}
    owned_by_result = set(result.columns) - result.shared - {"race_id"}
    assert {"tip", "verdict", "field_size", "is_abandoned", "stalls"} <= owned_by_card
    assert {"winning_time", "tote_csf", "non_runners", "has_result"} <= owned_by_result
    assert owned_by_card & owned_by_result == set()


def test_each_facet_begins_with_the_key() -> None:
    for dataset in system.datasets:
        for facet in dataset.facets:
            assert facet.columns[: len(dataset.key)] == dataset.key or set(dataset.key) <= set(
                facet.columns
            )


def test_the_shipped_bookmakers_are_22_with_codes_of_their_own() -> None:
    assert (len(shipped()), len({row.code for row in shipped()})) == (22, 22)


def test_schedules_fire_at_the_hours_promised() -> None:
    crons = {schedule.name: schedule.cron for schedule in system.schedules}

    assert crons["transactions"] == "0 6,10,14,18,22 * * *"
    assert crons["statistics"] == "30 2 * * *"
    assert {schedule.zone for schedule in system.schedules} == {"Europe/London"}
