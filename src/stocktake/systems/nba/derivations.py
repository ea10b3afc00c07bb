"""What nba derives: one box score per game, summaries of it, states before games, features."""

from __future__ import annotations

from stocktake import Derivation

GAME = ("game_id",)
PLAYER = ("game_id", "player_id")
PLAYER_SEASON = (*PLAYER, "season")
TEAM_SEASON = ("game_id", "team_id", "season")

PLAYED_ON = Derivation(
    dataset="schedule",
    sql="played_on",
    inputs=("raw_box_score", "raw_team_log"),
    scope=GAME,
    columns=("played_on",),
)
CLEAN_BOX_SCORE = Derivation(
    dataset="clean_box_score",
    sql="clean_box_score",
    inputs=("raw_box_score", "schedule", "game_alias"),
    scope=GAME,
)
SOURCE_CONFLICT = Derivation(
    dataset="source_conflict", sql="source_conflict", inputs=("raw_box_score",), scope=GAME
)
PLAYER_GAME_SUMMARY = Derivation(
    dataset="player_game_summary",
    sql="player_game_summary",
    inputs=("clean_box_score",),
    scope=GAME,
)
TEAM_OFFENSE = Derivation(
    dataset="team_offense_game_summary",
    sql="team_offense_game_summary",
    inputs=("clean_box_score",),
    scope=GAME,
)
TEAM_DEFENSE = Derivation(
    dataset="team_defense_game_summary",
    sql="team_defense_game_summary",
    inputs=("team_offense_game_summary",),
    scope=GAME,
)
PLAYER_DAILY_CACHE = Derivation(
    dataset="player_daily_cache",
    sql="player_daily_cache",
    inputs=(
        "player_game_summary",
        "team_offense_game_summary",
        "schedule",
        "game_alias",
        "season",
    ),
    scope=PLAYER_SEASON,
)
TEAM_DEFENSE_ZONES = Derivation(
    dataset="team_defense_zone_analysis",
    sql="team_defense_zone_analysis",
    inputs=(
        "team_offense_game_summary",
        "team_defense_game_summary",
        "play_by_play",
        "season",
    ),
    scope=TEAM_SEASON,
)
PLAYER_SHOT_ZONES = Derivation(
    dataset="player_shot_zone_analysis",
    sql="player_shot_zone_analysis",
    inputs=("player_game_summary", "team_offense_game_summary", "play_by_play", "season"),
    scope=PLAYER_SEASON,
)
COMPOSITE_FACTORS = Derivation(
    dataset="player_composite_factors",
    sql="player_composite_factors",
    inputs=("player_daily_cache", "team_defense_zone_analysis", "player_shot_zone_analysis"),
    scope=PLAYER,
)
FEATURE_STORE = Derivation(
    dataset="ml_feature_store",
    sql="ml_feature_store",
    inputs=(
        "player_game_summary",
        "team_offense_game_summary",
        "player_daily_cache",
        "team_defense_zone_analysis",
        "player_shot_zone_analysis",
        "player_composite_factors",
        "schedule",
        "game_alias",
    ),
    scope=PLAYER,
)
TEAM = Derivation(
    dataset="team",
    sql="team",
    inputs=("team_offense_game_summary", "team_reference"),
    scope=("team_id",),
)
PLAYERS = Derivation(
    dataset="player", sql="player", inputs=("clean_box_score",), scope=("player_id",)
)

PREDICTIONS = Derivation(
    dataset="predictions",
    sql="predictions",
    inputs=(
        "model_output",
        "player_game_summary",
        "player_daily_cache",
        "player_composite_factors",
    ),
    scope=("model_game", "player_id"),
)

DERIVATIONS = (
    PLAYED_ON,
    CLEAN_BOX_SCORE,
    SOURCE_CONFLICT,
    PLAYER_GAME_SUMMARY,
    TEAM_OFFENSE,
    TEAM_DEFENSE,
    PLAYER_DAILY_CACHE,
    TEAM_DEFENSE_ZONES,
    PLAYER_SHOT_ZONES,
    COMPOSITE_FACTORS,
    FEATURE_STORE,
    TEAM,
    PLAYERS,
    PREDICTIONS,
)
