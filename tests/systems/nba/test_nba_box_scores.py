"""Box scores and plays of one game: the real answers, and the ways one can be wrong."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Parsed, Request, SourceChanged, State
from stocktake.systems.nba.box_score import parse_box_score
from stocktake.systems.nba.legacy import parse_box_score_summary_v2, parse_box_score_v2
from stocktake.systems.nba.plays import parse_plays
from stocktake.systems.nba.rows import PlayRow, RawBoxRow, ScheduleScore
from stocktake.systems.nba.teams import team_id_of
from tests.systems.nba.real import (
    LATER,
    balanced,
    encoded,
    outcome_of,
    rows_of,
    shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GAME, PLAYED, OLD = "0022500165", "0022400001", "0022200552"
DNP = "DNP - Coach's Decision"


def box(answer: Any, *wanted: str) -> Parsed:
    units = tuple((game_id,) for game_id in wanted)
    return parse_box_score([encoded(answer)], Request("box_score", "/x", (), units), LATER)


def real() -> Any:
    return shape("boxscoretraditionalv3.json")


def test_a_real_box_score_tells_its_players_and_those_who_did_not_play() -> None:
    parsed = box(real(), GAME)

    rows = rows_of(parsed, RawBoxRow)
    assert outcome_of(parsed, GAME) == (State.COMPLETE, "")
    assert len(rows) == 29
    assert [row.player_name for row in rows if row.comment == DNP] == [
        "Garrett Temple",
        "Thanasis Antetokounmpo",
    ]
    assert {row.min for row in rows if row.comment == DNP} == {""}


def test_a_real_player_is_read_field_by_field() -> None:
    row = rows_of(box(real()), RawBoxRow)[0]

    assert row._replace(payload_hash=b"") == RawBoxRow(
        GAME, 1627742, "boxscorev3", "2025-26", "regular", "Brandon Ingram", team_id_of("TOR"),
        "TOR", None, "TOR vs. MIL", "W", "30:49", 6, 12, 0, 2, 1, 1, 0, 8, 8, 4, 0, 2, 2, 3, 13,
        Decimal("0.5"), Decimal(0), Decimal(1), Decimal(17), None, "F", None, b"",
    )  # fmt: skip


def test_points_of_real_players_are_those_of_their_teams() -> None:
    points = Counter[str]()
    for row in rows_of(box(real()), RawBoxRow):
        points[row.team_abbreviation] += row.pts

    assert points == {"TOR": 128, "MIL": 100}


def test_starters_and_bench_may_be_null() -> None:
    answer = real()
    for side in ("homeTeam", "awayTeam"):
        answer["boxScoreTraditional"][side].update(starters=None, bench=None)

    assert box(answer).rows == box(real()).rows


def test_points_that_do_not_add_up_are_of_a_game_in_progress() -> None:
    answer = real()
    answer["boxScoreTraditional"]["homeTeam"]["statistics"]["points"] = 60
    parsed = box(answer, GAME)

    assert outcome_of(parsed, GAME) == (
        State.THIN,
        "in progress: 128 points of players, 60 of the team",
    )


def test_half_a_game_of_minutes_is_in_progress_and_has_no_result() -> None:
    answer = real()
    for side in ("homeTeam", "awayTeam"):
        team = answer["boxScoreTraditional"][side]
        team["statistics"]["minutes"] = "120:00"
        for player in team["players"]:
            player["statistics"]["minutes"] = "5:00"
    parsed = box(answer, GAME)

    assert outcome_of(parsed, GAME)[0] is State.THIN
    assert {row.wl for row in rows_of(parsed, RawBoxRow)} == {None}


def test_a_negative_count_costs_its_row_and_thins_the_game() -> None:
    answer = real()
    answer["boxScoreTraditional"]["homeTeam"]["players"][0]["statistics"]["assists"] = -1
    parsed = box(answer, GAME)

    assert [reject.code for reject in parsed.rejects] == ["negative"]
    assert outcome_of(parsed, GAME) == (State.THIN, "1 row rejected")
    assert balanced(parsed, "raw_box_score", RawBoxRow)


def test_a_player_listed_twice_is_dropped() -> None:
    answer = real()
    players = answer["boxScoreTraditional"]["homeTeam"]["players"]
    players.append(players[0])
    parsed = box(answer, GAME)

    assert parsed.duplicates == {"raw_box_score": 1}
    assert outcome_of(parsed, GAME) == (State.COMPLETE, "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"boxScoreTraditional":null}',
        b'{"boxScoreTraditional":{"gameId":"0022500165","homeTeam":null,"awayTeam":null}}',
    ],
)
def test_an_empty_box_score_proves_nothing(body: bytes) -> None:
    parsed = parse_box_score([body], Request("box_score", "/x", (), ((GAME,),)), LATER)

    assert outcome_of(parsed, GAME) == (State.FAILED, "empty answer")


def test_a_box_score_of_another_game_is_refused() -> None:
    with pytest.raises(SourceChanged, match=GAME):
        box(real(), "0022500166")


def test_real_ratings_of_another_league_are_refused() -> None:
    with pytest.raises(SourceChanged, match="league 10"):
        box(shape("boxscoreadvancedv3.json"))


def test_ratings_are_no_box_score() -> None:
    with pytest.raises(SourceChanged, match="ratings"):
        box({"boxScoreAdvanced": {"gameId": GAME}})


def live(**changed: Any) -> dict[str, Any]:
    """Return the real box score as the cdn is assumed to tell it."""
    box = real()["boxScoreTraditional"]
    for side in ("homeTeam", "awayTeam"):
        for player in box[side]["players"]:
            told = player["statistics"]
            minutes, _, seconds = (told["minutes"] or "0:00").partition(":")
            told["minutes"] = f"PT{minutes}M{seconds}.00S"
            player.update(played="0" if player.pop("comment") else "1", comment=None)
            player["notPlayingReason"] = "DNP_COACH" if player["played"] == "0" else None
    return {"game": {**box, "gameStatus": 3, "gameEt": "2025-11-04T19:30:00-05:00", **changed}}


def test_a_live_box_score_tells_what_the_other_tells_and_the_date() -> None:
    first, second = (
        {row.player_id: row for row in rows_of(box(answer), RawBoxRow)}
        for answer in (real(), live())
    )

    for player_id, row in second.items():
        other = first[player_id]
        assert row.game_date == date(2025, 11, 4)
        assert row[12:31] == other[12:31]
    assert outcome_of(box(live(), GAME), GAME) == (State.COMPLETE, "")


def test_a_live_box_score_says_who_did_not_play() -> None:
    comments = [row.comment for row in rows_of(box(live()), RawBoxRow) if row.comment]

    assert comments == ["DNP - DNP_COACH"] * 2


def test_a_live_game_under_way_is_in_progress() -> None:
    parsed = box(live(gameStatus=2), GAME)

    assert outcome_of(parsed, GAME) == (State.THIN, "in progress")
    assert {row.wl for row in rows_of(parsed, RawBoxRow)} == {None}


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nonsense"])
@pytest.mark.parametrize("parse", [parse_box_score, parse_box_score_v2, parse_plays])
def test_another_shape_is_refused(parse: Callable[..., Parsed], body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse([body], Request("any", "/x", (), ((GAME,),)), LATER)


def test_a_real_legacy_box_score_is_read() -> None:
    request = Request("box_score_v2", "/x", (), ((OLD,),))
    parsed = parse_box_score_v2([encoded(shape("boxscoretraditionalv2.json"))], request, LATER)

    points = Counter[str]()
    for row in rows_of(parsed, RawBoxRow):
        points[row.team_abbreviation] += row.pts or 0
    assert len(rows_of(parsed, RawBoxRow)) == 23
    assert points == {"CLE": 145, "CHI": 134}
    assert outcome_of(parsed, OLD) == (State.COMPLETE, "")


def test_an_empty_legacy_box_score_proves_nothing() -> None:
    answer = shape("boxscoretraditionalv2.json")
    answer["resultSets"][0]["rowSet"] = []
    parsed = parse_box_score_v2(
        [encoded(answer)], Request("box_score_v2", "/x", (), ((OLD,),)), LATER
    )

    assert outcome_of(parsed, OLD) == (State.FAILED, "empty answer")


def test_a_real_legacy_summary_tells_the_score() -> None:
    body = encoded(shape("boxscoresummaryv2.json"))
    parsed = parse_box_score_summary_v2([body], Request("summary", "/x"), LATER)

    (row,) = rows_of(parsed, ScheduleScore)
    assert (row.game_id, row.status, row.home_score, row.away_score) == (OLD, "final", 145, 134)


def plays(answer: Any, *wanted: str) -> Parsed:
    units = tuple((game_id,) for game_id in wanted)
    return parse_plays([encoded(answer)], Request("plays", "/x", (), units), LATER)


def test_a_real_game_has_its_actions() -> None:
    parsed = plays(shape("playbyplayv3.json.gz"), PLAYED)

    rows = rows_of(parsed, PlayRow)
    assert len(rows) == len({row.action_id for row in rows}) == 475
    assert sum(row.is_field_goal for row in rows) == 174
    assert (rows[-1].score_home, rows[-1].score_away) == (116, 117)
    assert outcome_of(parsed, PLAYED) == (State.COMPLETE, "")


def test_a_real_shot_has_its_place() -> None:
    rows = rows_of(plays(shape("playbyplayv3.json.gz")), PlayRow)

    shot = next(row for row in rows if row.is_field_goal)
    assert (shot.x_legacy, shot.y_legacy, shot.shot_distance, shot.shot_value) == (-168, 205, 27, 3)


def test_plays_that_break_off_are_of_a_game_in_progress() -> None:
    answer = shape("playbyplayv3.json.gz")
    del answer["game"]["actions"][240:]

    assert outcome_of(plays(answer), PLAYED)[0] is State.THIN


def test_a_bad_action_costs_itself_alone() -> None:
    answer = shape("playbyplayv3.json.gz")
    answer["game"]["actions"][7]["xLegacy"] = "left"
    parsed = plays(answer, PLAYED)

    assert [reject.position for reject in parsed.rejects] == ["actions[7]"]
    assert outcome_of(parsed, PLAYED) == (State.THIN, "1 row rejected")
    assert balanced(parsed, "play_by_play", PlayRow)


def test_plays_of_another_game_are_refused() -> None:
    with pytest.raises(SourceChanged, match=PLAYED):
        plays(shape("playbyplayv3.json.gz"), GAME)


def test_no_action_proves_nothing() -> None:
    parsed = plays({"game": {"gameId": PLAYED, "actions": []}}, PLAYED)

    assert outcome_of(parsed, PLAYED) == (State.FAILED, "empty answer")
