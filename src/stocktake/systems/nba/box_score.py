"""Box scores of one game: players and teams, from the v3 endpoint and its legacy forerunners."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from stocktake import Parsed, Request
from stocktake.systems.nba import normalise
from stocktake.systems.nba.envelope import (
    EMPTY_ANSWER,
    READ_ERRORS,
    changed,
    count,
    decode,
    failed,
    note,
    reject,
)
from stocktake.systems.nba.logs import payload_hash
from stocktake.systems.nba.rows import RawBoxRow
from stocktake.systems.nba.teams import read_team
from stocktake.systems.nba.verdicts import EXACT, REGULATION_MINUTES, TEAMS, Games

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

SOURCE = "boxscorev3"
"""The live box score too: the same figures of the same keeper, under the same names."""
DATASET = "raw_box_score"

_FINAL = 3

Number = int | float | None


class Statistics(msgspec.Struct, frozen=True):
    """What a player or a team did."""

    minutes: str | None = None
    fieldGoalsMade: Number = None  # noqa: N815 -- the source's names
    fieldGoalsAttempted: Number = None  # noqa: N815
    fieldGoalsPercentage: Number = None  # noqa: N815
    threePointersMade: Number = None  # noqa: N815
    threePointersAttempted: Number = None  # noqa: N815
    threePointersPercentage: Number = None  # noqa: N815
    freeThrowsMade: Number = None  # noqa: N815
    freeThrowsAttempted: Number = None  # noqa: N815
    freeThrowsPercentage: Number = None  # noqa: N815
    reboundsOffensive: Number = None  # noqa: N815
    reboundsDefensive: Number = None  # noqa: N815
    reboundsTotal: Number = None  # noqa: N815
    assists: Number = None
    steals: Number = None
    blocks: Number = None
    turnovers: Number = None
    foulsPersonal: Number = None  # noqa: N815
    points: Number = None
    plusMinusPoints: Number = None  # noqa: N815


class Player(msgspec.Struct, frozen=True):
    """A player on a team's list, whether he played or not.

    The live box score has no comment; it says with `played` 0 or 1, and why not.
    """

    personId: int  # noqa: N815
    statistics: Statistics
    firstName: str | None = None  # noqa: N815
    familyName: str | None = None  # noqa: N815
    position: str | None = None
    comment: str | None = None
    played: str | None = None
    notPlayingReason: str | None = None  # noqa: N815
    notPlayingDescription: str | None = None  # noqa: N815


class Team(msgspec.Struct, frozen=True):
    """A team of the game; starters and bench may be null and are not read."""

    teamId: int  # noqa: N815
    players: list[msgspec.Raw] | None = None
    teamTricode: str | None = None  # noqa: N815
    statistics: Statistics | None = None


class _BoxScore(msgspec.Struct, frozen=True):
    """The game; its status and its time only the live box score tells."""

    gameId: str | int  # noqa: N815
    homeTeam: Team | None = None  # noqa: N815
    awayTeam: Team | None = None  # noqa: N815
    gameStatus: int | None = None  # noqa: N815
    gameEt: str | None = None  # noqa: N815


class _Advanced(msgspec.Struct, frozen=True):
    gameId: str | int  # noqa: N815


class _Answer(msgspec.Struct, frozen=True):
    boxScoreTraditional: _BoxScore | None = None  # noqa: N815
    game: _BoxScore | None = None
    boxScoreAdvanced: _Advanced | None = None  # noqa: N815


_ORDER = (
    *("fieldGoalsMade", "fieldGoalsAttempted", "threePointersMade", "threePointersAttempted"),
    *("freeThrowsMade", "freeThrowsAttempted", "reboundsOffensive", "reboundsDefensive"),
    *("reboundsTotal", "assists", "steals", "blocks", "turnovers", "foulsPersonal", "points"),
)
_FRACTIONS = ("fieldGoalsPercentage", "threePointersPercentage", "freeThrowsPercentage")


@dataclass(slots=True)
class _Reading:
    """One game being read."""

    game: normalise.GameId
    matchups: dict[int, str]
    results: dict[int, str | None]
    day: date | None = None
    parsed: Parsed = field(default_factory=Parsed)
    games: Games = field(default_factory=lambda: Games(EXACT, has_results=False))
    rows: dict[int, RawBoxRow] = field(default_factory=dict)
    kept: list[tuple[Any, ...]] = field(default_factory=list)
    read: int = 0

    def team(self, team: Team, side: str) -> None:
        """Read a team's players."""
        read_team(team.teamId)
        tally = self.games.side(self.game.game_id, team.teamId)
        if team.statistics is not None:
            tally.told_points = normalise.read_count(team.statistics.points)
        for at, raw in enumerate(team.players or ()):
            self.read += 1
            try:
                player = msgspec.json.decode(raw, type=Player)
                row = self._row(player, team)
                minutes = normalise.read_minutes(row.min)
            except (*READ_ERRORS, ValueError) as error:
                self.games.rejected[self.game.game_id] += 1
                reason = ValueError(str(error))
                reject(self.parsed, DATASET, f"{side}.players[{at}]", error=reason, raw=bytes(raw))
                continue
            known = self.rows.get(row.player_id)
            if known == row:
                continue
            self.kept.append(row)
            self.rows[row.player_id] = row
            if known is None:
                tally.points += row.pts or 0
                tally.minutes = (tally.minutes or 0.0) + (minutes or 0.0)

    def _row(self, player: Player, team: Team) -> RawBoxRow:
        did = player.statistics
        names = (read for name in (player.firstName, player.familyName) if (read := _text(name)))
        counts = [normalise.read_count(getattr(did, name)) for name in _ORDER]
        fractions: list[Decimal | None] = [
            normalise.read_fraction(getattr(did, name)) for name in _FRACTIONS
        ]
        player_id = normalise.read_id(player.personId)
        told = (
            " ".join(names) or None, team.teamId, _text(team.teamTricode), self.day,
            self.matchups[team.teamId], self.results[team.teamId],
            _as_sent(did.minutes), *counts, *fractions,
            normalise.read_signed(did.plusMinusPoints), _comment(player),
            _text(player.position), None,
        )  # fmt: skip
        game_id, season, season_type = self.game[:3]
        hashed = payload_hash((game_id, player_id, *told))
        return RawBoxRow._make((game_id, player_id, SOURCE, season, season_type, *told, hashed))


def parse_box_score(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn a box score into rows of `raw_box_score`, DNP rows included, and judge its game.

    Reads `boxscoretraditionalv3`, which tells no date, and the live box score of the cdn, whose
    fields are assumed to be those. Matchup and result, which logs tell, are put together from the
    teams and their points, in a log's words; the result only once the game can be over.

    Raises:
        SourceChanged: Not a box score, one of another league or game, or ratings instead.
    """
    if not any(body.strip() for body in bodies):
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    box = _box(bodies[0], request)
    if box is None:
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    game = _game(box.gameId, request)
    home, away = box.homeTeam, box.awayTeam
    if home is None or away is None or not (home.players or away.players):
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    reading = _Reading(game, _matchups(home, away), {home.teamId: None, away.teamId: None})
    is_open = box.gameStatus not in (None, _FINAL)
    if is_open:
        reading.games.open_games.add(game.game_id)
    elif _can_be_over(home, away):
        reading.results = _results(home, away)
    try:
        reading.day = normalise.read_day(box.gameEt) if box.gameEt else None
        reading.team(home, "homeTeam")
        reading.team(away, "awayTeam")
    except ValueError as error:
        changed(request, f"{error}.")
    return _finished(reading, request)


def _box(body: bytes, request: Request) -> _BoxScore | None:
    """Return the box score of an answer, None when it is empty."""
    answer = decode(body, _Answer, request)
    if answer.boxScoreAdvanced is not None:
        _game(answer.boxScoreAdvanced.gameId, request)
        changed(request, "ratings of a game (boxscoreadvanced), for comparison only.")
    if answer.boxScoreTraditional is not None:
        return answer.boxScoreTraditional
    is_live = answer.game is not None and answer.game.homeTeam is not None
    if not is_live and b'"boxScoreTraditional"' not in body:
        changed(request, f"no box score; it begins {body[:60]!r}.")
    return answer.game


def _finished(reading: _Reading, request: Request) -> Parsed:
    parsed = reading.parsed
    if reading.kept:
        parsed.rows[RawBoxRow] = reading.kept
    duplicates = reading.read - len(reading.kept) - len(parsed.rejects)
    count(parsed, DATASET, reading.read, duplicates=duplicates)
    note(parsed, "game ids whose zeros had been lost", int(reading.game.is_padded))
    parsed.outcomes += reading.games.outcomes(request.units)
    return parsed


def _game(game_id: str | int, request: Request) -> normalise.GameId:
    """Return the game of an answer, which must be the one asked for."""
    try:
        game = normalise.read_game_id(game_id)
    except ValueError as error:
        changed(request, f"{error}.")
    if request.units and request.units[0][0] != game.game_id:
        changed(request, f"the answer is of game {game.game_id}.")
    return game


def _matchups(home: Team, away: Team) -> dict[int, str]:
    first, second = home.teamTricode or "?", away.teamTricode or "?"
    return {home.teamId: f"{first} vs. {second}", away.teamId: f"{second} @ {first}"}


def _can_be_over(home: Team, away: Team) -> bool:
    """Return whether both teams' own figures are those of a game that was decided."""
    told = [team.statistics for team in (home, away) if team.statistics is not None]
    try:
        points = {one.points for one in told}
        minutes = [normalise.read_minutes(one.minutes) for one in told]
    except ValueError:
        return False
    has_played = all(one is not None and one >= REGULATION_MINUTES - EXACT for one in minutes)
    return len(told) == TEAMS and len(points) == TEAMS and None not in points and has_played


def _results(home: Team, away: Team) -> dict[int, str | None]:
    """Return W or L of each team by their points."""
    scores = [
        (team.statistics.points or 0) if team.statistics is not None else 0 for team in (home, away)
    ]
    home_won = scores[0] > scores[1]
    return {home.teamId: "W" if home_won else "L", away.teamId: "L" if home_won else "W"}


def _text(value: str | None) -> str | None:
    """Return a text without the spaces that pad it."""
    written = normalise.read_text(value)
    return None if written is None else written.strip()


def _as_sent(value: str | None) -> str | None:
    """Return a text as it is, `""` included, if it can be stored."""
    normalise.read_text(value)
    return value


def _comment(player: Player) -> str | None:
    """Return the comment on a player, for the live box score in the words of the other."""
    told = _text(player.comment)
    if told is None and player.played == "0":
        why = _text(player.notPlayingDescription) or _text(player.notPlayingReason)
        return f"DNP - {why or 'no reason told'}"
    return told
