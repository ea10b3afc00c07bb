"""A day's results, from real answers with one thing changed at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import SourceChanged, State
from stocktake.systems.racing import rows
from stocktake.systems.racing.results import parse_results
from tests.systems.racing.real import (
    LATER,
    RESULTS,
    RESULTS_DAY,
    by_region,
    encoded,
    results_page,
)

if TYPE_CHECKING:
    from stocktake import Parsed

FIRST_RACE = "rac_11745682"


def parse(page: object, *, at: datetime = LATER) -> Parsed:
    return parse_results([encoded(page)], RESULTS, at)


def starters(parsed: Parsed, race_id: str = FIRST_RACE) -> list[Any]:
    return [row for row in parsed.rows[rows.StarterRow] if row[0] == race_id]


def race(parsed: Parsed, race_id: str = FIRST_RACE) -> Any:
    return next(row for row in parsed.rows[rows.RaceResult] if row[0] == race_id)


def test_a_real_day_gives_a_row_per_race_runner_and_starter() -> None:
    parsed = parse(results_page())

    assert parsed.read == {"ra_races": 5, "ra_runners": 36, "ra_race_results": 36}


def test_a_real_day_leaves_nothing_unread() -> None:
    parsed = parse(results_page())

    assert (parsed.notes, parsed.rejects) == ({}, [])


def test_a_starter_row_holds_the_values_of_its_answer() -> None:
    row = starters(parse(results_page()))[1]

    assert row == rows.StarterRow(
        race_id="rac_11745682",
        horse_id="hrs_24833459",
        race_date=date(2025, 10, 7),
        region="GB",
        horse_name="Fire Eyes (FR)",
        jockey_name="Mark Winn",
        trainer_name=row.trainer_name,
        owner_name=row.owner_name,
        position=2,
        position_str="2",
        number="2",
        draw=6,
        jockey_id=row.jockey_id,
        jockey_claim_lbs=0,
        trainer_id=row.trainer_id,
        owner_id=row.owner_id,
        sire_id="sir_5601218",
        dam_id=row.dam_id,
        damsire_id=row.damsire_id,
        age=row.age,
        sex=row.sex,
        weight_lbs=134,
        weight_st_lbs="9-8",
        headgear="t",
        sp="13/8F",
        sp_decimal=Decimal("2.62"),
        btn=Decimal("0.5"),
        ovr_btn=Decimal("0.5"),
        margin=".5",
        time_seconds=Decimal("103.35"),
        time_display="1:43.35",
        official_rating=59,
        rpr=68,
        tsr=13,
        prize_won=Decimal("1522.72"),
        comment=row.comment,
        silk_url=row.silk_url,
        bsp_decimal=None,
        outcome="finished",
        is_starter=True,
        dead_heat_n=1,
        sp_marker="F",
        body_weight_lbs=None,
        course_id=row.course_id,
        distance_y=1773,
    )


def test_people_and_parents_stand_in_their_own_columns() -> None:
    first = results_page()["results"][0]["runners"][0]
    row = starters(parse(results_page()))[0]

    names = ("jockey", "trainer", "owner")
    ids = ("jockey_id", "trainer_id", "owner_id", "sire_id", "dam_id", "damsire_id")
    assert [getattr(row, f"{name}_name") for name in names] == [first[name] for name in names]
    assert [getattr(row, name) for name in ids] == [first[name] for name in ids]


def test_the_runner_row_copies_its_result() -> None:
    runner = parse(results_page()).rows[rows.RunnerResult][1]

    told = (runner[0], runner[1], *runner[26:])
    assert told[:9] == (
        FIRST_RACE, "hrs_24833459", 2, ".5", Decimal("0.5"), Decimal("1522.72"), "13/8F",
        Decimal("2.62"), "1:43.35",
    )  # fmt: skip


def test_the_race_row_holds_the_values_of_its_answer() -> None:
    row = race(parse(results_page()))

    assert (row.off_time.isoformat(), row.off_dt, row.race_number) == (
        "20:30:00",
        datetime(2025, 10, 7, 19, 30, tzinfo=UTC),
        5,
    )
    assert (row.distance, row.distance_f, row.distance_m, row.distance_y) == (
        "1m",
        "8.0",
        1621,
        1773,
    )
    assert (row.race_status, row.has_result, row.winning_time) == ("run", True, "1:43.25")
    assert (row.rating_band, row.age_band, row.surface, row.going) == (
        "0-60", "3yo+", "AW", "Standard",
    )  # fmt: skip
    assert row.tote_csf == "£6.54"


def test_races_are_numbered_by_their_start_within_course_and_day() -> None:
    parsed = parse(results_page())
    by_start = sorted(parsed.rows[rows.RaceResult], key=lambda row: row[6])

    assert [row[9] for row in by_start] == [1, 2, 3, 4, 5]


def test_a_rating_that_is_a_dash_is_null() -> None:
    assert starters(parse(results_page()))[2].tsr is None


def test_pedigrees_and_entities_come_with_the_runners() -> None:
    parsed = parse(results_page())

    counts = [
        len(parsed.rows[kind]) for kind in (rows.PedigreeEntry, rows.HorseRow, rows.JockeyRow)
    ]
    assert counts == [36, 36, 23]


def test_fallers_are_starters() -> None:
    page = results_page()
    runners = page["results"][0]["runners"]
    runners[4]["position"], runners[5]["position"] = "F", "PU"

    placed = [(row.position, row.outcome) for row in starters(parse(page))]
    assert placed[3:] == [(4, "finished"), (None, "F"), (None, "PU")]


def test_a_withdrawn_horse_is_a_scratched_runner_without_result() -> None:
    page = results_page()
    page["results"][0]["runners"][5]["position"] = "NR"
    parsed = parse(page)

    scratched = [row for row in parsed.rows[rows.RunnerResult] if row[24]]
    assert (len(starters(parsed)), [row[1] for row in scratched]) == (5, ["hrs_54432518"])


def test_dead_heats_are_counted() -> None:
    page = results_page()
    page["results"][0]["runners"][1]["position"] = "1"

    assert [row.dead_heat_n for row in starters(parse(page))] == [2, 2, 1, 1, 1, 1]


def test_a_race_whose_runners_are_all_void_is_void() -> None:
    page = results_page()
    for runner in page["results"][0]["runners"]:
        runner["position"] = "VOI"
    parsed = parse(page)

    row = race(parsed)
    assert (row.race_status, row.has_result, starters(parsed)) == ("void", False, [])


def test_an_unknown_position_is_noted() -> None:
    page = results_page()
    page["results"][0]["runners"][5]["position"] = "???"

    assert parse(page).notes == {"unknown position: '???'": 1}


def test_a_price_of_one_or_less_is_dropped_and_its_row_kept() -> None:
    page = results_page()
    runner = page["results"][0]["runners"][0]
    runner["sp_dec"], runner["sp"] = "1.00", ""

    row = starters(parse(page))[0]
    assert (row.position, row.sp_decimal) == (1, None)


def test_without_a_decimal_price_the_fraction_gives_it() -> None:
    page = results_page()
    page["results"][0]["runners"][1]["sp_dec"] = ""

    assert starters(parse(page))[1].sp_decimal == Decimal("2.625")


def test_a_day_is_thin_until_its_midnight_in_london() -> None:
    at = datetime(2025, 10, 7, 22, 59, tzinfo=UTC)

    outcome = by_region(parse(results_page(), at=at))["gb"]
    assert (outcome.state, outcome.reason) == (State.THIN, "day in progress")


def test_a_day_is_thin_until_four_hours_after_its_last_start() -> None:
    before, after = (
        datetime(2025, 10, 7, hour, minute, tzinfo=UTC) for hour, minute in ((23, 29), (23, 30))
    )

    states = [by_region(parse(results_page(), at=at))["gb"].state for at in (before, after)]
    assert states == [State.THIN, State.COMPLETE]


def test_a_region_without_races_is_empty() -> None:
    assert by_region(parse(results_page()))["ire"].state is State.EMPTY


def test_a_total_of_zero_is_an_empty_day() -> None:
    parsed = parse({"results": [], "total": 0, "limit": 100, "skip": 0, "query": []})

    assert {outcome.state for outcome in parsed.outcomes} == {State.EMPTY}


def test_a_total_of_zero_proves_nothing_before_the_day_is_over() -> None:
    at = datetime(2025, 10, 7, 8, tzinfo=UTC)
    parsed = parse({"results": [], "total": 0, "limit": 100, "skip": 0, "query": []}, at=at)

    assert {outcome.state for outcome in parsed.outcomes} == {State.THIN}


@pytest.mark.fault("H11")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"<html>login</html>",
        b'{"error": "x"}',
        b'{"results": [], "total": 36}',
        b'{"results": null, "total": 0}',
        b'{"results": [], "total": "0"}',
    ],
)
def test_an_answer_that_is_no_result_list_is_a_broken_contract(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_results([body], RESULTS, LATER)


@pytest.mark.fault("H18")
def test_a_missing_page_makes_the_day_thin() -> None:
    page = {**results_page(), "total": 36}

    assert by_region(parse(page))["gb"].reason == "31 of 36 races not sent"


@pytest.mark.fault("H18")
def test_a_page_sent_twice_counts_its_races_once() -> None:
    page = encoded({**results_page(), "total": 10})
    parsed = parse_results([page, page], RESULTS, LATER)

    assert (len(parsed.rows[rows.RaceResult]), parsed.duplicates, parsed.read["ra_races"]) == (
        5,
        {"ra_races": 5},
        10,
    )
    assert by_region(parsed)["gb"].reason == "5 of 10 races not sent"


@pytest.mark.fault("H17")
@pytest.mark.parametrize("wrong", [{"runners": "n/a"}, {"race_id": None}, {"date": 7}])
def test_a_malformed_race_does_not_cost_the_others(wrong: dict[str, object]) -> None:
    page = results_page()
    page["results"][0] |= wrong
    parsed = parse(page)

    assert [reject.position for reject in parsed.rejects] == ["races[0]"]
    assert (len(parsed.rows[rows.RaceResult]), by_region(parsed)["gb"].reason) == (
        4,
        "1 race rejected",
    )


@pytest.mark.fault("H17")
def test_unknown_fields_are_ignored() -> None:
    page = results_page()
    page["results"][0]["runners"][0]["novelty"] = {"deep": [1, 2]}

    assert parse(page).rejects == []


@pytest.mark.fault("H15")
def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    page = results_page()
    page["results"][0]["race_name"] = "Half @ Stakes"
    body = encoded(page).replace(b"@", b"\\ud800")
    parsed = parse_results([body], RESULTS, LATER)

    assert (race(parsed).race_name, parsed.rejects) == ("Half \ufffd Stakes", [])


@pytest.mark.fault("H15")
def test_a_race_with_a_nul_character_is_rejected() -> None:
    page = results_page()
    page["results"][0]["race_name"] = "Nul \x00 Stakes"
    parsed = parse_results([encoded(page).replace(b"\x00", b"\\u0000")], RESULTS, LATER)

    assert [(one.dataset, "\x00" in one.raw) for one in parsed.rejects] == [("ra_races", False)]


def test_shifted_columns_reject_the_runner_and_keep_the_race() -> None:
    page = results_page()
    runner = page["results"][0]["runners"][2]
    runner["jockey_id"], runner["jockey"] = runner["jockey"], "3"
    parsed = parse(page)

    assert {(one.dataset, one.position) for one in parsed.rejects} == {
        ("ra_runners", "races[0].runners[2]"),
        ("ra_race_results", "races[0].runners[2]"),
    }
    assert (len(starters(parsed)), by_region(parsed)["gb"].reason) == (5, "1 runner rejected")


def test_accepted_rejected_and_repeated_runners_add_up_to_those_read() -> None:
    page = results_page()
    runners = page["results"][0]["runners"]
    runners.append(dict(runners[0]))
    runners[2]["owner_id"] = "7"
    parsed = parse(page)

    assert (parsed.read["ra_race_results"], len(parsed.rows[rows.StarterRow])) == (37, 35)
    assert parsed.duplicates["ra_race_results"] == 1


def test_a_race_of_another_day_is_rejected() -> None:
    page = results_page()
    page["results"][0] |= {"date": "2025-10-08", "off_dt": "2025-10-08T20:30:00+01:00"}

    assert "a race of 2025-10-08/gb was not asked for" in parse(page).rejects[0].reason


def test_a_race_that_starts_on_another_day_than_its_date_is_rejected() -> None:
    page = results_page()
    page["results"][0]["off_dt"] = "2025-10-06T20:30:00+01:00"

    assert "starts on 2025-10-06" in parse(page).rejects[0].reason


def test_a_day_whose_races_are_all_rejected_failed() -> None:
    page = results_page()
    for one in page["results"]:
        one["course_id"] = "Southwell"
    outcome = by_region(parse(page))["gb"]

    assert (outcome.state, outcome.reason) == (State.FAILED, "5 races rejected")


def test_the_day_of_a_race_is_its_date_not_that_of_utc() -> None:
    page = results_page()
    page["results"][0]["off_dt"] = f"{RESULTS_DAY}T00:30:00+01:00"

    assert race(parse(page)).date == date(2025, 10, 7)


def test_what_cannot_be_read_is_null_and_noted() -> None:
    page = results_page()
    page["results"][0]["runners"][0]["btn"] = "miles"
    parsed = parse(page)

    assert starters(parsed)[0].btn is None
    assert list(parsed.notes) == ["unreadable beaten distance: 'miles' is not a number"]


def test_parsing_twice_gives_the_same_rows() -> None:
    assert parse(results_page()).rows == parse(results_page()).rows
