"""Lists of Hong Kong race days and what they promise."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from stocktake import Request, SourceChanged, State
from stocktake.systems.racing import rows, system
from stocktake.systems.racing.hkjc_days import parse_fixtures, parse_index
from tests.systems.racing.real import LATER, hkjc_year, real_file

INDEX = "hkjc_artefact_bytes_by_raceday_2023-2024.csv"
FIXTURES = "hkjc_fixtures_2025_2026.csv"
FILE = Request("hkjc_index", "index.csv")


def test_the_real_index_names_178_days_of_which_one_was_cancelled() -> None:
    parsed = parse_index([real_file(INDEX)], FILE, LATER)
    days: list[Any] = parsed.rows[rows.HkRaceDay]

    cancelled = [row.day for row in days if row.is_cancelled]
    assert (len(days), cancelled) == (178, [date(2023, 10, 8)])


def test_the_real_fixtures_name_143_days() -> None:
    days: list[Any] = parse_fixtures([real_file(FIXTURES)], FILE, LATER).rows[rows.HkRaceDay]

    years = [row.day.year for row in days]
    assert (years.count(2025), years.count(2026)) == (87, 56)
    assert (days[0].day, days[-1].day) == (date(2025, 1, 1), date(2026, 7, 15))


def test_the_index_promises_exactly_the_days_held() -> None:
    expect: Any = system.dataset("ra_races").expect
    listed = parse_index([real_file(INDEX)], FILE, LATER).rows[rows.HkRaceDay]
    rule = expect.read((("hk",), row[0], row[2]) for row in listed)
    spans = list(rule.spans(("hk",), date(2023, 1, 1), date(2024, 12, 31)))

    promised = {span.first.isoformat() for span in spans if span.state is State.MISSING}
    held = {one.key[0] for year in (2023, 2024) for one in hkjc_year(year).outcomes}
    assert (len(promised), promised) == (177, held)


def test_a_cancelled_day_is_not_expected() -> None:
    expect: Any = system.dataset("ra_races").expect
    day = date(2023, 10, 8)
    rule = expect.read([(("hk",), day, True)])

    (span,) = rule.spans(("hk",), day, day)
    assert (span.state, span.reason) == (State.NOT_EXPECTED, "cancelled")


def test_without_a_list_nothing_is_known_of_hong_kong() -> None:
    expect: Any = system.dataset("ra_races").expect

    assert list(expect.read([]).spans(("hk",), date(2023, 1, 1), date(2023, 2, 1))) == []


def test_a_list_for_hong_kong_leaves_the_british_calendar_alone() -> None:
    expect: Any = system.dataset("ra_races").expect
    rule = expect.read([(("hk",), date(2023, 10, 8), False)])

    (span,) = rule.spans(("gb",), date(2023, 10, 8), date(2023, 10, 9))
    assert span.state is State.MISSING


@pytest.mark.fault("U01")
def test_lines_without_a_day_are_rejected_with_their_number() -> None:
    body = b"date,captured_at\n2025-01-01,\nsoon,\n"
    parsed = parse_fixtures([body], FILE, LATER)

    assert [one.position for one in parsed.rejects] == ["line 3"]
    assert parsed.read["hk_race_days"] == 2


@pytest.mark.parametrize("body", [b"", b"day\n2025-01-01\n", b"\xff\xfe\x00"])
def test_a_file_that_lists_no_days_is_refused(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_index([body], FILE, LATER)
