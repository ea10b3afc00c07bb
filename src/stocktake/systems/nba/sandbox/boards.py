"""``scoreboardv3``, ``scoreboardv2``, the season's schedule, and the empty legacy answers."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

from stocktake.systems.nba.sandbox.dates import EASTERN, SeasonDates
from stocktake.systems.nba.sandbox.lines import Line, Side
from stocktake.systems.nba.sandbox.sheets import Fields
from stocktake.systems.nba.sandbox.teams import Team
from stocktake.systems.nba.sandbox.views import FINAL, SCHEDULED, View

Record = Callable[[Team, View], tuple[int, int]]

LEAGUE: Final = "National Basketball Association"
HEADER: Final = (
    "GAME_DATE_EST", "GAME_SEQUENCE", "GAME_ID", "GAME_STATUS_ID", "GAME_STATUS_TEXT", "GAMECODE",
    "HOME_TEAM_ID", "VISITOR_TEAM_ID", "SEASON", "LIVE_PERIOD", "LIVE_PC_TIME",
    "NATL_TV_BROADCASTER_ABBREVIATION", "HOME_TV_BROADCASTER_ABBREVIATION",
    "AWAY_TV_BROADCASTER_ABBREVIATION", "LIVE_PERIOD_TIME_BCAST", "ARENA_NAME", "WH_STATUS",
    "WNBA_COMMISSIONER_FLAG",
)  # fmt: skip
_OVERTIMES: Final = tuple(f"PTS_OT{number}" for number in range(1, 11))
LINE_SCORE: Final = (
    "GAME_DATE_EST", "GAME_SEQUENCE", "GAME_ID", "TEAM_ID", "TEAM_ABBREVIATION", "TEAM_CITY_NAME",
    "TEAM_NAME", "TEAM_WINS_LOSSES", "PTS_QTR1", "PTS_QTR2", "PTS_QTR3", "PTS_QTR4", *_OVERTIMES,
    "PTS", "FG_PCT", "FT_PCT", "FG3_PCT", "AST", "REB", "TOV",
)  # fmt: skip
_SERIES: Final = (
    "GAME_ID", "HOME_TEAM_ID", "VISITOR_TEAM_ID", "GAME_DATE_EST", "HOME_TEAM_WINS",
    "HOME_TEAM_LOSSES", "SERIES_LEADER",
)  # fmt: skip
_NATIONAL: Final = ("", "", "", "ABC", "", "ESPN", "", "", "TNT", "")
_BROADCASTERS: Final = (
    "nationalBroadcasters", "nationalRadioBroadcasters", "nationalOttBroadcasters",
    "homeTvBroadcasters", "homeRadioBroadcasters", "homeOttBroadcasters", "awayTvBroadcasters",
    "awayRadioBroadcasters", "awayOttBroadcasters",
)  # fmt: skip
_NO_LEADER: Final[Fields] = {
    "personId": 0,
    "name": "",
    "playerSlug": None,
    "jerseyNum": "",
    "position": "",
    "teamTricode": None,
    "points": 0,
    "rebounds": 0,
    "assists": 0,
}
_MORE_BROADCASTERS: Final = ("SIM+", "SIM2")
_ALL_PERIODS: Final = 14


def scoreboard(day: date, views: Sequence[View], record: Record) -> Fields:
    """Return the section ``scoreboard`` of a day; no games is an empty list."""
    return {
        "gameDate": day.isoformat(),
        "leagueId": "00",
        "leagueName": LEAGUE,
        "games": [_game_v3(view, record) for view in views],
    }


def _game_v3(view: View, record: Record) -> Fields:
    game = view.game
    eastern = game.tip_off.astimezone(EASTERN)
    leaders = (None, None) if view.box is None else view.box.sides
    return {
        "gameId": game.id,
        "gameCode": game.code,
        "gameStatus": view.status,
        "gameStatusText": view.text,
        "period": view.period,
        "gameClock": "",
        "gameTimeUTC": f"{game.tip_off:%Y-%m-%dT%H:%M:%SZ}",
        "gameEt": f"{eastern:%Y-%m-%dT%H:%M:%SZ}",
        "regulationPeriods": 4,
        "seriesGameNumber": game.series,
        "gameLabel": game.label,
        "gameSubLabel": "",
        "seriesText": "",
        "ifNecessary": False,
        "seriesConference": "",
        "poRoundDesc": game.label if game.kind == "playoffs" else "",
        "gameSubtype": "",
        "isNeutral": game.is_neutral,
        "gameLeaders": {
            "homeLeaders": _leader(leaders[0]),
            "awayLeaders": _leader(leaders[1]),
        },
        "teamLeaders": {
            "homeLeaders": dict(_NO_LEADER),
            "awayLeaders": dict(_NO_LEADER),
            "seasonLeadersFlag": 0,
        },
        "broadcasters": _broadcasters(view),
        "homeTeam": _side_v3(view, 0, record),
        "awayTeam": _side_v3(view, 1, record),
    }


def _leader(side: Side | None) -> Fields:
    if side is None:
        return dict(_NO_LEADER)
    best: Line = max(side.lines, key=lambda line: (line.tally.pts, line.seconds))
    return {
        "personId": best.player.id,
        "name": best.player.name,
        "playerSlug": best.player.slug,
        "jerseyNum": best.player.jersey,
        "position": best.player.position,
        "teamTricode": side.team.tricode,
        "points": best.tally.pts,
        "rebounds": best.tally.reb,
        "assists": best.tally.ast,
    }


def _broadcasters(view: View) -> Fields:
    game = view.game
    named: Fields = {name: [] for name in _BROADCASTERS}
    for name, team in (("homeTvBroadcasters", game.home), ("awayTvBroadcasters", game.away)):
        named[name] = [
            {
                "broadcasterId": 1_000_000 + team.id % 1_000,
                "broadcastDisplay": f"SIM-{team.tricode}",
                "broadcasterTeamId": team.id,
                "broadcasterDescription": "",
            }
        ]
    return named


def _side_v3(view: View, place: int, record: Record) -> Fields:
    team = view.game.sides[place]
    wins, losses = record(team, view)
    return {
        "teamId": team.id,
        "teamName": team.name,
        "teamCity": team.city,
        "teamTricode": team.tricode,
        "teamSlug": team.slug,
        "wins": wins,
        "losses": losses,
        "score": view.score[place],
        "seed": 0,
        "inBonus": None,
        "timeoutsRemaining": 0 if view.status == FINAL else 7,
        "periods": [
            {
                "period": number,
                "periodType": "REGULAR" if number <= 4 else "OVERTIME",
                "score": score,
            }
            for number, score in enumerate(view.periods[place], start=1)
        ],
    }


def scoreboard_v2(day: date, views: Sequence[View], record: Record) -> list[Fields]:
    """Return the legacy result sets; a game on national television is named three times."""
    midnight = f"{day}T00:00:00"
    numbered = [([midnight, place, view.game.id], view) for place, view in enumerate(views, 1)]
    header = [row for first, view in numbered for row in _headers_v2(view, first)]
    lines = [_line_v2(view, place, first, record) for first, view in numbered for place in (0, 1)]
    series = [
        [view.game.id, view.game.home.id, view.game.away.id, midnight, 0, 0, "Tied"]
        for view in views
    ]
    return [
        {"name": "GameHeader", "headers": list(HEADER), "rowSet": header},
        {"name": "LineScore", "headers": list(LINE_SCORE), "rowSet": lines},
        {"name": "SeriesStandings", "headers": list(_SERIES), "rowSet": series},
        {
            "name": "Available",
            "headers": ["GAME_ID", "PT_AVAILABLE"],
            "rowSet": [[view.game.id, int(view.status != SCHEDULED)] for view in views],
        },
        {"name": "WinProbability", "headers": [], "rowSet": []},
    ]


def _headers_v2(view: View, first: list[Any]) -> Iterator[list[Any]]:
    """Yield a row for each broadcaster of a game."""
    game = view.game
    national = _NATIONAL[int(game.id) % len(_NATIONAL)]
    for name in (national, *_MORE_BROADCASTERS) if national else (None,):
        yield [
            *first, view.status, view.text, game.code, game.home.id, game.away.id,
            str(game.start_year), view.period, "", name, f"SIM-{game.home.tricode}",
            f"SIM-{game.away.tricode}", f"Q{view.period} - {name}" if name else None,
            game.home.arena, 0, 0,
        ]  # fmt: skip


def _line_v2(view: View, place: int, first: list[Any], record: Record) -> list[Any]:
    team = view.game.sides[place]
    wins, losses = record(team, view)
    named = [*first, team.id, team.tricode, team.city, team.name, f"{wins}-{losses}"]
    if view.box is None:
        return [*named, *[None] * (len(LINE_SCORE) - len(named))]
    total = view.box.sides[place].total()
    points = list(view.periods[place])
    return [
        *named,
        *points,
        *[0] * (_ALL_PERIODS - len(points)),
        view.score[place],
        round(total.fgm / max(1, total.fga), 3),
        round(total.ftm / max(1, total.fta), 3),
        round(total.fg3m / max(1, total.fg3a), 3),
        total.ast,
        total.reb,
        total.tov,
    ]


def season_schedule(dates: SeasonDates, views: Sequence[View], record: Record) -> Fields:
    """Return the section ``leagueSchedule``."""
    days: dict[date, list[Fields]] = defaultdict(list)
    for view in views:
        days[view.day].append(_game_scheduled(view, len(days[view.day]) + 1, dates, record))
    return {
        "seasonYear": dates.name,
        "leagueId": "00",
        "gameDates": [
            {"gameDate": f"{day:%m/%d/%Y} 00:00:00", "games": days[day]} for day in sorted(days)
        ],
        "weeks": _weeks(dates),
        "broadcasterList": [],
    }


def _weeks(dates: SeasonDates) -> list[Fields]:
    monday = dates.first - timedelta(days=dates.first.weekday())
    count = (dates.last - monday).days // 7 + 1
    return [
        {
            "weekNumber": number + 1,
            "weekName": f"Week {number + 1}",
            "startDate": f"{monday + timedelta(weeks=number)}T00:00:00Z",
            "endDate": f"{monday + timedelta(weeks=number, days=6)}T00:00:00Z",
        }
        for number in range(count)
    ]


def _game_scheduled(view: View, sequence: int, dates: SeasonDates, record: Record) -> Fields:
    game, eastern = view.game, view.game.tip_off.astimezone(EASTERN)
    return {
        "gameId": game.id,
        "gameCode": game.code,
        "gameStatus": view.status,
        "gameStatusText": view.text,
        "gameSequence": sequence,
        "gameDateEst": f"{view.day}T00:00:00Z",
        "gameTimeEst": f"1900-01-01T{eastern:%H:%M:%S}Z",
        "gameDateTimeEst": f"{view.day}T{eastern:%H:%M:%S}Z",
        "gameDateUTC": f"{view.day}T{'04' if eastern.dst() else '05'}:00:00Z",
        "gameTimeUTC": f"1900-01-01T{game.tip_off:%H:%M:%S}Z",
        "gameDateTimeUTC": f"{game.tip_off:%Y-%m-%dT%H:%M:%SZ}",
        "day": f"{view.day:%a}",
        "monthNum": view.day.month,
        "weekNumber": max(0, (view.day - dates.first).days // 7 + 1),
        "weekName": "",
        "ifNecessary": False,
        "seriesGameNumber": game.series,
        "gameLabel": game.label,
        "gameSubLabel": "",
        "seriesText": "",
        "arenaName": "Simulated Neutral Hall" if game.is_neutral else game.home.arena,
        "arenaState": "",
        "arenaCity": game.home.city,
        "postponedStatus": "P" if view.is_postponed else "A",
        "branchLink": "",
        "gameSubtype": "",
        "isNeutral": game.is_neutral,
        "broadcasters": _broadcasters(view),
        "homeTeam": _side_scheduled(view, 0, record),
        "awayTeam": _side_scheduled(view, 1, record),
        "pointsLeaders": [],
    }


def _side_scheduled(view: View, place: int, record: Record) -> Fields:
    team = view.game.sides[place]
    wins, losses = record(team, view)
    return {
        "teamId": team.id,
        "teamName": team.name,
        "teamCity": team.city,
        "teamTricode": team.tricode,
        "teamSlug": team.slug,
        "wins": wins,
        "losses": losses,
        "score": view.score[place],
        "seed": 0,
    }
