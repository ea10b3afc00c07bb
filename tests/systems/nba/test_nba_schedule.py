"""Published schedules, schedule files and seasons: games, their dates, how much is published."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Parsed, Request, SourceChanged, State
from stocktake.systems.nba.aliases import parse_aliases
from stocktake.systems.nba.files import parse_schedule_file
from stocktake.systems.nba.rows import (
    AliasRow,
    ScheduleId,
    ScheduleListed,
    ScheduleScore,
    SeasonRow,
)
from stocktake.systems.nba.schedule import parse_schedule
from stocktake.systems.nba.season import id_rule, parse_seasons, seasons, shipped_seasons
from stocktake.systems.nba.teams import parse_teams, shipped_teams, team_id_of, teams
from tests.systems.nba.real import (
    FILE,
    LATER,
    PLAYERS_2022,
    PLAYERS_2024,
    PLAYOFFS,
    TEAM_LOG,
    balanced,
    encoded,
    outcome_of,
    players,
    real_file,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ATL, BOS = 1610612737, 1610612738
BEFORE = datetime(2025, 10, 1, 12, tzinfo=UTC)
UNIT = ("2025-26", "regular")
NAMES = "game_id,game_date,home_team_id,away_team_id,status,is_neutral"


def listed(game_id: str, day: str = "2025-10-22", **changed: Any) -> dict[str, Any]:
    planned = {
        "gameId": game_id, "gameCode": "x", "gameStatus": 1, "gameStatusText": "7:30 pm ET",
        "gameDateEst": f"{day}T00:00:00Z", "gameDateTimeUTC": "2025-10-23T02:30:00Z",
        "postponedStatus": "A", "isNeutral": False, "arenaName": "State Farm Arena",
        "homeTeam": {"teamId": ATL, "score": 0}, "awayTeam": {"teamId": BOS, "score": 0},
    }  # fmt: skip
    return {**planned, **changed}


def season_of(games: int) -> list[dict[str, Any]]:
    return [listed(f"00225{number:05}") for number in range(1, games + 1)]


def parse(
    games: Iterable[dict[str, Any]],
    *wanted: tuple[str, str],
    at: datetime = BEFORE,
    **league: Any,
) -> Parsed:
    dates = [{"gameDate": "10/22/2025 00:00:00", "games": list(games)}]
    body = {"leagueSchedule": {"seasonYear": "2025-26", "leagueId": "00", "gameDates": dates}}
    body["leagueSchedule"].update(league)
    request = Request("cdn_schedule", "/static/json/staticData/x.json", (), wanted)
    return parse_schedule([encoded(body)], request, at)


def file(*lines: str, header: str = NAMES, at: datetime = BEFORE) -> Parsed:
    return parse_schedule_file(["\n".join((header, *lines)).encode()], FILE, at)


def one(parsed: Parsed, kind: type[tuple[Any, ...]] = ScheduleListed) -> Any:
    (row,) = rows_of(parsed, kind)
    return row


def test_a_listed_game_tells_its_eastern_date_and_its_tipoff() -> None:
    row = one(parse([listed("0022500001")]))

    assert row == ScheduleListed(
        "0022500001", "2025-26", "regular", date(2025, 10, 22),
        datetime(2025, 10, 23, 2, 30, tzinfo=UTC), ATL, BOS, False, None, "State Farm Arena",
        "cdn",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "season_type"),
    [
        ("001", "pre"),
        ("002", "regular"),
        ("003", "all_star"),
        ("004", "playoffs"),
        ("005", "play_in"),
        ("006", "cup_final"),
    ],
)
def test_the_type_of_a_game_is_in_its_id(prefix: str, season_type: str) -> None:
    assert one(parse([listed(f"{prefix}2500001")])).season_type == season_type


@pytest.mark.parametrize(
    ("games", "state", "reason"),
    [
        (1_200, State.THIN, "season not fully published: 1,200 of 1,230 games"),
        (1_230, State.COMPLETE, ""),
    ],
)
def test_a_season_is_thin_until_all_its_games_are_published(
    games: int, state: State, reason: str
) -> None:
    assert outcome_of(parse(season_of(games), UNIT), *UNIT) == (state, reason)


@pytest.mark.parametrize("season_type", ["play_in", "cup_final", "playoffs"])
def test_parts_of_a_season_not_listed_yet_are_empty_until_they_are(season_type: str) -> None:
    parsed = parse(season_of(3), ("2025-26", season_type))

    told = outcome_of(parsed, "2025-26", season_type)
    assert told == (State.EMPTY, "not listed yet")


def test_a_season_before_the_cup_has_no_cup_final() -> None:
    parsed = parse([listed("0021800001", "2018-10-16")], ("2018-19", "cup_final"))

    assert outcome_of(parsed, "2018-19", "cup_final")[0] is State.EMPTY


def test_playoffs_are_complete_once_the_finals_are_won() -> None:
    scores: dict[str, Any] = {
        "homeTeam": {"teamId": ATL, "score": 101},
        "awayTeam": {"teamId": BOS, "score": 99},
    }
    finals = [
        listed(f"004250040{number}", "2026-06-10", gameStatus=3, **scores) for number in range(1, 5)
    ]
    unit = ("2025-26", "playoffs")

    assert outcome_of(parse(finals[:3], unit), *unit) == (State.THIN, "season not over")
    assert outcome_of(parse(finals, unit), *unit) == (State.COMPLETE, "")


def test_an_answer_of_another_season_fails_the_one_wanted() -> None:
    parsed = parse(season_of(2), ("2024-25", "regular"))

    assert outcome_of(parsed, "2024-25", "regular") == (
        State.FAILED,
        "the answer is of season 2025-26",
    )


def test_an_empty_schedule_fails() -> None:
    assert outcome_of(parse([], UNIT), *UNIT) == (State.FAILED, "empty answer")


def test_how_a_game_stands_is_told_apart_from_its_plan() -> None:
    scores: dict[str, Any] = {
        "homeTeam": {"teamId": ATL, "score": 101},
        "awayTeam": {"teamId": BOS, "score": 99},
    }
    parsed = parse([listed("0022500001", gameStatus=3, **scores)], at=LATER)

    assert one(parsed).status is None
    score = one(parsed, ScheduleScore)
    assert (score.status, score.home_score, score.away_score) == ("final", 101, 99)
    assert balanced(parsed, "schedule", ScheduleListed)


def test_a_final_game_without_a_final_score_is_live() -> None:
    assert one(parse([listed("0022500001", gameStatus=3)]), ScheduleScore).status == "live"


def test_a_schedule_not_brought_up_to_date_tells_no_standing() -> None:
    parsed = parse([listed("0022500001")], at=LATER)

    assert rows_of(parsed, ScheduleScore) == []
    assert len(rows_of(parsed, ScheduleListed)) == 1


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"postponedStatus": "Y"}, "postponed"),
        ({"gameStatusText": "PPD"}, "postponed"),
        ({"gameStatusText": "Canceled"}, "cancelled"),
        ({"postponedStatus": "N"}, None),
    ],
)
def test_a_game_that_is_off_is_told_by_the_plan(
    changed: dict[str, Any], status: str | None
) -> None:
    assert one(parse([listed("0022500001", **changed)])).status == status


def test_of_a_moved_game_listed_twice_the_new_date_counts() -> None:
    old = listed("0022500001", "2025-10-22", postponedStatus="Y")
    new = listed("0022500001", "2025-12-01")

    for games in ([old, new], [new, old]):
        parsed = parse(games)
        assert rows_of(parsed, ScheduleListed)[-1].game_date == date(2025, 12, 1)
        assert parsed.read["schedule"] == 2


def test_teams_not_known_yet_are_null() -> None:
    nobody = {"teamId": 0}
    row = one(parse([listed("0042500101", "2026-04-18", homeTeam=nobody, awayTeam=None)]))

    assert (row.home_team_id, row.away_team_id) == (None, None)


def test_a_tipoff_to_be_decided_is_null() -> None:
    row = one(parse([listed("0022500001", gameDateTimeUTC="1900-01-01T00:00:00Z")]))

    assert row.tipoff_utc is None


@pytest.mark.parametrize(
    ("game", "code"),
    [
        (listed("1022500001"), "league"),
        (listed("0022500001", homeTeam={"teamId": 1611661328}), "team"),
        (listed("0022500001", "2012-10-22"), "season"),
        (listed("0022500001", gameStatus=9), "value"),
        ({"gameStatus": 1}, "value"),
    ],
)
def test_a_bad_game_is_rejected_alone(game: dict[str, Any], code: str) -> None:
    parsed = parse([game, listed("0022500002")])

    assert [reject.code for reject in parsed.rejects] == [code]
    assert len(rows_of(parsed, ScheduleListed)) == 1
    assert balanced(parsed, "schedule", ScheduleListed)


def test_guests_may_play_before_the_season() -> None:
    row = one(parse([listed("0012500001", "2025-10-05", awayTeam={"teamId": 12321})]))

    assert row.away_team_id == 12321


def test_the_schedule_of_another_league_is_refused() -> None:
    with pytest.raises(SourceChanged, match="league 10"):
        parse(season_of(1), leagueId="10")


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"leagueSchedule":null}', b'{"leagueSchedule":{}}', b"<html>"]
)
def test_what_is_no_schedule_is_refused(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_schedule([body], Request("cdn_schedule", "/x", (), (UNIT,)), LATER)


def test_a_file_of_games_is_read_by_ids_or_abbreviations() -> None:
    parsed = file(
        f"0022500001,2025-10-21,{ATL},{BOS},scheduled,true",
        "22500002,10/22/2025,ATL,NJN,postponed,",
    )

    first, second = rows_of(parsed, ScheduleListed)
    assert (first.home_team_id, first.away_team_id, first.is_neutral) == (ATL, BOS, True)
    assert (second.game_id, second.away_team_id) == ("0022500002", team_id_of("BKN"))
    assert second.status == "postponed"


@pytest.mark.parametrize(("at", "status"), [(BEFORE, "scheduled"), (LATER, "final")])
def test_a_game_of_a_file_without_status_is_final_once_its_day_is_past(
    at: datetime, status: str
) -> None:
    parsed = file("0022500001,2025-10-21,ATL,BOS", header=NAMES.rsplit(",", 2)[0], at=at)

    assert one(parsed, ScheduleScore).status == status


def test_bad_lines_of_a_file_of_games_are_rejected_with_their_numbers() -> None:
    parsed = file(
        "0022500001,2025-10-21,ATL,BOS,scheduled,",
        "0022500002,2025-10-21,XYZ,BOS,scheduled,",
        "0022500003,2025-10-21,ATL,BOS,perhaps,",
        "0022500004,2025-10-21,ATL,BOS",
    )

    assert [reject.position for reject in parsed.rejects] == ["line 3", "line 4", "line 5"]
    assert balanced(parsed, "schedule", ScheduleListed)


@pytest.mark.parametrize("body", [b"", b"a,b\n1,2\n", NAMES.encode(), b"game_id,game_date\n1,2"])
def test_what_is_no_file_of_games_is_refused(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_schedule_file([body], FILE, LATER)


def test_a_saved_schedule_is_a_schedule_file() -> None:
    body = {"leagueSchedule": {"leagueId": "00", "gameDates": [{"games": season_of(3)}]}}
    parsed = parse_schedule_file([encoded(body)], FILE, BEFORE)

    assert {row.source for row in rows_of(parsed, ScheduleListed)} == {"file:schedule"}


def test_a_real_team_log_named_as_schedule_tells_each_game_once() -> None:
    parsed = parse_schedule_file([real_file(TEAM_LOG)], FILE, LATER)

    rows = rows_of(parsed, ScheduleListed)
    assert len(rows) == len({row.game_id for row in rows}) == 844
    assert {row.source for row in rows} == {"file:team_log"}
    assert sorted(row.game_id for row in rows if row.is_neutral) == [
        *("0022500147", "0022500578", "0022500602", "0022501229", "0022501230")
    ]
    assert outcome_of(parsed, *UNIT) == (
        State.THIN,
        "season not fully published: 844 of 1,230 games",
    )


def test_a_real_team_log_tells_home_and_score() -> None:
    parsed = parse_schedule_file([real_file(TEAM_LOG)], FILE, LATER)

    (score,) = (row for row in rows_of(parsed, ScheduleScore) if row.game_id == "0022500002")
    assert (score.home_team_id, score.away_team_id) == (team_id_of("LAL"), team_id_of("GSW"))
    assert (score.status, score.home_score, score.away_score) == ("final", 109, 119)


def test_real_playoffs_are_complete_as_a_schedule() -> None:
    parsed = parse_schedule_file([real_file(PLAYOFFS)], FILE, LATER)

    assert len(rows_of(parsed, ScheduleListed)) == 171
    assert outcome_of(parsed, "2021-22", "playoffs") == (State.COMPLETE, "")
    assert outcome_of(parsed, "2022-23", "playoffs") == (State.COMPLETE, "")


@pytest.mark.parametrize(("name", "season"), [(PLAYERS_2022, "2022-23"), (PLAYERS_2024, "2024-25")])
def test_the_id_rule_promises_exactly_the_games_of_a_real_season(name: str, season: str) -> None:
    held = {row[0] for row in next(iter(players(name).rows.values()))}

    assert {row.game_id for row in id_rule(seasons()[season])} == held


@pytest.mark.parametrize(("name", "season"), [(PLAYERS_2022, "2022-23"), (PLAYERS_2024, "2024-25")])
def test_shipped_seasons_begin_and_end_as_the_real_ones_did(name: str, season: str) -> None:
    shipped = seasons()[season]
    days = {row.game_date for row in rows_of_any(players(name))}

    assert (min(days), max(days)) == (shipped.first_regular_date, shipped.last_regular_date)


def rows_of_any(parsed: Parsed) -> list[Any]:
    return [row for rows in parsed.rows.values() for row in rows]


def test_shipped_seasons_promise_what_was_played() -> None:
    parsed = parse_seasons([shipped_seasons()], Request("seasons", "seasons.csv"), LATER)

    rows = rows_of(parsed, SeasonRow)
    assert [row.season for row in rows] == [
        *(f"{year}-{year % 100 + 1}" for year in range(2014, 2027))
    ]
    games = {row.season: (row.regular_games, row.dense_ids) for row in rows}
    assert games.pop("2019-20") == (1_059, False)
    assert games.pop("2020-21") == (1_080, True)
    assert set(games.values()) == {(1_230, True)}
    assert [row.play_in_games for row in rows] == [0, 0, 0, 0, 0, 1, 6, 6, 6, 6, 6, 6, 6]


def test_a_season_with_holes_promises_no_ids() -> None:
    parsed = parse_seasons([shipped_seasons()], Request("seasons", "seasons.csv"), LATER)

    promised = rows_of(parsed, ScheduleId)
    assert len(promised) == 1_080 + 11 * 1_230
    assert "2019-20" not in {row.season for row in promised}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"2024-25,2024", b"2024-26,2024"),
        (b"2024-10-22,2025-04-13", b"2025-04-13,2024-10-22"),
        (b"2025-06-30,1230", b"2025-06-30,0"),
        (b"1230,6,true,14,\n2025", b"1230,6,perhaps,14,\n2025"),
        (b"season,", b"saison,"),
    ],
)
def test_a_list_of_seasons_with_a_slip_is_refused(old: bytes, new: bytes) -> None:
    assert old in shipped_seasons()
    with pytest.raises(SourceChanged):
        parse_seasons(
            [shipped_seasons().replace(old, new)], Request("seasons", "seasons.csv"), LATER
        )


def test_thirty_teams_are_shipped_fifteen_to_a_conference() -> None:
    parsed = parse_teams([shipped_teams()], Request("teams", "teams.csv"), LATER)

    (rows,) = parsed.rows.values()
    assert len(rows) == len(teams()) == 30
    assert sum(row[4] == "East" for row in rows) == 15


@pytest.mark.parametrize("name", [PLAYERS_2022, PLAYERS_2024])
def test_shipped_teams_are_called_as_in_the_real_logs(name: str) -> None:
    told = {(row.team_id, row.team_abbreviation) for row in rows_of_any(players(name))}

    assert told == {(team.team_id, team.abbreviation) for team in teams().values()}


def test_a_list_of_aliases_is_read() -> None:
    body = b"old_id,new_id,reason\n22500001,0022501231,replayed\n0022500002,0022500002,x\n"
    parsed = parse_aliases([body], Request("aliases", "aliases.csv"), LATER)

    assert rows_of(parsed, AliasRow) == [AliasRow("0022500001", "0022501231", "replayed")]
    assert [reject.position for reject in parsed.rejects] == ["line 3"]
    assert balanced(parsed, "game_alias", AliasRow)
