"""Scoreboards, and final scores of another source."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from stocktake import Parsed, Request, SourceChanged, State
from stocktake.systems.nba.balldontlie import following_page, parse_games
from stocktake.systems.nba.rows import ScheduleScore, ScoreCheckRow
from stocktake.systems.nba.scoreboard import parse_scoreboard, parse_scoreboard_v2
from stocktake.systems.nba.teams import team_id_of
from tests.systems.nba.real import (
    LATER,
    balanced,
    encoded,
    outcome_of,
    rows_of,
    shape,
)

DAY = "2025-11-05"
EVENING = datetime(2025, 11, 6, 3, tzinfo=UTC)
GAMES = Request("balldontlie_games", "/v1/games", (("per_page", "100"),), (("2024-11-12",),))


def board(answer: Any, *wanted: str, at: datetime = LATER) -> Parsed:
    units = tuple((day,) for day in wanted)
    return parse_scoreboard([encoded(answer)], Request("scoreboard", "/x", (), units), at)


def test_a_real_board_tells_its_eleven_games() -> None:
    parsed = board(shape("scoreboardv3.json"), DAY)

    rows = rows_of(parsed, ScheduleScore)
    assert [row.game_id for row in rows] == [f"00225001{number}" for number in range(71, 82)]
    assert {row.game_date for row in rows} == {date(2025, 11, 5)}
    assert {row.status for row in rows} == {"final"}
    assert outcome_of(parsed, DAY) == (State.COMPLETE, "")


def test_two_recordings_of_one_board_tell_the_same() -> None:
    first, second = (board(shape(f"scoreboardv3{name}.json")) for name in ("", "_regular"))

    assert first.rows == second.rows


def test_a_tipoff_may_lie_on_the_next_day_in_utc() -> None:
    first = rows_of(board(shape("scoreboardv3.json")), ScheduleScore)[0]

    assert (first.game_date, first.tipoff_utc) == (
        date(2025, 11, 5),
        datetime(2025, 11, 6, tzinfo=UTC),
    )


def test_a_real_board_without_games_proves_an_empty_day() -> None:
    parsed = board(shape("scoreboardv3_offseason.json"), "2025-07-15")

    assert outcome_of(parsed, "2025-07-15")[0] is State.EMPTY


def test_a_board_without_games_proves_nothing_before_its_day_is_over() -> None:
    parsed = board(
        shape("scoreboardv3_offseason.json"), at=datetime(2025, 7, 16, 3, 59, tzinfo=UTC)
    )

    assert outcome_of(parsed, "2025-07-15") == (State.THIN, "day in progress")


def test_a_board_is_thin_while_its_day_lasts() -> None:
    assert outcome_of(board(shape("scoreboardv3.json"), at=EVENING), DAY) == (
        State.THIN,
        "day in progress",
    )


def altered(**changed: Any) -> Any:
    answer = shape("scoreboardv3.json")
    answer["scoreboard"]["games"][0].update(changed)
    return answer


@pytest.mark.parametrize(
    "changed",
    [
        {"gameStatus": 2},
        {"gameStatus": 1},
        {"homeTeam": {"teamId": team_id_of("CLE"), "score": 0}, "awayTeam": {"score": 0}},
        {"homeTeam": {"teamId": team_id_of("CLE"), "score": 70,
                      "periods": [{"score": 41}, {"score": 29}]}},
        {"homeTeam": {"teamId": team_id_of("CLE"), "score": 132,
                      "periods": [{"score": 30}] * 4}},
    ],
)  # fmt: skip
def test_a_game_that_cannot_be_over_keeps_its_day_in_progress(changed: dict[str, Any]) -> None:
    parsed = board(altered(**changed))

    assert rows_of(parsed, ScheduleScore)[0].status != "final"
    assert outcome_of(parsed, DAY) == (State.THIN, "in progress: 1 game not final")


def test_a_game_moved_away_does_not_come_back_from_its_old_board() -> None:
    parsed = board(altered(gameStatus=1, gameStatusText="PPD", gameEt="2025-11-05T19:00:00Z"))

    assert len(rows_of(parsed, ScheduleScore)) == 10
    assert outcome_of(parsed, DAY) == (State.COMPLETE, "")
    assert sum(parsed.notes.values()) == 1


def test_a_game_put_off_today_is_postponed() -> None:
    parsed = board(altered(gameStatus=1, gameStatusText="PPD"), at=EVENING)

    assert rows_of(parsed, ScheduleScore)[0].status == "postponed"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"gameId": "0022500x71"}, "game_id"),
        ({"gameStatus": 7}, "value"),
        ({"gameId": []}, "value"),
    ],
)
def test_a_bad_game_costs_itself_alone(changed: dict[str, Any], code: str) -> None:
    parsed = board(altered(**changed))

    assert [reject.code for reject in parsed.rejects] == [code]
    assert outcome_of(parsed, DAY) == (State.THIN, "1 game rejected")
    assert balanced(parsed, "schedule", ScheduleScore)


def test_a_game_of_another_league_is_rejected_and_the_day_complete() -> None:
    answer = shape("scoreboardv3.json")
    games = answer["scoreboard"]["games"]
    games.append({**games[0], "gameId": "1022500171"})
    parsed = board(answer)

    assert [reject.code for reject in parsed.rejects] == ["league"]
    assert outcome_of(parsed, DAY) == (State.COMPLETE, "")


def test_a_board_of_another_day_is_refused() -> None:
    with pytest.raises(SourceChanged, match="2025-11-05"):
        board(shape("scoreboardv3.json"), "2025-11-06")


def test_a_board_of_another_league_is_refused() -> None:
    answer = shape("scoreboardv3.json")
    answer["scoreboard"]["leagueId"] = "10"

    with pytest.raises(SourceChanged, match="league 10"):
        board(answer)


def test_a_real_legacy_board_has_one_row_per_broadcaster() -> None:
    request = Request("scoreboard", "/x", (), (("2026-02-22",),))
    parsed = parse_scoreboard_v2([encoded(shape("scoreboardv2.json"))], request, LATER)

    rows = rows_of(parsed, ScheduleScore)
    assert (parsed.read, parsed.duplicates) == (
        {"schedule": 13, "scoreboard_day": 11},
        {"schedule": 2},
    )
    assert len(rows) == len({row.game_id for row in rows}) == 11
    assert {row.status for row in rows} == {"scheduled"}
    assert outcome_of(parsed, "2026-02-22") == (State.THIN, "in progress: 11 games not final")


@pytest.mark.parametrize(("quarters", "status"), [(4, "final"), (2, "live")])
def test_a_legacy_board_reads_its_scores_from_the_line_score(quarters: int, status: str) -> None:
    answer = shape("scoreboardv2.json")
    header, line = answer["resultSets"][:2]
    header["rowSet"][0][header["headers"].index("GAME_STATUS_ID")] = 3
    for row, points in zip(line["rowSet"][:2], (110, 100), strict=True):
        row[line["headers"].index("PTS")] = points
        for quarter in range(1, quarters + 1):
            row[line["headers"].index(f"PTS_QTR{quarter}")] = points // quarters
    parsed = parse_scoreboard_v2([encoded(answer)], Request("scoreboard", "/x"), LATER)

    first = rows_of(parsed, ScheduleScore)[0]
    assert (first.status, first.home_score, first.away_score) == (status, 110, 100)


def test_an_empty_legacy_board_proves_nothing() -> None:
    answer = shape("scoreboardv2.json")
    answer["resultSets"][0]["rowSet"] = []
    request = Request("scoreboard", "/x", (), (("2026-02-22",),))
    parsed = parse_scoreboard_v2([encoded(answer)], request, LATER)

    assert outcome_of(parsed, "2026-02-22") == (State.FAILED, "empty answer")


def test_a_broken_first_line_of_a_legacy_board_is_a_reject() -> None:
    answer = shape("scoreboardv2.json")
    answer["resultSets"][0]["rowSet"][0] = ["2026-02-22T00:00:00"]
    request = Request("scoreboard", "/x", (), (("2026-02-22",),))
    parsed = parse_scoreboard_v2([encoded(answer)], request, LATER)

    assert len(parsed.rejects) == 1
    assert outcome_of(parsed, "2026-02-22") == (State.THIN, "1 game rejected")


def score(number: int, **changed: Any) -> dict[str, Any]:
    game = {
        "id": number, "date": "2024-11-12", "season": 2024, "status": "Final", "period": 4,
        "time": "Final", "postseason": False, "home_team_score": 116, "visitor_team_score": 117,
        "home_team": {"id": 2, "abbreviation": "BOS"},
        "visitor_team": {"id": 1, "abbreviation": "ATL"},
    }  # fmt: skip
    return {**game, **changed}


def page(*games: dict[str, Any], cursor: int | None = None) -> bytes:
    return encoded({"data": list(games), "meta": {"per_page": 25, "next_cursor": cursor}})


def test_a_score_of_another_source_is_told_by_date_and_teams() -> None:
    parsed = parse_games([page(score(7))], GAMES, LATER)

    assert rows_of(parsed, ScoreCheckRow) == [
        ScoreCheckRow(
            7, date(2024, 11, 12), team_id_of("BOS"), team_id_of("ATL"), 116, 117, "final"
        )
    ]
    assert outcome_of(parsed, "2024-11-12") == (State.COMPLETE, "")


def test_pages_are_followed_to_the_end() -> None:
    following = following_page(GAMES, [page(score(1), cursor=25)])

    assert following is not None
    assert following.params == (("per_page", "100"), ("cursor", "25"))
    assert following_page(following, [page(score(1), cursor=25)]) is None
    assert following_page(GAMES, [page(score(1))]) is None


def test_a_page_is_not_a_total() -> None:
    parsed = parse_games([page(score(1), cursor=25)], GAMES, LATER)

    assert outcome_of(parsed, "2024-11-12") == (State.THIN, "pages missing")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"status": "3rd Qtr", "period": 3}, "live"),
        ({"status": "2024-11-13T00:00:00Z", "period": 0}, "scheduled"),
        ({"home_team_score": 0, "visitor_team_score": 0}, "live"),
        ({"period": 2}, "live"),
    ],
)
def test_a_score_that_is_not_final_keeps_its_day_in_progress(
    changed: dict[str, Any], status: str
) -> None:
    parsed = parse_games([page(score(1, **changed))], GAMES, LATER)

    assert rows_of(parsed, ScoreCheckRow)[0].status == status
    assert outcome_of(parsed, "2024-11-12")[0] is State.THIN


def test_a_score_of_an_unknown_team_is_rejected() -> None:
    parsed = parse_games(
        [page(score(1, home_team={"abbreviation": "XYZ"}), score(2))], GAMES, LATER
    )

    assert [reject.code for reject in parsed.rejects] == ["team"]
    assert balanced(parsed, "score_check", ScoreCheckRow)
