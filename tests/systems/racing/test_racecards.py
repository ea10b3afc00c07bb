"""A day's racecards, from real answers with one thing changed at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Request, SourceChanged, State
from stocktake.systems.racing import rows
from stocktake.systems.racing.racecards import parse_racecards
from tests.systems.racing.real import CARDS, LATER, by_region, cards_page, encoded, sample

if TYPE_CHECKING:
    from stocktake import Parsed


def parse(page: object, *, at: datetime = LATER) -> Parsed:
    return parse_racecards([encoded(page)], CARDS, at)


def runners(page: Any, race: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page["racecards"][race]["runners"]
    return found


def test_a_real_card_gives_a_row_per_race_and_declared_runner() -> None:
    assert parse(cards_page()).read == {"ra_races": 2, "ra_runners": 6}


def test_a_race_row_holds_the_values_of_its_card() -> None:
    row: Any = parse(cards_page()).rows[rows.RaceCard][0]

    assert (row.race_id, row.date, row.region) == ("rac_11744434", date(2025, 10, 13), "GB")
    assert (row.off_time.isoformat(), row.off_dt.isoformat()) == (
        "14:12:00",
        "2025-10-13T13:12:00+00:00",
    )
    assert (row.distance, row.distance_round, row.distance_f) == ("2m53y", "2m", "16.0")
    assert (row.distance_y, row.distance_m) == (3573, 3267)
    assert (row.prize, row.prize_currency, row.field_size) == (Decimal(4193), "GBP", 8)
    assert (row.sex_restriction, row.race_class, row.type, row.jumps) == (
        "M", "Class 4", "Hurdle", "8 hurdles",
    )  # fmt: skip
    assert (row.is_big_race, row.is_abandoned, row.race_status) == (False, False, "scheduled")
    assert row.tip == "Ride Like A Girl"
    assert row.betting_forecast.startswith("15/8 Ride Like A Girl")


def test_a_runner_row_holds_the_values_of_its_card() -> None:
    first = runners(cards_page())[0]
    row: Any = parse(cards_page()).rows[rows.RunnerCard][0]

    assert row.runner_id == "rac_11744434:hrs_47475190"
    assert (row.horse_name, row.jockey_name, row.trainer_name, row.owner_name) == (
        "Border Gem", "Lorcan Williams", "Jeremy Scott", "Notre Cheval Partnership",
    )  # fmt: skip
    ids = ("jockey_id", "trainer_id", "owner_id", "sire_id", "dam_id", "damsire_id")
    assert [getattr(row, name) for name in ids] == [first[name] for name in ids]
    assert (row.weight_lbs, row.weight_st_lbs, row.weight_stones_lbs) == (158, "11-4", "11-4")
    assert (row.number, row.draw, row.age, row.sex, row.sex_code) == ("1", None, 5, "mare", "M")
    assert (row.dob, row.colour, row.form, row.last_run) == (date(2020, 3, 11), "b", "542-", 186)
    assert (row.ofr, row.rpr, row.ts, row.trainer_rtf) == (None, None, None, Decimal(50))
    assert (row.comment, row.spotlight) == (first["comment"], first["spotlight"])
    assert (row.trainer_location, row.silk_url) == (first["trainer_location"], first["silk_url"])


def test_a_claim_becomes_a_number_and_leaves_the_name() -> None:
    card = sample("GET /v1/racecards/{race_id}/pro")
    request = Request("racecards", "/", (), (("2023-07-22", "gb"),))
    parsed = parse_racecards([encoded({"racecards": [card], "total": 1})], request, LATER)

    named: list[Any] = parsed.rows[rows.RunnerCard]
    assert [(row.jockey_name, row.jockey_claim_lbs) for row in named] == [
        ("Joe Williamson", 5),
        ("Ben Harvey", 3),
        ("Miss Alice Stevens", 7),
    ]


def test_a_non_runner_is_scratched_and_has_no_number() -> None:
    page = cards_page()
    runners(page)[0]["number"] = "NR"
    row: Any = parse(page).rows[rows.RunnerCard][0]

    assert (row.is_scratched, row.number) == (True, None)


def test_an_abandoned_race_says_so() -> None:
    page = cards_page()
    page["racecards"][0]["is_abandoned"] = True
    row: Any = parse(page).rows[rows.RaceCard][0]

    assert (row.race_status, row.is_abandoned) == ("abandoned", True)


def test_flags_of_past_results_are_kept_as_a_list() -> None:
    page = cards_page()
    runners(page)[0]["past_results_flags"] = ["C", "BF"]
    row: Any = parse(page).rows[rows.RunnerCard][0]

    assert row.past_results_flags == ("C", "BF")


def test_bookmakers_met_in_odds_are_added_and_new_ones_reported() -> None:
    page = cards_page()
    odds = runners(page)[0]["odds"]
    odds.append({**odds[0], "bookmaker": "Harbour Lane Bets"})
    parsed = parse(page)

    names = [row[1] for row in parsed.rows[rows.BookmakerSeen]]
    assert "Harbour Lane Bets" in names
    assert "bookmaker first seen in odds: Harbour Lane Bets" in parsed.notes
    assert "bookmaker first seen in odds: Bet365" not in parsed.notes


def test_odds_of_another_shape_are_noted_and_cost_no_row() -> None:
    page = cards_page()
    for race in page["racecards"]:
        for runner in race["runners"]:
            runner["odds"] = {"none": 1}
    parsed = parse(page)

    assert (len(parsed.rows[rows.RunnerCard]), len(parsed.rejects)) == (6, 0)
    assert any("odds are not a list" in note for note in parsed.notes)


def test_a_card_of_a_day_to_come_is_not_final() -> None:
    at = datetime(2025, 10, 10, 12, tzinfo=UTC)

    assert {outcome.state for outcome in parse(cards_page(), at=at).outcomes} == {State.THIN}


def test_a_card_fetched_after_its_day_is_complete() -> None:
    outcomes = by_region(parse(cards_page()))

    assert [outcomes[region].state for region in ("gb", "ire")] == [State.COMPLETE, State.EMPTY]


@pytest.mark.fault("H18")
def test_cards_that_the_total_counts_but_no_page_holds_make_the_day_thin() -> None:
    outcome = by_region(parse({**cards_page(), "total": 31}))["gb"]

    assert (outcome.state, outcome.reason) == (State.THIN, "29 of 31 races not sent")


@pytest.mark.fault("H11")
@pytest.mark.parametrize("body", [b"{}", b"<html></html>", b'{"racecards": [], "total": 31}'])
def test_an_answer_that_is_no_racecard_list_is_a_broken_contract(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_racecards([body], CARDS, LATER)


@pytest.mark.fault("H17")
def test_a_malformed_card_does_not_cost_the_others() -> None:
    page = cards_page()
    page["racecards"][0]["runners"] = "n/a"
    parsed = parse(page)

    assert ([one.dataset for one in parsed.rejects], len(parsed.rows[rows.RaceCard])) == (
        ["ra_races"],
        1,
    )


def test_shifted_columns_reject_the_runner_only() -> None:
    page = cards_page()
    runners(page)[1]["trainer_id"] = "Jeremy Scott"
    parsed = parse(page)

    assert [one.position for one in parsed.rejects] == ["races[0].runners[1]"]
    assert (len(parsed.rows[rows.RunnerCard]), parsed.read["ra_runners"]) == (5, 6)


def test_shared_columns_of_card_and_result_stand_in_the_same_place() -> None:
    """The two facets of a table are compared by name; equal order keeps them readable."""
    for card, result in ((rows.RaceCard, rows.RaceResult), (rows.RunnerCard, rows.RunnerResult)):
        shared = [name for name in card._fields if name in result._fields]
        assert list(card._fields[: len(shared)]) == list(result._fields[: len(shared)]) == shared
