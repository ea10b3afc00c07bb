"""Game logs: every figure of the real seasons, and the ways an answer can be wrong."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from copy import deepcopy
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stocktake import Parsed, Request, SourceChanged, State
from stocktake.systems.nba.files import LOG_FILE, parse_player_file, parse_team_file
from stocktake.systems.nba.logs import parse_player_log, parse_team_log
from stocktake.systems.nba.rows import RawBoxRow, RawTeamRow
from tests.systems.nba.real import (
    FILE,
    LATER,
    PLAYERS_2022,
    PLAYERS_2024,
    PLAYOFFS,
    TEAM_LOG,
    balanced,
    encoded,
    lines_of,
    outcome_of,
    players,
    rows_of,
    states,
    teams,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ATL, BOS = 1610612737, 1610612738
GAME = "0022400001"
HEADERS = [
    *("SEASON_ID", "PLAYER_ID", "PLAYER_NAME", "TEAM_ID", "TEAM_ABBREVIATION", "TEAM_NAME"),
    *("GAME_ID", "GAME_DATE", "MATCHUP", "WL", "MIN", "FGM", "FGA", "FG_PCT", "FG3M", "FG3A"),
    *("FG3_PCT", "FTM", "FTA", "FT_PCT", "OREB", "DREB", "REB", "AST", "STL", "BLK", "TOV"),
    *("PF", "PTS", "PLUS_MINUS", "FANTASY_PTS", "VIDEO_AVAILABLE"),
]


def player(player_id: int, team_id: int = ATL, **changed: Any) -> dict[str, Any]:
    """Return one of the five players of a team; ATL win by ten, all play 48 minutes."""
    home = team_id == ATL
    line = {
        "SEASON_ID": "22024", "PLAYER_ID": player_id, "PLAYER_NAME": f"Player {player_id}",
        "TEAM_ID": team_id, "TEAM_ABBREVIATION": "ATL" if home else "BOS",
        "TEAM_NAME": "Atlanta Hawks" if home else "Boston Celtics", "GAME_ID": GAME,
        "GAME_DATE": "2024-11-12", "MATCHUP": "ATL vs. BOS" if home else "BOS @ ATL",
        "WL": "W" if home else "L", "MIN": 48, "FGM": 10, "FGA": 20, "FG_PCT": 0.5,
        "FG3M": 2, "FG3A": 4, "FG3_PCT": 0.5, "FTM": 2 if home else 0, "FTA": 2 if home else 0,
        "FT_PCT": 1.0 if home else None, "OREB": 1, "DREB": 4, "REB": 5, "AST": 3, "STL": 1,
        "BLK": 0, "TOV": 2, "PF": 2, "PTS": 24 if home else 22,
        "PLUS_MINUS": 10 if home else -10, "FANTASY_PTS": 40.5, "VIDEO_AVAILABLE": 1,
    }  # fmt: skip
    return {**line, **changed}


def game(**changed: Any) -> list[dict[str, Any]]:
    return [
        *(player(number, ATL, **changed) for number in range(1, 6)),
        *(player(number, BOS, **changed) for number in range(6, 11)),
    ]


def answer(lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    rows = [[line[name] for name in HEADERS] for line in lines]
    log = {"name": "LeagueGameLog", "headers": HEADERS, "rowSet": rows}
    return {"resource": "leaguegamelog", "parameters": {"LeagueID": "00"}, "resultSets": [log]}


def parse(lines: Iterable[dict[str, Any]], *wanted: str) -> Parsed:
    return parse_answer(answer(lines), *wanted)


def parse_answer(body: object, *wanted: str) -> Parsed:
    units = tuple((game_id,) for game_id in wanted)
    return parse_player_log([encoded(body)], Request("player_log", "/x", (), units), LATER)


def only_reject(parsed: Parsed) -> tuple[str, str]:
    (reject,) = parsed.rejects
    return reject.code, reject.reason


SEASONS = [
    (
        PLAYERS_2022,
        (25_895, 1_230, 164, date(2022, 10, 18), date(2023, 4, 9), 539, 77),
        (1_218, 5_577, 11_236),
        [],
        ({"25": 69, "50": 10}, 6),
    ),
    (
        PLAYERS_2024,
        (26_306, 1_230, 163, date(2024, 10, 22), date(2025, 4, 13), 569, 100),
        (1_471, 5_362, 11_963),
        ["0022400147", "0022400621", "0022400633", "0022401229", "0022401230"],
        ({"25": 56, "50": 4}, 7),
    ),
]


@pytest.mark.parametrize(("name", "figures"), [(one[0], one[1]) for one in SEASONS])
def test_a_real_season_has_its_rows_games_days_and_players(
    name: str, figures: tuple[Any, ...]
) -> None:
    rows = rows_of(players(name), RawBoxRow)
    days = {row.game_date for row in rows}

    assert figures == (
        len(rows),
        len({row.game_id for row in rows}),
        len(days),
        min(days),
        max(days),
        len({row.player_id for row in rows}),
        sum(row.min == "0" for row in rows),
    )


@pytest.mark.parametrize("name", [PLAYERS_2022, PLAYERS_2024])
def test_a_real_season_is_complete_without_reject_or_duplicate(name: str) -> None:
    parsed = players(name)

    assert states(parsed) == {(State.COMPLETE, ""): 1_230}
    assert (parsed.rejects, parsed.duplicates, parsed.notes) == ([], {}, {})


@pytest.mark.parametrize(("name", "nulls"), [(one[0], one[2]) for one in SEASONS])
def test_a_percentage_is_null_exactly_without_an_attempt(name: str, nulls: tuple[int, ...]) -> None:
    rows = rows_of(players(name), RawBoxRow)

    assert nulls == tuple(
        sum(getattr(row, column) is None for row in rows)
        for column in ("fg_pct", "fg3_pct", "ft_pct")
    )
    assert all((row.fg_pct is None) == (row.fga == 0) for row in rows)


@pytest.mark.parametrize(("name", "neutral"), [(one[0], one[3]) for one in SEASONS])
def test_neutral_games_say_at_in_every_row(name: str, neutral: list[str]) -> None:
    said: dict[str, set[bool]] = defaultdict(set)
    for row in rows_of(players(name), RawBoxRow):
        said[row.game_id].add("@" in row.matchup)

    assert sorted(game_id for game_id, ways in said.items() if ways == {True}) == neutral


@pytest.mark.parametrize(("name", "overtimes"), [(one[0], one[4]) for one in SEASONS])
def test_real_minutes_add_up_to_regulation_and_overtimes(
    name: str, overtimes: tuple[dict[str, int], int]
) -> None:
    minutes: Counter[tuple[str, int]] = Counter()
    listed: Counter[tuple[str, int]] = Counter()
    for row in rows_of(players(name), RawBoxRow):
        minutes[row.game_id, row.team_id] += int(row.min)
        listed[row.game_id, row.team_id] += 1
    extra = Counter(str(round((told - 240) / 25) * 25) for told in minutes.values())

    assert {key: teams // 2 for key, teams in extra.items() if key != "0"} == overtimes[0]
    assert (min(listed.values()), max(listed.values())) == (overtimes[1], 15)


def test_real_playoff_totals_have_their_games_and_minutes() -> None:
    rows = rows_of(teams(PLAYOFFS), RawTeamRow)

    games = {row.season: {one.game_id for one in rows if one.season == row.season} for row in rows}
    days = {row.season: {one.game_date for one in rows if one.season == row.season} for row in rows}
    assert {season: len(ids) for season, ids in games.items()} == {"2021-22": 87, "2022-23": 84}
    assert {season: len(on) for season, on in days.items()} == {"2021-22": 45, "2022-23": 45}
    assert Counter(row.min for row in rows) == {"48.0": 332, "53.0": 10}
    assert {row.season_type for row in rows} == {"playoffs"}
    assert len({row[:3] for row in rows}) == len(rows) == 342


def test_real_playoff_games_are_complete_though_minutes_are_per_player() -> None:
    assert states(teams(PLAYOFFS)) == {(State.COMPLETE, ""): 171}


def test_a_real_season_in_progress_has_its_team_rows() -> None:
    rows = rows_of(teams(TEAM_LOG), RawTeamRow)

    days = {row.game_date for row in rows}
    assert (len(rows), len({row.game_id for row in rows}), len(days)) == (1_688, 844, 115)
    assert (min(days), max(days)) == (date(2025, 10, 21), date(2026, 2, 21))
    assert Counter(row.min for row in rows) == {"240": 1_606, "265": 66, "290": 16}
    assert len({row.game_id for row in rows if row.game_date < date(2025, 11, 4)}) == 103
    assert states(teams(TEAM_LOG)) == {(State.COMPLETE, ""): 844}


@pytest.mark.parametrize(("name", "count"), [(PLAYERS_2022, 102), (PLAYERS_2024, 108)])
def test_games_of_the_first_fortnight_are_as_many_as_known(name: str, count: int) -> None:
    rows = rows_of(players(name), RawBoxRow)
    first = min(row.game_date for row in rows)

    early = {row.game_id for row in rows if (row.game_date - first).days < 14}
    assert len(early) == count


def test_a_season_is_parsed_at_once() -> None:
    header, lines = lines_of(PLAYERS_2024)
    body = encoded({"resultSets": [{"name": "LeagueGameLog", "headers": header, "rowSet": lines}]})
    parsed = parse_player_log([body], Request("player_log", "/x"), LATER)

    assert parsed.read["raw_box_score"] == 26_306


def test_shuffled_lines_are_the_same_rows() -> None:
    header, lines = lines_of(PLAYERS_2022)
    random.Random(1).shuffle(lines)
    parsed = parse_player_file([written(header, lines)], FILE, LATER)

    assert set(rows_of(parsed, RawBoxRow)) == set(rows_of(players(PLAYERS_2022), RawBoxRow))


def test_lost_zeros_are_restored_and_counted() -> None:
    header, lines = lines_of(PLAYERS_2022)
    at = header.index("GAME_ID")
    stripped = [[*line[:at], line[at].lstrip("0"), *line[at + 1 :]] for line in lines]
    parsed = parse_player_file([written(header, stripped)], FILE, LATER)

    assert rows_of(parsed, RawBoxRow) == rows_of(players(PLAYERS_2022), RawBoxRow)
    assert parsed.notes == {"game ids whose zeros had been lost": 25_895}


def test_two_fifths_more_of_the_same_rows_are_dropped_and_counted() -> None:
    header, lines = lines_of(PLAYERS_2022)
    again = random.Random(2).sample(lines, len(lines) * 2 // 5)
    parsed = parse_player_file([written(header, lines + again)], FILE, LATER)

    assert rows_of(parsed, RawBoxRow) == rows_of(players(PLAYERS_2022), RawBoxRow)
    assert parsed.duplicates == {"raw_box_score": len(again)}
    assert balanced(parsed, "raw_box_score", RawBoxRow)


def test_columns_may_come_in_any_order_after_a_byte_order_mark() -> None:
    header, lines = lines_of(PLAYERS_2022)
    order = random.Random(3).sample(range(len(header)), len(header))
    body = written(
        [header[at] for at in order], ([line[at] for at in order] for line in lines[:500])
    )
    parsed = parse_player_file([b"\xef\xbb\xbf" + body], FILE, LATER)

    assert rows_of(parsed, RawBoxRow) == rows_of(players(PLAYERS_2022), RawBoxRow)[:500]


def test_three_games_removed_are_three_games_not_in_the_answer() -> None:
    header, lines = lines_of(PLAYERS_2022)
    gone = ("0022200001", "0022200653", "0022201230")
    at = header.index("GAME_ID")
    body = written(header, (line for line in lines if line[at] not in gone))
    wanted = tuple((f"00222{number:05}",) for number in range(1, 1_231))
    parsed = parse_player_file([body], Request("f", "x.csv", (), wanted), LATER)

    failed = [one for one in parsed.outcomes if one.state is State.FAILED]
    assert [one.key[0] for one in failed] == list(gone)
    assert {one.reason for one in failed} == {"not in the answer"}
    assert states(parsed)[State.COMPLETE, ""] == 1_227


def test_an_answer_and_a_file_of_the_same_rows_tell_the_same() -> None:
    body = answer(game())
    file = written(
        HEADERS, ([str("" if value is None else value) for value in line.values()]
                  for line in game())
    )  # fmt: skip
    of_answer = rows_of(parse_answer(body), RawBoxRow)
    of_file = rows_of(parse_player_file([file], FILE, LATER), RawBoxRow)

    assert [row._replace(source=LOG_FILE) for row in of_answer] == of_file


def test_a_game_wanted_and_found_is_complete() -> None:
    parsed = parse(game(), GAME)

    assert outcome_of(parsed, GAME) == (State.COMPLETE, "")
    assert len(rows_of(parsed, RawBoxRow)) == 10


def test_a_game_wanted_and_not_found_failed() -> None:
    parsed = parse(game(), "0022400002")

    assert outcome_of(parsed, "0022400002") == (State.FAILED, "not in the answer")
    assert outcome_of(parsed, GAME) == (State.COMPLETE, "")


@pytest.mark.parametrize("body", [encoded(answer([])), b"", b"  "])
def test_an_empty_answer_proves_nothing(body: bytes) -> None:
    request = Request("player_log", "/x", (), ((GAME,),))
    parsed = parse_player_log([body], request, LATER)

    assert outcome_of(parsed, GAME) == (State.FAILED, "empty answer")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"SEASON_ID": "22023"}, "season"),
        ({"SEASON_ID": "42024"}, "season"),
        ({"GAME_ID": "1022400001"}, "league"),
        ({"GAME_ID": "0092400001"}, "game_id"),
        ({"GAME_ID": "2400001"}, "game_id"),
        ({"TEAM_ID": 1611661328}, "team"),
        ({"PTS": -1}, "negative"),
        ({"GAME_DATE": "2012-11-12"}, "season"),
        ({"GAME_DATE": "31/31/2024"}, "date"),
        ({"GAME_DATE": "yesterday"}, "date"),
        ({"FGA": True}, "value"),
        ({"FGA": [1]}, "value"),
        ({"FGA": 1.5}, "value"),
        ({"FG_PCT": 50}, "value"),
        ({"PLAYER_ID": 0}, "value"),
        ({"WL": "X"}, "value"),
        ({"PLAYER_NAME": "A\x00B"}, "value"),
    ],
)
def test_a_contradictory_row_is_rejected_and_the_others_stay(
    changed: dict[str, Any], code: str
) -> None:
    lines = game()
    lines[0] = player(1, **changed)
    parsed = parse(lines, GAME)

    assert only_reject(parsed)[0] == code
    assert len(rows_of(parsed, RawBoxRow)) == 9
    assert balanced(parsed, "raw_box_score", RawBoxRow)


def test_a_game_with_a_rejected_row_is_thin() -> None:
    parsed = parse([*game(), player(11, PTS=-1)], GAME)

    assert outcome_of(parsed, GAME) == (State.THIN, "1 row rejected")


def test_a_row_of_another_width_is_rejected_alone() -> None:
    body = answer(game())
    body["resultSets"][0]["rowSet"][3].pop()
    body["resultSets"][0]["rowSet"].append(7)
    parsed = parse_answer(body)

    assert [(one.position, one.code) for one in parsed.rejects] == [
        ("rowSet[3]", "fields"),
        ("rowSet[10]", "fields"),
    ]
    assert balanced(parsed, "raw_box_score", RawBoxRow)


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({"WL": None}, "no result that fits the points"),
        ({"MIN": 24}, "120 of 240 minutes"),
        ({"PTS": 20}, "100 points each"),
    ],
)
def test_a_game_that_cannot_be_over_is_thin(changed: dict[str, Any], doubt: str) -> None:
    parsed = parse(game(**changed), GAME)

    assert outcome_of(parsed, GAME) == (State.THIN, f"in progress: {doubt}")


def test_half_a_game_is_thin() -> None:
    parsed = parse(game()[:5], GAME)

    assert outcome_of(parsed, GAME) == (State.THIN, "1 team of 2")


def test_the_same_row_twice_is_dropped() -> None:
    parsed = parse([*game(), player(1)])

    assert len(rows_of(parsed, RawBoxRow)) == 10
    assert parsed.duplicates == {"raw_box_score": 1}


def test_another_row_of_the_same_key_is_handed_on_last() -> None:
    parsed = parse([*game(), player(1, AST=9)])

    told = [row.ast for row in rows_of(parsed, RawBoxRow) if row.player_id == 1]
    assert told == [3, 9]
    assert balanced(parsed, "raw_box_score", RawBoxRow)


@pytest.mark.parametrize(
    "spelling", ["2024-11-12", "2024-11-12T00:00:00", "11/12/2024", "NOV 12, 2024"]
)
def test_every_spelling_of_a_date_is_read(spelling: str) -> None:
    rows = rows_of(parse(game(GAME_DATE=spelling)), RawBoxRow)

    assert {row.game_date for row in rows} == {date(2024, 11, 12)}


@pytest.mark.parametrize("minutes", ["48", "48:00", "PT48M00.00S", 48])
def test_minutes_stay_as_they_were_sent(minutes: object) -> None:
    parsed = parse(game(MIN=minutes), GAME)

    assert {row.min for row in rows_of(parsed, RawBoxRow)} == {str(minutes)}
    assert outcome_of(parsed, GAME) == (State.COMPLETE, "")


@pytest.mark.parametrize("envelope", ["list", "singular", "object", "named"])
def test_every_shape_of_the_envelope_is_read(envelope: str) -> None:
    body = answer(game())
    (log,) = body.pop("resultSets")
    shapes: dict[str, dict[str, Any]] = {
        "list": {"resultSets": [log]},
        "singular": {"resultSet": [log]},
        "object": {"resultSets": log},
        "named": {"resultSet": {"LeagueGameLog": log}},
    }

    assert len(rows_of(parse_answer({**body, **shapes[envelope]}), RawBoxRow)) == 10


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"resultSets":[]}', b'{"resultSets":[{"headers":["A"]}]}']
)
def test_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_player_log([body], Request("player_log", "/x"), LATER)


@pytest.mark.parametrize("lost", ["GAME_ID", "PLAYER_ID", "PTS", "MIN"])
def test_a_column_that_vanished_is_named(lost: str) -> None:
    body = deepcopy(answer(game()))
    body["resultSets"][0]["headers"] = [
        "OTHER" if name == lost else name for name in body["resultSets"][0]["headers"]
    ]

    with pytest.raises(SourceChanged, match=lost):
        parse_answer(body)


def test_a_log_of_players_is_no_log_of_teams() -> None:
    with pytest.raises(SourceChanged, match="log of players"):
        parse_team_log([encoded(answer(game()))], Request("team_log", "/x"), LATER)


def test_a_log_of_teams_is_no_log_of_players() -> None:
    header, lines = lines_of(PLAYOFFS)

    with pytest.raises(SourceChanged, match="PLAYER_ID"):
        parse_player_file([written(header, lines)], FILE, LATER)


def test_a_file_without_rows_is_refused() -> None:
    with pytest.raises(SourceChanged, match="no rows"):
        parse_team_file([written(HEADERS, [])], FILE, LATER)


def test_bytes_that_are_no_text_cost_their_row_alone() -> None:
    lines: Sequence[dict[str, Any]] = game()
    body = written(
        HEADERS, ([str("" if value is None else value) for value in line.values()]
                  for line in lines)
    )  # fmt: skip
    parsed = parse_player_file([body.replace(b"Player 3", b"Pl\xffyer 3")], FILE, LATER)

    assert [one.position for one in parsed.rejects] == ["line 4"]
    assert len(rows_of(parsed, RawBoxRow)) == 9


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_order_and_repetition_of_rows_do_not_matter(data: st.DataObject) -> None:
    lines = game()
    again = data.draw(st.lists(st.sampled_from(lines), max_size=8))
    shuffled = data.draw(st.permutations([*lines, *again]))
    parsed = parse(shuffled, GAME)

    assert set(rows_of(parsed, RawBoxRow)) == set(rows_of(parse(lines), RawBoxRow))
    assert parsed.duplicates.get("raw_box_score", 0) == len(again)
    assert outcome_of(parsed, GAME) == (State.COMPLETE, "")
