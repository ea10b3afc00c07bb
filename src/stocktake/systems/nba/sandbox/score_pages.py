"""The endpoint of ``balldontlie``: pages behind a key."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any, Final

from stocktake.systems.nba.sandbox.faults import ContentFaults, units_of_day
from stocktake.systems.nba.sandbox.league import League
from stocktake.systems.nba.sandbox.params import Params
from stocktake.systems.nba.sandbox.scores import LEAGUE_GAMES, Wanted, score
from stocktake.testing import Asked, Reply

DEFAULT_PAGE: Final = 25
LARGEST_PAGE: Final = 100
_REFUSED: Final = Reply(HTTPStatus.UNAUTHORIZED, b"Unauthorized", {"Content-Type": "text/plain"})


@dataclass(frozen=True, slots=True)
class ScoreAnswers:
    """What ``/v1/games`` says.

    Attributes:
        league: The games.
        faults: What to get wrong.
        key: Asked for in ``Authorization``.
    """

    league: League
    faults: ContentFaults
    key: str

    def by_pattern(self) -> dict[str, Callable[[Asked], Reply]]:
        """Return the answer by its pattern."""
        return {"/v1/games": self._games}

    def _games(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization", "").removeprefix("Bearer ") != self.key:
            return _REFUSED
        params, endpoint = Params(asked), asked.endpoint
        size = params.number("per_page", default=DEFAULT_PAGE, most=LARGEST_PAGE)
        skip = params.text("cursor", "0")
        first = params.day("start_date") or date.min
        units = units_of_day(first, "")
        if self.faults.rules.content("page_25", units, endpoint=endpoint):
            size = DEFAULT_PAGE
        found = self._found(params, endpoint)
        behind = [each for each in found if each["id"] > int(skip or 0)]
        page = behind[:size]
        about: dict[str, Any] = {"per_page": size}
        ends = self.faults.rules.content("lost_cursor", units, endpoint=endpoint)
        if len(behind) > size and not ends:
            about = {"next_cursor": page[-1]["id"], **about}
        return Reply.of_json({"data": page, "meta": about})

    def _found(self, params: Params, endpoint: str) -> list[dict[str, Any]]:
        """Return the games asked for, by the service's own number."""
        wanted = Wanted(
            frozenset(params.values("dates")),
            frozenset(params.values("seasons")),
            params.day("start_date") or date.min,
            params.day("end_date") or date.max,
        )
        shown = [
            score(view)
            for season in self.league.seasons.values()
            if wanted.has_season(season.start_year)
            for game in season.listed
            if game.kind in LEAGUE_GAMES and wanted.may_have(game)
            for view in (self.faults.view(season, game, endpoint, periods=True),)
            if wanted.has_day(view.day)
        ]
        return sorted(shown, key=lambda each: int(each["id"]))
