"""Historical completeness: which rows look back on a hole, worked out a second way."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.systems.nba.layers.box_scores import (
    change,
    derive_all,
    differences,
    games_of,
    insert,
    one,
    remove,
)
from tests.systems.nba.layers.conftest import early_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Set
    from datetime import date

    from stocktake.store import Database
    from tests.systems.nba.layers.box_scores import Game

WINDOW = 10
Found = dict[tuple[str, int], tuple[int, int, bool, bool]]


class History:
    """What players look back on when some games are lost.

    A player's last ten games are taken from those he played and those of his team he is taken to
    have played: lost between two held games of the team in which he was, with no game of his in
    between.
    """

    def __init__(self, lost: Set[str]) -> None:
        self.games = games_of(early_rows())
        self.lost = lost
        self.teams: dict[int, list[Game]] = defaultdict(list)
        for game in sorted(self.games.values(), key=lambda game: game.day):
            if game.game_id not in lost:
                self.teams[game.home].append(game)
                self.teams[game.away].append(game)
        self.played: dict[int, dict[date, int]] = defaultdict(dict)
        self.counting: dict[int, list[date]] = defaultdict(list)
        for row in early_rows():
            if row["game_id"] not in lost:
                self.played[row["player_id"]][row["game_date"]] = row["team_id"]
                if row["min"] != "0":
                    self.counting[row["player_id"]].append(row["game_date"])

    def missed(self, player: int) -> Iterator[date]:
        own = self.played[player]
        for game_id in self.lost:
            day = self.games[game_id].day
            for team in (self.games[game_id].home, self.games[game_id].away):
                before = [game.day for game in self.teams[team] if game.day < day][-1:]
                after = [game.day for game in self.teams[team] if game.day > day][:1]
                around = [*before, *after]
                between = [at for at in own if before and before[0] < at < (after or [day])[0]]
                if [own.get(at) for at in around] == [team, team] and not between:
                    yield day

    def found(self) -> Found:
        told: Found = {}
        games = {
            player: [(day, True) for day in self.counting[player]]
            + [(day, False) for day in self.missed(player)]
            for player in list(self.played)
        }
        for row in early_rows():
            if row["game_id"] in self.lost:
                continue
            player = row["player_id"]
            past = games[player]
            last = sorted(one for one in past if one[0] < row["game_date"])[-WINDOW:]
            held = sum(is_held for _, is_held in last)
            told[row["game_id"], player] = (
                len(last),
                held,
                held == len(last),
                len(last) < WINDOW,
            )
        return told


def told(database: Database) -> Found:
    with database.connection() as conn:
        return {
            (game_id, player): (expected, found, is_complete, is_bootstrap)
            for game_id, player, expected, found, is_complete, is_bootstrap in conn.execute(
                "select game_id, player_id, games_expected, games_found, is_complete, is_bootstrap"
                " from nba.player_daily_cache"
            )
        }


def lose(database: Database, lost: Set[str]) -> None:
    with database.connection() as conn:
        for game_id in lost:
            remove(conn, "raw_box_score", game_id=game_id)
    derive_all(database)


def apart() -> frozenset[str]:
    """Return three games of six teams."""
    chosen: list[Game] = []
    for game in sorted(games_of(early_rows()).values(), key=lambda game: game.day)[40:]:
        if all(not {game.home, game.away} & {other.home, other.away} for other in chosen):
            chosen.append(game)
    return frozenset(game.game_id for game in chosen[:3])


def in_a_row() -> frozenset[str]:
    """Return four games of one team, one after the other: one hole."""
    games = sorted(games_of(early_rows()).values(), key=lambda game: game.day)
    team = games[0].home
    return frozenset([game.game_id for game in games if team in {game.home, game.away}][3:7])


@pytest.mark.parametrize("choose", [frozenset, apart, in_a_row])
def test_rows_that_look_back_on_lost_games_say_so(early: Database, choose: type[Set[str]]) -> None:
    lost = choose()
    lose(early, lost)
    expected = History(lost).found()
    found = told(early)

    assert found == {key: expected[key] for key in found}
    assert any(not row[2] for row in found.values()) == bool(lost)


def test_lost_games_flag_rows_of_both_their_teams(early: Database) -> None:
    lost = apart()
    teams = {
        team
        for game_id, game in games_of(early_rows()).items()
        if game_id in lost
        for team in (game.home, game.away)
    }
    lose(early, lost)

    with early.connection() as conn:
        flagged = conn.execute(
            "select distinct team_id from nba.player_daily_cache where not is_complete"
        ).fetchall()
        reasons = conn.execute(
            "select distinct f.is_production_ready, f.not_ready_reason is not null"
            " from nba.ml_feature_store f join nba.player_daily_cache c using (game_id, player_id)"
            " where not c.is_complete"
        ).fetchall()
    assert {team for (team,) in flagged} == teams
    assert reasons == [(False, True)]


def test_a_hole_found_and_filled_by_changes_alone_is_what_full_work_finds(
    early: Database,
) -> None:
    lost = sorted(in_a_row())
    lose(early, set(lost[1:3]))
    lose(early, {lost[0]})
    with early.connection() as conn:
        insert(conn, "raw_box_score", [r for r in early_rows() if r["game_id"] == lost[1]])
    derive_all(early)

    assert differences(early) == {}
    assert told(early) == {
        key: value
        for key, value in History({lost[0], lost[2]}).found().items()
        if key in told(early)
    }


def test_a_game_that_turns_out_cancelled_is_not_missed(early: Database) -> None:
    lost = next(iter(apart()))
    lose(early, {lost})
    with early.connection() as conn:
        change(conn, "schedule", {"game_id": lost}, status="cancelled")
    derive_all(early)

    with early.connection() as conn:
        incomplete = one(conn, "select count(*) from nba.player_daily_cache where not is_complete")
    assert (incomplete, differences(early)) == ((0,), {})


def test_a_game_that_was_given_a_new_id_is_not_missed(early: Database) -> None:
    lost = next(iter(apart()))
    lose(early, {lost})
    with early.connection() as conn:
        insert(conn, "game_alias", [{"old_id": lost, "new_id": "0022409999", "reason": "replayed"}])
    derive_all(early)

    with early.connection() as conn:
        incomplete = one(conn, "select count(*) from nba.player_daily_cache where not is_complete")
    assert (incomplete, differences(early)) == ((0,), {})
