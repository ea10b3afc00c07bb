"""balldontlie: final scores of another source, to check ours by; matched by date and teams."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from stocktake import Parsed, Request, State, UnitOutcome
from stocktake.systems.nba import normalise, standing
from stocktake.systems.nba.envelope import (
    IN_PROGRESS,
    READ_ERRORS,
    count,
    counted,
    decode,
    reject,
)
from stocktake.systems.nba.rows import ScoreCheckRow
from stocktake.systems.nba.scoreboard import DAY_IN_PROGRESS, REGULATION_PERIODS
from stocktake.systems.nba.teams import team_id_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

DATASET = "score_check"
_STATUSES = {"final": standing.FINAL, "postponed": standing.POSTPONED}
_NOT_BEGUN = 0


class Team(msgspec.Struct, frozen=True):
    """A team; ids are the source's own, abbreviations the league's."""

    abbreviation: str


class Game(msgspec.Struct, frozen=True):
    """A game as this source tells it."""

    id: int
    date: str
    home_team: Team
    visitor_team: Team
    status: str | None = None
    period: int | None = None
    home_team_score: int | None = None
    visitor_team_score: int | None = None


class _Meta(msgspec.Struct, frozen=True):
    next_cursor: int | str | None = None


class _Page(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]
    meta: _Meta | None = None


def following_page(request: Request, bodies: Sequence[bytes]) -> Request | None:
    """Return the request of the next page, None after the last one: a page is not a total."""
    try:
        page = msgspec.json.decode(bodies[-1], type=_Page)
    except READ_ERRORS:
        return None  # not a page; the parser says so
    cursor = None if page.meta is None else page.meta.next_cursor
    others = tuple(pair for pair in request.params if pair[0] != "cursor")
    if cursor is None or dict(request.params).get("cursor") == str(cursor):
        return None
    return replace(request, params=(*others, ("cursor", str(cursor))))


def parse_games(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    """Turn all pages of games into rows of `score_check`; units are days.

    Raises:
        SourceChanged: A page is not a list of games.
    """
    pages = [decode(body, _Page, request) for body in bodies]
    parsed = Parsed()
    rows: dict[int, ScoreCheckRow] = {}
    kept: list[tuple[Any, ...]] = []
    for number, page in enumerate(pages):
        for at, raw in enumerate(page.data):
            try:
                row = _row(msgspec.json.decode(raw, type=Game))
            except (*READ_ERRORS, ValueError) as error:
                position = f"page {number + 1}, data[{at}]"
                reject(parsed, DATASET, position, error=ValueError(str(error)), raw=bytes(raw))
                continue
            if rows.get(row.id) != row:
                kept.append(row)
            rows[row.id] = row
    read = sum(len(page.data) for page in pages)
    count(parsed, DATASET, read, duplicates=read - len(kept) - len(parsed.rejects))
    if kept:
        parsed.rows[ScoreCheckRow] = kept
    last = pages[-1].meta if pages else None
    trouble = "pages missing" if last is not None and last.next_cursor is not None else ""
    if parsed.rejects and not trouble:
        trouble = f"{counted(len(parsed.rejects), 'game')} rejected"
    parsed.outcomes += _outcomes(rows.values(), request, trouble, fetched_at)
    return parsed


def _outcomes(rows: Any, request: Request, trouble: str, fetched_at: datetime) -> list[UnitOutcome]:
    days: defaultdict[str, list[ScoreCheckRow]] = defaultdict(list)
    for row in rows:
        days[row.game_date.isoformat()].append(row)
    outcomes = []
    for key in request.units:
        games = days.get(key[-1], [])
        outcomes.append(UnitOutcome(key, *_verdict(games, key[-1], trouble, fetched_at)))
    return outcomes


def _verdict(
    games: Sequence[ScoreCheckRow], day: str, trouble: str, fetched_at: datetime
) -> tuple[State, str]:
    if trouble:
        return State.THIN, trouble
    if not normalise.is_over(normalise.read_day(day), at=fetched_at):
        return State.THIN, DAY_IN_PROGRESS
    open_games = sum(game.status not in (standing.FINAL, *standing.OFF) for game in games)
    if open_games:
        return State.THIN, f"{IN_PROGRESS}: {counted(open_games, 'game')} not final"
    return (State.COMPLETE, "") if games else (State.EMPTY, "no games on this day")


def _row(game: Game) -> ScoreCheckRow:
    day: date = normalise.read_day(game.date)
    home = normalise.read_count(game.home_team_score)
    away = normalise.read_count(game.visitor_team_score)
    status = _STATUSES.get((game.status or "").strip().lower())
    if status is None:
        status = standing.LIVE if (game.period or _NOT_BEGUN) > _NOT_BEGUN else standing.SCHEDULED
    status = standing.confirmed(status, home, away)
    if status == standing.FINAL and game.period is not None and game.period < REGULATION_PERIODS:
        status = standing.LIVE
    was_played = status in (standing.LIVE, standing.FINAL)
    return ScoreCheckRow(
        normalise.read_id(game.id),
        day,
        team_id_of(game.home_team.abbreviation),
        team_id_of(game.visitor_team.abbreviation),
        home if was_played else None,
        away if was_played else None,
        status,
    )
