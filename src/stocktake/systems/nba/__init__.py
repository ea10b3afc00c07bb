"""NBA games in five layers, from the schedule to a feature store."""

from stocktake import Schedule, System
from stocktake.systems.nba.checks import CHECKS
from stocktake.systems.nba.criteria import GATES, SIGNOFF
from stocktake.systems.nba.datasets import DATASETS, L3
from stocktake.systems.nba.derivations import DERIVATIONS
from stocktake.systems.nba.expected import ZONE
from stocktake.systems.nba.sources import SOURCES
from stocktake.systems.nba.views import VIEWS

__all__ = ["system"]

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
    Schedule("train", "0 10 * * 2", ZONE, "train"),
)

system = System(
    name="nba",
    package="stocktake.systems.nba",
    datasets=DATASETS,
    sources=SOURCES,
    derivations=DERIVATIONS,
    checks=CHECKS,
    schedules=SCHEDULES,
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
)
