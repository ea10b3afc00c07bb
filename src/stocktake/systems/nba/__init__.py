"""NBA games in five layers, from the schedule to a feature store."""

from datetime import timedelta

from stocktake import Freshness, Schedule, System
from stocktake.systems.nba.checks import CHECKS
from stocktake.systems.nba.criteria import GATES, SIGNOFF
from stocktake.systems.nba.datasets import DATASETS, L3, L4_PLAYERS, L4_TEAMS
from stocktake.systems.nba.derivations import DERIVATIONS
from stocktake.systems.nba.expected import ZONE
from stocktake.systems.nba.pages import PAGES
from stocktake.systems.nba.sources import SOURCES
from stocktake.systems.nba.views import VIEWS

__all__ = ["system"]

LATER_LAYERS = ("clean_box_score", *L3, *L4_TEAMS, *L4_PLAYERS, "ml_feature_store")
FULL = (("full", True),)
LOGS = ("raw_box_score", "raw_team_log")
SCHEDULES = (
    Schedule("schedule", "0 7 * * *", ZONE, "sync", ("schedule",)),
    Schedule("games_evening", "*/20 19-23 * 10-12,1-6 *", ZONE, "sync", ("scoreboard_day",)),
    Schedule("games_night", "*/20 0-2 * 10-12,1-6 *", ZONE, "sync", ("scoreboard_day",)),
    Schedule("box_scores", "30 3,6,11 * * *", ZONE, "sync", LOGS),
    Schedule("layers", "0 4,7,12 * * *", ZONE, "derive"),
    Schedule("health", "0 8 * * 1", ZONE, "check"),
    Schedule("audit", "0 9 1 * *", ZONE, "verify", L3, options=FULL),
    Schedule("train", "0 10 * * 2", ZONE, "train", options=(("only_if_ready", True),)),
)
FRESHNESS = (
    Freshness(LOGS, timedelta(hours=6), timedelta(hours=36)),
    Freshness(LATER_LAYERS, timedelta(hours=12), timedelta(hours=36)),
)

system = System(
    name="nba",
    package="stocktake.systems.nba",
    datasets=DATASETS,
    sources=SOURCES,
    derivations=DERIVATIONS,
    checks=CHECKS,
    schedules=SCHEDULES,
    freshness=FRESHNESS,
    zone=ZONE,
    order="newest",
    first_month=10,
    sandbox="stocktake.systems.nba.sandbox:create",
    story="stocktake.systems.nba.sandbox.story:tell",
    trainer="stocktake.systems.nba.training:train",
    summary="NBA games since 2014 in five layers: schedule, box scores, summaries, form, features.",
    signoff=SIGNOFF,
    gates=GATES,
    views=VIEWS,
    pages=PAGES,
)
