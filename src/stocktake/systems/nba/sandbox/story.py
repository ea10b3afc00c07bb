"""The NBA demo: a season of which the source loses six days, and its log one game for good."""

from datetime import date, timedelta

from stocktake.systems.nba.sandbox.server import create
from stocktake.testing import Fault, Story

SINCE, UNTIL = date(2024, 10, 1), date(2025, 6, 30)
"""A season that is over: it has play-in, playoffs and cup final, and stays as it was."""
BLOCK, DAYS = date(2025, 1, 13), 6
LOST_GAME = "0022400700"
"""Never in the log; its box score can be had."""
EXPLAINED = "0022400574"
"""A game of the lost days."""
BOX_SCORES = "/stats/boxscoretraditionalv3"
RATE_FACTOR = 40.0


def tell(until: date) -> Story:  # noqa: ARG001 the season told of does not depend on today
    """Return the demo of one season, whatever day it is."""
    lost = Fault("missing_from_log", match=LOST_GAME)
    days = [BLOCK + timedelta(days=number) for number in range(DAYS)]
    server = create(
        1,
        "small",
        until=UNTIL + timedelta(days=1),
        rate_factor=RATE_FACTOR,
        faults=(
            Fault("missing_days", match=BLOCK.isoformat(), value=DAYS),
            *(Fault("empty_answer", BOX_SCORES, day.isoformat()) for day in days),
            lost,
        ),
    )

    def mend() -> None:
        server.rules.clear()
        server.rules.add([lost])

    own = {"rate_factor": str(RATE_FACTOR)}
    return Story(
        server=server,
        settings={"stats": own, "cdn": own, "balldontlie": own | {"token": "none"}},
        datasets=(
            "schedule",
            "raw_box_score",
            "clean_box_score",
            "player_game_summary",
            "team_offense_game_summary",
            "team_defense_game_summary",
            "team_defense_zone_analysis",
            "player_daily_cache",
            "player_composite_factors",
            "ml_feature_store",
        ),
        since=SINCE,
        until=UNTIL,
        hole=("ml_feature_store", EXPLAINED),
        telling=f"its log leaves out {DAYS} days of January, whose box scores are empty too, and "
        "one game for good, whose box score stands in",
        mend=mend,
        cast="made-up players",
        healing="The source is well again. Only gaps are asked for; features that look back on the "
        "lost days are computed again, no others.",
    )
