from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocktake.model import (
    Assumed,
    Cross,
    Dataset,
    Days,
    Derivation,
    Endpoint,
    Feed,
    FromDataset,
    Need,
    Observed,
    Parsed,
    Plan,
    PlanOptions,
    Request,
    Source,
    State,
    System,
    Values,
    day_of,
    ordinal_of,
)
from stocktake.model.ordinals import Ranges, members, size
from stocktake.plan.planner import make_plan

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SINCE, CARDS_SINCE, TODAY = date(2015, 1, 1), date(2023, 1, 23), date(2026, 11, 21)
REGIONS = ("gb", "ire")


def per_day(feed: str) -> object:
    def requests(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
        days: dict[str, list[tuple[str, ...]]] = {}
        for unit in units:
            days.setdefault(unit[0], []).append(unit)
        for day, keys in days.items():
            yield Request(feed, f"/{feed}/{day}", units=tuple(keys))

    return requests


def per_unit(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    for unit in units:
        yield Request("horses", f"/horses/{unit[0]}", units=(unit,))


def all_at_once(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    yield Request("courses", "/courses", units=tuple(units))


def unparsed(bodies: Sequence[bytes], request: Request, at: datetime) -> Parsed:
    return Parsed()


RACES = Dataset("races", ("id",), Cross((Days(SINCE), Values(REGIONS))))
RUNNERS = Dataset("runners", ("id",), Cross((Days(SINCE), Values(REGIONS))), after=("races",))
HORSES = Dataset("horses", ("id",), FromDataset("runners", "horse_id"), priorities=(1,))
COURSES = Dataset("courses", ("id",), Values(REGIONS))
FORM = Dataset("form", ("id",), Cross((Days(SINCE), Values(REGIONS))), after=("runners",))

RESULTS_FEED = Feed(
    "results",
    Endpoint("results", 5),
    ("races", "runners"),
    per_day("results"),  # type: ignore[arg-type]
    unparsed,
)
CARDS_FEED = replace(
    RESULTS_FEED,
    name="cards",
    endpoint=Endpoint("cards", 2),
    requests=per_day("cards"),  # type: ignore[arg-type]
)
HORSES_FEED = Feed(
    "horses",
    Endpoint("horse", 5),
    ("horses",),
    per_unit,
    unparsed,
    turn=1,
    assumed=Assumed(new_per_day=(55, 25)),
)
COURSES_FEED = Feed("courses", Endpoint("courses", 1), ("courses",), all_at_once, unparsed)
SYSTEM = System(
    "turf",
    "",
    (COURSES, RACES, RUNNERS, HORSES, FORM),
    (Source("api", feeds=(RESULTS_FEED, CARDS_FEED, HORSES_FEED, COURSES_FEED)),),
    (Derivation("form", "form", ("runners",), ("id",)),),
)


def days(since: date, until: date) -> Ranges:
    return ((ordinal_of(since), ordinal_of(until) + 1),)


def missing(feed: Feed, since: date, until: date = TODAY) -> list[Need]:
    return [
        Need(feed.name, dataset, (region,), State.MISSING, "", days(since, until))
        for dataset in feed.fills
        for region in REGIONS
    ]


WHOLE = [
    Need("courses", "courses", (), State.MISSING, "", ((0, 2),)),
    *missing(RESULTS_FEED, SINCE),
    *missing(CARDS_FEED, CARDS_SINCE),
    Need(
        "cards",
        "races",
        ("gb",),
        State.NOT_EXPECTED,
        "source starts 2023-01-23",
        days(SINCE, date(2023, 1, 22)),
    ),
]


def planned(
    options: PlanOptions | None = None,
    needs: Sequence[Need] = WHOLE,
    observed: Observed | None = None,
) -> Plan:
    return make_plan(
        SYSTEM, needs, options or PlanOptions(), observed=observed or Observed(), now=NOW
    )


def requests_of(plan: Plan, feed: str) -> int:
    return sum(part.requests for part in plan.parts if part.feed == feed)


def fetched_days(plan: Plan, feed: str) -> list[date]:
    return [
        day_of(ordinal)
        for part in plan.parts
        if part.feed == feed
        for ordinal in sorted(members(part.ordinals[("gb",)]), reverse=True)
    ]


def test_the_racing_backfill_costs_what_its_specification_says() -> None:
    plan = planned()
    cost = {one.endpoint: one for one in plan.costs}

    assert (cost["results"].requests, round(cost["results"].seconds / 60)) == (4343, 15)
    assert (cost["cards"].requests, round(cost["cards"].seconds / 60)) == (1399, 12)
    assert cost["horse"].requests == pytest.approx(137_000, rel=0.01)
    assert cost["horse"].seconds / 3600 == pytest.approx(8.0, abs=0.1)


def test_endpoints_of_a_wave_are_asked_side_by_side() -> None:
    assert planned().seconds / 3600 == pytest.approx(8.3, abs=0.1)


def test_the_naive_time_is_that_of_the_slowest_endpoint() -> None:
    horses = Need("horses", "horses", (), State.MISSING, "", ((0, 145_000 - 4343 - 1399),))
    needs = [*missing(RESULTS_FEED, SINCE), *missing(CARDS_FEED, CARDS_SINCE), horses]
    known = Observed(held_days={"runners": 10**6}, members={("runners", "horse_id"): 0})

    plan = planned(needs=needs, observed=known)

    assert (plan.requests, round(plan.naive_seconds / 3600, 1)) == (145_000, 20.1)


def test_one_request_that_covers_two_regions_counts_once() -> None:
    week = missing(RESULTS_FEED, date(2026, 11, 15))

    plan = planned(needs=week, options=PlanOptions())

    assert (requests_of(plan, "results"), plan.parts[0].units) == (7, 14)


def test_nothing_is_asked_of_cards_before_they_exist_and_the_reason_is_told() -> None:
    plan = planned()

    assert min(fetched_days(plan, "cards")) == CARDS_SINCE
    assert plan.unreachable == (("cards: source starts 2023-01-23", "races", 2944),)


def test_newest_years_come_first_and_lists_before_them() -> None:
    plan = planned()
    labels = list(dict.fromkeys(part.label for part in plan.parts))

    years = [str(year) for year in range(2026, 2014, -1)]
    assert labels == ["lists", *years, "enrichment", "derived"]


def test_oldest_first_turns_the_years_round() -> None:
    plan = planned(PlanOptions(order="oldest"))
    labels = list(dict.fromkeys(part.label for part in plan.parts))

    assert labels[1:3] == ["2015", "2016"]


def test_results_and_cards_of_a_year_share_a_wave() -> None:
    plan = planned()

    assert len({part.wave for part in plan.parts if part.label == "2025"}) == 1


def test_by_priority_nothing_urgent_waits_for_enrichment() -> None:
    needs = [replace(need, priority=0) for need in WHOLE]
    plan = planned(PlanOptions(order="priority"), needs=needs)
    urgent = [part.wave for part in plan.parts if part.feed in {"results", "cards", "courses"}]
    later = [part.wave for part in plan.parts if part.feed == "horses"]

    assert max(urgent) < min(later)


def test_parts_of_a_plan_by_priority_are_called_by_it() -> None:
    needs = [replace(need, priority=0) for need in WHOLE]
    plan = planned(PlanOptions(order="priority"), needs=needs)
    labels = list(dict.fromkeys(part.label for part in plan.parts))

    assert labels[:2] == ["P0 lists", "P0 2026"]
    assert labels[-2:] == ["P1 enrichment", "derived"]


def test_what_is_not_asked_for_by_priority_is_not_in_the_plan() -> None:
    needs = [replace(need, priority=0) for need in WHOLE]
    plan = planned(PlanOptions(priorities=(0,)), needs=needs)

    assert {part.feed for part in plan.parts if part.kind == "fetch"} == {
        *("results", "cards", "courses")
    }


def test_a_unit_is_as_urgent_as_the_most_urgent_dataset_it_fills() -> None:
    week = days(date(2026, 11, 1), date(2026, 11, 7))
    needs = [
        Need("results", dataset, ("gb",), State.MISSING, "", week, priority=rank)
        for rank, dataset in ((2, "runners"), (0, "races"))
    ]

    plan = planned(PlanOptions(order="priority"), needs=needs)

    assert [(part.priority, part.units) for part in plan.parts if part.feed == "results"] == [
        (0, 7)
    ]


def test_by_value_the_requests_that_gain_most_units_come_first() -> None:
    alone = Need("cards", "races", ("gb",), State.MISSING, "", days(date(2026, 1, 1), TODAY))
    plan = planned(
        PlanOptions(order="value"),
        needs=[alone, *missing(RESULTS_FEED, date(2020, 1, 1), date(2020, 12, 31))],
    )

    assert [part.feed for part in plan.parts if part.kind == "fetch"][:2] == ["results", "cards"]


def test_a_sample_takes_the_newest_days_of_every_feed() -> None:
    plan = planned(PlanOptions(sample=7))

    assert fetched_days(plan, "results") == fetched_days(plan, "cards")
    assert len(fetched_days(plan, "results")) == 7


def test_a_plan_stops_at_the_requests_allowed() -> None:
    plan = planned(PlanOptions(max_requests=500))

    assert plan.requests == 500


def test_a_cut_plan_keeps_the_newest_days() -> None:
    plan = planned(PlanOptions(max_requests=10), needs=missing(RESULTS_FEED, SINCE))

    assert fetched_days(plan, "results")[-1] == date(2026, 11, 12)


def test_a_plan_up_to_the_target_takes_no_more_than_that() -> None:
    plan = planned(
        PlanOptions(until_target=True),
        needs=missing(RESULTS_FEED, SINCE),
        observed=Observed(needed={"races": 100, "runners": 60}),
    )

    assert sum(part.units for part in plan.parts if part.feed == "results") == 100


def test_enrichment_takes_in_what_is_known_and_estimates_the_rest() -> None:
    known = Need("horses", "horses", (), State.MISSING, "", ((0, 1000),))
    plan = planned(needs=[known, *missing(RESULTS_FEED, date(2026, 11, 12))])

    part = next(part for part in plan.parts if part.feed == "horses")

    assert (part.dynamic, part.units) == (True, 1000 + 550)


def test_known_members_alone_are_planned_exactly() -> None:
    plan = planned(needs=[Need("horses", "horses", (), State.MISSING, "", ((0, 1000),))])

    assert [(part.dynamic, part.requests) for part in plan.parts] == [(False, 1000)]


def test_what_was_seen_scales_the_estimate_of_new_members() -> None:
    week = missing(RESULTS_FEED, date(2026, 11, 12))
    seen = Observed(held_days={"runners": 365}, members={("runners", "horse_id"): 40_150})

    part = next(part for part in planned(needs=week, observed=seen).parts if part.dynamic)

    assert part.units == pytest.approx(2 * 10 * (25 + 30 * 0.62), abs=1)


def test_derived_tables_come_last() -> None:
    plan = planned()

    assert (plan.parts[-1].kind, plan.parts[-1].feed) == ("derive", "form")


def test_a_daily_quota_stretches_a_plan_over_days() -> None:
    feed = replace(COURSES_FEED, endpoint=Endpoint("courses", 1, per_day=1), requests=per_unit)
    system = replace(SYSTEM, sources=(Source("api", feeds=(feed,)),), derivations=())
    needs = [Need("courses", "courses", (), State.MISSING, "", ((0, 2),))]

    plan = make_plan(system, needs, PlanOptions(), observed=Observed(), now=NOW)

    assert (plan.costs[0].quota_days, plan.seconds) == (2, 86_400)


def test_nothing_needed_gives_an_empty_plan() -> None:
    plan = planned(needs=[])

    assert (plan.parts, plan.requests, plan.seconds, plan.naive_seconds) == ((), 0, 0, 0)


@given(
    first=st.integers(0, 4000),
    length=st.integers(1, 900),
    order=st.sampled_from(["newest", "oldest", "priority", "value"]),
    limit=st.none() | st.integers(0, 1200),
)
def test_a_plan_never_asks_for_a_unit_twice_nor_for_what_is_not_needed(
    first: int, length: int, order: str, limit: int | None
) -> None:
    start = ordinal_of(SINCE) + first
    wanted = ((start, start + length),)
    needs = [Need("results", "races", ("gb",), State.MISSING, "", wanted)]

    plan = planned(PlanOptions(order=order, max_requests=limit), needs=needs)
    ordinals = [
        ordinal
        for part in plan.parts
        if part.feed == "results"
        for ordinal in members(part.ordinals[("gb",)])
    ]

    assert len(ordinals) == len(set(ordinals))
    assert set(ordinals) <= set(members(wanted))
    assert len(ordinals) == (size(wanted) if limit is None else min(limit, size(wanted)))
    assert plan.seconds >= 0


def named_by_letter(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    letters: dict[str, list[tuple[str, ...]]] = {}
    for unit in units:
        letters.setdefault(unit[0][0], []).append(unit)
    for letter, keys in letters.items():
        yield Request("log", f"/log/{letter}", units=tuple(keys))


GAMES = Dataset("games", ("id",), FromDataset("rounds", "game_id", day="day"))
ROUNDS = Dataset("rounds", ("game_id",), Values(("spring", "autumn")))
ROUNDS_FEED = Feed("rounds", Endpoint("rounds", 1), ("rounds",), all_at_once, unparsed)
LOG_FEED = Feed(
    "log",
    Endpoint("log", 1),
    ("games",),
    named_by_letter,
    unparsed,
    required=False,
    bulk=True,
    turn=1,
    assumed=Assumed(new_per_unit=(100, 0.5)),
)
SHEET_FEED = replace(
    LOG_FEED, name="sheet", requests=per_unit, bulk=False, instead_of="log", assumed=Assumed()
)
EXTRA_FEED = replace(LOG_FEED, name="extra", enabled_by="extra")
LEAGUE = System(
    "league",
    "",
    (ROUNDS, GAMES),
    (Source("api", feeds=(ROUNDS_FEED, LOG_FEED, SHEET_FEED, EXTRA_FEED)),),
)
BOTH_ROUNDS = Need("rounds", "rounds", (), State.MISSING, "", ((0, 2),))


def test_requests_of_a_bulk_feed_are_counted_by_the_names_of_its_units() -> None:
    names = {"log": {0: "a1", 1: "a2", 2: "b1", 3: "b2"}}
    need = Need("log", "games", (), State.MISSING, "", ((0, 4),))

    made = make_plan(LEAGUE, [need], PlanOptions(), observed=Observed(names=names), now=NOW)

    assert [(part.feed, part.units, part.requests) for part in made.parts] == [("log", 4, 2)]


def test_members_named_by_units_that_are_no_days_are_estimated_per_unit() -> None:
    made = make_plan(LEAGUE, [BOTH_ROUNDS], PlanOptions(), observed=Observed(), now=NOW)

    assert [(part.feed, part.units, part.requests, part.dynamic) for part in made.parts] == [
        ("rounds", 2, 1, False),
        ("log", 200, 1, True),
    ]


def test_a_feed_to_be_enabled_is_planned_once_its_setting_is_true() -> None:
    observed = Observed(settings=frozenset({"extra"}))

    made = make_plan(LEAGUE, [BOTH_ROUNDS], PlanOptions(), observed=observed, now=NOW)

    assert "extra" in {part.feed for part in made.parts}


def test_waves_of_listed_members_are_called_by_their_list() -> None:
    need = Need("log", "games", (), State.MISSING, "", ((0, 4),))
    failed = replace(need, feed="sheet", state=State.FAILED)

    made = make_plan(LEAGUE, [need, failed], PlanOptions(), observed=Observed(), now=NOW)

    assert [part.label for part in made.parts] == ["listed in rounds", "not in log"]


def test_members_to_be_named_are_parted_by_how_urgent_their_lists_are() -> None:
    games = replace(GAMES, priorities=(0, 1))
    league = replace(LEAGUE, datasets=(ROUNDS, games))
    needs = [
        Need("rounds", "rounds", (), State.MISSING, "", ((at, at + 1),), priority=at)
        for at in range(2)
    ]
    options = PlanOptions(order="priority")

    made = make_plan(league, needs, options, observed=Observed(), now=NOW)
    first = make_plan(
        league, needs[:1], replace(options, priorities=(0,)), observed=Observed(), now=NOW
    )

    assert [(part.label, part.units) for part in made.parts] == [
        ("P0 lists", 1),
        ("P0 listed in rounds", 100),
        ("P1 lists", 1),
        ("P1 listed in rounds", 100),
    ]
    assert [part.label for part in first.parts] == ["P0 lists", "P0 listed in rounds"]
