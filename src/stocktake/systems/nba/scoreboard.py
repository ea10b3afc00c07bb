"""Scoreboards: the games of one day of the league, and how they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from stocktake import Parsed, Request, State, UnitOutcome
from stocktake.systems.nba import normalise, standing
from stocktake.systems.nba.envelope import (
    EMPTY_ANSWER,
    IN_PROGRESS,
    READ_ERRORS,
    Table,
    changed,
    check_league,
    count,
    counted,
    decode,
    failed,
    note,
    reject,
    require,
    result_sets,
)
from stocktake.systems.nba.normalise import IN_SCOPE
from stocktake.systems.nba.rows import ScheduleScore, ScoreboardRow
from stocktake.systems.nba.schedule import Planned, team_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

DATASET = "schedule"
DAY_IN_PROGRESS = "day in progress"
REGULATION_PERIODS = 4
_QUARTERS = tuple(f"PTS_QTR{number}" for number in range(1, REGULATION_PERIODS + 1))
_HEADER = ("GAME_DATE_EST", "GAME_ID", "GAME_STATUS_ID", "HOME_TEAM_ID", "VISITOR_TEAM_ID")


class Period(msgspec.Struct, frozen=True):
    """Points of a team in one period."""

    score: int | None = None


class Side(msgspec.Struct, frozen=True):
    """A team of a game on the scoreboard."""

    teamId: int | None = None  # noqa: N815 -- the source's names
    score: int | None = None
    periods: list[Period] | None = None


class Game(msgspec.Struct, frozen=True):
    """A game on the scoreboard; `gameEt` is the league's own time, whatever its ending says."""

    gameId: str | int  # noqa: N815
    gameStatus: int  # noqa: N815
    homeTeam: Side  # noqa: N815
    awayTeam: Side  # noqa: N815
    gameStatusText: str | None = None  # noqa: N815
    gameTimeUTC: str | None = None  # noqa: N815
    gameEt: str | None = None  # noqa: N815
    isNeutral: bool | None = None  # noqa: N815
    postponedStatus: str | None = None  # noqa: N815


class _Scoreboard(msgspec.Struct, frozen=True):
    gameDate: str  # noqa: N815
    games: list[msgspec.Raw]
    leagueId: str | None = None  # noqa: N815


class _Answer(msgspec.Struct, frozen=True):
    scoreboard: _Scoreboard | None


@dataclass(slots=True)
class _Board:
    """The games of one day while they are gathered."""

    day: date
    fetched_at: datetime
    parsed: Parsed = field(default_factory=Parsed)
    rows: dict[str, ScheduleScore] = field(default_factory=dict)
    kept: list[tuple[Any, ...]] = field(default_factory=list)
    read: int = 0
    open_games: set[str] = field(default_factory=set)

    def add(self, planned: Planned) -> None:
        """Take a game in; one per broadcaster is the same game.

        A game that was off, on the board of a day gone by: its new date was told since, and this
        must not undo it.
        """
        is_moved = planned.status in standing.OFF or planned.day != self.day
        if is_moved and normalise.is_over(self.day, at=self.fetched_at):
            note(self.parsed, "games moved away, still on the board of their old day")
            return
        self.read += 1
        note(self.parsed, "game ids whose zeros had been lost", int(planned.game.is_padded))
        row = planned.scored()
        if self.rows.get(row.game_id) != row:
            self.kept.append(row)
        self.rows[row.game_id] = row
        is_settled = row.status in (standing.FINAL, *standing.OFF)
        if row.season_type in IN_SCOPE and not is_settled:
            self.open_games.add(row.game_id)
        else:
            self.open_games.discard(row.game_id)

    def finished(self) -> Parsed:
        """Return rows, counts and the day's outcome."""
        parsed = self.parsed
        # games of another league are none of ours, with or without them the day is whole
        own = sum(one.code != "league" for one in parsed.rejects)
        if self.kept:
            parsed.rows[ScheduleScore] = self.kept
            parsed.rows[ScoreboardRow] = [
                ScoreboardRow(row[0], self.day, row[8], row[9], row[10]) for row in self.kept
            ]
            parsed.read["scoreboard_day"] = len(self.kept)
        count(
            parsed, DATASET, self.read + len(parsed.rejects), duplicates=self.read - len(self.kept)
        )
        parsed.outcomes.append(UnitOutcome((self.day.isoformat(),), *self._verdict(own)))
        return parsed

    def _verdict(self, rejected: int) -> tuple[State, str]:
        if not normalise.is_over(self.day, at=self.fetched_at):
            return State.THIN, DAY_IN_PROGRESS
        if rejected:
            return State.THIN, f"{counted(rejected, 'game')} rejected"
        if self.open_games:
            return State.THIN, f"{IN_PROGRESS}: {counted(len(self.open_games), 'game')} not final"
        return (State.COMPLETE, "") if self.rows else (State.EMPTY, "no games on this day")


def parse_scoreboard(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    """Turn a scoreboard into how its games stand; without games it proves an empty day.

    Raises:
        SourceChanged: Not a scoreboard, one of another league, or of another day.
    """
    if not any(body.strip() for body in bodies):
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    answer = decode(bodies[0], _Answer, request).scoreboard
    if answer is None:
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    check_league(answer.leagueId, request)
    board = _Board(_day(answer.gameDate, request), fetched_at)
    for at, raw in enumerate(answer.games):
        try:
            board.add(_read_game(msgspec.json.decode(raw, type=Game), board.day))
        except (*READ_ERRORS, ValueError) as error:
            reason = ValueError(str(error))
            reject(board.parsed, DATASET, f"games[{at}]", error=reason, raw=bytes(raw))
    return board.finished()


def parse_scoreboard_v2(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    """Turn a legacy scoreboard into how its games stand.

    The legacy endpoints answer 200 without rows since 2025: an empty one proves nothing.

    Raises:
        SourceChanged: Not a legacy scoreboard, or one of another day.
    """
    if not any(body.strip() for body in bodies):
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    tables = result_sets(bodies[0], request)
    header = tables.get("GameHeader")
    if header is None:
        changed(request, "no result set GameHeader.")
    if not header.rows:
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    require(header, _HEADER, request)
    points = _points(tables.get("LineScore"))
    board = _Board(_day(_day_named(header), request), fetched_at)
    for at, row in enumerate(header.rows):
        try:
            board.add(_read_row(header, row, points))
        except ValueError as error:
            reject(board.parsed, DATASET, header.place(at), error=error, raw=row)
    return board.finished()


def _day(written: str, request: Request) -> date:
    """Return the day of a board, which must be the one asked for."""
    try:
        day = normalise.read_day(written)
    except ValueError as error:
        changed(request, f"{error}.")
    if request.units and request.units[0][0] != day.isoformat():
        changed(request, f"the board of {day}.")
    return day


def _day_named(header: Table) -> str:
    """Return the day that the first readable line names; empty when none does."""
    for row in header.rows:
        try:
            named = _cell(header, row, "GAME_DATE_EST")
        except ValueError:
            continue  # rejected as a game, below
        if isinstance(named, str):
            return named
    return ""


def _read_game(game: Game, board_day: date) -> Planned:
    game_id = normalise.read_game_id(game.gameId)
    day = normalise.read_day(game.gameEt) if game.gameEt else board_day
    normalise.check_day(game_id, day)
    status = standing.read_status(game.gameStatus, game.gameStatusText, game.postponedStatus)
    home, away = (
        None if status == standing.SCHEDULED else normalise.read_count(side.score)
        for side in (game.homeTeam, game.awayTeam)
    )
    status = standing.confirmed(status, home, away)
    if status == standing.FINAL and not (_adds_up(game.homeTeam) and _adds_up(game.awayTeam)):
        status = standing.LIVE
    return Planned(
        game_id, day, normalise.read_instant(game.gameTimeUTC),
        team_of(game_id, game.homeTeam.teamId), team_of(game_id, game.awayTeam.teamId),
        game.isNeutral, status, home, away, None,
    )  # fmt: skip


def _adds_up(side: Side) -> bool:
    """Return whether a final score is the sum of four periods or more, as far as they are told."""
    if not side.periods:
        return True
    told = [period.score for period in side.periods if period.score is not None]
    return len(told) >= REGULATION_PERIODS and sum(told) == side.score


def _points(table: Table | None) -> Mapping[tuple[str, int], tuple[int | None, bool]]:
    """Return the points of each team of each game of a legacy line score.

    With them goes whether all four quarters are told.
    """
    found: dict[tuple[str, int], tuple[int | None, bool]] = {}
    if table is None or not {"GAME_ID", "TEAM_ID", "PTS"} <= table.columns.keys():
        return found
    quarters = [name for name in _QUARTERS if name in table.columns]
    for row in table.rows:
        try:
            game = normalise.read_game_id(_cell(table, row, "GAME_ID"))
            team = normalise.read_id(_cell(table, row, "TEAM_ID"))
            is_whole = all(_cell(table, row, name) is not None for name in quarters)
            points = normalise.read_count(_cell(table, row, "PTS"))
        except ValueError:
            continue  # a score that cannot be read leaves its game without one, hence not final
        found[game.game_id, team] = (points, is_whole)
    return found


def _read_row(
    table: Table, row: Any, points: Mapping[tuple[str, int], tuple[int | None, bool]]
) -> Planned:
    game = normalise.read_game_id(_cell(table, row, "GAME_ID"))
    day = normalise.read_day(_cell(table, row, "GAME_DATE_EST"))
    normalise.check_day(game, day)
    text = _cell(table, row, "GAME_STATUS_TEXT") if "GAME_STATUS_TEXT" in table.columns else None
    status = standing.read_status(_cell(table, row, "GAME_STATUS_ID"), text)
    teams = [
        team_of(game, normalise.read_known_id(_cell(table, row, name)))
        for name in ("HOME_TEAM_ID", "VISITOR_TEAM_ID")
    ]
    told = [
        (None, True)
        if team is None or status == standing.SCHEDULED
        else points.get((game.game_id, team), (None, True))
        for team in teams
    ]
    (home, home_is_whole), (away, away_is_whole) = told
    status = standing.confirmed(status, home, away)
    if status == standing.FINAL and not (home_is_whole and away_is_whole):
        status = standing.LIVE
    return Planned(game, day, None, teams[0], teams[1], None, status, home, away, None)


def _cell(table: Table, row: Any, name: str) -> Any:
    """Return a field of a row of JSON.

    Raises:
        ValueError: The row is not as wide as the header.
    """
    if not isinstance(row, list) or len(row) != table.width:
        fields = counted(len(row), "field") if isinstance(row, list) else "no fields"
        normalise.refuse(f"{fields} instead of {table.width}")
    return row[table.columns[name]]
