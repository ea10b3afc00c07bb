"""Legacy box scores (v2): not asked for any more, read where captures of them are stored.

They answer 200 without rows since 2025, which proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stocktake import Parsed, Request
from stocktake.systems.nba import normalise, standing
from stocktake.systems.nba.envelope import (
    EMPTY_ANSWER,
    Table,
    changed,
    count,
    counted,
    failed,
    reject,
    require,
    result_sets,
)
from stocktake.systems.nba.logs import COUNTS, payload_hash
from stocktake.systems.nba.rows import RawBoxRow, ScheduleScore
from stocktake.systems.nba.schedule import Planned, team_of
from stocktake.systems.nba.teams import read_team
from stocktake.systems.nba.verdicts import EXACT, Games

if TYPE_CHECKING:
    from datetime import datetime

SOURCE = "boxscorev2"
_COUNTS = tuple("TO" if name == "TOV" else name for name in COUNTS)
_FRACTIONS = ("FG_PCT", "FG3_PCT", "FT_PCT")
_PLAYER = (
    *("GAME_ID", "TEAM_ID", "TEAM_ABBREVIATION", "PLAYER_ID", "PLAYER_NAME", "START_POSITION"),
    *("COMMENT", "MIN", *_COUNTS, *_FRACTIONS, "PLUS_MINUS"),
)
_SUMMARY = ("GAME_DATE_EST", "GAME_ID", "GAME_STATUS_ID", "HOME_TEAM_ID", "VISITOR_TEAM_ID")


def parse_box_score_v2(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn a legacy box score into rows of `raw_box_score`; it tells neither date nor result.

    Raises:
        SourceChanged: Not a legacy box score.
    """
    table = _table(bodies, request, "PlayerStats")
    if table is None:
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    require(table, _PLAYER, request)
    parsed = Parsed()
    games = Games(EXACT, has_results=False)
    kept: dict[RawBoxRow, None] = {}
    for at, fields in enumerate(table.rows):
        try:
            row = _player(_named(table, fields))
            minutes = normalise.read_minutes(row.min)
        except ValueError as error:
            reject(parsed, "raw_box_score", table.place(at), error=error, raw=fields)
            continue
        if row not in kept:
            kept[row] = None
            side = games.side(row.game_id, row.team_id)
            side.points += row.pts or 0
            side.minutes = (side.minutes or 0.0) + (minutes or 0.0)
    duplicates = len(table.rows) - len(kept) - len(parsed.rejects)
    count(parsed, "raw_box_score", len(table.rows), duplicates=duplicates)
    if kept:
        parsed.rows[RawBoxRow] = list(kept)
    parsed.outcomes += games.outcomes(request.units)
    return parsed


def parse_box_score_summary_v2(
    bodies: Sequence[bytes], request: Request, _fetched_at: datetime
) -> Parsed:
    """Turn a legacy summary into how its game stands; it proves nothing of a unit.

    Raises:
        SourceChanged: Not a legacy summary.
    """
    table = _table(bodies, request, "GameSummary")
    if table is None:
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    require(table, _SUMMARY, request)
    line_score = _table(bodies, request, "LineScore")
    parsed = Parsed()
    rows: dict[ScheduleScore, None] = {}
    for at, fields in enumerate(table.rows):
        try:
            rows[_summary(_named(table, fields), line_score)] = None
        except ValueError as error:
            reject(parsed, "schedule", table.place(at), error=error, raw=fields)
    if rows:
        parsed.rows[ScheduleScore] = list(rows)
    duplicates = len(table.rows) - len(rows) - len(parsed.rejects)
    count(parsed, "schedule", len(table.rows), duplicates=duplicates)
    return parsed


def _table(bodies: Sequence[bytes], request: Request, name: str) -> Table | None:
    """Return a result set of an answer, None when the answer is empty."""
    if not any(body.strip() for body in bodies):
        return None
    tables = result_sets(bodies[0], request)
    if name not in tables:
        changed(request, f"no result set {name}.")
    return tables[name] if tables[name].rows else None


def _named(table: Table, fields: Any) -> dict[str, Any]:
    """Return a row by column.

    Raises:
        ValueError: It is not as wide as the header.
    """
    if not isinstance(fields, list) or len(fields) != table.width:
        width = counted(len(fields), "field") if isinstance(fields, list) else "no fields"
        normalise.refuse(f"{width} instead of {table.width}")
    return {name: fields[at] for name, at in table.columns.items()}


def _player(told: dict[str, Any]) -> RawBoxRow:
    game = normalise.read_game_id(told["GAME_ID"])
    player_id = normalise.read_id(told["PLAYER_ID"])
    name, team = normalise.read_text(told["PLAYER_NAME"]), read_team(told["TEAM_ID"])
    values = (
        name, team, normalise.read_text(told["TEAM_ABBREVIATION"]), None, None, None,
        normalise.read_text(told["MIN"]),
        *(normalise.read_count(told[column]) for column in _COUNTS),
        *(normalise.read_fraction(told[column]) for column in _FRACTIONS),
        normalise.read_signed(told["PLUS_MINUS"]),
        normalise.read_text(told["COMMENT"]), normalise.read_text(told["START_POSITION"]), None,
    )  # fmt: skip
    hashed = payload_hash((game.game_id, player_id, *values))
    place = (game.game_id, player_id, SOURCE, game.season, game.season_type)
    return RawBoxRow._make((*place, *values, hashed))


def _summary(told: dict[str, Any], line_score: Table | None) -> ScheduleScore:
    game = normalise.read_game_id(told["GAME_ID"])
    day = normalise.read_day(told["GAME_DATE_EST"])
    normalise.check_day(game, day)
    home, away = (
        team_of(game, normalise.read_known_id(told[name]))
        for name in ("HOME_TEAM_ID", "VISITOR_TEAM_ID")
    )
    points = _points(line_score)
    scores = [points.get(team) for team in (home, away)]
    status = standing.read_status(told["GAME_STATUS_ID"], told.get("GAME_STATUS_TEXT"))
    status = standing.confirmed(status, scores[0], scores[1])
    return Planned(game, day, None, home, away, None, status, scores[0], scores[1], None).scored()


def _points(line_score: Table | None) -> dict[Any, int | None]:
    """Return the points of each team; what cannot be read leaves the game without a score."""
    found: dict[Any, int | None] = {}
    for fields in () if line_score is None else line_score.rows:
        try:
            told = _named(line_score, fields) if line_score is not None else {}
            team = normalise.read_id(told.get("TEAM_ID"))
            found[team] = normalise.read_count(told.get("PTS"))
        except ValueError:
            continue
    return found
