"""Each rule by which the source's spellings become values."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from stocktake.systems.racing import normalise


@pytest.mark.parametrize("nothing", [None, "", "-", "–", "—"])
def test_every_way_of_saying_none_is_null(nothing: str | None) -> None:
    read: list[Callable[[str | None], object]]
    read = [normalise.text, normalise.whole, normalise.amount, normalise.day, normalise.instant]
    read += [normalise.race_clock, normalise.seconds, normalise.lengths, normalise.pounds]

    assert {rule(nothing) for rule in read} == {None}


def test_draw_and_number_zero_are_none() -> None:
    assert [normalise.natural("0"), normalise.natural("12")] == [None, 12]


@pytest.mark.parametrize(
    ("told", "hour"), [("1:05", 13), ("10:00", 22), ("11:30", 11), ("12:15", 12), ("8:30", 20)]
)
def test_a_clock_without_am_and_pm_is_read_as_a_race_time(told: str, hour: int) -> None:
    moment = normalise.race_clock(told)

    assert moment is not None
    assert moment.hour == hour


def test_off_dt_wins_over_the_clock_and_is_london_time() -> None:
    off = normalise.off(date(2025, 10, 7), "2025-10-07T19:30:00+00:00", clock="1:00")

    assert off is not None
    assert off.isoformat() == "2025-10-07T20:30:00+01:00"


def test_without_off_dt_the_clock_gives_a_summer_instant() -> None:
    off = normalise.off(date(2025, 7, 7), "", clock="2:15")

    assert off is not None
    assert off.astimezone(UTC) == datetime(2025, 7, 7, 13, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("1:43.35", "103.35"), ("1:1.05", "61.05"), ("57.70", "57.70"), ("0:58.40", "58.40")],
)
def test_running_times_are_seconds(told: str, seconds: str) -> None:
    assert normalise.seconds(told) == Decimal(seconds)


@pytest.mark.parametrize(
    ("told", "decimal", "marker"),
    [
        ("13/8F", "2.625", "F"),
        ("9/4", "3.25", None),
        ("Evs", "2", None),
        ("EvensF", "2", "F"),
        ("5/1J", "6", "J"),
        ("7/2C", "4.5", "C"),
        ("9/1", "10", None),
    ],
)
def test_fractional_prices_become_decimal(told: str, decimal: str, marker: str | None) -> None:
    assert normalise.price(told) == (Decimal(decimal), marker)


@pytest.mark.parametrize("code", ["PU", "F", "UR", "BD", "RO", "SU", "REF", "LFT", "CO", "DSQ"])
def test_codes_of_horses_that_ran_are_starters_without_position(code: str) -> None:
    assert normalise.placing(code) == (None, code, True)


@pytest.mark.parametrize("code", ["NR", "WD", "VOI"])
def test_codes_of_horses_that_did_not_run_are_no_starters(code: str) -> None:
    assert normalise.placing(code) == (None, code, False)


def test_an_unknown_position_is_a_starter_with_outcome_other() -> None:
    assert normalise.placing("carried out") == (None, "other", True)


@pytest.mark.parametrize(
    ("told", "lengths"),
    [(".5", "0.5"), ("nse", "0.05"), ("shd", "0.1"), ("hd", "0.2"), ("nk", "0.3"), ("0", "0")],
)
def test_beaten_distances_are_lengths(told: str, lengths: str) -> None:
    assert normalise.lengths(told) == Decimal(lengths)


def test_a_distance_too_far_to_measure_has_no_number() -> None:
    assert normalise.lengths("dist") is None


@pytest.mark.parametrize(
    ("told", "money"),
    [
        ("£12,851", (Decimal(12851), "GBP")),
        ("€8,000", (Decimal(8000), "EUR")),
        ("3245.08", (Decimal("3245.08"), None)),
    ],
)
def test_money_has_its_currency_by_symbol(told: str, money: tuple[Decimal, str | None]) -> None:
    assert normalise.money(told) == money


def test_a_claim_in_brackets_is_not_part_of_the_name() -> None:
    assert normalise.rider("Miss Alice Stevens(7)") == ("Miss Alice Stevens", 7)


@pytest.mark.parametrize("weight", ["8-10", "9-13", "12-0"])
def test_weights_in_stones_and_pounds_agree(weight: str) -> None:
    assert normalise.stones(normalise.pounds(weight)) == weight


@pytest.mark.parametrize(
    ("told", "yards"), [("1m", 1760), ("2m53y", 3573), ("5f", 1100), ("2m6f31y", 4871)]
)
def test_distances_are_yards(told: str, yards: int) -> None:
    assert normalise.yards(told) == yards


def test_furlongs_are_written_one_way() -> None:
    assert {normalise.furlongs("8f"), normalise.furlongs("8.0")} == {"8.0"}


def test_days_since_the_last_run_ignore_the_other_code() -> None:
    assert normalise.absence("128 (9F)") == 128


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (normalise.whole, "12a"),
        (normalise.whole, "12345678901"),
        (normalise.whole, "\u0663"),
        (normalise.whole, "1_000"),
        (normalise.amount, "1_000"),
        (normalise.amount, "NaN"),
        (normalise.amount, "Infinity"),
        (normalise.amount, "1e400"),
        (normalise.price, "5/0"),
        (normalise.seconds, "1:2:3"),
        (normalise.yards, "long"),
        (normalise.pounds, "heavy"),
        (normalise.day, "2025-02-30"),
    ],
)
def test_what_cannot_be_read_is_refused(rule: object, text: str) -> None:
    assert callable(rule)
    with pytest.raises(ValueError, match=r".+"):
        rule(text)
