"""Shot zones, from play-by-play that may be held or not."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.systems.nba.layers.box_scores import (
    derive_all,
    differences,
    everything,
    give_seasons,
    insert,
    one,
    remove,
)
from tests.systems.nba.layers.test_box_score_rules import ATL, BOS, scored

if TYPE_CHECKING:
    from stocktake.store import Database
    from tests.systems.nba.layers.box_scores import Row

DAYS = 8
PLAYERS = {1: ATL, 2: ATL, 3: BOS, 4: BOS}
ZONES = ("paint", "mid_range", "three")
SPOTS: dict[str, tuple[int, int, int]] = {
    "paint": (2, 80, 142),
    "mid_range": (2, 81, 20),
    "three": (3, 230, 20),
}


def game_id(day: int) -> str:
    return f"00224001{day:02}"


def scores() -> list[Row]:
    """Return eight games of two teams, a day apart."""
    return [
        scored(player, team, game_id=game_id(day), game_date=date(2024, 11, 10 + day))
        for day in range(1, DAYS + 1)
        for player, team in PLAYERS.items()
    ]


class Shots:
    """Made-up shots, and what a second way of counting makes of them."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        self.taken = [
            (day, player, chance.choice(ZONES), chance.random() < 0.5)
            for day in range(1, DAYS + 1)
            for player in PLAYERS
            for _ in range(chance.randrange(9))
        ]

    def actions(self, *days: int) -> list[Row]:
        return [
            {
                "game_id": game_id(day),
                "action_id": number,
                "team_id": PLAYERS[player],
                "person_id": player,
                "x_legacy": SPOTS[zone][1],
                "y_legacy": SPOTS[zone][2],
                "shot_result": "Made" if is_made else "Missed",
                "is_field_goal": True,
                "shot_value": SPOTS[zone][0],
            }
            for number, (day, player, zone, is_made) in enumerate(self.taken)
            if day in days
        ]

    def share(self, players: set[int], zone: str, before: int) -> Decimal | None:
        """Return the share made of a zone's shots on days before a day, four decimals."""
        made = [
            hit
            for day, who, at, hit in self.taken
            if who in players and at == zone and day < before
        ]
        return rounded(sum(made), len(made))

    def rates(self, player: int, before: int) -> list[Decimal | None]:
        taken = Counter(at for day, who, at, _ in self.taken if who == player and day < before)
        return [rounded(taken[zone], taken.total()) for zone in ZONES]


def rounded(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(Decimal("0.0001"), "ROUND_HALF_UP") if whole else None


@pytest.fixture
def played(nba: Database) -> Database:
    with nba.connection() as conn:
        give_seasons(conn, bootstrap_days=2)
        insert(conn, "raw_box_score", scores())
    derive_all(nba)
    return nba


def give_plays(database: Database, shots: Shots, *days: int) -> None:
    with database.connection() as conn:
        insert(conn, "play_by_play", shots.actions(*days))
    derive_all(database)


def fetch(database: Database, query: str) -> list[Any]:
    with database.connection() as conn:
        return conn.execute(query.encode()).fetchall()


def test_without_plays_nobody_has_zones_and_their_features_are_structural(
    played: Database,
) -> None:
    found = fetch(
        played,
        "select distinct feature_missing[7], feature_missing[19], feature_missing[20],"
        " (select count(*) from nba.player_shot_zone_analysis) from nba.ml_feature_store",
    )

    assert found == [("structural", "structural", "structural", 0)]


@pytest.mark.parametrize("seed", range(2))
def test_rates_of_a_player_are_those_of_his_games_before(played: Database, seed: int) -> None:
    shots = Shots(seed)
    give_plays(played, shots, *range(1, DAYS + 1))

    found = fetch(
        played,
        "select extract(day from game_date)::integer - 10, player_id, paint_rate_last_10,"
        " mid_range_rate_last_10, three_rate_last_10 from nba.player_shot_zone_analysis",
    )
    assert len(found) == DAYS * len(PLAYERS)
    assert [row for row in found if [*row[2:]] != shots.rates(row[1], before=row[0])] == []


def test_a_team_allows_what_its_opponents_made(played: Database) -> None:
    shots = Shots(3)
    give_plays(played, shots, *range(1, DAYS + 1))

    found = fetch(
        played,
        "select extract(day from game_date)::integer - 10, paint_fg_pct_allowed_last_15,"
        " three_pt_fg_pct_allowed_last_15, league_paint_fg_pct"
        " from nba.team_defense_zone_analysis where team_id = 1",
    )
    assert sorted(found) == [
        (
            day,
            shots.share({3, 4}, "paint", before=day),
            shots.share({3, 4}, "three", before=day),
            shots.share({1, 2, 3, 4}, "paint", before=day),
        )
        for day in range(1, DAYS + 1)
    ]


def test_a_mismatch_weighs_what_the_opponent_allows_in_the_favourite_zone(
    played: Database,
) -> None:
    shots = Shots(4)
    give_plays(played, shots, *range(1, DAYS + 1))

    found = fetch(
        played,
        "select f.shot_zone_mismatch_score, z.primary_zone, z.paint_rate_last_10,"
        " z.mid_range_rate_last_10, z.three_rate_last_10, o.paint_fg_pct_allowed_last_15,"
        " o.mid_range_fg_pct_allowed_last_15, o.three_pt_fg_pct_allowed_last_15,"
        " o.league_paint_fg_pct, o.league_mid_range_fg_pct, o.league_three_pt_fg_pct"
        " from nba.player_composite_factors f"
        " join nba.player_shot_zone_analysis z using (game_id, player_id)"
        " join nba.player_daily_cache c using (game_id, player_id)"
        " join nba.team_defense_zone_analysis o on o.game_id = c.game_id"
        "   and o.team_id = c.opponent_team_id",
    )
    for score, zone, *numbers in found:
        rates, allowed, league = numbers[:3], numbers[3:6], numbers[6:]
        if zone is None or allowed[ZONES.index(zone)] is None:
            assert score is None
            continue
        at = ZONES.index(zone)
        assert rates[at] == max(rate for rate in rates if rate is not None)
        weight = min(Decimal(1), 2 * rates[at])
        plain = weight * 100 * (allowed[at] - league[at])
        expected = max(Decimal(-10), min(Decimal(10), plain))
        assert score == expected.quantize(Decimal("0.01"), "ROUND_HALF_UP")
    assert sum(score is not None for score, *_ in found) > DAYS


@pytest.mark.parametrize(
    "batches", [((5,), (1, 2), (8, 3), (4, 6, 7)), ((8,), (7, 6, 5, 4), (1, 2, 3))]
)
def test_plays_loaded_in_any_order_give_the_same_tables(
    played: Database, batches: tuple[tuple[int, ...], ...]
) -> None:
    shots = Shots(5)
    for days in batches:
        give_plays(played, shots, *days)

    assert differences(played) == {}


def test_plays_taken_away_leave_no_trace(played: Database) -> None:
    layers = ("player_shot_zone_analysis", "team_defense_zone_analysis", "ml_feature_store")
    with played.connection() as conn:
        before = [everything(conn, layer) for layer in layers]
    give_plays(played, Shots(6), 2, 3)
    with played.connection() as conn:
        for day in (2, 3):
            remove(conn, "play_by_play", game_id=game_id(day))
    derive_all(played)

    with played.connection() as conn:
        assert [everything(conn, layer) for layer in layers] == before


def test_a_game_lost_with_its_plays_kept_is_told_by_nobody(played: Database) -> None:
    give_plays(played, Shots(7), *range(1, DAYS + 1))
    with played.connection() as conn:
        remove(conn, "raw_box_score", game_id=game_id(4))
    derive_all(played)

    assert differences(played) == {}


@pytest.mark.parametrize(
    ("shot", "zone"),
    [
        ((3, "", 0, 50), "three"),
        ((None, "Young 28' 3PT Jump Shot", 0, 50), "three"),
        ((None, "Young Layup", 0, 50), "paint"),
        ((2, "", -80, 142), "paint"),
        ((2, "", -81, 142), "mid_range"),
        ((2, "", 80, 143), "mid_range"),
    ],
)
def test_zones_are_told_by_value_text_and_place(
    nba: Database, shot: tuple[int | None, str, int, int], zone: str
) -> None:
    with nba.connection() as conn:
        value, text, across, along = shot
        found = one(
            conn,
            "select nba.shot_zone(%(value)s, %(text)s, %(across)s, %(along)s)",
            value=value,
            text=text,
            across=across,
            along=along,
        )

    assert found == (zone,)
