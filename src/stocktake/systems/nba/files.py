"""Files: logs of players and teams, and schedules, as CSV or as a saved answer."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from stocktake import Parsed, Request
from stocktake.systems.nba import normalise, standing
from stocktake.systems.nba.envelope import Table, changed, reject, require
from stocktake.systems.nba.logs import (
    PLAYERS,
    TEAMS,
    Kind,
    log_table,
    read_log,
)
from stocktake.systems.nba.normalise import refuse
from stocktake.systems.nba.rows import RawTeamRow
from stocktake.systems.nba.schedule import Listing, Planned, read_schedule
from stocktake.systems.nba.teams import read_team, team_id_of
from stocktake.systems.nba.verdicts import TEAMS as TEAMS_OF_A_GAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

LOG_FILE = "file:leaguegamelog"
"""Source on rows of files: one for all, so that a corrected file replaces what it corrects."""
SCHEDULE_FILE = "file:schedule"
TEAM_LOG_AS_SCHEDULE = "file:team_log"
"""Source of a schedule made of a team log: its universe is what was played, as declared."""

DELIMITERS = ",;\t|"
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_HOME = ("HOME_TEAM_ID", "HOME_TEAM", "HOME_TEAM_ABBREVIATION")
_AWAY = ("AWAY_TEAM_ID", "AWAY_TEAM", "AWAY_TEAM_ABBREVIATION", "VISITOR_TEAM_ID")
_TRUTHS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}
_ISO_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]", re.ASCII)


def parse_player_file(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn files of player logs into rows of `raw_box_score`.

    Raises:
        SourceChanged: Not a log of players, or one without a row.
    """
    return _log(bodies, request, PLAYERS)


def parse_team_file(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn files of team logs into rows of `raw_team_log`.

    Raises:
        SourceChanged: Not a log of teams, or one without a row.
    """
    return _log(bodies, request, TEAMS)


def _log(bodies: Sequence[bytes], request: Request, kind: Kind) -> Parsed:
    tables = [read_table(body, request) for body in bodies]
    if not any(table.rows for table in tables):
        changed(request, "a header and no rows.")
    return read_log(tables, request, kind=kind, source=LOG_FILE)


def parse_schedule_file(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    """Turn a schedule into games: a CSV of games, a team log, or a saved schedule.

    A team log names each game twice; its games are taken as final and as the declared universe.
    A game without status is final when its date lies before the day of loading.

    Raises:
        SourceChanged: None of the three, or no game in it.
    """
    if len(bodies) == 1 and b'"leagueSchedule"' in bodies[0]:
        return read_schedule(bodies, request, fetched_at=fetched_at, source=SCHEDULE_FILE)
    parsed = Parsed()
    tables = [read_table(body, request) for body in bodies]
    if not any(table.rows for table in tables):
        changed(request, "a header and no rows.")
    is_log = all("MATCHUP" in table.columns for table in tables)
    listing = Listing(TEAM_LOG_AS_SCHEDULE if is_log else SCHEDULE_FILE, fetched_at)
    for table in tables:
        if is_log:
            _games_of_log(table, request, listing, parsed)
        else:
            _games_of_table(table, request, listing, parsed)
    return listing.into(parsed, request)


def read_table(body: bytes, request: Request) -> Table:
    """Return the rows of a file: the stats envelope, or separated text with a header.

    Raises:
        SourceChanged: Neither, or a header that names a column twice.
    """
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return log_table(body, request) if start == b"{" else _csv(body, request)


def _csv(body: bytes, request: Request) -> Table:
    text = _decoded(body)
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=first.count))
    rows: list[list[str]] = []
    places: list[str] = []
    header: list[str] | None = None
    try:
        for fields in reader:
            if not fields:
                continue
            if header is None:
                header = [name.strip().upper() for name in fields]
            else:
                rows.append(fields)
                places.append(f"line {reader.line_num}")
    except csv.Error as error:
        changed(request, f"cannot be read as CSV: {error}.")
    if header is None:
        changed(request, "the file is empty: not even a header.")
    columns = {name: at for at, name in enumerate(header)}
    if len(columns) < len(header):
        changed(request, "the header names a column twice.")
    return Table(request.path, columns, len(header), rows, places)


def _decoded(body: bytes) -> str:
    """Decode a file; bytes that are no text stay recognisable, and cost only their rows."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            errors = "surrogateescape" if encoding == "utf-8" else "replace"
            return body[len(mark) :].decode(encoding, errors)
    return body.decode("utf-8", "surrogateescape")


class _Sides(NamedTuple):
    """The columns that name the teams of a schedule file."""

    home: str
    away: str


def _games_of_table(table: Table, request: Request, listing: Listing, parsed: Parsed) -> None:
    """Read a CSV of games, one a line."""
    require(table, ("GAME_ID", "GAME_DATE"), request)
    home = next((name for name in _HOME if name in table.columns), None)
    away = next((name for name in _AWAY if name in table.columns), None)
    if home is None or away is None:
        changed(request, f"{table.name} names no home team or no away team.")
    for at, fields in enumerate(table.rows):
        try:
            if not isinstance(fields, list) or len(fields) != table.width:
                refuse(f"another number of fields instead of {table.width}")
            told = {name: fields[position] for name, position in table.columns.items()}
            listing.add(_game(told, _Sides(home, away), listing.fetched_at))
        except ValueError as error:
            reject(parsed, "schedule", table.place(at), error=error, raw=fields)


def _game(told: Mapping[str, object], names: _Sides, fetched_at: datetime) -> Planned:
    game = normalise.read_game_id(told["GAME_ID"])
    day = normalise.read_day(told["GAME_DATE"])
    normalise.check_day(game, day)
    home = normalise.read_count(told.get("HOME_SCORE"))
    away = normalise.read_count(told.get("AWAY_SCORE"))
    status = _status(told.get("STATUS"), day, fetched_at)
    if home is not None or away is not None:
        status = standing.confirmed(status, home, away)
    tipoff = told.get("TIPOFF_UTC")
    if tipoff and not (isinstance(tipoff, str) and _ISO_INSTANT.match(tipoff)):
        refuse(f"{str(tipoff)[:40]!r} is not an instant")
    return Planned(
        game, day, normalise.read_instant(tipoff), _team(told[names.home]),
        _team(told[names.away]), _truth(told.get("IS_NEUTRAL")), status, home, away,
        normalise.read_text(told.get("ARENA")),
    )  # fmt: skip


def _status(value: object, day: date, fetched_at: datetime) -> str:
    written = (normalise.read_text(value) or "").strip().lower()
    if not written:
        is_past = day < normalise.eastern_day(fetched_at)
        return standing.FINAL if is_past else standing.SCHEDULED
    if written not in standing.STATUSES:
        refuse(f"{written[:40]!r} is none of {', '.join(standing.STATUSES)}")
    return written


def _team(value: object) -> int | None:
    """Read a team by id or abbreviation."""
    written = (normalise.read_text(value) or "").strip()
    if not written:
        return None
    return read_team(written) if written.isdigit() else team_id_of(written)


def _truth(value: object) -> bool | None:
    written = (normalise.read_text(value) or "").strip().lower()
    if not written:
        return None
    found = _TRUTHS.get(written)
    return found if found is not None else refuse(f"{written[:40]!r} is neither true nor false")


def _games_of_log(table: Table, request: Request, listing: Listing, parsed: Parsed) -> None:
    """Make games of a team log; a game both of whose rows say `@` is at a neutral site."""
    log = read_log([table], request, kind=TEAMS, source=TEAM_LOG_AS_SCHEDULE)
    sides: defaultdict[str, dict[int, RawTeamRow]] = defaultdict(dict)
    for row in log.rows.get(RawTeamRow, ()):
        team = RawTeamRow._make(row)
        sides[team.game_id][team.team_id] = team
    for one in log.rejects:
        parsed.notes[f"rows of the team log passed over: {one.reason}"] = (
            parsed.notes.get(f"rows of the team log passed over: {one.reason}", 0) + 1
        )
    for text, times in log.notes.items():
        parsed.notes[text] = parsed.notes.get(text, 0) + times
    for game_id, teams in sorted(sides.items()):
        try:
            listing.add(_planned(game_id, list(teams.values())))
        except ValueError as error:
            raw = [list(map(str, team)) for team in teams.values()]
            reject(parsed, "schedule", f"game {game_id}", error=error, raw=raw)


def _planned(game_id: str, teams: Sequence[RawTeamRow]) -> Planned:
    game = normalise.read_game_id(game_id)
    home, is_neutral = _home(game_id, teams)
    (away,) = (team for team in teams if team.team_id != home.team_id)
    status = standing.FINAL if {home.wl, away.wl} == {"W", "L"} else standing.LIVE
    return Planned(
        game, home.game_date, None, home.team_id, away.team_id, is_neutral,
        standing.confirmed(status, home.pts, away.pts), home.pts, away.pts, None,
    )  # fmt: skip


def _home(game_id: str, teams: Sequence[RawTeamRow]) -> tuple[RawTeamRow, bool]:
    """Return the home team, and whether the site is neutral.

    Both rows of a neutral game say `@`. Where each names the other team last, nothing tells which
    was the host: then it is the one with the lower id, whatever the order of the rows.

    Raises:
        ValueError: Not two teams, or both rows say that their team was at home.
    """
    by_id = {team.team_id: team for team in teams}
    told = {normalise.sides(team.matchup or "") for team in teams}
    homes = {team_id_of(first if is_home else second) for first, second, is_home in told}
    is_neutral = not any(is_home for _, _, is_home in told)
    if len(by_id) != TEAMS_OF_A_GAME or not homes <= by_id.keys():
        refuse(f"game {game_id}: its rows do not name two teams of it")
    if len(homes) != 1 and not is_neutral:
        refuse(f"game {game_id}: two teams at home")
    return by_id[min(homes)], is_neutral
