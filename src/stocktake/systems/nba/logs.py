"""Game logs: a whole season of players or teams in one answer, read column by column.

A season of players has 26,306 rows of 30 fields; each spelling is read once, each check is made on
what differs. Rows alone are touched to be put together, and one by one only where a value is bad.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from stocktake import Parsed, Request
from stocktake.systems.nba import normalise
from stocktake.systems.nba.envelope import (
    EMPTY_ANSWER,
    Table,
    changed,
    count,
    counted,
    failed,
    note,
    reject,
    require,
    result_sets,
)
from stocktake.systems.nba.rows import RawBoxRow, RawTeamRow
from stocktake.systems.nba.teams import read_team
from stocktake.systems.nba.verdicts import EXACT, ROUNDED, Games

if TYPE_CHECKING:
    from datetime import datetime

LEAGUE_LOG = "leaguegamelog"
COUNTS = (
    *("FGM", "FGA", "FG3M", "FG3A", "FTM", "FTA", "OREB", "DREB"),
    *("REB", "AST", "STL", "BLK", "TOV", "PF", "PTS"),
)
FRACTIONS = ("FG_PCT", "FG3_PCT", "FT_PCT")
_NEEDED = ("GAME_ID", "TEAM_ID", "GAME_DATE", "MATCHUP", "WL", "MIN", *COUNTS, *FRACTIONS)
_PLAIN = frozenset({str, int, float, type(None)})
_TEAM_SHARE_BELOW = 100  # minutes of a team given per player: 48.0 for 240
_POINTS_AT = COUNTS.index("PTS")
_ENCODER = msgspec.msgpack.Encoder(decimal_format="string")

Reader = Callable[[Any], Any]
READERS: dict[str, Reader] = {
    "GAME_ID": normalise.read_game_id,
    "PLAYER_ID": normalise.read_id,
    "TEAM_ID": read_team,
    "GAME_DATE": normalise.read_day,
    "WL": normalise.read_result,
    **dict.fromkeys(COUNTS, normalise.read_count),
    **dict.fromkeys(FRACTIONS, normalise.read_fraction),
    "PLUS_MINUS": normalise.read_signed,
}
_TEXTS = ("PLAYER_NAME", "TEAM_NAME", "TEAM_ABBREVIATION", "MATCHUP", "MIN", "SEASON_ID")


class Bad:
    """A value that could not be read; `reason` says why."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        self.reason = reason


class _Memo(dict[Any, Any]):
    """A spelling read once per answer."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self.has_bad = False

    def __missing__(self, spelling: Any) -> Any:
        try:
            value = self._read(spelling)
        except ValueError as error:
            self.has_bad = True
            value = Bad(str(error))
        self[spelling] = value
        return value


@dataclass(frozen=True, slots=True)
class Kind:
    """What a log lists.

    Args:
        dataset: Where its rows go.
        row: Their type.
        member: Column that names the member beside the game.
        names: Text columns of the row between the ids and the date, in the row's order.
        tolerance: Minutes a team's sum may fall short of a game's.
    """

    dataset: str
    row: type[RawBoxRow | RawTeamRow]
    member: str
    names: tuple[str, ...]
    tolerance: float


PLAYERS = Kind("raw_box_score", RawBoxRow, "PLAYER_ID", ("PLAYER_NAME",), ROUNDED)
TEAMS = Kind("raw_team_log", RawTeamRow, "TEAM_ID", ("TEAM_ABBREVIATION", "TEAM_NAME"), EXACT)


@dataclass(slots=True)
class Columns:
    """The readable rows of a log, column by column.

    Args:
        at: Position of each row in the table.
        games: Game ids with what they say.
        values: Values by column, only of rows without a bad one.
        bad: Position in the table and reason of each row that cannot be taken.
    """

    at: list[int] = field(default_factory=list)
    values: dict[str, list[Any]] = field(default_factory=dict)
    bad: dict[int, str] = field(default_factory=dict)

    @property
    def games(self) -> list[normalise.GameId]:
        """The game of each row."""
        return self.values["GAME_ID"]


def parse_player_log(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn a log of players into rows of `raw_box_score`, and judge the games wanted and found.

    Raises:
        SourceChanged: Not a log of players.
    """
    return _parse(bodies, request, PLAYERS)


def parse_team_log(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn a log of teams into rows of `raw_team_log`, and judge the games wanted and found.

    Raises:
        SourceChanged: Not a log of teams.
    """
    return _parse(bodies, request, TEAMS)


def _parse(bodies: Sequence[bytes], request: Request, kind: Kind) -> Parsed:
    if not any(body.strip() for body in bodies):
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    tables = [log_table(body, request) for body in bodies if body.strip()]
    return read_log(tables, request, kind=kind, source=LEAGUE_LOG)


def log_table(body: bytes, request: Request) -> Table:
    """Return the one table of a log in the legacy envelope.

    Raises:
        SourceChanged: Not the envelope, or none or several tables in it.
    """
    tables = result_sets(body, request)
    if len(tables) != 1:
        changed(request, f"{counted(len(tables), 'result set')} instead of one log.")
    (table,) = tables.values()
    return table


def read_log(tables: Sequence[Table], request: Request, *, kind: Kind, source: str) -> Parsed:
    """Turn the tables of a log into rows and outcomes.

    Raises:
        SourceChanged: A column is lacking, or the log lists the other kind.
    """
    parsed = Parsed()
    games = Games(kind.tolerance)
    rows: dict[tuple[str, int], tuple[Any, ...]] = {}
    kept: list[tuple[Any, ...]] = []
    for table in tables:
        columns = read_columns(table, request, kind=kind)
        _reject(parsed, table, columns, dataset=kind.dataset, games=games)
        for row in _rows(columns, kind, source):
            key = (row[0], row[1])
            if rows.get(key) != row:  # a different row of the same key: the later counts
                kept.append(row)
            rows[key] = row
        padded = sum(game.is_padded for game in columns.games)
        note(parsed, "game ids whose zeros had been lost", padded)
    read = sum(len(table.rows) for table in tables)
    count(parsed, kind.dataset, read, duplicates=read - len(kept) - len(parsed.rejects))
    if kept:
        parsed.rows[kind.row] = kept
    if not read:
        parsed.outcomes += failed(request, EMPTY_ANSWER)
        return parsed
    _tally(games, rows.values(), kind)
    parsed.outcomes += games.outcomes(request.units)
    return parsed


def read_columns(table: Table, request: Request, *, kind: Kind) -> Columns:
    """Read a log's columns; rows with a value that cannot be read are set apart.

    Raises:
        SourceChanged: A column is lacking, or the log lists the other kind.
    """
    require(table, (*_NEEDED, kind.member), request)
    if kind is TEAMS and "PLAYER_ID" in table.columns:
        changed(request, "a log of players, where one of teams was expected.")
    result = Columns()
    sound = []
    for at, row in enumerate(table.rows):
        if isinstance(row, list | tuple) and len(row) == table.width:
            result.at.append(at)
            sound.append(row)
        else:
            fields = counted(len(row), "field") if isinstance(row, list | tuple) else "no fields"
            result.bad[at] = f"{fields} instead of {table.width}"
    raw = list(zip(*sound, strict=True)) if sound else [()] * table.width
    for name, read in READERS.items():
        if name in table.columns:
            _read(result, name, _plain(raw[table.columns[name]]), read)
    for name in _TEXTS:
        given = _as_text(_plain(raw[table.columns[name]])) if name in table.columns else None
        _read(result, name, given or [None] * len(sound), normalise.read_text)
    years = table.columns.get("SEASON_YEAR")
    if years is not None and "SEASON_ID" not in table.columns:
        _read(result, "SEASON_ID", _as_text(_plain(raw[years])), normalise.read_text)
    result.values.setdefault("PLUS_MINUS", [None] * len(sound))
    _check_pairs(result)
    return _without_bad(result)


def _plain(column: Sequence[Any]) -> Sequence[Any]:
    """Make what JSON may hold but no log does unreadable, above all true and false."""
    if set(map(type, column)) <= _PLAIN:
        return column
    return [value if type(value) in _PLAIN else Bad("") for value in column]


def _as_text(column: Sequence[Any]) -> Sequence[Any]:
    """Spell numbers of a text column: 240 and 240.0 are one number but two spellings."""
    if set(map(type, column)) <= {str, type(None)}:
        return column
    return [str(value) if isinstance(value, int | float) else value for value in column]


def _read(result: Columns, name: str, column: Sequence[Any], read: Reader) -> None:
    memo = _Memo(read)
    values = list(map(memo.__getitem__, column))
    result.values[name] = values
    if memo.has_bad:
        for at, value in zip(result.at, values, strict=True):
            if type(value) is Bad:
                result.bad.setdefault(at, f"{name}: {value.reason}")


def _check_pairs(result: Columns) -> None:
    """Set apart rows whose season or date contradicts their game."""
    for name, check in (("SEASON_ID", normalise.check_season), ("GAME_DATE", normalise.check_day)):
        pairs = list(zip(result.games, result.values[name], strict=True))
        wrong: dict[Any, str] = {}
        for pair in set(pairs):
            if Bad not in map(type, pair):
                try:
                    check(*pair)
                except ValueError as error:
                    wrong[pair] = f"{name}: {error}"
        if wrong:
            for at, pair in zip(result.at, pairs, strict=True):
                if pair in wrong:
                    result.bad.setdefault(at, wrong[pair])


def _without_bad(result: Columns) -> Columns:
    if not any(at in result.bad for at in result.at):
        return result
    good = [at not in result.bad for at in result.at]
    values = {
        name: [value for value, is_good in zip(column, good, strict=True) if is_good]
        for name, column in result.values.items()
    }
    at = [at for at, is_good in zip(result.at, good, strict=True) if is_good]
    return Columns(at, values, result.bad)


def _reject(parsed: Parsed, table: Table, columns: Columns, *, dataset: str, games: Games) -> None:
    """Note the rows set apart, each with the game it speaks of, if that can be told."""
    for at, reason in sorted(columns.bad.items()):
        raw = table.rows[at]
        reject(parsed, dataset, table.place(at), error=ValueError(reason), raw=raw)
        try:
            game = normalise.read_game_id(raw[table.columns["GAME_ID"]])
        except (ValueError, TypeError, IndexError, KeyError):
            continue
        games.rejected[game.game_id] += 1


def _rows(columns: Columns, kind: Kind, source: str) -> list[tuple[Any, ...]]:
    """Put the rows together, each with the hash of what it tells."""
    values = columns.values
    size = len(columns.at)
    nothing: list[Any] = [None] * size
    ids = [game.game_id for game in columns.games]
    members = values[kind.member]
    named = [values[name] for name in kind.names]
    if kind is PLAYERS:
        named += [values["TEAM_ID"], values["TEAM_ABBREVIATION"]]
    measures = [values[name] for name in ("GAME_DATE", "MATCHUP", "WL", "MIN", *COUNTS)]
    measures += [values[name] for name in (*FRACTIONS, "PLUS_MINUS")]
    beside = [nothing, nothing] if kind is PLAYERS else []
    told = [*named, *measures, *beside, values["SEASON_ID"]]
    hashes = [payload_hash(one) for one in zip(ids, members, *told, strict=True)]
    seasons = [game.season for game in columns.games]
    types = [game.season_type for game in columns.games]
    sources = [source] * size
    make = kind.row._make
    return list(map(make, zip(ids, members, sources, seasons, types, *told, hashes, strict=True)))


def payload_hash(told: tuple[Any, ...]) -> bytes:
    """Return 16 bytes of BLAKE2b over what a source told in one row, in canonical spelling."""
    return blake2b(_ENCODER.encode(told), digest_size=16).digest()


def _tally(games: Games, rows: Any, kind: Kind) -> None:
    """Add up points and minutes of each team of each game."""
    fields = kind.row._fields
    team, result, played, points = map(fields.index, ("team_id", "wl", "min", "pts"))
    minutes = _Memo(normalise.read_minutes)
    is_team = kind is TEAMS
    for row in rows:
        side = games.side(row[0], row[team])
        side.points += row[points] or 0
        side.results.add(row[result])
        told = minutes[row[played]]
        if told is None or type(told) is Bad:
            side.minutes = None
        elif side.minutes is not None:
            side.minutes += told * 5 if is_team and told < _TEAM_SHARE_BELOW else told
