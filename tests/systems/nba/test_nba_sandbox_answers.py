"""The NBA sandbox speaks the sources' wire formats, with their quirks and limits."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from stocktake.systems.nba.sandbox import LIMITS, create
from stocktake.systems.nba.sandbox.dates import ONE_DAY
from stocktake.systems.nba.sandbox.league import Season
from stocktake.systems.nba.sandbox.views import upcoming
from stocktake.testing import SandboxServer
from tests.systems.nba.league_client import (
    FAST,
    SCHEDULE,
    SEASON,
    UNTIL,
    ask,
    board,
    game_ids,
    listed,
    log,
    sheet,
    stats,
)
from tests.systems.nba.real import real_file, shape

SUMMER = date(2025, 8, 1)


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with create(scale="small", until=UNTIL, rate_factor=FAST) as running:
        yield running


@pytest.fixture(scope="module")
def summer() -> Iterator[SandboxServer]:
    with create(scale="small", until=SUMMER, rate_factor=FAST) as running:
        yield running


@pytest.fixture(scope="module")
def first_game(server: SandboxServer) -> str:
    return game_ids(log(server))[0]


# --- shapes of real answers ---------------------------------------------------------------------


def fields_of(value: Any, place: str = "") -> dict[str, type]:
    """Return the type of every field, the first row of a list standing for all."""
    if isinstance(value, dict):
        return {
            name: kind
            for key, inner in value.items()
            for name, kind in fields_of(inner, f"{place}.{key}").items()
        }
    if isinstance(value, list) and value:
        return fields_of(value[0], f"{place}[]")
    return {place: type(value)}


def differences(real: Any, ours: Any) -> dict[str, str]:
    """Return the fields that the real answer has and ours lacks or sends as another type."""
    known = fields_of(ours)
    return {
        place: f"{kind.__name__} is {known[place].__name__ if place in known else 'absent'}"
        for place, kind in fields_of(real).items()
        if kind is not type(None) and known.get(place) is not kind and kind is not list
    }


def test_a_box_score_has_every_field_of_a_real_one(server: SandboxServer) -> None:
    real = shape("boxscoretraditionalv3.json")
    answers = (
        stats(server, "boxscoretraditionalv3", GameID=game_id)
        for game_id in game_ids(log(server))[:6]
    )
    with_groups = next(
        answer for answer in answers if answer["boxScoreTraditional"]["homeTeam"]["bench"]
    )

    assert differences(real, with_groups) == {}


def test_a_scoreboard_has_every_field_of_a_real_one(server: SandboxServer) -> None:
    real = shape("scoreboardv3_regular.json")
    ours = stats(server, "scoreboardv3", GameDate="2025-11-05", LeagueID="00")
    lacking = differences(real, ours)

    # Radio stations and the leaders of the season are not made up.
    assert [place for place in lacking if "Radio" not in place and "teamLeaders" not in place] == []


def test_an_empty_day_is_told_as_in_life(server: SandboxServer) -> None:
    real = shape("scoreboardv3_offseason.json")["scoreboard"]
    ours = stats(server, "scoreboardv3", GameDate="2026-07-15", LeagueID="00")["scoreboard"]

    assert ours == {**real, "gameDate": "2026-07-15"}


def test_play_by_play_has_every_field_of_a_real_one(server: SandboxServer, first_game: str) -> None:
    real = shape("playbyplayv3.json.gz")
    ours = stats(server, "playbyplayv3", GameID=first_game)

    assert differences(real, ours) == {}
    made = {action["actionType"] for action in ours["game"]["actions"]}
    assert made - {action["actionType"] for action in real["game"]["actions"]} == set()


def test_a_team_log_has_the_headers_of_a_real_one(server: SandboxServer) -> None:
    real = json.loads(real_file("leaguegamelog_T_2025-26_to_2026-02-21.json.gz"))
    ours = stats(
        server, "leaguegamelog", Season=SEASON, SeasonType="Regular Season", PlayerOrTeam="T"
    )

    table, known = ours["resultSets"][0], real["resultSets"][0]
    assert table["headers"] == known["headers"]
    assert [type(cell) for cell in table["rowSet"][0]] == [
        type(cell) for cell in known["rowSet"][0]
    ]


def test_a_player_log_has_every_column_of_a_real_one(server: SandboxServer) -> None:
    lines = real_file("player_logs_2024-25.csv.gz").decode("utf-8-sig").splitlines()
    row = log(server, "P")[0]

    assert set(lines[0].split(",")) - row.keys() == {"SEASON_LABEL"}


def test_a_legacy_scoreboard_has_the_headers_of_a_real_one(server: SandboxServer) -> None:
    real = {table["name"]: table for table in shape("scoreboardv2.json")["resultSets"]}
    ours = stats(server, "scoreboardv2", GameDate="11/05/2025")["resultSets"]

    assert len(ours) == 5
    for table in ours:
        assert table["headers"] == real[table["name"]]["headers"]
        assert all(len(row) == len(table["headers"]) for row in table["rowSet"])


# --- answers that agree with one another --------------------------------------------------------


def test_logs_schedule_scoreboards_and_box_scores_tell_one_score(server: SandboxServer) -> None:
    rows = log(server)
    games = listed(server)
    points = {(row["GAME_ID"], row["TEAM_ID"]): row["PTS"] for row in rows}
    days = sorted({row["GAME_DATE"] for row in rows})[:4]

    shown = [game for day in days for game in board(server, day) if game["gameId"][:3] == "002"]
    assert len(shown) == len({row["GAME_ID"] for row in rows if row["GAME_DATE"] in days})
    for game in shown:
        for side in ("homeTeam", "awayTeam"):
            team = game[side]
            own = sheet(server, game["gameId"])[side]["statistics"]["points"]
            told = points[game["gameId"], team["teamId"]]
            in_schedule = games[game["gameId"]][side]["score"]
            by_period = sum(period["score"] for period in team["periods"])
            assert told == own == in_schedule == team["score"] == by_period


def test_a_player_log_adds_up_to_the_team_log(server: SandboxServer) -> None:
    sums: Counter[tuple[str, int]] = Counter()
    for row in log(server, "P"):
        sums[row["GAME_ID"], row["TEAM_ID"]] += row["PTS"]

    assert sums == {(row["GAME_ID"], row["TEAM_ID"]): row["PTS"] for row in log(server)}


def test_a_team_log_counts_turnovers_of_the_team_too(server: SandboxServer) -> None:
    own: Counter[tuple[str, int]] = Counter()
    for row in log(server, "P"):
        own[row["GAME_ID"], row["TEAM_ID"]] += row["TOV"]
    extra = [row["TOV"] - own[row["GAME_ID"], row["TEAM_ID"]] for row in log(server)]

    assert set(extra) == {0, 1, 2}


def test_percentages_are_null_exactly_without_attempts(server: SandboxServer) -> None:
    for row in log(server, "P"):
        assert (row["FG_PCT"] is None) == (row["FGA"] == 0)
        assert (row["FG3_PCT"] is None) == (row["FG3A"] == 0)
        assert (row["FT_PCT"] is None) == (row["FTA"] == 0)


def test_both_rows_of_a_game_on_neutral_ground_say_at(summer: SandboxServer) -> None:
    rows = log(summer, Season="2024-25")
    away = Counter(row["GAME_ID"] for row in rows if " @ " in row["MATCHUP"])

    assert sum(count == 2 for count in away.values()) == 5
    assert set(away.values()) == {1, 2}


def test_those_who_did_not_play_are_on_the_sheet_but_not_in_the_log(
    server: SandboxServer, first_game: str
) -> None:
    logged = {row["PLAYER_ID"] for row in log(server, "P") if row["GAME_ID"] == first_game}
    home = sheet(server, first_game)["homeTeam"]["players"]
    away = sheet(server, first_game)["awayTeam"]["players"]
    played = {one["personId"] for one in (*home, *away) if one["statistics"]["minutes"]}
    absent = [one for one in (*home, *away) if not one["statistics"]["minutes"]]

    assert played == logged
    assert absent
    assert all(one["comment"][:6] in {"DNP - ", "DND - ", "NWT - "} for one in absent)
    assert all(one["statistics"]["points"] == 0 for one in absent)


def test_starters_and_bench_are_sometimes_null(server: SandboxServer) -> None:
    groups = [
        sheet(server, game_id)["homeTeam"]["starters"] for game_id in game_ids(log(server))[:9]
    ]

    assert None in groups
    assert any(groups)


def test_logs_come_in_three_envelopes(summer: SandboxServer) -> None:
    def envelope(kind: str) -> Any:
        return stats(summer, "leaguegamelog", Season="2024-25", SeasonType=kind)

    assert isinstance(envelope("Regular Season")["resultSets"], list)
    assert isinstance(envelope("Playoffs")["resultSets"], dict)
    assert isinstance(envelope("PlayIn")["resultSet"], dict)


@pytest.mark.parametrize(
    ("kind", "digits", "least", "most"),
    [
        ("Regular Season", "002", 1_230, 1_230),
        ("Playoffs", "004", 79, 89),
        ("PlayIn", "005", 6, 6),
        ("IST", "006", 1, 1),
        ("All Star", "003", 1, 1),
        ("Pre Season", "001", 40, 100),
    ],
)
def test_a_whole_season_is_one_answer(
    summer: SandboxServer, kind: str, digits: str, least: int, most: int
) -> None:
    rows = log(summer, Season="2024-25", SeasonType=kind)
    found = game_ids(rows)

    assert least <= len(found) <= most
    assert {game_id[:3] for game_id in found} == {digits}
    assert {row["SEASON_ID"] for row in rows} == {f"{digits[2]}2024"}
    assert set(Counter(row["GAME_ID"] for row in rows).values()) == {2}


def test_a_log_is_cut_by_dates_in_either_spelling(server: SandboxServer) -> None:
    cut = log(server, DateFrom="11/01/2025", DateTo="11/03/2025")

    assert {row["GAME_DATE"] for row in cut} <= {"2025-11-01", "2025-11-02", "2025-11-03"}
    assert cut == log(server, DateFrom="2025-11-01", DateTo="2025-11-03")
    assert 0 < len(cut) < len(log(server))


def test_rounded_minutes_of_a_log_add_up(server: SandboxServer) -> None:
    minutes: Counter[tuple[str, int]] = Counter()
    for row in log(server, "P"):
        minutes[row["GAME_ID"], row["TEAM_ID"]] += row["MIN"]

    for row in log(server):
        assert row["MIN"] in {240, 265, 290}
        assert abs(minutes[row["GAME_ID"], row["TEAM_ID"]] - row["MIN"]) <= 5


# --- the sandbox's today ------------------------------------------------------------------------


def test_games_before_today_are_final_and_no_later_one_is(server: SandboxServer) -> None:
    for game in listed(server).values():
        day = datetime.strptime(game["listedUnder"], "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC).date()
        is_over = game["gameStatus"] == 3
        assert is_over == (day < UNTIL)
        assert (game["homeTeam"]["score"] > 0) == is_over
    assert max(row["GAME_DATE"] for row in log(server)) < UNTIL.isoformat()


def test_a_game_that_has_not_begun_has_an_empty_sheet(server: SandboxServer) -> None:
    later = next(key for key, game in listed(server).items() if game["gameStatus"] == 1)

    assert sheet(server, later)["homeTeam"]["players"] == []
    assert stats(server, "playbyplayv3", GameID=later)["game"]["actions"] == []


def test_a_schedule_grows_by_thirty_games_in_december() -> None:
    def regular(until: date) -> int:
        with create(scale="small", until=until, rate_factor=FAST) as running:
            return sum(game_id.startswith("002") for game_id in listed(running))

    assert [regular(date(2025, 10, 5)), regular(date(2025, 12, 20))] == [1_200, 1_230]


def test_a_postponed_game_is_off_and_then_has_a_new_day(server: SandboxServer) -> None:
    (game,) = (game for game in Season(1, 2025, UNTIL).regular if game.id == "0022500302")
    assert game.moved_from is not None
    called_off, told = game.moved_from, game.moved_from + timedelta(days=5)

    assert upcoming(game, called_off - ONE_DAY).day == upcoming(game, called_off).day == called_off
    assert [game.is_postponed(day) for day in (called_off - ONE_DAY, called_off, told)] == [
        False,
        True,
        False,
    ]
    assert upcoming(game, told).day == game.day
    assert upcoming(game, called_off).text == "PPD"
    assert listed(server)[game.id]["postponedStatus"] == "A"


def test_tip_offs_are_told_in_utc_and_games_under_the_leagues_day(server: SandboxServer) -> None:
    games = [game for game in listed(server).values() if game["gameId"][:3] == "002"]
    utc_days = [game["gameDateTimeUTC"][:10] != game["gameDateEst"][:10] for game in games]

    assert sum(utc_days) > len(games) / 2
    assert all(game["gameTimeUTC"][11:] == game["gameDateTimeUTC"][11:] for game in games)


# --- the cdn and balldontlie --------------------------------------------------------------------


def test_an_unchanged_schedule_is_told_by_its_etag(server: SandboxServer) -> None:
    tag = ask(server, SCHEDULE).headers["etag"]
    again = ask(server, SCHEDULE, sent={"If-None-Match": tag})

    assert (again.status, again.json) == (304, "")


def test_stats_and_the_cdn_have_one_schedule(server: SandboxServer) -> None:
    by_stats = stats(server, "scheduleleaguev2", Season=SEASON, LeagueID="00")

    assert by_stats["leagueSchedule"] == ask(server, SCHEDULE).json["leagueSchedule"]


def test_the_cdn_has_box_scores_with_the_same_points(
    server: SandboxServer, first_game: str
) -> None:
    path = f"/static/json/liveData/boxscore/boxscore_{first_game}.json"
    live = ask(server, path).json["game"]

    assert live["gameStatus"] == 3
    for side in ("homeTeam", "awayTeam"):
        points = sum(player["statistics"]["points"] for player in live[side]["players"])
        assert points == live[side]["score"]
        assert points == sheet(server, first_game)[side]["statistics"]["points"]


def test_a_file_the_cdn_does_not_have_is_forbidden(server: SandboxServer) -> None:
    path = "/static/json/liveData/boxscore/boxscore_0022509999.json"

    assert ask(server, path).status == 403


def test_scores_come_in_pages_of_25_with_a_cursor(server: SandboxServer) -> None:
    query = f"seasons[]=2025&start_date=2025-10-21&end_date={UNTIL - timedelta(days=1)}"
    pages = [ask(server, f"/v1/games?{query}").json]
    while "next_cursor" in pages[-1]["meta"]:
        cursor = pages[-1]["meta"]["next_cursor"]
        pages.append(ask(server, f"/v1/games?{query}&cursor={cursor}").json)
    found = [game for page in pages for game in page["data"]]

    assert {len(page["data"]) for page in pages[:-1]} == {25}
    assert len({game["id"] for game in found}) == len(found) == len(game_ids(log(server)))
    assert {game["status"] for game in found} == {"Final"}


def test_scores_agree_with_the_team_log(server: SandboxServer) -> None:
    by_team = {(row["GAME_DATE"], row["TEAM_ABBREVIATION"]): row["PTS"] for row in log(server)}
    page = ask(server, "/v1/games?dates[]=2025-11-05&per_page=100").json["data"]

    assert len(page) > 3
    for game in page:
        home, away = game["home_team"]["abbreviation"], game["visitor_team"]["abbreviation"]
        assert game["home_team_score"] == by_team[game["date"], home]
        assert game["visitor_team_score"] == by_team[game["date"], away]


def test_scores_ask_for_a_key(server: SandboxServer) -> None:
    path = "/v1/games?dates[]=2025-11-05"

    assert ask(server, path, sent={"Authorization": "wrong"}).status == 401
    assert ask(server, path, sent={"Authorization": "Bearer sandbox"}).status == 200


# --- manners --------------------------------------------------------------------------------------


def test_stats_admits_one_request_a_second_over_all_its_addresses() -> None:
    paths = [f"/stats/{name}?GameDate=2026-07-15" for name in ("scoreboardv3", "scoreboardv2")]
    with create(scale="small", until=UNTIL) as strict:
        answers = [ask(strict, path).status for path in paths]
        elsewhere = ask(strict, "/static/json/liveData/boxscore/boxscore_1.json").status
        time.sleep(1.0)
        answers.append(ask(strict, paths[1]).status)

        assert answers == [200, 429, 200]
        assert elsewhere == 403
        assert strict.per_second("stats") == 2


def test_limits_are_those_assumed_of_the_sources() -> None:
    assert LIMITS == {"stats": 1, "cdn": 2, "v1": 5 / 60}


def test_a_browserless_request_hangs_where_that_is_asked_for() -> None:
    path = "/stats/scoreboardv3?GameDate=2026-07-15"
    with create(scale="small", until=UNTIL, rate_factor=FAST, needs_browser=True) as choosy:
        browser = {"User-Agent": "a browser", "Referer": "https://www.nba.com/"}
        assert ask(choosy, path, sent=browser).status == 200
        with pytest.raises((TimeoutError, OSError)):
            ask(choosy, path, sent={"User-Agent": "a browser"}, patience=0.5)


@pytest.mark.parametrize(
    "query",
    [
        "SeasonType=Regular+Season",
        "Season=2025-26&SeasonType=Unheard",
        "Season=2025-27&SeasonType=Playoffs",
        "Season=2025-26&SeasonType=Playoffs&DateFrom=someday",
    ],
)
def test_nonsense_is_refused(server: SandboxServer, query: str) -> None:
    assert ask(server, f"/stats/leaguegamelog?{query}").status == 400


def test_another_league_has_no_rows(server: SandboxServer) -> None:
    assert log(server, LeagueID="10") == []


def test_legacy_box_scores_are_empty_sets(server: SandboxServer, first_game: str) -> None:
    for name in ("boxscoretraditionalv2", "boxscoresummaryv2"):
        sets = stats(server, name, GameID=first_game)["resultSets"]
        assert len(sets) >= 3
        assert all(each["rowSet"] == [] for each in sets)


def test_a_game_on_national_television_has_three_rows_on_the_legacy_scoreboard(
    server: SandboxServer,
) -> None:
    counts: Counter[str] = Counter()
    for day in ("2025-11-05", "2025-11-07", "2025-11-08"):
        header = stats(server, "scoreboardv2", GameDate=day)["resultSets"][0]
        counts.update(row[header["headers"].index("GAME_ID")] for row in header["rowSet"])

    assert set(counts.values()) == {1, 3}


def test_a_game_nobody_knows_has_no_sheet(server: SandboxServer) -> None:
    assert sheet(server, "0022509999") is None
    assert sheet(server, "nonsense") is None


def test_a_command_line_can_start_it() -> None:
    """The command passes seed and scale by position, and a login."""
    server = create(1, "small", until=UNTIL, rate_factor=1.0, user="sandbox", password="own")

    with server:
        server.limit_factor = FAST
        answer = ask(server, "/v1/games?dates[]=2025-11-05", sent={"Authorization": "own"})
        assert answer.status == 200


def test_an_unknown_scale_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        create(1, "year", until=UNTIL)


def test_a_full_sandbox_has_as_many_seasons_as_asked() -> None:
    with create(until=date(2025, 11, 3), seasons=2, rate_factor=FAST) as running:
        first = {
            season: log(running, Season=season, DateFrom="10/01/2023", DateTo="10/31/2024")
            for season in ("2023-24", "2024-25")
        }

    assert [bool(rows) for rows in first.values()] == [False, True]
