"""``leaguegamelog`` as it is sent: one row per player or team and game."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Final

from stocktake.systems.nba.sandbox.lines import Line, Side, Tally
from stocktake.systems.nba.sandbox.views import Shown

_TEAM: Final = ("TEAM_ID", "TEAM_ABBREVIATION", "TEAM_NAME")
_GAME: Final = ("GAME_ID", "GAME_DATE", "MATCHUP", "WL", "MIN")
_MEASURES: Final = (
    "FGM", "FGA", "FG_PCT", "FG3M", "FG3A", "FG3_PCT", "FTM", "FTA", "FT_PCT", "OREB", "DREB",
    "REB", "AST", "STL", "BLK", "TOV", "PF", "PTS", "PLUS_MINUS",
)  # fmt: skip
TEAM_HEADERS: Final = ("SEASON_ID", *_TEAM, *_GAME, *_MEASURES, "VIDEO_AVAILABLE")
PLAYER_HEADERS: Final = (
    "SEASON_ID", "PLAYER_ID", "PLAYER_NAME", *_TEAM, *_GAME, *_MEASURES, "FANTASY_PTS",
    "VIDEO_AVAILABLE",
)  # fmt: skip

LogRow = list[Any]


def team_rows(games: Iterable[Shown]) -> Iterator[LogRow]:
    """Yield two rows a game, by the league's own order: winner's side not first."""
    for shown in games:
        for place in (1, 0):
            side, other = shown.box.sides[place], shown.box.sides[1 - place]
            total = side.total()
            total.tov += side.team_turnovers
            yield [
                shown.season_id,
                *_team_of(side),
                *_game_of(shown, place),
                shown.box.minutes,
                *_measures(total),
                side.pts - other.pts,
                1,
            ]


def player_rows(games: Iterable[Shown]) -> Iterator[LogRow]:
    """Yield a row for everyone who played; who did not play is not in the log."""
    for shown in games:
        for place in (1, 0):
            side = shown.box.sides[place]
            team, game = _team_of(side), _game_of(shown, place)
            for line in side.lines:
                yield [
                    shown.season_id,
                    line.player.id,
                    line.player.name,
                    *team,
                    *game,
                    rounded_minutes(line),
                    *_measures(line.tally),
                    line.plus_minus,
                    _fantasy(line.tally),
                    1,
                ]


def rounded_minutes(line: Line) -> int:
    """Return whole minutes; 0 for somebody who played seconds."""
    return (line.seconds + 30) // 60


def percentage(hits: int, attempts: int) -> float | None:
    """Return a share of three decimals; None without attempts."""
    return round(hits / attempts, 3) if attempts else None


def matchup(shown: Shown, place: int) -> str:
    """Return ``BOS vs. PHI`` at home, ``PHI @ BOS`` away; on neutral ground both rows say ``@``."""
    own, other = shown.box.sides[place].team, shown.box.sides[1 - place].team
    at_home = place == 0 and not shown.box.game.is_neutral
    return f"{own.tricode} {'vs.' if at_home else '@'} {other.tricode}"


def _team_of(side: Side) -> tuple[int, str, str]:
    return side.team.id, side.team.tricode, side.team.full_name


def _game_of(shown: Shown, place: int) -> tuple[str, str, str, str | None]:
    score = shown.box.score
    won = None if not shown.is_over else "W" if score[place] > score[1 - place] else "L"
    return shown.id, _text(shown.day), matchup(shown, place), won


def _text(day: date) -> str:
    return day.isoformat()


def _measures(tally: Tally) -> tuple[Any, ...]:
    return (
        tally.fgm,
        tally.fga,
        percentage(tally.fgm, tally.fga),
        tally.fg3m,
        tally.fg3a,
        percentage(tally.fg3m, tally.fg3a),
        tally.ftm,
        tally.fta,
        percentage(tally.ftm, tally.fta),
        tally.oreb,
        tally.dreb,
        tally.reb,
        tally.ast,
        tally.stl,
        tally.blk,
        tally.tov,
        tally.pf,
        tally.pts,
    )


def _fantasy(tally: Tally) -> float:
    points = tally.pts + 1.2 * tally.reb + 1.5 * tally.ast + 3 * (tally.stl + tally.blk) - tally.tov
    return round(points, 1)
