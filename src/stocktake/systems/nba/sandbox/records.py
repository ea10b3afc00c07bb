"""Wins and losses beside a team's name."""

from stocktake.systems.nba.sandbox.boards import Record
from stocktake.systems.nba.sandbox.dates import ONE_DAY
from stocktake.systems.nba.sandbox.league import Season
from stocktake.systems.nba.sandbox.teams import Team
from stocktake.systems.nba.sandbox.views import FINAL, View


def record_of(season: Season | None) -> Record:
    """Return what says how many games a team has won and lost when a game is shown."""

    def record(team: Team, view: View) -> tuple[int, int]:
        if season is None or view.game.kind == "pre":
            return 0, 0
        day = view.day + ONE_DAY if view.status == FINAL else min(view.day, season.today)
        wins, losses = season.record_before(day)
        return wins[team.index], losses[team.index]

    return record
