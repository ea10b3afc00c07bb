"""Files of Hong Kong results: every figure of the real years, and the ways a file can be dirty."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Request, SourceChanged, State
from stocktake.systems.racing import rows
from stocktake.systems.racing.hkjc import COLUMNS, parse_hkjc
from stocktake.systems.racing.hkjc_codes import RESTRICTED
from tests.systems.racing.real import LATER, hkjc_year, real_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stocktake import Parsed

GOOD = dict(
    zip(
        COLUMNS,
        [
            "2025-03-02", "沙田", "1", "290", "測試讓賽", "第五班", "1400", "40-0", "好地",
            '草地 - "C" 賽道', "810000", "(13.28) (34.36) (57.83) (1:22.42)",
            "13.28 21.08 23.47", "1", "3", "測試馬 (Z001)", "甲", "乙", "134", "1224", "2", "-",
            "9 10 7 1", "1:22.42", "4.8",
        ],
        strict=True,
    )
)  # fmt: skip


def line(race: int = 1, place: str = "1", **changed: str) -> dict[str, str]:
    brand = f"測試馬 (Z{race:02}{place[:1]})"
    return {**GOOD, "race_no": str(race), "place": place, "horse_name": brand, **changed}


def full_card() -> list[dict[str, str]]:
    return [line(race, place) for race in range(1, 7) for place in ("1", "2")]


def written(lines: Iterable[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode("utf-8-sig")


def parse(
    lines: Iterable[dict[str, str]], *, name: str = "results_2025-03-02.csv", at: datetime = LATER
) -> Parsed:
    return parse_hkjc([written(lines)], Request("hkjc", name), at)


def runners(parsed: Parsed) -> list[Any]:
    """Return the runners of both facets: a line is one row, of the one or the other."""
    return [*parsed.rows.get(rows.RunnerResult, []), *parsed.rows.get(rows.RunnerCard, [])]


def races(parsed: Parsed) -> list[Any]:
    return parsed.rows[rows.RaceResult]


def starters(parsed: Parsed) -> list[Any]:
    return parsed.rows[rows.StarterRow]


def outcome(parsed: Parsed) -> tuple[State, str]:
    (one,) = parsed.outcomes
    return one.state, one.reason


YEARS = [
    pytest.param(2023, (10_404, 10_174, 230), id="2023"),
    pytest.param(2024, (10_828, 10_333, 495), id="2024"),
]


@pytest.mark.fault("U02")
@pytest.mark.parametrize(("year", "counts"), YEARS)
def test_rows_read_are_unique_ones_plus_exact_duplicates(
    year: int, counts: tuple[int, int, int]
) -> None:
    parsed = hkjc_year(year)

    accepted = len(runners(parsed))
    assert (parsed.read["ra_runners"], accepted, parsed.duplicates["ra_runners"]) == counts
    assert (parsed.rejects, parsed.notes) == ([], {})


@pytest.mark.parametrize(
    ("year", "days", "courses"),
    [(2023, 88, {"hk_ST": 492, "hk_HV": 342}), (2024, 89, {"hk_ST": 509, "hk_HV": 332})],
)
def test_days_and_races_per_course(year: int, days: int, courses: dict[str, int]) -> None:
    found = races(hkjc_year(year))

    assert len({race.date for race in found}) == days
    assert Counter(race.course_id for race in found) == courses


@pytest.mark.parametrize(
    ("year", "run", "codes"),
    [
        (2023, 9_983, {"WV": 145, "WV-A": 36, "WX-A": 6, "WX": 4}),
        (2024, 10_165, {"WV": 122, "WV-A": 27, "WX-A": 8, "WX": 11}),
    ],
)
def test_starters_and_non_starters(year: int, run: int, codes: dict[str, int]) -> None:
    parsed = hkjc_year(year)
    file = real_file(f"hkjc_results_{year}.csv.gz").decode("utf-8-sig")
    unique = {tuple(line.values()): line["place"] for line in csv.DictReader(io.StringIO(file))}

    assert len(starters(parsed)) == run
    assert sum(runner.is_scratched for runner in runners(parsed)) == sum(codes.values())
    assert {code: sum(place == code for place in unique.values()) for code in codes} == codes


def test_starters_without_position_of_2023_by_code() -> None:
    codes = Counter(row.outcome for row in starters(hkjc_year(2023)) if row.position is None)

    assert codes == {"FE": 5, "PU": 4, "DNF": 3, "UR": 3, "TNP": 1}


@pytest.mark.parametrize(("year", "run", "winners"), [(2023, 834, 836), (2024, 841, 841)])
def test_winners_per_race(year: int, run: int, winners: int) -> None:
    parsed = hkjc_year(year)

    won = [row for row in starters(parsed) if row.position == 1]
    assert (len(races(parsed)), len(won)) == (run, winners)


def test_dead_heats_for_first_of_2023() -> None:
    shared = {
        row.race_id
        for row in starters(hkjc_year(2023))
        if (row.position, row.dead_heat_n) == (1, 2)
    }

    assert shared == {"hk_2023-07-16_ST_03", "hk_2023-10-04_HV_05"}


@pytest.mark.parametrize(("year", "count"), [(2023, 370), (2024, 466)])
def test_runners_of_races_without_class_distance_and_rating(year: int, count: int) -> None:
    parsed = hkjc_year(year)
    special = {
        race.race_id
        for race in races(parsed)
        if (race.race_class, race.distance_m, race.rating_band) == (None, None, None)
    }

    assert sum(runner.race_id in special for runner in runners(parsed)) == count


def test_races_of_2023_without_class() -> None:
    assert sum(race.race_class is None for race in races(hkjc_year(2023))) == 42


@pytest.mark.parametrize(("year", "count"), [(2023, 92), (2024, 85)])
def test_runners_without_number(year: int, count: int) -> None:
    assert sum(runner.number is None for runner in runners(hkjc_year(year))) == count


def test_horses_of_2023_and_those_that_started() -> None:
    parsed = hkjc_year(2023)

    started = {row.horse_id for row in starters(parsed)}
    assert (len(parsed.rows[rows.HorseRow]), len(started)) == (1_417, 1_404)


def test_horses_of_both_years() -> None:
    ids = {row[0] for year in (2023, 2024) for row in hkjc_year(year).rows[rows.HorseRow]}

    assert len(ids) == 1_973


def test_the_largest_race_of_2023_has_16_runners_once_duplicates_are_dropped() -> None:
    sizes = Counter(row.race_id for row in runners(hkjc_year(2023)))

    assert max(sizes.values()) == 16


def test_the_day_that_lacks_a_race_is_thin_and_every_other_is_complete() -> None:
    outcomes = [one for year in (2023, 2024) for one in hkjc_year(year).outcomes]

    incomplete = [(one.key, one.state, one.reason) for one in outcomes if one.state != "complete"]
    assert (len(outcomes), incomplete) == (
        177,
        [(("2023-02-22", "hk"), State.THIN, "race 8 missing")],
    )


def test_win_odds_of_2023_add_up_to_the_known_returns() -> None:
    run = starters(hkjc_year(2023))
    won = [row for row in run if row.position == 1]
    chance = sum(1 / row.sp_decimal for row in run)
    profit = sum(row.sp_decimal / row.dead_heat_n for row in won) - len(run)

    assert (round(len(won) / chance, 4), round(profit, 2)) == (
        Decimal("0.8164"),
        Decimal("-2331.00"),
    )
    assert round(chance / 834, 4) == Decimal("1.2278")


def test_a_jockeys_year() -> None:
    rides = [row for row in starters(hkjc_year(2023)) if row.jockey_name == "希威森"]
    places = Counter(row.position for row in rides)
    chance = sum(1 / row.sp_decimal for row in rides)

    assert (len(rides), places[1], places[2], places[3]) == (618, 51, 37, 71)
    assert round(places[1] / chance, 4) == Decimal("0.8313")


def test_a_horses_times_over_1200_metres() -> None:
    distances = {race.race_id: race.distance_m for race in races(hkjc_year(2023))}
    runs = [
        row
        for row in starters(hkjc_year(2023))
        if row.horse_id == "hk_G282" and distances[row.race_id] == 1200
    ]
    times = [row.time_seconds for row in runs]

    assert (len(runs), min(times), times[-1]) == (8, Decimal("70.36"), Decimal("70.86"))


def test_a_line_becomes_a_race_a_runner_and_a_starter() -> None:
    parsed = parse([line(), *full_card()[1:]])
    race = races(parsed)[0]
    starter = next(
        row for row in starters(parsed) if row.race_id.endswith("01") and row.position == 1
    )

    assert (race.race_id, race.course_id, race.course_name, race.course_name_en) == (
        "hk_2025-03-02_ST_01", "hk_ST", "沙田", "Sha Tin",
    )  # fmt: skip
    assert (race.region, race.race_class, race.going, race.going_text) == (
        "HK", "Class 5", "Good", "好地",
    )  # fmt: skip
    assert (race.surface, race.rail_movements, race.distance_m, race.distance_y) == (
        "Turf", "C", 1400, 1531,
    )  # fmt: skip
    assert (race.prize, race.prize_currency) == (Decimal(810000), "HKD")
    assert (race.winning_time, race.comments) == (
        "1:22.42",
        "race of the season 290; sectional times 13.28 21.08 23.47",
    )
    assert (starter.sp_decimal, starter.time_seconds, starter.weight_lbs) == (
        Decimal("4.8"), Decimal("82.42"), 134,
    )  # fmt: skip
    assert (starter.body_weight_lbs, starter.draw, starter.ovr_btn) == (1224, 2, Decimal(0))


def test_a_visiting_horse_without_brand_has_an_id_of_its_name() -> None:
    parsed = parse([line(horse_name=" 遠方 "), *full_card()[1:]])

    ids = [row[0] for row in parsed.rows[rows.HorseRow] if row[1] == "遠方"]
    assert [(one[:5], len(one)) for one in ids] == [("hk_n_", 17)]


@pytest.mark.parametrize(
    ("written_class", "read"),
    [
        ("第一班", ("Class 1", None)),
        ("第三班" + RESTRICTED, ("Class 3", "restricted")),
        ("", (None, None)),
    ],
)
def test_classes(written_class: str, read: tuple[str | None, str | None]) -> None:
    race = races(parse([line(race_class=written_class)]))[0]

    assert (race.race_class, race.pattern) == read


def test_an_unknown_going_is_kept_and_noted() -> None:
    parsed = parse([line(going="沼澤")])

    assert (races(parsed)[0].going, parsed.notes) == ("沼澤", {"unknown going: 沼澤": 1})


def test_a_withdrawn_horse_is_a_scratched_runner_only() -> None:
    parsed = parse([*full_card(), line(1, "WV", win_odds="---")])

    assert (len(runners(parsed)), len(starters(parsed))) == (13, 12)


@pytest.mark.parametrize(("place", "odds"), [("WV", "5.5"), ("PU", "---"), ("3", "---")])
def test_odds_that_contradict_the_place_are_rejected(place: str, odds: str) -> None:
    parsed = parse([*full_card(), line(1, place, win_odds=odds)])

    (reject,) = parsed.rejects
    assert (reject.position, "contradict" in reject.reason) == ("line 14", True)
    assert outcome(parsed) == (State.THIN, "1 line rejected")


@pytest.mark.parametrize(("odds", "started"), [("7.5", 13), ("---", 12)])
def test_an_unknown_place_started_if_it_was_priced(odds: str, started: int) -> None:
    parsed = parse([*full_card(), line(1, "??", win_odds=odds)])

    assert len(starters(parsed)) == started


def test_an_unknown_venue_is_rejected() -> None:
    parsed = parse([*full_card(), line(7, venue="從化")])

    assert "unknown venue" in parsed.rejects[0].reason


@pytest.mark.fault("U01")
def test_ragged_lines_are_rejected_with_their_number() -> None:
    body = written(full_card()) + "2025-03-02,沙田,1\r\n".encode()
    parsed = parse_hkjc([body], Request("hkjc", "results_2025-03-02.csv"), LATER)

    assert [(one.position, one.reason) for one in parsed.rejects] == [
        ("line 14", "3 fields instead of 25")
    ]
    assert parsed.read["ra_runners"] == len(runners(parsed)) + 1


@pytest.mark.fault("U02")
def test_an_exact_duplicate_is_dropped_and_counted() -> None:
    parsed = parse([*full_card(), line(1, "1")])

    assert (parsed.duplicates, len(starters(parsed))) == (
        {"ra_runners": 1, "ra_race_results": 1},
        12,
    )


@pytest.mark.fault("U02")
def test_of_two_different_lines_of_one_horse_the_first_is_handed_over_last() -> None:
    parsed = parse([*full_card(), line(1, "1", draw="9")])

    draws = [row.draw for row in starters(parsed) if (row.position, row.race_id[-2:]) == (1, "01")]
    assert draws == [9, 2]


def test_a_second_line_of_a_winner_makes_no_dead_heat() -> None:
    parsed = parse([*full_card(), line(1, "1", draw="9")])

    assert {row.dead_heat_n for row in starters(parsed)} == {1}


def test_a_dead_heat_is_two_horses_of_one_position() -> None:
    parsed = parse([*full_card(), line(1, "2 平頭馬", horse_name="另一 (Y001)")])

    assert Counter(row.dead_heat_n for row in starters(parsed)) == {1: 11, 2: 2}


def test_a_full_card_is_complete() -> None:
    assert outcome(parse(full_card())) == (State.COMPLETE, "")


def test_fewer_than_six_races_are_a_partial_day() -> None:
    assert outcome(parse(full_card()[:10])) == (State.THIN, "partial day")


def test_a_file_of_its_own_race_day_is_a_partial_day() -> None:
    at = datetime(2025, 3, 2, 15, 59, tzinfo=UTC)

    assert outcome(parse(full_card(), at=at)) == (State.THIN, "partial day")


def test_numbers_left_out_are_named() -> None:
    assert outcome(parse([line(race) for race in (1, 2, 4, 5, 6, 8, 9)])) == (
        State.THIN,
        "races 3, 7 missing",
    )


def test_a_file_with_only_a_header_is_a_failed_day() -> None:
    parsed = parse([])

    (one,) = parsed.outcomes
    assert (one.key, one.state, one.reason) == (("2025-03-02", "hk"), State.FAILED, "empty file")
    assert parsed.rows == {}


def test_a_file_with_only_a_header_must_say_its_day() -> None:
    with pytest.raises(SourceChanged):
        parse([], name="results.csv")


@pytest.mark.fault("U01")
@pytest.mark.parametrize(
    "body", [b"", b"a,b,c\n1,2,3\n", "date,venue\n".encode("utf-16"), b"\xff\xfe"]
)
def test_what_is_no_results_file_is_refused(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_hkjc([body], Request("hkjc", "results_2025-03-02.csv"), LATER)


def test_a_file_may_hold_many_days() -> None:
    other = [{**one, "date": "2025-03-05"} for one in full_card()]

    parsed = parse([*full_card(), *other])
    assert [one.key[0] for one in parsed.outcomes] == ["2025-03-02", "2025-03-05"]


def test_the_order_of_years_does_not_matter_to_the_rows() -> None:
    files = [real_file(f"hkjc_results_{year}.csv.gz") for year in (2023, 2024)]
    header, separator, rest = files[1].partition(b"\n")
    del header
    together = parse_hkjc([files[0] + rest], Request("hkjc", "both.csv"), LATER)
    apart = sorted(row for year in (2024, 2023) for row in hkjc_year(year).rows[rows.StarterRow])

    assert separator
    assert sorted(together.rows[rows.StarterRow]) == apart


def test_race_days_are_dates() -> None:
    assert {row.race_date for row in starters(parse(full_card()))} == {date(2025, 3, 2)}


def test_a_prize_that_is_no_number_costs_itself_alone() -> None:
    parsed = parse([line(place="1", prize_hkd="9" * 30)])

    assert races(parsed)[0].prize is None
    assert parsed.notes == {"unreadable prize: '" + "9" * 30 + "' is not a number": 1}
