"""Two real seasons through all layers give the figures that were worked out independently."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.systems.nba.layers.box_scores import differences, one

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from stocktake.store import Database

JOKIC = ("0022200653", 203999)
GILGEOUS_ALEXANDER = ("0022400574", 1628983)
SECOND_SEASON = "2024-25"


@pytest.fixture
def conn(seasons: Database) -> Iterator[Connection[Any]]:
    with seasons.connection() as connection:
        yield connection


def named(conn: Connection[Any], table: str, game_id: str, player_id: int) -> dict[str, Any]:
    cursor = conn.execute(
        f"select * from nba.{table} where game_id = %s and player_id = %s".encode(),
        (game_id, player_id),
    )
    row = cursor.fetchone()
    assert row is not None
    assert cursor.description is not None
    return dict(zip([column.name for column in cursor.description], row, strict=True))


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def test_team_rates_of_a_game_are_not_rounded(conn: Connection[Any]) -> None:
    found = conn.execute(
        "select team_abbreviation, team_minutes, fga, fta, oreb, tov, pts,"
        " round(possessions::numeric, 2), round(pace::numeric, 4), round(off_rating::numeric, 4)"
        " from nba.team_offense_game_summary where game_id = '0022400001' order by 1"
    ).fetchall()

    assert found == [
        ("ATL", 240, 99, 13, 19, 16, 117, *decimals("101.30", "101.3000", "115.4985")),
        ("BOS", 239, 75, 27, 6, 20, 116, *decimals("101.30", "101.7238", "114.5114")),
    ]


def test_what_a_team_allows_is_what_its_opponent_does(conn: Connection[Any]) -> None:
    found = one(
        conn,
        "select opp_pts, opp_tov, forced_tov, round(def_rating::numeric, 4)"
        " from nba.team_defense_game_summary"
        " where game_id = '0022400001' and team_id = 1610612737",
    )

    assert found == (116, 20, 20, Decimal("114.5114"))


FORM = (
    *("points_avg_last_5", "points_avg_last_10", "points_avg_last_20", "points_avg_season"),
    *("points_std_last_10", "minutes_avg_last_5", "minutes_avg_last_10", "minutes_avg_season"),
    *("usage_avg_last_3", "usage_avg_last_7", "usage_avg_last_10", "ts_pct_last_10"),
    *("three_pt_rate_last_10", "ft_points_share_last_10", "recent_trend"),
)
LOAD = (
    *("games_played_season", "games_in_last_7_days", "games_in_last_14_days"),
    *("minutes_in_last_7_days", "minutes_in_last_14_days", "days_rest"),
    "back_to_backs_last_14_days",
)


@pytest.mark.parametrize(
    ("key", "form", "load"),
    [
        (
            JOKIC,
            (
                "19.80 24.90 26.90 24.89 9.90 31.00 33.60 33.26 24.73 25.48 27.13 .7084 .1382 .1928"
                " -3.83"
            ),
            [38, 2, 6, 63, 187, 3, 2],
        ),
        (
            GILGEOUS_ALEXANDER,
            (
                "32.40 32.10 32.85 31.38 5.36 33.80 33.10 34.33 35.19 35.76 35.42 .6713 .2167 .2399"
                " -4.83"
            ),
            [39, 3, 7, 92, 236, 1, 1],
        ),
    ],
)
def test_form_of_a_player_before_a_game(
    conn: Connection[Any], key: tuple[str, int], form: str, load: list[int]
) -> None:
    row = named(conn, "player_daily_cache", *key)

    assert [row[name] for name in (*FORM, *LOAD)] == [*decimals(*form.split()), *load]


@pytest.mark.parametrize(
    ("key", "scores"),
    [(JOKIC, "95 1.84 -0.72 0.87"), (GILGEOUS_ALEXANDER, "75 0.47 -0.07 -0.85")],
)
def test_composite_factors_of_a_player_before_a_game(
    conn: Connection[Any], key: tuple[str, int], scores: str
) -> None:
    row = named(conn, "player_composite_factors", *key)
    names = ("fatigue_score", "pace_score", "usage_spike_score", "total_adjustment")

    assert [row[name] for name in names] == decimals(*scores.split())


@pytest.mark.parametrize(
    ("key", "features", "target"),
    [
        (
            JOKIC,
            (
                "19.8 24.9 24.89 9.9 2 95 - 1.84 -0.72 0 - -3.83 -0.0679 112.43 102.46 1 0 0 - -"
                " 0.1382 0.1928 98.78 121.86 0.6905"
            ),
            17,
        ),
        (
            GILGEOUS_ALEXANDER,
            (
                "32.4 32.1 31.38 5.36 3 75 - 0.47 -0.07 0 - -4.83 -0.0154 110.15 102.48 1 0 0 - -"
                " 0.2167 0.2399 101.54 116.72 0.8462"
            ),
            40,
        ),
    ],
)
def test_features_of_a_player_before_a_game(
    conn: Connection[Any], key: tuple[str, int], features: str, target: int
) -> None:
    row = named(conn, "ml_feature_store", *key)
    expected = [None if text == "-" else float(text) for text in features.split()]

    assert (row["features"], row["target_points"]) == (expected, target)


@pytest.mark.parametrize(
    ("season", "sums"),
    [
        ("2022-23", (255363.86, 253906.89, 247747.24, 441897.22, 61469, 2067969)),
        ("2024-25", (251690.38, 249590.79, 241726.91, 448028.66, 61226, 2092335)),
    ],
)
def test_column_sums_of_layer_four(
    conn: Connection[Any], season: str, sums: tuple[float, ...]
) -> None:
    found = one(
        conn,
        "select sum(points_avg_last_5), sum(points_avg_last_10), sum(points_avg_season),"
        " sum(usage_avg_last_10), sum(games_in_last_7_days), sum(fatigue_score)"
        " from nba.player_daily_cache join nba.player_composite_factors using (game_id, player_id)"
        " where player_daily_cache.season = %(season)s",
        season=season,
    )

    assert [float(value) for value in found] == pytest.approx(sums, abs=1.0)


@pytest.mark.parametrize(
    ("season", "counts"),
    [("2022-23", (23630, 1128, 150, 102)), ("2024-25", (23912, 1122, 149, 133))],
)
def test_layer_four_has_every_game_after_the_bootstrap(
    conn: Connection[Any], season: str, counts: tuple[int, ...]
) -> None:
    found = one(
        conn,
        "select count(*), count(distinct game_id), count(distinct game_date),"
        " count(*) filter (where games_played_season = 0 and points_avg_season is null"
        " and days_rest is null)"
        " from nba.player_daily_cache where season = %(season)s",
        season=season,
    )

    assert found == counts


@pytest.mark.parametrize("table", ["player_composite_factors", "ml_feature_store"])
def test_every_row_of_form_has_factors_and_features(conn: Connection[Any], table: str) -> None:
    missing = one(
        conn,
        f"select count(*) from nba.player_daily_cache c where not exists (select from nba.{table} t"
        " where t.game_id = c.game_id and t.player_id = c.player_id)",
    )

    assert missing == (0,)


def test_both_teams_of_every_game_after_the_bootstrap_have_a_form(conn: Connection[Any]) -> None:
    found = one(
        conn,
        "select count(*), count(distinct game_id) from nba.team_defense_zone_analysis",
    )

    assert found == (2 * (1128 + 1122), 1128 + 1122)


@pytest.mark.parametrize(
    ("season", "pace", "rating", "home_wins"),
    [("2022-23", 100.86, 112.90, 0.5805), ("2024-25", 100.59, 112.58, 0.5445)],
)
def test_league_means(
    conn: Connection[Any], season: str, pace: float, rating: float, home_wins: float
) -> None:
    found = one(
        conn,
        "select round(avg(pace)::numeric, 2), round(avg(off_rating)::numeric, 2),"
        " round(avg(win_flag::integer) filter (where is_home and not is_neutral), 4)"
        " from nba.team_offense_game_summary where season = %(season)s",
        season=season,
    )

    assert [float(value) for value in found] == [pace, rating, home_wins]


@pytest.mark.parametrize(
    ("season", "counts"), [("2022-23", (69, 10, 401)), ("2024-25", (56, 4, 450))]
)
def test_overtimes_and_back_to_backs_of_teams(
    conn: Connection[Any], season: str, counts: tuple[int, ...]
) -> None:
    found = one(
        conn,
        "select count(distinct game_id) filter (where ot_periods = 1),"
        " count(distinct game_id) filter (where ot_periods = 2),"
        " count(*) filter (where game_date - former = 1)"
        " from (select *, lag(game_date) over (partition by team_id order by game_date) as former"
        "         from nba.team_offense_game_summary where season = %(season)s) g",
        season=season,
    )

    assert found == counts


def test_games_at_neutral_sites_are_those_of_which_both_rows_say_away(
    conn: Connection[Any],
) -> None:
    found = conn.execute(
        "select game_id, count(*) filter (where is_home), count(*)"
        " from nba.team_offense_game_summary where is_neutral group by game_id order by game_id"
    ).fetchall()

    numbers = (147, 621, 633, 1229, 1230)
    assert found == [(f"00224{number:05}", 1, 2) for number in numbers]


@pytest.mark.parametrize(
    ("season", "counts"),
    [
        ("2022-23", (25895, 1230, 539, 77, 1218, 5577, 11236)),
        ("2024-25", (26306, 1230, 569, 100, 1471, 5362, 11963)),
    ],
)
def test_layer_two_keeps_every_row(
    conn: Connection[Any], season: str, counts: tuple[int, ...]
) -> None:
    found = one(
        conn,
        "select count(*), count(distinct game_id), count(distinct player_id),"
        " count(*) filter (where minutes = 0), count(*) filter (where fg_pct is null),"
        " count(*) filter (where fg3_pct is null), count(*) filter (where ft_pct is null)"
        " from nba.clean_box_score where season = %(season)s and did_play",
        season=season,
    )

    assert found == counts


def test_percentages_are_those_the_source_tells(conn: Connection[Any]) -> None:
    found = one(
        conn,
        "select count(*) from nba.clean_box_score c"
        " join nba.raw_box_score r using (game_id, player_id)"
        " where (c.fg_pct, c.fg3_pct, c.ft_pct) is distinct from (r.fg_pct, r.fg3_pct, r.ft_pct)",
    )

    assert found == (0,)


def test_a_missing_feature_has_a_reason_and_a_known_one_has_none(conn: Connection[Any]) -> None:
    found = one(
        conn,
        "select count(*) filter (where (value is null) = (reason is null)),"
        " count(*) filter (where reason = 'not measured'), count(*)"
        " from nba.ml_feature_store f, unnest(features, feature_missing) one (value, reason)",
    )

    assert found == (0, 0, 25 * (23630 + 23912))


def test_a_row_is_ready_when_its_quality_is_ninety_in_complete_data(
    conn: Connection[Any],
) -> None:
    found = conn.execute(
        "select is_production_ready, quality_score >= 90, not_ready_reason"
        " from nba.ml_feature_store group by 1, 2, 3 order by 1"
    ).fetchall()

    assert found == [(False, False, "features missing"), (True, True, None)]


def test_teams_and_players_are_those_seen(conn: Connection[Any]) -> None:
    found = one(
        conn,
        "select (select count(*) from nba.team), (select count(*) from nba.player),"
        " (select count(distinct player_id) from nba.raw_box_score)",
    )

    assert found == (30, found[2], found[2])


def test_recomputing_everything_beside_the_tables_finds_no_difference(seasons: Database) -> None:
    assert differences(seasons) == {}
