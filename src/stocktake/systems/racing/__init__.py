"""Horse racing in Great Britain and Ireland from 2015-01-01 on, and files of Hong Kong results."""

from datetime import timedelta

from stocktake import Freshness, Schedule, System
from stocktake.systems.racing.checks import CHECKS
from stocktake.systems.racing.criteria import GATES, SIGNOFF
from stocktake.systems.racing.datasets import DATASETS, PEOPLE
from stocktake.systems.racing.derivations import DERIVATIONS
from stocktake.systems.racing.pages import PAGES
from stocktake.systems.racing.sources import SOURCES
from stocktake.systems.racing.views import VIEWS

__all__ = ["system"]

ZONE = "Europe/London"
FULL = (("full", True),)
STATISTICS = (
    "ra_runner_statistics",
    "ra_entity_combinations",
    "ra_performance_by_distance",
    "ra_performance_by_venue",
)
TRANSACTIONS = ("ra_races", "ra_runners", "ra_race_results", "ra_horse_pedigree")
SCHEDULES = (
    Schedule("regions", "0 13 1 1,4,7,10 *", ZONE, "sync", ("ra_mst_regions",)),
    Schedule("static", "0 13 1 * *", ZONE, "sync", ("ra_mst_courses", "ra_mst_bookmakers")),
    Schedule("people", "0 13 * * 0", ZONE, "derive", (*PEOPLE, "entity_alias")),
    Schedule("horses", "0 13 * * *", ZONE, "sync", ("ra_mst_horses", "ra_horse_pedigree")),
    Schedule("transactions", "0 6,10,14,18,22 * * *", ZONE, "sync", TRANSACTIONS),
    Schedule("statistics", "30 2 * * *", ZONE, "derive"),
    Schedule("weekly_statistics", "30 3 * * 0", ZONE, "verify", STATISTICS, options=FULL),
    Schedule("daily_review", "0 7 * * *", ZONE, "check"),
    Schedule("weekly_review", "0 8 * * 1", ZONE, "check"),
    Schedule("monthly_review", "0 9 1 * *", ZONE, "check"),
)
FRESHNESS = (
    Freshness(("ra_races", "ra_runners", "ra_race_results"), timedelta(hours=4)),
    Freshness(("ra_mst_horses", "ra_horse_pedigree"), timedelta(days=1)),
    Freshness((*PEOPLE, "entity_alias"), timedelta(days=7)),
    Freshness(STATISTICS, timedelta(days=1)),
)

system = System(
    name="racing",
    package="stocktake.systems.racing",
    datasets=DATASETS,
    sources=SOURCES,
    derivations=DERIVATIONS,
    checks=CHECKS,
    schedules=SCHEDULES,
    freshness=FRESHNESS,
    zone=ZONE,
    order="newest",
    sandbox="stocktake.systems.racing.sandbox:create",
    story="stocktake.systems.racing.sandbox.story:tell",
    summary="Every race in Great Britain and Ireland since 2015: runners, results, pedigrees.",
    signoff=SIGNOFF,
    gates=GATES,
    views=VIEWS,
    pages=PAGES,
)
