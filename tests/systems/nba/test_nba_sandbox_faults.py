"""Each content fault changes what an answer says, where it is told to, and nothing else."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from stocktake.systems.nba.sandbox import CONTENT_FAULTS, create
from stocktake.testing import Fault, SandboxServer
from stocktake.testing.faults import UnknownFaultError
from tests.systems.nba.league_client import (
    FAST,
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

DAY = "2025-11-05"
GAME = "0022500020"
LOG = "/stats/leaguegamelog"
Rows = list[dict[str, Any]]
Spoil = Callable[..., SandboxServer]


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with create(scale="small", until=UNTIL, rate_factor=FAST) as server:
        yield server


@pytest.fixture(scope="module")
def sound(running: SandboxServer) -> Rows:
    """The team log as it is without faults."""
    running.rules.clear()
    return log(running)


@pytest.fixture
def spoil(running: SandboxServer, sound: Rows) -> Iterator[Spoil]:
    assert sound

    def put(kind: str, **settings: Any) -> SandboxServer:
        running.rules.add([Fault(kind, **settings)])
        return running

    yield put
    running.rules.clear()


def without(rows: Rows, *game_id: str) -> Rows:
    return [row for row in rows if row["GAME_ID"] not in game_id]


def of_game(rows: Rows, game_id: str) -> Rows:
    return [row for row in rows if row["GAME_ID"] == game_id]


# --- rows that are not there --------------------------------------------------------------------


def test_all_answers_can_be_empty(spoil: Spoil) -> None:
    server = spoil("empty_answer")

    assert log(server) == log(server, "P") == board(server, DAY) == []
    assert sheet(server, GAME)["homeTeam"]["players"] == []
    assert stats(server, "playbyplayv3", GameID=GAME)["game"]["actions"] == []


def test_one_game_can_be_empty(spoil: Spoil, sound: Rows) -> None:
    server = spoil("empty_answer", match=GAME)

    assert log(server) == without(sound, GAME)
    assert sheet(server, GAME)["homeTeam"]["players"] == []
    assert sheet(server, "0022500021")["homeTeam"]["players"] != []


def test_one_day_can_be_empty(spoil: Spoil, sound: Rows) -> None:
    server = spoil("empty_answer", match=DAY)

    assert log(server) == [row for row in sound if row["GAME_DATE"] != DAY]
    assert board(server, DAY) == []
    assert board(server, "2025-11-07") != []


def test_an_empty_answer_can_heal_after_some_tries(spoil: Spoil) -> None:
    server = spoil("empty_answer", match=GAME, times=2)
    seen = [bool(sheet(server, GAME)["homeTeam"]["players"]) for _ in range(3)]

    assert seen == [False, False, True]


def test_a_game_can_be_missing_from_the_log_for_good(spoil: Spoil, sound: Rows) -> None:
    server = spoil("missing_from_log", match=GAME)

    assert log(server) == without(sound, GAME)
    assert GAME not in {row["GAME_ID"] for row in log(server, "P")}
    assert sheet(server, GAME)["homeTeam"]["players"] != []
    assert listed(server)[GAME]["gameStatus"] == 3


@pytest.mark.parametrize("days", [1, 20, 80])
def test_a_block_of_days_can_be_missing(spoil: Spoil, sound: Rows, days: int) -> None:
    server = spoil("missing_days", match="2025-10-25", value=days)
    kept = {row["GAME_DATE"] for row in log(server)}
    first = date(2025, 10, 25)
    lost = {
        row["GAME_DATE"]
        for row in sound
        if 0 <= (date.fromisoformat(row["GAME_DATE"]) - first).days < days
    }

    assert lost
    assert kept == {row["GAME_DATE"] for row in sound} - lost
    assert sheet(server, GAME)["homeTeam"]["players"] != []


def test_a_schedule_can_shrink(spoil: Spoil) -> None:
    server = spoil("schedule_shrinks", match=SEASON, value=7)
    regular = [game_id for game_id in listed(server) if game_id.startswith("002")]

    assert len(regular) == 1_193
    by_stats = stats(server, "scheduleleaguev2", Season=SEASON)["leagueSchedule"]["gameDates"]
    assert sum(len(day["games"]) for day in by_stats) == len(listed(server))


# --- rows that do not belong ----------------------------------------------------------------------


def test_right_count_wrong_games(spoil: Spoil, sound: Rows) -> None:
    server = spoil("swap_games", match=DAY)
    spoiled = log(server)
    lost = set(game_ids(sound)) - set(game_ids(spoiled))
    added = set(game_ids(spoiled)) - set(game_ids(sound))

    assert Counter(row["GAME_DATE"] for row in spoiled) == Counter(
        row["GAME_DATE"] for row in sound
    )
    assert len(lost) == len(added) > 0
    assert not added & set(listed(server))
    assert {row["GAME_DATE"] for row in spoiled if row["GAME_ID"] in added} == {DAY}


def test_pre_season_games_can_be_mixed_in(spoil: Spoil, sound: Rows) -> None:
    server = spoil("preseason_mixed")
    surplus = [row for row in log(server) if row["GAME_ID"].startswith("001")]

    assert len(surplus) > 80
    assert {row["SEASON_ID"] for row in surplus} == {"12025"}
    assert [row for row in log(server) if row["GAME_ID"].startswith("002")] == sound


def test_a_game_can_be_there_twice_under_another_number(spoil: Spoil, sound: Rows) -> None:
    server = spoil("renumbered", match=GAME)
    added = [row for row in log(server) if row not in sound]

    assert {row["GAME_ID"] for row in added} == {"0022505020"}
    assert [{**row, "GAME_ID": GAME} for row in added] == of_game(sound, GAME)
    assert without(log(server), "0022505020") == sound


def test_rows_of_another_league_can_be_mixed_in(spoil: Spoil, sound: Rows) -> None:
    server = spoil("wrong_league", value=3)
    strangers = [row for row in log(server) if row["GAME_ID"].startswith("10")]

    assert len(game_ids(strangers)) == 3
    assert {row["TEAM_ABBREVIATION"] for row in strangers} == {"CON", "SEA"}
    assert [row for row in log(server) if row not in strangers] == sound
    assert sum(game["gameId"].startswith("10") for game in board(server, DAY)) == 3


def test_rows_can_be_there_twice(spoil: Spoil, sound: Rows) -> None:
    spoiled = log(spoil("duplicate_rows", match=GAME))

    assert of_game(spoiled, GAME) == 2 * of_game(sound, GAME)
    assert without(spoiled, GAME) == without(sound, GAME)


def test_rows_can_be_there_twice_with_other_figures(spoil: Spoil, sound: Rows) -> None:
    spoiled = of_game(log(spoil("duplicate_rows", match=GAME, value="different")), GAME)
    first, second = spoiled[:2], spoiled[2:]

    assert first == of_game(sound, GAME)
    assert [row["PTS"] for row in second] == [row["PTS"] + 1 for row in first]
    for row in second:
        assert row["PTS"] == 2 * row["FGM"] + row["FG3M"] + row["FTM"]


def test_a_share_of_games_can_be_doubled(spoil: Spoil, sound: Rows) -> None:
    spoiled = log(spoil("duplicate_rows", rate=0.4))

    assert 1.25 <= len(spoiled) / len(sound) <= 1.55


@pytest.mark.parametrize(("value", "sent"), [(None, "22500020"), ("number", 22_500_020)])
def test_zeros_can_be_lost(spoil: Spoil, value: str | None, sent: object) -> None:
    spoiled = log(spoil("lost_zeros", match=GAME, value=value), "P")

    assert sum(row["GAME_ID"] == sent for row in spoiled) > 15
    assert GAME not in {row["GAME_ID"] for row in spoiled}


# --- games that are not over, or not any more what they were ------------------------------------


def test_a_half_time_score_can_be_called_final(spoil: Spoil, sound: Rows) -> None:
    server = spoil("half_time_score", match=DAY)
    points = {(row["GAME_ID"], row["TEAM_ID"]): row["PTS"] for row in sound}

    games, schedule = board(server, DAY), listed(server)
    assert games
    for game in games:
        home = game["homeTeam"]
        whole = points[game["gameId"], home["teamId"]]
        assert game["gameStatus"] == 3
        assert len(home["periods"]) == 2
        assert home["score"] < 0.6 * whole
        assert schedule[game["gameId"]]["homeTeam"]["score"] == home["score"]
    assert log(server) == sound


def test_a_box_score_can_stop_at_half_time(spoil: Spoil, sound: Rows) -> None:
    server = spoil("half_time_box", match=GAME)
    team = sheet(server, GAME)["homeTeam"]
    points = sum(player["statistics"]["points"] for player in team["players"])
    score = listed(server)[GAME]["homeTeam"]["score"]

    assert points == team["statistics"]["points"] < 0.6 * score
    assert {row["PTS"] for row in of_game(log(server), GAME)} != {
        row["PTS"] for row in of_game(sound, GAME)
    }
    assert without(log(server), GAME) == without(sound, GAME)


def test_a_game_can_be_in_progress(spoil: Spoil, sound: Rows) -> None:
    server = spoil("in_progress", match=GAME)
    game = listed(server)[GAME]
    rows = of_game(log(server), GAME)

    assert (game["gameStatus"], game["gameStatusText"]) == (2, "Half")
    assert [row["WL"] for row in rows] == [None, None]
    assert sorted(row["PTS"] for row in rows) == sorted(
        game[side]["score"] for side in ("homeTeam", "awayTeam")
    )
    assert without(log(server), GAME) == without(sound, GAME)


def test_a_game_of_today_can_be_in_progress(spoil: Spoil) -> None:
    today = UNTIL.isoformat()
    server = spoil("in_progress", match=today)

    assert {game["gameStatus"] for game in board(server, today)} == {2}
    assert any(row["GAME_DATE"] == today and row["WL"] is None for row in log(server))


def test_a_box_score_can_be_corrected_later(spoil: Spoil) -> None:
    server = spoil("late_correction", match=GAME, endpoint=LOG, after=1)
    before, after = (of_game(log(server, "P"), GAME) for _ in range(2))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]

    assert len(changed) == 4
    for name in ("AST", "REB", "PTS"):
        assert sum(row[name] for row in before) == sum(row[name] for row in after)
    for old, new in changed:
        assert old["PTS"] == new["PTS"]
        assert new["REB"] == new["OREB"] + new["DREB"]


def test_a_moved_game_can_stay_under_its_old_date() -> None:
    moved, old = "0022500302", "2025-12-02"
    with create(scale="small", until=date(2026, 1, 12), rate_factor=FAST) as server:
        new = of_game(log(server, DateFrom="12/01/2025"), moved)[0]["GAME_DATE"]
        assert moved not in {game["gameId"] for game in board(server, old)}
        server.rules.add([Fault("moved_under_old_date")])

        assert {row["GAME_DATE"] for row in of_game(log(server), moved)} == {old}
        assert moved in {game["gameId"] for game in board(server, old)}
        assert moved not in {game["gameId"] for game in board(server, new)}
        assert listed(server)[moved]["listedUnder"].startswith("12/02/2025")
    assert new > old


# --- pages --------------------------------------------------------------------------------------


def scores(server: SandboxServer, query: str) -> Any:
    return ask(server, f"/v1/games?seasons[]=2025&per_page=100&{query}").json


def test_pages_can_be_smaller_than_asked_for(spoil: Spoil) -> None:
    whole = scores(spoil("slow", endpoint="/none"), "")
    page = scores(spoil("page_25"), "")

    assert (len(whole["data"]), len(page["data"])) == (100, 25)
    assert page["meta"]["next_cursor"] == page["data"][-1]["id"]


def test_a_cursor_can_be_lost(spoil: Spoil) -> None:
    page = scores(spoil("lost_cursor"), "")

    assert len(page["data"]) == 100
    assert "next_cursor" not in page["meta"]


# --- the exchange itself --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 429])
def test_one_answer_can_be_refused(spoil: Spoil, status: int) -> None:
    server = spoil(str(status), endpoint=LOG, match="PlayerOrTeam=P", times=1)
    path = f"{LOG}?Season={SEASON}&SeasonType=Playoffs&PlayerOrTeam=P"

    assert [ask(server, path).status for _ in range(2)] == [status, 200]


def test_an_answer_can_hang(spoil: Spoil) -> None:
    server = spoil("timeout", endpoint="/stats/scoreboardv3")

    with pytest.raises(TimeoutError):
        ask(server, f"/stats/scoreboardv3?GameDate={DAY}", patience=0.3)


def test_a_fault_can_be_kept_to_one_endpoint(spoil: Spoil) -> None:
    server = spoil("empty_answer", match=GAME, endpoint="/stats/boxscoretraditionalv3")

    assert of_game(log(server), GAME)
    assert sheet(server, GAME)["homeTeam"]["players"] == []


def test_faults_are_told_by_name() -> None:
    assert sorted(CONTENT_FAULTS) == list(CONTENT_FAULTS)
    assert all(CONTENT_FAULTS.values())


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(UnknownFaultError):
        create(scale="small", until=UNTIL, faults=[Fault("drop_finishers")])
