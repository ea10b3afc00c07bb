"""The endpoints of ``stats``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from stocktake.systems.nba.sandbox import boards, logs, sheets
from stocktake.systems.nba.sandbox.dates import EASTERN
from stocktake.systems.nba.sandbox.faults import ContentFaults
from stocktake.systems.nba.sandbox.fixtures import Game
from stocktake.systems.nba.sandbox.league import League, Season
from stocktake.systems.nba.sandbox.params import Params, RefusedError
from stocktake.systems.nba.sandbox.plays import actions
from stocktake.systems.nba.sandbox.records import record_of
from stocktake.testing import Asked, Fault, Reply

LEAGUE_ID: Final = "00"
SEASON_TYPES: Final[Mapping[str, str]] = {
    "Regular Season": "regular",
    "Playoffs": "playoffs",
    "PlayIn": "play_in",
    "IST": "cup_final",
    "Pre Season": "pre",
    "All Star": "all_star",
}
"""Spelling of ``SeasonType`` and the kind of games it asks for."""

_BROWSER_HEADERS: Final = ("user-agent", "referer")
_LEGACY: Final[Mapping[str, tuple[str, ...]]] = {
    "boxscoretraditionalv2": ("PlayerStats", "TeamStats", "TeamStarterBenchStats"),
    "boxscoresummaryv2": (
        "GameSummary", "OtherStats", "Officials", "InactivePlayers", "GameInfo", "LineScore",
        "LastMeeting", "SeasonSeries", "AvailableVideo",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatsAnswers:
    """What each endpoint of ``stats`` says.

    Attributes:
        league: The games.
        faults: What to get wrong.
        needs_browser: Whether requests without a browser's headers hang.
    """

    league: League
    faults: ContentFaults
    needs_browser: bool

    def by_pattern(self) -> dict[str, Callable[[Asked], Reply]]:
        """Return the answer of each endpoint by its pattern."""
        answers: dict[str, Callable[[Asked], Reply]] = {
            "leaguegamelog": self._log,
            "boxscoretraditionalv3": self._box,
            "boxscoreadvancedv3": self._advanced,
            "boxscoretraditionalv2": self._legacy,
            "boxscoresummaryv2": self._legacy,
            "playbyplayv3": self._plays,
            "scoreboardv3": self._scoreboard,
            "scoreboardv2": self._scoreboard_v2,
            "scheduleleaguev2": self._schedule,
        }
        return {f"/stats/{name}": self._checked(answer) for name, answer in answers.items()}

    def _checked(self, answer: Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
        def checked(asked: Asked) -> Reply:
            is_browser = all(asked.headers.get(name) for name in _BROWSER_HEADERS)
            if self.needs_browser and not is_browser:
                return Reply(fault=Fault("timeout"))
            return answer(asked)

        return checked

    def _log(self, asked: Asked) -> Reply:
        params = Params(asked)
        kind = SEASON_TYPES.get(params.required("SeasonType"))
        if kind is None:
            raise RefusedError("SeasonType", "is invalid.")
        of_players = params.text("PlayerOrTeam", "T") == "P"
        headers = logs.PLAYER_HEADERS if of_players else logs.TEAM_HEADERS
        season = self.league.seasons.get(params.season())
        rows: list[logs.LogRow] = []
        if season is not None and params.text("LeagueID", LEAGUE_ID) == LEAGUE_ID:
            since, until = params.day("DateFrom") or date.min, params.day("DateTo") or date.max
            shown = [
                each
                for each in self.faults.log(season, kind, asked.endpoint)
                if since <= each.day <= until
            ]
            made = logs.player_rows(shown) if of_players else logs.team_rows(shown)
            rows = self.faults.log_rows(shown, made, headers, asked.endpoint)
        if params.text("Direction", "ASC") == "DESC":
            rows.reverse()
        table = {"name": "LeagueGameLog", "headers": headers, "rowSet": rows}
        return Reply.of_json(
            {"resource": "leaguegamelog", "parameters": params.echo(), **_enveloped(kind, table)}
        )

    def _asked_game(self, params: Params) -> tuple[Season, Game] | None:
        identity = params.required("GameID")
        season = self.league.season_of_id(identity)
        game = None if season is None else season.by_id.get(identity)
        return None if season is None or game is None else (season, game)

    def _sheet(self, asked: Asked, section: str, make: Callable[..., sheets.Fields]) -> Reply:
        params = Params(asked)
        meta = self._meta(f"games/{params.required('GameID')}/{section.lower()}")
        found = self._asked_game(params)
        if found is None:
            return Reply.of_json({"meta": meta, section: None})
        season, game = found
        box = self.faults.box(season, game, asked.endpoint)
        sheet = sheets.blank(game.id, game.sides) if box is None else make(box, identity=game.id)
        return Reply.of_json({"meta": meta, section: sheet})

    def _box(self, asked: Asked) -> Reply:
        return self._sheet(asked, "boxScoreTraditional", sheets.traditional)

    def _advanced(self, asked: Asked) -> Reply:
        return self._sheet(asked, "boxScoreAdvanced", sheets.advanced)

    def _plays(self, asked: Asked) -> Reply:
        params = Params(asked)
        identity = params.required("GameID")
        found = self._asked_game(params)
        box = None if found is None else self.faults.box(*found, asked.endpoint)
        made = [] if box is None else actions(box, self.faults.seed)
        game = {"gameId": identity, "videoAvailable": int(bool(made)), "actions": made}
        return Reply.of_json({"meta": self._meta(f"games/{identity}/playbyplay"), "game": game})

    def _legacy(self, asked: Asked) -> Reply:
        name = asked.path.rsplit("/", 1)[-1]
        sets = [{"name": each, "headers": [], "rowSet": []} for each in _LEGACY[name]]
        resource = name.removesuffix("v2").replace("traditional", "")
        return Reply.of_json(
            {"resource": resource, "parameters": Params(asked).echo(), "resultSets": sets}
        )

    def _day(self, params: Params) -> date:
        return params.day("GameDate") or self.league.today

    def _scoreboard(self, asked: Asked) -> Reply:
        params = Params(asked)
        day, league_id = self._day(params), params.text("LeagueID", LEAGUE_ID)
        season = self.league.season_on(day) if league_id == LEAGUE_ID else None
        views = [] if season is None else self.faults.views_on(season, day, asked.endpoint)
        board = boards.scoreboard(day, views, record_of(season))
        meta = self._meta(f"league/{league_id}/{day:%Y/%m/%d}/scoreboard")
        return Reply.of_json({"meta": meta, "scoreboard": {**board, "leagueId": league_id}})

    def _scoreboard_v2(self, asked: Asked) -> Reply:
        params = Params(asked)
        day = self._day(params)
        season = self.league.season_on(day)
        views = [] if season is None else self.faults.views_on(season, day, asked.endpoint)
        return Reply.of_json(
            {
                "resource": "scoreboardV2",
                "parameters": {
                    "LeagueID": LEAGUE_ID,
                    "GameDate": f"{day:%m/%d/%Y}",
                    "DayOffset": 0,
                },
                "resultSets": boards.scoreboard_v2(day, views, record_of(season)),
            }
        )

    def _schedule(self, asked: Asked) -> Reply:
        params = Params(asked)
        start_year = params.season()
        season = self.league.seasons.get(start_year)
        meta = self._meta(f"league/{LEAGUE_ID}/{start_year}/schedule")
        if season is None:
            return Reply.of_json({"meta": meta, "leagueSchedule": None})
        views = self.faults.schedule(season, asked.endpoint)
        schedule = boards.season_schedule(season.dates, views, record_of(season))
        return Reply.of_json({"meta": meta, "leagueSchedule": schedule})

    def _meta(self, path: str) -> dict[str, Any]:
        return meta(path, self.league.today)


def meta(path: str, today: date) -> dict[str, Any]:
    """Return the section ``meta``; its time is noon of the sandbox's day."""
    noon = datetime.combine(today, time(12), EASTERN)
    return {
        "version": 1,
        "request": f"http://sandbox.invalid/{path}?Format=json",
        "time": f"{noon:%Y-%m-%dT%H:%M:%S.000Z}",
    }


def _enveloped(kind: str, table: dict[str, Any]) -> dict[str, Any]:
    """Return the rows in one of the three envelopes that are about."""
    if kind == "play_in":
        return {"resultSet": table}
    if kind == "playoffs":
        return {"resultSets": table}
    return {"resultSets": [table]}
