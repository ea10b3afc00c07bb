"""The published schedule of a season, and how much of the season it holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from stocktake import Parsed, Request, State, UnitOutcome
from stocktake.systems.nba import normalise, standing
from stocktake.systems.nba.envelope import (
    EMPTY_ANSWER,
    READ_ERRORS,
    changed,
    check_league,
    count,
    decode,
    failed,
    note,
    reject,
)
from stocktake.systems.nba.normalise import IN_SCOPE
from stocktake.systems.nba.rows import ScheduleListed, ScheduleScore
from stocktake.systems.nba.season import FIRST_CUP, seasons
from stocktake.systems.nba.teams import read_team

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

CDN, STATS = "cdn", "stats"
NOT_PUBLISHED = "season not fully published"
NOT_OVER = "season not over"
_FINALS = "4"  # eighth digit of a playoff game's id: its round
_WINS_NEEDED = 4
_INT32 = 2**31


class Side(msgspec.Struct, frozen=True):
    """A team of a listed game; id 0 while nobody knows which."""

    teamId: int | None = None  # noqa: N815 -- the source's names
    score: int | None = None


NOBODY = Side()


class ListedGame(msgspec.Struct, frozen=True):
    """A game of the schedule; fields beyond the dates are assumed (no capture of it was seen)."""

    gameId: str | int  # noqa: N815
    gameStatus: int = 1  # noqa: N815
    gameStatusText: str | None = None  # noqa: N815
    gameDateEst: str | None = None  # noqa: N815
    gameDateTimeUTC: str | None = None  # noqa: N815
    postponedStatus: str | None = None  # noqa: N815
    isNeutral: bool | None = None  # noqa: N815
    arenaName: str | None = None  # noqa: N815
    homeTeam: Side | None = None  # noqa: N815
    awayTeam: Side | None = None  # noqa: N815


class _GameDate(msgspec.Struct, frozen=True):
    gameDate: str | None = None  # noqa: N815
    games: list[msgspec.Raw] = []


class _LeagueSchedule(msgspec.Struct, frozen=True):
    gameDates: list[_GameDate]  # noqa: N815
    seasonYear: str | None = None  # noqa: N815
    leagueId: str | None = None  # noqa: N815


class _Schedule(msgspec.Struct, frozen=True):
    leagueSchedule: _LeagueSchedule | None  # noqa: N815


@dataclass(frozen=True, slots=True)
class Planned:
    """One game as a schedule tells it."""

    game: normalise.GameId
    day: date | None
    tipoff: datetime | None
    home_team_id: int | None
    away_team_id: int | None
    is_neutral: bool | None
    status: str
    home_score: int | None
    away_score: int | None
    arena: str | None

    def listed(self, source: str) -> ScheduleListed:
        """Return the row of the plan."""
        status = self.status if self.status in standing.OFF else None
        return ScheduleListed(
            *self.game[:3], self.day, self.tipoff, self.home_team_id, self.away_team_id,
            self.is_neutral, status, self.arena, source,
        )  # fmt: skip

    def scored(self) -> ScheduleScore:
        """Return the row of how it stands."""
        return ScheduleScore(
            *self.game[:3], self.day, self.tipoff, self.home_team_id, self.away_team_id,
            self.is_neutral, self.status, self.home_score, self.away_score,
        )  # fmt: skip

    def is_told(self, at: datetime) -> bool:
        """Return whether a schedule knows how the game stands.

        A game of a day gone by that is still "scheduled" there was never brought up to date; that
        must not hide the final score a scoreboard told.
        """
        if self.status in standing.OFF:
            return False
        is_past = self.day is not None and normalise.is_over(self.day, at=at)
        return not (self.status == standing.SCHEDULED and is_past)


@dataclass(slots=True)
class Listing:
    """The games of a schedule while they are gathered.

    Args:
        source: Written on each row.
        fetched_at: Instant of the fetch.
        games: By id; of two entries of one game the one that takes place.
    """

    source: str
    fetched_at: datetime
    games: dict[str, Planned] = field(default_factory=dict)
    read: int = 0
    duplicates: int = 0
    others: list[Planned] = field(default_factory=list)

    def add(self, planned: Planned) -> None:
        """Take a game in; a moved one may be listed twice, once as postponed."""
        self.read += 1
        known = self.games.setdefault(planned.game.game_id, planned)
        if known is planned:
            return
        if known.listed("") == planned.listed("") and known.scored() == planned.scored():
            self.duplicates += 1
        elif planned.status in standing.OFF and known.status not in standing.OFF:
            self.others.append(planned)
        else:
            self.others.append(known)
            self.games[planned.game.game_id] = planned

    def into(self, parsed: Parsed, request: Request) -> Parsed:
        """Add rows, counts and outcomes; of rows with one key the last counts."""
        every = (*self.others, *self.games.values())
        if every:
            parsed.rows[ScheduleListed] = [one.listed(self.source) for one in every]
        told = [one.scored() for one in every if one.is_told(self.fetched_at)]
        if told:
            parsed.rows[ScheduleScore] = list[tuple[Any, ...]](told)
        rejected = sum(one.dataset == "schedule" for one in parsed.rejects)
        count(parsed, "schedule", self.read + rejected, duplicates=self.duplicates)
        padded = sum(one.game.is_padded for one in every)
        note(parsed, "game ids whose zeros had been lost", padded)
        parsed.outcomes += season_outcomes(
            self.games.values(), request.units, fetched_at=self.fetched_at
        )
        return parsed


def parse_schedule(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    """Turn a published schedule (cdn, or stats by season) into games and outcomes of its seasons.

    Raises:
        SourceChanged: Not a schedule, or one of another league.
    """
    source = CDN if "static/" in request.path else STATS
    return read_schedule(bodies, request, fetched_at=fetched_at, source=source)


def read_schedule(
    bodies: Sequence[bytes], request: Request, *, fetched_at: datetime, source: str
) -> Parsed:
    """As ``parse_schedule``, naming the source on each row.

    Raises:
        SourceChanged: Not a schedule, or one of another league.
    """
    parsed = Parsed()
    listing = Listing(source, fetched_at)
    for body in bodies:
        if body.strip():
            _read_body(body, request, listing, parsed)
    if not listing.read and not parsed.rejects:
        parsed.outcomes += failed(request, EMPTY_ANSWER)
        return parsed
    return listing.into(parsed, request)


def _read_body(body: bytes, request: Request, listing: Listing, parsed: Parsed) -> None:
    answer = decode(body, _Schedule, request).leagueSchedule
    if answer is None:
        changed(request, "no schedule in the answer.")
    check_league(answer.leagueId, request)
    for number, day in enumerate(answer.gameDates):
        for at, raw in enumerate(day.games):
            try:
                game = msgspec.json.decode(raw, type=ListedGame)
                listing.add(read_game(game, day.gameDate))
            except (*READ_ERRORS, ValueError) as error:
                position = f"gameDates[{number}].games[{at}]"
                reject(parsed, "schedule", position, error=ValueError(str(error)), raw=bytes(raw))


def read_game(listed: ListedGame, day_text: str | None) -> Planned:
    """Read one game.

    Raises:
        ValueError: It is not of this league, or a field cannot be read.
    """
    game = normalise.read_game_id(listed.gameId)
    written = listed.gameDateEst or day_text
    day = normalise.read_day(written) if written else None
    if day is not None:
        normalise.check_day(game, day)
    status = standing.read_status(listed.gameStatus, listed.gameStatusText, listed.postponedStatus)
    home, away = listed.homeTeam or NOBODY, listed.awayTeam or NOBODY
    was_played = status in (standing.LIVE, standing.FINAL)
    scores = [normalise.read_count(side.score) if was_played else None for side in (home, away)]
    return Planned(
        game, day, normalise.read_instant(listed.gameDateTimeUTC),
        team_of(game, home.teamId), team_of(game, away.teamId), listed.isNeutral,
        standing.confirmed(status, scores[0], scores[1]), scores[0], scores[1],
        normalise.read_text(listed.arenaName),
    )  # fmt: skip


def team_of(game: normalise.GameId, team_id: int | None) -> int | None:
    """Return a team's id, None while it is not known; guests play outside the standings only.

    Raises:
        ValueError: A team that is not of the league, in a game that counts.
    """
    if not team_id:
        return None
    if game.season_type in IN_SCOPE:
        return read_team(team_id)
    return team_id if 0 < team_id < _INT32 else None


def season_outcomes(
    games: Iterable[Planned], wanted: Sequence[tuple[str, ...]], *, fetched_at: datetime
) -> list[UnitOutcome]:
    """Return one outcome per season and type wanted, or found and in scope."""
    found: defaultdict[tuple[str, ...], list[Planned]] = defaultdict(list)
    for one in games:
        found[one.game.season, one.game.season_type].append(one)
    held = {season for season, _ in found}
    units = dict.fromkeys((*wanted, *(unit for unit in found if unit[1] in IN_SCOPE)))
    outcomes = []
    for unit in units:
        if unit[0] in held:
            state, reason = _season_state(unit, found[unit], fetched_at=fetched_at)
        else:
            state = State.FAILED
            reason = f"the answer is of season {', '.join(sorted(held)) or 'none'}"
        outcomes.append(UnitOutcome(unit, state, reason))
    return outcomes


def _season_state(
    unit: tuple[str, ...], games: Sequence[Planned], *, fetched_at: datetime
) -> tuple[State, str]:
    """Judge how much of one season and type is published."""
    name, season_type = unit
    season = seasons().get(name)
    if season is None:
        return State.THIN, "season not in the list of seasons"
    promised = {
        "regular": season.regular_games,
        "play_in": season.play_in_games,
        "cup_final": int(season.start_year >= FIRST_CUP),
    }.get(season_type)
    is_open = not normalise.is_over(season.last_date, at=fetched_at)
    if not games and promised != 0 and season_type != "regular" and is_open:
        return State.EMPTY, "not listed yet"
    if promised is None:
        is_over = is_decided(games) or normalise.is_over(season.last_date, at=fetched_at)
        return (State.COMPLETE, "") if is_over and games else (State.THIN, NOT_OVER)
    if not promised and not games:
        return State.EMPTY, f"no {season_type.replace('_', '-')} in this season"
    if len(games) < promised:
        return State.THIN, f"{NOT_PUBLISHED}: {len(games):,} of {promised:,} games"
    return State.COMPLETE, ""


def is_decided(games: Iterable[Planned]) -> bool:
    """Return whether a team has won the finals of these playoffs."""
    wins: Counter[int | None] = Counter()
    for one in games:
        is_final = one.game.game_id[7] == _FINALS and one.status == standing.FINAL
        if is_final and one.home_score is not None and one.away_score is not None:
            home_won = one.home_score > one.away_score
            wins[one.home_team_id if home_won else one.away_team_id] += 1
    wins.pop(None, None)
    return any(won >= _WINS_NEEDED for won in wins.values())
