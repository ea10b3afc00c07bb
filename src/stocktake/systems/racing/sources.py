"""Where racing comes from: the API's endpoints and feeds, and the files that can be loaded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from stocktake import (
    Assumed,
    Endpoint,
    Feed,
    FileFormat,
    Request,
    Settle,
    Source,
    State,
    Whole,
    Window,
)
from stocktake.systems.racing.bookmakers import parse_bookmakers
from stocktake.systems.racing.coordinates import parse_coordinates
from stocktake.systems.racing.datasets import PEOPLE
from stocktake.systems.racing.hkjc import parse_hkjc
from stocktake.systems.racing.hkjc_days import parse_fixtures, parse_index
from stocktake.systems.racing.parse import (
    following_page,
    one_race,
    parse_courses,
    parse_horse_pro,
    parse_regions,
)
from stocktake.systems.racing.racecards import parse_racecards
from stocktake.systems.racing.racing_days import CARDS_SINCE, REGIONS, SERIES
from stocktake.systems.racing.results import parse_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Keys = tuple[str, ...]

LONDON = "Europe/London"

RELATIVE = frozenset({"/v1/racecards/free", "/v1/racecards/basic", "/v1/racecards/standard"})

ENDPOINTS: Mapping[str, Endpoint] = {
    name: Endpoint(name, per_second, relative_day=("day", LONDON) if name in RELATIVE else None)
    for name, per_second in {
        "/v1/courses/regions": 1,
        "/v1/courses": 1,
        "/v1/racecards/pro": 2,
        "/v1/racecards/summaries": 5,
        "/v1/racecards/{race_id}/pro": 5,
        "/v1/racecards/free": 1,
        "/v1/racecards/basic": 2,
        "/v1/racecards/standard": 2,
        "/v1/racecards/big-races": 2,
        "/v1/results": 5,
        "/v1/results/today": 5,
        "/v1/results/today/free": 1,
        "/v1/results/{race_id}": 5,
        "/v1/horses/{horse_id}/pro": 5,
        "/v1/horses/{horse_id}/standard": 5,
        "/v1/horses/{horse_id}/results": 5,
        "/v1/horses/search": 5,
        "/v1/jockeys/search": 5,
        "/v1/trainers/search": 5,
        "/v1/owners/search": 5,
        "/v1/sires/search": 5,
        "/v1/dams/search": 5,
        "/v1/damsires/search": 5,
        "/v1/odds/{race_id}/{horse_id}": 5,
    }.items()
}
"""What the plan allows, requests per second; endpoints without a feed are asked by hand: see `ask`.

There is no `/v1/results/pro`, and no list of people, horses or bookmakers: those are extracted.
"""

UNITS = {
    "ra_races": ("date", "lower(region)"),
    "ra_runners": ("race_date", "lower(region)"),
    "ra_race_results": ("race_date", "lower(region)"),
}
"""Day and region of a row: answers of a day tell all of its races and runners."""

RESULTS_LIMIT, RESULTS_HIGHEST_SKIP = 100, 20_000
CARDS_LIMIT, CARDS_HIGHEST_SKIP = 500, 500
RECHECK = (timedelta(days=1), timedelta(days=3), timedelta(days=10))


def _by_day(units: Sequence[Keys]) -> Mapping[str, list[Keys]]:
    days: dict[str, list[Keys]] = {}
    for key in units:
        if key[1] in REGIONS:
            days.setdefault(key[0], []).append(key)
    return days


def result_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per day, for all its regions wanted."""
    for day, keys in _by_day(units).items():
        regions = tuple(("region", key[1]) for key in keys)
        params = (("start_date", day), ("end_date", day), *regions, ("limit", str(RESULTS_LIMIT)))
        yield Request("results", "/v1/results", params, tuple(keys))


def card_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per day, for all its regions wanted."""
    for day, keys in _by_day(units).items():
        regions = tuple(("region_codes", key[1]) for key in keys)
        params = (("date", day), *regions, ("limit", str(CARDS_LIMIT)))
        yield Request("racecards", "/v1/racecards/pro", params, tuple(keys))


def todays_result_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield the request for today, the only day this endpoint has."""
    for keys in _by_day(units).values():
        params = (*(("region", key[1]) for key in keys), ("limit", str(RESULTS_LIMIT)))
        yield Request("results_today", "/v1/results/today", params, tuple(keys))


def near_card_requests(feed: str, path: str) -> Callable[[Sequence[Keys]], Iterable[Request]]:
    """Return the rule for an endpoint that has the cards of today and tomorrow."""

    def requests(units: Sequence[Keys]) -> Iterable[Request]:
        """Yield one request per day, for all its regions wanted."""
        for day, keys in _by_day(units).items():
            regions = tuple(("region_codes", key[1]) for key in keys)
            params = (("day", day), *regions, ("limit", str(CARDS_LIMIT)))
            yield Request(feed, path, params, tuple(keys))

    return requests


def region_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield the one request there is."""
    if units:
        yield Request("regions", "/v1/courses/regions", (), tuple(units))


def course_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request for all regions wanted."""
    if units:
        params = tuple(("region_codes", key[0]) for key in units)
        yield Request("courses", "/v1/courses", params, tuple(units))


def horse_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per horse."""
    for key in units:
        yield Request("horse_pro", f"/v1/horses/{key[0]}/pro", (), (key,))


def standard_horse_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per horse."""
    for key in units:
        yield Request("horse_standard", f"/v1/horses/{key[0]}/standard", (), (key,))


PARENTS = ("ra_mst_sires", "ra_mst_dams", "ra_mst_damsires")

REGIONS_FEED = Feed(
    "regions",
    ENDPOINTS["/v1/courses/regions"],
    fills=("ra_mst_regions", "ra_mst_bookmakers"),
    requests=region_requests,
    parse=parse_regions,
    refresh_after=timedelta(days=90),
)
COURSES_FEED = Feed(
    "courses",
    ENDPOINTS["/v1/courses"],
    fills=("ra_mst_courses",),
    requests=course_requests,
    parse=parse_courses,
    refresh_after=timedelta(days=30),
)
RESULTS_FEED = Feed(
    "results",
    ENDPOINTS["/v1/results"],
    fills=("ra_races", "ra_runners", "ra_race_results"),
    requests=result_requests,
    assumed=Assumed(rows_per_unit=360, bytes_per_request=55_000),
    parse=parse_results,
    next_page=following_page(RESULTS_HIGHEST_SKIP),
    also=(*PARENTS, "ra_mst_horses", "ra_horse_pedigree", *PEOPLE),
    only=SERIES,
    window=Window(
        days_back=365,
        state=State.UNRECOVERABLE,
        reason="plan: historical results add-on",
        lifted_by="historical_results",
    ),
    settle=Settle(recheck=RECHECK),
    enabled_by="plan=standard|pro",
    whole=tuple(Whole(name, "result", unit) for name, unit in UNITS.items()),
)
RACECARDS_FEED = Feed(
    "racecards",
    ENDPOINTS["/v1/racecards/pro"],
    fills=("ra_races", "ra_runners"),
    requests=card_requests,
    assumed=Assumed(rows_per_unit=200, bytes_per_request=110_000),
    parse=parse_racecards,
    next_page=following_page(CARDS_HIGHEST_SKIP),
    also=(*PARENTS, "ra_mst_horses", "ra_horse_pedigree", *PEOPLE, "ra_mst_bookmakers"),
    only=SERIES,
    window=Window(since=CARDS_SINCE, days_ahead=7, reason=f"source starts {CARDS_SINCE}"),
    settle=Settle(),
    enabled_by="plan=pro",
    whole=tuple(Whole(name, "card", UNITS[name]) for name in ("ra_races", "ra_runners")),
)
HORSE_FEED = Feed(
    "horse_pro",
    ENDPOINTS["/v1/horses/{horse_id}/pro"],
    fills=("ra_horse_pedigree",),
    requests=horse_requests,
    assumed=Assumed(rows_per_unit=2, bytes_per_request=300, new_per_day=(55, 25)),
    parse=parse_horse_pro,
    also=("ra_mst_horses", *PARENTS),
    turn=1,
    absent_statuses=frozenset({404}),
    absent_reason="no such horse",
    refresh_after=timedelta(days=365),
    outdated="renamed_horses",
    enabled_by="plan=pro",
)


def _near_cards(plan: str) -> Feed:
    name, path = f"racecards_{plan}", f"/v1/racecards/{plan}"
    return replace(
        RACECARDS_FEED,
        name=name,
        endpoint=ENDPOINTS[path],
        requests=near_card_requests(name, path),
        window=Window(days_back=1, days_ahead=1, reason=f"plan: {plan} has today and tomorrow"),
        enabled_by=f"plan={plan}",
    )


# What smaller plans have in place of the feeds above. One plan is in force: `plan` of the source.
# Results of the free plan have neither prices nor times, so they are no result of ours.
SMALLER = (
    replace(
        HORSE_FEED,
        name="horse_standard",
        endpoint=ENDPOINTS["/v1/horses/{horse_id}/standard"],
        requests=standard_horse_requests,
        enabled_by="plan=standard",
    ),
    replace(
        RESULTS_FEED,
        name="results_today",
        endpoint=ENDPOINTS["/v1/results/today"],
        requests=todays_result_requests,
        window=Window(days_back=1, state=State.UNRECOVERABLE, reason="plan: basic has today"),
        settle=Settle(),
        enabled_by="plan=basic",
    ),
    *(_near_cards(plan) for plan in ("standard", "basic", "free")),
)

THE_RACING_API = Source(
    "theracingapi",
    base_url="https://api.theracingapi.com",
    auth="basic",
    feeds=(REGIONS_FEED, COURSES_FEED, RESULTS_FEED, RACECARDS_FEED, HORSE_FEED, *SMALLER),
    defaults={"plan": "pro"},
    lookups=tuple(ENDPOINTS.values()),
    terms="An interface for programs, with an account: its limits and terms say what may be asked.",
    files=(
        FileFormat(
            "race_result",
            fills=RESULTS_FEED.fills,
            suffixes=(".json",),
            parse=one_race("results", parse_results),
            also=RESULTS_FEED.also,
            lookup="/v1/results/{race_id}",
        ),
        FileFormat(
            "race_card",
            fills=RACECARDS_FEED.fills,
            suffixes=(".json",),
            parse=one_race("racecards", parse_racecards),
            also=RACECARDS_FEED.also,
            lookup="/v1/racecards/{race_id}/pro",
        ),
    ),
    settings={
        "plan": "`free`, `basic`, `standard` or `pro`: what the account has. Smaller plans have "
        "cards of today and tomorrow; basic has results of today only, free none with prices. "
        "`pro` unless set.",
        "historical_results": "true when the plan has the historical results add-on: results "
        "older than 365 days can then be had.",
    },
)
FILES = Source(
    "files",
    files=(
        FileFormat(
            "hkjc",
            fills=("ra_races", "ra_runners", "ra_race_results"),
            suffixes=(".csv",),
            parse=parse_hkjc,
            also=("ra_mst_courses", "ra_mst_horses", "ra_mst_jockeys", "ra_mst_trainers"),
        ),
        FileFormat("hkjc_index", ("hk_race_days",), (".csv",), parse_index),
        FileFormat("hkjc_fixtures", ("hk_race_days",), (".csv",), parse_fixtures),
        FileFormat("bookmakers", ("ra_mst_bookmakers",), (".csv",), parse_bookmakers),
        FileFormat("coordinates", ("ra_mst_courses",), (".csv",), parse_coordinates),
    ),
)
SOURCES = (THE_RACING_API, FILES)
