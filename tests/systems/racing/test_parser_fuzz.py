"""Parsers meet anything: rows, rejects or `SourceChanged`, never another error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stocktake import Parsed, Request, SourceChanged
from stocktake.systems.racing import rows
from stocktake.systems.racing.coordinates import parse_coordinates
from stocktake.systems.racing.hkjc import COLUMNS, parse_hkjc
from stocktake.systems.racing.hkjc_days import parse_fixtures, parse_index
from stocktake.systems.racing.parse import parse_courses, parse_horse_pro, parse_regions
from stocktake.systems.racing.racecards import parse_racecards
from stocktake.systems.racing.results import parse_results
from tests.systems.racing.real import (
    CARDS,
    LATER,
    RESULTS,
    SHARED,
    cards_page,
    encoded,
    results_page,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HORSE = Request("horse_pro", "/v1/horses/hrs_7/pro", (), (("hrs_7",),))
FILE = Request("hkjc", "results_2025-03-02.csv")
JSON_PARSERS: list[tuple[Callable[..., Parsed], Request]] = [
    (parse_results, RESULTS),
    (parse_racecards, CARDS),
    (parse_regions, Request("regions", "/", (), (("all",),))),
    (parse_courses, Request("courses", "/", (), (("gb",),))),
    (parse_horse_pro, HORSE),
]
FILE_PARSERS = [parse_hkjc, parse_index, parse_fixtures, parse_coordinates]
LITTLE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["", "-", "–", "0", "1:43.35", "13/8F", "nk", "\x00", "9" * 30, "1e999", "NaN", "NR", "٣", "²"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def attempt(parse: Callable[..., Parsed], body: bytes, request: Request) -> Parsed | None:
    try:
        return parse([body], request, LATER)
    except SourceChanged:
        return None


def balanced(parsed: Parsed | None) -> bool:
    """Return whether rows accepted, rejected and repeated add up to those read."""
    if parsed is None:
        return True
    kinds: dict[str, type[Any]] = {
        "ra_races": rows.RaceResult if rows.RaceResult in parsed.rows else rows.RaceCard,
        "ra_runners": rows.RunnerResult if rows.RunnerResult in parsed.rows else rows.RunnerCard,
        "ra_race_results": rows.StarterRow,
    }
    rejected = [reject.dataset for reject in parsed.rejects]
    return all(
        count
        == len(parsed.rows.get(kinds[dataset], ()))
        + rejected.count(dataset)
        + parsed.duplicates.get(dataset, 0)
        for dataset, count in parsed.read.items()
        if dataset in kinds
    )


@pytest.mark.fault("H16")
@pytest.mark.parametrize(("parse", "request_"), JSON_PARSERS)
@LITTLE
@given(value=VALUES)
def test_any_json_is_parsed_or_refused(
    parse: Callable[..., Parsed], request_: Request, value: object
) -> None:
    attempt(parse, json.dumps(value).encode(), request_)


@pytest.mark.fault("H16")
@pytest.mark.parametrize(("parse", "request_"), JSON_PARSERS)
@LITTLE
@given(body=st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(
    parse: Callable[..., Parsed], request_: Request, body: bytes
) -> None:
    attempt(parse, body, request_)


@pytest.mark.fault("H16")
@pytest.mark.parametrize(("parse", "request_"), JSON_PARSERS)
@pytest.mark.parametrize(
    "opening", [b"[", b'{"a":', b'{"results":[', b'{"racecards":[{"runners":[']
)
def test_endless_nesting_is_refused(
    parse: Callable[..., Parsed], request_: Request, opening: bytes
) -> None:
    assert attempt(parse, opening * 100_000, request_) is None


@pytest.mark.fault("H17")
@LITTLE
@given(data=st.data())
def test_a_result_with_any_field_changed_costs_its_own_row_at_most(data: st.DataObject) -> None:
    page = results_page()
    race = page["results"][data.draw(st.integers(0, 4))]
    target = data.draw(st.sampled_from([race, race["runners"][0], race["runners"][-1]]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(VALUES)
    parsed = attempt(parse_results, encoded_any(page), RESULTS)

    assert balanced(parsed)
    assert parsed is None or len(parsed.rows[rows.RaceResult]) >= 4


@pytest.mark.fault("H17")
@LITTLE
@given(data=st.data())
def test_a_card_with_any_field_changed_costs_its_own_row_at_most(data: st.DataObject) -> None:
    page = cards_page()
    race = page["racecards"][data.draw(st.integers(0, 1))]
    target = data.draw(st.sampled_from([race, race["runners"][0]]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(VALUES)
    parsed = attempt(parse_racecards, encoded_any(page), CARDS)

    assert balanced(parsed)
    assert parsed is None or len(parsed.rows[rows.RaceCard]) >= 1


@LITTLE
@given(cut=st.integers(0, 40_000))
def test_a_cut_answer_is_refused(cut: int) -> None:
    body = encoded(results_page())

    assert attempt(parse_results, body[: min(cut, len(body) - 1)], RESULTS) is None


@pytest.mark.fault("U01")
@pytest.mark.parametrize("parse", FILE_PARSERS)
@LITTLE
@given(body=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode()))
def test_any_file_is_parsed_or_refused(parse: Callable[..., Parsed], body: bytes) -> None:
    attempt(parse, body, FILE)


@pytest.mark.fault("U01")
@LITTLE
@given(lines=st.lists(st.lists(TEXTS, min_size=20, max_size=26), max_size=5))
def test_any_lines_below_the_header_are_rows_or_rejects(lines: list[list[str]]) -> None:
    body = "\n".join(",".join(fields) for fields in [list(COLUMNS), *lines])
    parsed = attempt(parse_hkjc, body.encode(errors="replace"), FILE)

    if parsed is not None and lines:
        told = sum(len(parsed.rows.get(kind, ())) for kind in (rows.RunnerCard, rows.RunnerResult))
        rest = len(parsed.rejects) + parsed.duplicates.get("ra_runners", 0)
        assert parsed.read["ra_runners"] == told + rest


@pytest.mark.fault("H16")
@pytest.mark.parametrize(("parse", "request_"), JSON_PARSERS)
def test_no_document_of_the_json_suite_crashes_a_parser(
    parse: Callable[..., Parsed], request_: Request
) -> None:
    folder = SHARED / "data" / "corpora" / "JSONTestSuite" / "test_parsing"
    if not folder.is_dir():
        pytest.skip(f"no JSON suite at {folder}; set STOCKTAKE_SHARED")
    for path in folder.glob("*.json"):
        attempt(parse, path.read_bytes(), request_)


@pytest.mark.fault("H15")
def test_naughty_strings_in_every_text_of_a_card_crash_nothing() -> None:
    path = SHARED / "data" / "corpora" / "blns" / "blns.json"
    if not path.is_file():
        pytest.skip(f"no naughty strings at {path}; set STOCKTAKE_SHARED")
    naughty = json.loads(path.read_text("utf-8"))
    for text in naughty:
        page = cards_page()
        race = page["racecards"][0]
        for target in (race, race["runners"][0]):
            for name, value in target.items():
                if (
                    isinstance(value, str)
                    and not name.endswith("id")
                    and name not in {"date", "region"}
                ):
                    target[name] = text
        parsed = attempt(parse_racecards, encoded_any(page), CARDS)
        assert balanced(parsed)


def test_a_fetch_at_the_end_of_time_settles_a_day() -> None:
    at = datetime(9999, 12, 31, tzinfo=UTC)

    assert parse_results([encoded(results_page())], RESULTS, at).outcomes


def encoded_any(page: object) -> bytes:
    return json.dumps(page).encode()
