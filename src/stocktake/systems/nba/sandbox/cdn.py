"""The files of the cdn; each has an ``ETag``."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from typing import Final

from stocktake.systems.nba.sandbox import boards, sheets
from stocktake.systems.nba.sandbox.faults import ContentFaults
from stocktake.systems.nba.sandbox.league import League
from stocktake.systems.nba.sandbox.records import record_of
from stocktake.systems.nba.sandbox.stats import meta
from stocktake.testing import Asked, Reply

_FOLDER: Final = "/static/json"
_BOX_FILE: Final = "boxscore_"
_MISSING: Final = Reply(
    HTTPStatus.FORBIDDEN, b"<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "text/xml"}
)
"""What the cdn says of a file that does not exist."""


@dataclass(frozen=True, slots=True)
class CdnAnswers:
    """What each file of the cdn says; only the season of today is there.

    Attributes:
        league: The games.
        faults: What to get wrong.
    """

    league: League
    faults: ContentFaults

    def by_pattern(self) -> dict[str, Callable[[Asked], Reply]]:
        """Return the answer of each file by its pattern."""
        return {
            f"{_FOLDER}/staticData/scheduleLeagueV2.json": self._schedule,
            f"{_FOLDER}/liveData/scoreboard/todaysScoreboard_00.json": self._scoreboard,
            f"{_FOLDER}/liveData/boxscore/{{file}}": self._box,
        }

    def _schedule(self, asked: Asked) -> Reply:
        season = self.league.current
        views = self.faults.schedule(season, asked.endpoint)
        schedule = boards.season_schedule(season.dates, views, record_of(season))
        about = meta("league/00/schedule", self.league.today)
        return _tagged(Reply.of_json({"meta": about, "leagueSchedule": schedule}), asked)

    def _scoreboard(self, asked: Asked) -> Reply:
        day, season = self.league.today, self.league.current
        views = self.faults.views_on(season, day, asked.endpoint)
        about = meta("league/00/scoreboard", day)
        board = boards.scoreboard(day, views, record_of(season))
        return _tagged(Reply.of_json({"meta": about, "scoreboard": board}), asked)

    def _box(self, asked: Asked) -> Reply:
        season = self.league.current
        identity = asked.parts["file"].removeprefix(_BOX_FILE).removesuffix(".json")
        game = season.by_id.get(identity)
        box = None if game is None else self.faults.box(season, game, asked.endpoint)
        if game is None or box is None:
            return _MISSING
        view = self.faults.view(season, game, asked.endpoint, periods=True)
        about = meta(f"games/{identity}/boxscore", self.league.today)
        live = sheets.live_box(box, view.periods, (view.status, view.text))
        return _tagged(Reply.of_json({"meta": about, "game": live}), asked)


def _tagged(reply: Reply, asked: Asked) -> Reply:
    tag = f'"{blake2b(reply.body, digest_size=12).hexdigest()}"'
    if asked.headers.get("if-none-match") == tag:
        return Reply(HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return Reply(body=reply.body, headers={"ETag": tag})
