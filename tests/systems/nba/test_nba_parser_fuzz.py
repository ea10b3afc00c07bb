"""Parsers meet anything: rows, rejects or `SourceChanged`, never another error."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stocktake import Parsed, Request, SourceChanged
from stocktake.systems.nba import rows
from stocktake.systems.nba.aliases import parse_aliases
from stocktake.systems.nba.balldontlie import parse_games
from stocktake.systems.nba.box_score import parse_box_score
from stocktake.systems.nba.files import parse_player_file, parse_schedule_file, parse_team_file
from stocktake.systems.nba.legacy import parse_box_score_summary_v2, parse_box_score_v2
from stocktake.systems.nba.logs import parse_player_log, parse_team_log
from stocktake.systems.nba.plays import parse_plays
from stocktake.systems.nba.schedule import parse_schedule
from stocktake.systems.nba.scoreboard import parse_scoreboard, parse_scoreboard_v2
from stocktake.systems.nba.season import parse_seasons
from stocktake.systems.nba.teams import parse_teams
from tests.systems.nba.real import LATER, SHARED, shape
from tests.systems.nba.test_nba_logs import HEADERS, answer, game

if TYPE_CHECKING:
    from collections.abc import Callable

GAME, DAY = ("0022400001",), ("2025-11-05",)
PARSERS: list[tuple[Callable[..., Parsed], tuple[str, ...]]] = [
    (parse_player_log, GAME),
    (parse_team_log, GAME),
    (parse_box_score, GAME),
    (parse_box_score_v2, GAME),
    (parse_box_score_summary_v2, GAME),
    (parse_plays, GAME),
    (parse_schedule, ("2025-26", "regular")),
    (parse_scoreboard, DAY),
    (parse_scoreboard_v2, DAY),
    (parse_games, DAY),
    (parse_player_file, GAME),
    (parse_team_file, GAME),
    (parse_schedule_file, ("2025-26", "regular")),
    (parse_seasons, ("all",)),
    (parse_teams, ("all",)),
    (parse_aliases, ("0022500001",)),
]
NAMES = [parse.__name__ for parse, _ in PARSERS]
LITTLE = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["", "0022400001", "22400001", "\x00", "9" * 30, "1e999", "NaN", "-1", "²", "٣", "0042", "@"]
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 2**31, 2**63, 10**400, 1e308])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def attempt(parse: Callable[..., Parsed], body: bytes, unit: tuple[str, ...]) -> Parsed | None:
    try:
        return parse([body], Request("any", "any.csv", (), (unit,)), LATER)
    except SourceChanged:
        return None


def adds_up(parsed: Parsed | None) -> bool:
    """Return whether rows accepted, rejected and repeated add up to those read."""
    if parsed is None:
        return True
    kinds: dict[str, tuple[type[Any], ...]] = {
        "raw_box_score": (rows.RawBoxRow,),
        "raw_team_log": (rows.RawTeamRow,),
        "play_by_play": (rows.PlayRow,),
        "score_check": (rows.ScoreCheckRow,),
        "schedule": (rows.ScheduleListed, rows.ScheduleScore, rows.ScheduleId),
    }
    rejected = [reject.dataset for reject in parsed.rejects]
    return all(
        read
        == max(len(parsed.rows.get(kind, ())) for kind in kinds[dataset])
        + rejected.count(dataset)
        + parsed.duplicates.get(dataset, 0)
        for dataset, read in parsed.read.items()
        if dataset in kinds
    )


@pytest.mark.fault("H16")
@pytest.mark.parametrize(("parse", "unit"), PARSERS, ids=NAMES)
@LITTLE
@given(body=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_parsed_or_refused(
    parse: Callable[..., Parsed], unit: tuple[str, ...], body: bytes
) -> None:
    assert adds_up(attempt(parse, body, unit))


@pytest.mark.fault("H16")
@pytest.mark.parametrize(("parse", "unit"), PARSERS, ids=NAMES)
@LITTLE
@given(value=VALUES)
def test_any_json_is_parsed_or_refused(
    parse: Callable[..., Parsed], unit: tuple[str, ...], value: object
) -> None:
    assert adds_up(attempt(parse, json.dumps(value).encode(), unit))


@pytest.mark.fault("H16")
@pytest.mark.parametrize(("parse", "unit"), PARSERS, ids=NAMES)
@pytest.mark.parametrize("opening", [b"[", b'{"resultSets":[', b'{"game":{"actions":['])
def test_endless_nesting_is_refused(
    parse: Callable[..., Parsed], unit: tuple[str, ...], opening: bytes
) -> None:
    assert attempt(parse, opening * 50_000, unit) is None


@pytest.mark.fault("H17")
@LITTLE
@given(data=st.data())
def test_a_log_with_any_cell_changed_costs_its_own_row_at_most(data: st.DataObject) -> None:
    body = answer(game())
    line = body["resultSets"][0]["rowSet"][data.draw(st.integers(0, 9))]
    line[data.draw(st.integers(0, len(HEADERS) - 1))] = data.draw(VALUES)
    parsed = attempt(parse_player_log, json.dumps(body).encode(), GAME)

    assert adds_up(parsed)
    assert parsed is None or len(parsed.rows[rows.RawBoxRow]) >= 9


@pytest.mark.fault("U01")
@LITTLE
@given(lines=st.lists(st.lists(TEXTS, min_size=28, max_size=34), max_size=5))
def test_any_lines_below_the_header_are_rows_or_rejects(lines: list[list[str]]) -> None:
    body = "\n".join(",".join(fields) for fields in [HEADERS, *lines])
    parsed = attempt(parse_player_file, body.encode(errors="replace"), GAME)

    assert adds_up(parsed)


@pytest.mark.fault("U01")
@LITTLE
@given(lines=st.lists(st.lists(TEXTS, min_size=3, max_size=7), max_size=5))
def test_any_lines_of_a_schedule_file_are_games_or_rejects(lines: list[list[str]]) -> None:
    header = ["game_id", "game_date", "home_team_id", "away_team_id", "status"]
    body = "\n".join(",".join(fields) for fields in [header, *lines])
    parsed = attempt(parse_schedule_file, body.encode(errors="replace"), ("2025-26", "regular"))

    assert adds_up(parsed)


NESTED: list[tuple[Callable[..., Parsed], str, tuple[str, ...], int]] = [
    (parse_box_score, "boxscoretraditionalv3.json", ("0022500165",), 28),
    (parse_plays, "playbyplayv3.json.gz", GAME, 474),
    (parse_scoreboard, "scoreboardv3.json", DAY, 10),
]


def spots(value: Any, trail: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every single value of an answer."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in spots(inner, (*trail, key))]
    if isinstance(value, list):
        return [one for at, inner in enumerate(value[:3]) for one in spots(inner, (*trail, at))]
    return [trail]


@pytest.mark.fault("H17")
@pytest.mark.parametrize(
    ("parse", "name", "unit", "least"), NESTED, ids=[parse.__name__ for parse, *_ in NESTED]
)
@LITTLE
@given(data=st.data())
def test_an_answer_with_any_value_changed_is_read_or_refused(
    parse: Callable[..., Parsed], name: str, unit: tuple[str, ...], least: int, data: st.DataObject
) -> None:
    answer = deepcopy(shape(name))
    *way, last = data.draw(st.sampled_from(spots(answer)))
    target = answer
    for step in way:
        target = target[step]
    target[last] = data.draw(VALUES)
    parsed = attempt(parse, json.dumps(answer).encode(), unit)

    assert adds_up(parsed)
    if parsed is not None and parsed.rows:
        assert len(next(iter(parsed.rows.values()))) >= least


@pytest.mark.fault("H16")
@pytest.mark.parametrize(("parse", "unit"), PARSERS, ids=NAMES)
def test_no_document_of_the_json_suite_crashes_a_parser(
    parse: Callable[..., Parsed], unit: tuple[str, ...]
) -> None:
    folder = SHARED / "data" / "corpora" / "JSONTestSuite" / "test_parsing"
    if not folder.is_dir():
        pytest.skip(f"no JSON suite at {folder}; set STOCKTAKE_SHARED")
    documents = sorted(folder.glob("*.json"))
    crooked = [
        path.name for path in documents if not adds_up(attempt(parse, path.read_bytes(), unit))
    ]
    assert documents
    assert crooked == []


@pytest.mark.fault("H15")
def test_naughty_strings_in_texts_of_a_log_crash_nothing() -> None:
    path = SHARED / "data" / "corpora" / "blns" / "blns.json"
    if not path.is_file():
        pytest.skip(f"no naughty strings at {path}; set STOCKTAKE_SHARED")
    for text in json.loads(path.read_text("utf-8")):
        body = answer(game(PLAYER_NAME=text, MATCHUP=text, MIN=text, TEAM_NAME=text))
        parsed = attempt(parse_player_log, json.dumps(body).encode(), GAME)
        assert adds_up(parsed)
