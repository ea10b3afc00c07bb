"""The tables of the NBA, layer by layer, and what each promises: one schedule for all of them."""

from __future__ import annotations

from datetime import date

from stocktake import Cross, Dataset, Days, Facet, FromDataset, Scheduled, Values
from stocktake.systems.nba import rows
from stocktake.systems.nba.expected import NOTHING_LISTED, SEASON_TYPES, ZONE

GAMES = FromDataset("schedule", "game_id", day="game_date")
GAME_DAYS = Scheduled("game_days", "no game listed", otherwise=NOTHING_LISTED, named_by="schedule")
FIRST_DAY = date(2014, 10, 1)
# What layers 4 and 5 of the newest two seasons need comes first, then what is left of layers 1 to
# 3, then layers 4 and 5 of older seasons.
BELOW, ABOVE = (0, 0, 1), (0, 0, 2)

SEASON = Dataset(
    "season",
    key=("season",),
    partitions=Values(("all",)),
    facets=(Facet("shipped", rows.SeasonRow),),
    title="Seasons",
)
TEAM_REFERENCE = Dataset(
    "team_reference",
    key=("team_id",),
    partitions=Values(("all",)),
    facets=(Facet("shipped", rows.TeamRow),),
    title="The thirty teams",
)
_GAME = frozenset(Facet("", rows.ScheduleScore).columns) & frozenset(
    Facet("", rows.ScheduleListed).columns
) - {"game_id"}
SCHEDULE = Dataset(
    "schedule",
    key=("game_id",),
    partitions=Cross(
        (FromDataset("season", "season", day="first_regular_date"), Values(SEASON_TYPES))
    ),
    facets=(
        Facet("ids", rows.ScheduleId, frozenset({"season", "season_type"})),
        Facet("scored", rows.ScheduleScore, _GAME),
        Facet("listed", rows.ScheduleListed, _GAME),
    ),
    after=("season",),
    priorities=BELOW,
    title="Schedule",
)
SCOREBOARD_DAY = Dataset(
    "scoreboard_day",
    key=("game_id",),
    partitions=Days(FIRST_DAY, ZONE),
    expect=GAME_DAYS,
    facets=(Facet("row", rows.ScoreboardRow),),
    after=("schedule",),
    priorities=(3,),
    title="Scoreboards of recent days",
)
GAME_ALIAS = Dataset(
    "game_alias",
    key=("old_id",),
    partitions=FromDataset("game_alias", "old_id"),
    facets=(Facet("alias", rows.AliasRow),),
    after=("schedule",),
    priorities=(3,),
    title="Games given a new id",
)
RAW_BOX_SCORE = Dataset(
    "raw_box_score",
    key=("game_id", "player_id", "source"),
    partitions=GAMES,
    facets=(Facet("row", rows.RawBoxRow),),
    after=("schedule",),
    waived="waived_games",
    priorities=BELOW,
    title="L1 players, as fetched",
)
RAW_TEAM_LOG = Dataset(
    "raw_team_log",
    key=("game_id", "team_id", "source"),
    partitions=GAMES,
    facets=(Facet("row", rows.RawTeamRow),),
    after=("schedule",),
    waived="waived_team_logs",
    priorities=(1,),  # nothing is computed of them
    title="L1 teams, as fetched",
)
PLAY_BY_PLAY = Dataset(
    "play_by_play",
    key=("game_id", "action_id"),
    partitions=GAMES,
    facets=(Facet("row", rows.PlayRow),),
    after=("schedule",),
    waived="waived_games",
    priorities=ABOVE,
    title="Play by play (off by default)",
)
SCORE_CHECK = Dataset(
    "score_check",
    key=("id",),
    partitions=Days(FIRST_DAY, ZONE),
    expect=GAME_DAYS,
    facets=(Facet("row", rows.ScoreCheckRow),),
    after=("schedule",),
    priorities=(3,),
    title="Final scores of another source (off by default)",
)


def _layer(name: str, *, key: str, after: tuple[str, ...], title: str) -> Dataset:
    """Return a derived table of one row per game and player or team."""
    level = int(title[1])
    return Dataset(
        name,
        key=("game_id", key),
        partitions=GAMES,
        after=after,
        waived="waived_features" if level > BOOTSTRAPPED else "waived_games",
        priorities=ABOVE if level > BOOTSTRAPPED else BELOW,
        title=title,
    )


BOOTSTRAPPED = 3
"""Layers above this one are not expected in the first days of a season."""
L3 = ("player_game_summary", "team_offense_game_summary", "team_defense_game_summary")
L4_TEAMS = ("team_defense_zone_analysis",)
L4_PLAYERS = ("player_daily_cache", "player_composite_factors")
LAYERS = (
    _layer(
        "clean_box_score", key="player_id", after=("raw_box_score",), title="L2 players, cleaned"
    ),
    _layer(
        "player_game_summary", key="player_id", after=("clean_box_score",), title="L3 player games"
    ),
    _layer(
        "team_offense_game_summary",
        key="team_id",
        after=("clean_box_score",),
        title="L3 team offence",
    ),
    _layer(
        "team_defense_game_summary",
        key="team_id",
        after=("clean_box_score",),
        title="L3 team defence",
    ),
    _layer("team_defense_zone_analysis", key="team_id", after=L3, title="L4 team form"),
    _layer("player_daily_cache", key="player_id", after=L3, title="L4 player form"),
    Dataset(
        "player_shot_zone_analysis",
        key=("game_id", "player_id"),
        partitions=GAMES,
        after=(*L3, "play_by_play"),
        waived="waived_shots",
        priorities=ABOVE,
        title="L4 shot zones",
    ),
    _layer(
        "player_composite_factors",
        key="player_id",
        after=("player_daily_cache", "team_defense_zone_analysis"),
        title="L4 composite factors",
    ),
    _layer(
        "ml_feature_store",
        key="player_id",
        after=("player_daily_cache", "team_defense_zone_analysis", "player_composite_factors"),
        title="L5 features",
    ),
)
CONFLICTS = Dataset(
    "source_conflict",
    key=("game_id", "player_id", "source", "field"),
    partitions=Values(("all",)),
    after=("raw_box_score",),
    priorities=(3,),
    title="Counts on which two sources differ",
)
TEAM = Dataset(
    "team",
    key=("team_id",),
    partitions=FromDataset("raw_box_score", "team_id"),
    after=("clean_box_score",),
    priorities=(2,),
    title="Teams seen",
)
PLAYER = Dataset(
    "player",
    key=("player_id",),
    partitions=FromDataset("raw_box_score", "player_id"),
    after=("clean_box_score",),
    priorities=(2,),
    title="Players seen",
)
MODELS = FromDataset("model_card", "model")
MODEL_CARD = Dataset(
    "model_card",
    key=("model",),
    partitions=MODELS,
    facets=(Facet("row", rows.ModelCardRow),),
    after=("ml_feature_store",),
    priorities=(3,),
    title="Models trained",
)
MODEL_OUTPUT = Dataset(
    "model_output",
    key=("model", "game_id", "player_id"),
    partitions=MODELS,
    facets=(Facet("row", rows.ModelOutputRow),),
    after=("model_card",),
    priorities=(3,),
    title="What models foretold",
)
PREDICTIONS = Dataset(
    "predictions",
    key=("game_id", "player_id", "model"),
    partitions=FromDataset("model_output", "model_game", day="game_date"),
    after=("model_output",),
    priorities=(3,),
    title="L5 predictions beside what happened",
)

DATASETS = (
    SEASON,
    TEAM_REFERENCE,
    SCHEDULE,
    SCOREBOARD_DAY,
    GAME_ALIAS,
    RAW_BOX_SCORE,
    RAW_TEAM_LOG,
    PLAY_BY_PLAY,
    *LAYERS,
    CONFLICTS,
    TEAM,
    PLAYER,
    SCORE_CHECK,
    MODEL_CARD,
    MODEL_OUTPUT,
    PREDICTIONS,
)
