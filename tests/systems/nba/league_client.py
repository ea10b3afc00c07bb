"""A small client of the NBA sandbox for its tests."""

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from stocktake.testing import SandboxServer

UNTIL = date(2025, 11, 21)
"""One month after an opening night: about 230 games are over."""
SEASON = "2025-26"
FAST = 10_000.0
SCHEDULE = "/static/json/staticData/scheduleLeagueV2.json"


@dataclass(frozen=True)
class Answer:
    status: int
    json: Any
    headers: dict[str, str]


def ask(
    server: SandboxServer,
    path: str,
    /,
    *,
    sent: dict[str, str] | None = None,
    patience: float = 20,
) -> Answer:
    """Ask for a path and query; a JSON body is decoded, any other is text."""
    host = server.base_url.removeprefix("http://")
    headers = {"Authorization": "sandbox"} if sent is None else sent
    with closing(http.client.HTTPConnection(host, timeout=patience)) as connection:
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as response:
            body = response.read()
            told = {name.lower(): value for name, value in response.getheaders()}
            is_json = body and "json" in told.get("content-type", "")
            return Answer(response.status, json.loads(body) if is_json else body.decode(), told)


def stats(server: SandboxServer, endpoint: str, **params: str) -> Any:
    """Ask stats and return the JSON."""
    return ask(server, f"/stats/{endpoint}?{urlencode(params)}").json


def log(server: SandboxServer, who: str = "T", /, **params: str) -> list[dict[str, Any]]:
    """Return the rows of a season's log by header."""
    asked = {"Season": SEASON, "SeasonType": "Regular Season", "LeagueID": "00", **params}
    answer = stats(server, "leaguegamelog", PlayerOrTeam=who, **asked)
    table = answer.get("resultSets") or answer["resultSet"]
    table = table[0] if isinstance(table, list) else table
    return [dict(zip(table["headers"], row, strict=True)) for row in table["rowSet"]]


def game_ids(rows: list[dict[str, Any]]) -> list[str]:
    """Return the games of log rows, each once, in order."""
    return list(dict.fromkeys(row["GAME_ID"] for row in rows))


def listed(server: SandboxServer) -> dict[str, dict[str, Any]]:
    """Return the games of the cdn's schedule by id, each with the day it is listed under."""
    days = ask(server, SCHEDULE).json["leagueSchedule"]["gameDates"]
    return {
        game["gameId"]: {**game, "listedUnder": day["gameDate"]}
        for day in days
        for game in day["games"]
    }


def board(server: SandboxServer, day: str) -> list[dict[str, Any]]:
    """Return the games of a day's scoreboard."""
    found: list[dict[str, Any]] = stats(server, "scoreboardv3", GameDate=day)["scoreboard"]["games"]
    return found


def sheet(server: SandboxServer, game_id: str) -> Any:
    """Return a game's box score."""
    return stats(server, "boxscoretraditionalv3", GameID=game_id)["boxScoreTraditional"]
