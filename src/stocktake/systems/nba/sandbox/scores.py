"""``balldontlie``: final scores, page by page."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from stocktake.systems.nba.sandbox.dates import EASTERN
from stocktake.systems.nba.sandbox.fixtures import Game
from stocktake.systems.nba.sandbox.teams import Team
from stocktake.systems.nba.sandbox.views import FINAL, LIVE, View

LEAGUE_GAMES: Final = frozenset({"regular", "play_in", "playoffs"})
POSTSEASON: Final = frozenset({"play_in", "playoffs"})
_CONFERENCES: Final = ("West", "East")


def score_id(identity: str) -> int:
    """Return a game's number at this service; it is not the league's."""
    return int(identity) * 7 % 1_000_003 + 15_000_000 + int(identity[3:5]) * 1_000_003


def score(view: View) -> dict[str, Any]:
    """Return one game."""
    game = view.game
    home, away = view.score
    return {
        "id": score_id(game.id),
        "date": view.day.isoformat(),
        "season": game.start_year,
        "status": _status(view),
        "period": view.period,
        "time": "Final" if view.status == FINAL else None,
        "postseason": game.kind in POSTSEASON,
        "home_team_score": home,
        "visitor_team_score": away,
        "datetime": f"{game.tip_off:%Y-%m-%dT%H:%M:%S.000Z}",
        "home_team": _team(game.home),
        "visitor_team": _team(game.away),
    }


def _status(view: View) -> str:
    if view.status == FINAL:
        return "Final"
    if view.status == LIVE:
        return "Halftime"
    return f"{view.game.tip_off.astimezone(EASTERN):%Y-%m-%dT%H:%M:%S%z}"


def _team(team: Team) -> dict[str, Any]:
    return {
        "id": team.index + 1,
        "conference": _CONFERENCES[team.is_east],
        "division": "",
        "city": team.city,
        "name": team.name,
        "full_name": f"{team.city} {team.name}",
        "abbreviation": team.tricode,
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """The games a request asks for; an empty set asks for all."""

    days: frozenset[str]
    seasons: frozenset[str]
    since: date
    until: date

    def has_season(self, start_year: int) -> bool:
        """Say whether a season is asked for."""
        return not self.seasons or str(start_year) in self.seasons

    def has_day(self, day: date) -> bool:
        """Say whether a day is asked for."""
        return self.since <= day <= self.until and (not self.days or day.isoformat() in self.days)

    def may_have(self, game: Game) -> bool:
        """Say whether a day is asked for that a game is or was listed under."""
        return self.has_day(game.day) or (
            game.moved_from is not None and self.has_day(game.moved_from)
        )
