"""The players: who they are, how good they are, for whom they play and when they cannot."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from math import exp
from random import Random
from typing import Final

from stocktake.systems.nba.sandbox.chance import poisson, stream
from stocktake.systems.nba.sandbox.dates import SEASON_DAYS, season_dates
from stocktake.systems.nba.sandbox.names import player_name, slug_of
from stocktake.systems.nba.sandbox.teams import TEAMS

ROSTER: Final = 20
FIRST_PLAYER_ID: Final = 1_900_001

_FOUNDED: Final = 2012
_RETIRE_SHARE: Final = 0.2
_MOVE_SHARE: Final = 0.2
_TRADES: Final = 14
_KNOT_DAYS: Final = 90
_INJURIES: Final = 1.5


@dataclass(frozen=True, slots=True)
class Player:
    """One player; rates are per 36 minutes, chances and shares 0 to 1.

    Attributes:
        quality: Standard deviations above the mean player; decides his minutes.
        usage: His weight in the team's shots.
        fouled: Free-throw attempts for each field-goal attempt.
    """

    number: int
    first: str
    family: str
    position: str
    quality: float
    usage: float
    three_share: float
    two_chance: float
    three_chance: float
    free_chance: float
    fouled: float
    rates: tuple[float, float, float, float, float, float, float]

    @property
    def id(self) -> int:
        """His number at the league."""
        return FIRST_PLAYER_ID + self.number

    @property
    def name(self) -> str:
        """First and family name."""
        return f"{self.first} {self.family}"

    @property
    def initialed(self) -> str:
        """Spelled as ``A. Kelwick``."""
        return f"{self.first[0]}. {self.family}"

    @property
    def slug(self) -> str:
        """His name as addresses spell it."""
        return slug_of(self.name)

    @property
    def jersey(self) -> str:
        """His shirt's number."""
        return str(self.number * 37 % 100)


def make_player(seed: int, number: int) -> Player:
    """Return a player; his place on the floor shapes what he does."""
    rng = stream(seed, "player", number)
    first, family = player_name(number + seed * 7_919)
    height = rng.random()
    quality = rng.gauss(0, 1)

    def around(mean: float, spread: float) -> float:
        return mean * exp(rng.gauss(0, spread))

    return Player(
        number=number,
        first=first,
        family=family,
        position="G" if height < 0.42 else "F" if height < 0.8 else "C",
        quality=quality,
        usage=around(1.0, 0.25) * exp(0.26 * quality),
        three_share=min(0.85, max(0.02, rng.gauss(0.46 - 0.3 * max(0.0, height - 0.5), 0.14))),
        two_chance=0.535 + 0.06 * height - 0.03 + 0.004 * quality + rng.gauss(0, 0.026),
        three_chance=0.355 + 0.005 * quality + rng.gauss(0, 0.022),
        free_chance=min(0.94, 0.83 - 0.12 * height + rng.gauss(0, 0.06)),
        fouled=around(0.215, 0.35) * exp(0.12 * quality),
        rates=(
            around(0.7 + 2.2 * height * height, 0.3),
            around(3.2 + 4.0 * height, 0.22),
            around(5.8 - 4.2 * height, 0.38) * exp(0.14 * quality),
            around(1.25, 0.28),
            around(0.25 + 1.2 * height * height, 0.4),
            around(2.0, 0.25) * exp(0.1 * quality),
            around(2.6 + 0.8 * height, 0.18),
        ),
    )


class PlayerSeason:
    """One player in one season: his form, his injuries, and his weeks in a larger part."""

    def __init__(self, player: Player, rng: Random) -> None:
        self.player = player
        knots = SEASON_DAYS // _KNOT_DAYS + 5
        self._form = [rng.gauss(0, 1) for _ in range(knots)]
        self._part = [rng.gauss(0, 1) for _ in range(knots)]
        self.drift = rng.gauss(0, 0.35)
        self._chance_from = rng.randrange(0, SEASON_DAYS - 14)
        self._chance_days = rng.randrange(7, 18)
        self._absences = tuple(_absence(rng) for _ in range(poisson(rng, _INJURIES)))

    def form(self, offset: int) -> float:
        """Return his form, mean 0 and deviation about 0.8, so many days into the season."""
        return _between(self._form, offset)

    def standing(self, offset: int) -> float:
        """Return how much his coach thinks of him that day; it decides the minutes."""
        has_chance = 0 <= offset - self._chance_from < self._chance_days
        return (
            self.player.quality
            + self.drift
            + 0.5 * _between(self._part, offset)
            + (0.3 if has_chance else 0.0)
        )

    def injury(self, offset: int) -> str:
        """Return why he cannot play that day, such as ``Left Ankle Sprain``; else empty."""
        for first, days, reason in self._absences:
            if first <= offset < first + days:
                return reason
        return ""


_REASONS: Final = (
    "Left Ankle Sprain", "Right Knee Soreness", "Illness", "Lower Back Spasms",
    "Left Hamstring Strain", "Right Calf Tightness", "Concussion Protocol",
)  # fmt: skip


def _absence(rng: Random) -> tuple[int, int, str]:
    roll = rng.random()
    lengths = (2, 8) if roll < 0.55 else (8, 25) if roll < 0.86 else (25, 110)
    return rng.randrange(-10, SEASON_DAYS + 60), rng.randrange(*lengths), rng.choice(_REASONS)


def _between(knots: Sequence[float], offset: int) -> float:
    """Return a smooth line through the knots."""
    place, rest = divmod(max(offset, -_KNOT_DAYS) + _KNOT_DAYS, _KNOT_DAYS)
    place = min(place, len(knots) - 2)
    part = rest / _KNOT_DAYS
    return knots[place] * (1 - part) + knots[place + 1] * part


class Rosters:
    """Who plays for whom in one season, day by day.

    Args:
        seed: Of the world.
        start_year: Of the season; at least 2012.
    """

    def __init__(self, seed: int, start_year: int) -> None:
        self.dates = season_dates(start_year)
        self._seed = seed
        self._start_year = start_year
        self._opening = _opening_rosters(seed, start_year)
        self._seasons: dict[int, PlayerSeason] = {}

    def on(self, team: int, day: date) -> tuple[int, ...]:
        """Return the players of a team on a day, by number."""
        spans = self._spans[team]
        return spans[bisect_right(spans, day, key=lambda span: span[0]) - 1][1]

    def season_of(self, number: int) -> PlayerSeason:
        """Return a player in this season."""
        known = self._seasons.get(number)
        if known is None:
            rng = stream(self._seed, "form", self._start_year, number)
            known = PlayerSeason(make_player(self._seed, number), rng)
            self._seasons[number] = known
        return known

    @cached_property
    def _spans(self) -> list[list[tuple[date, tuple[int, ...]]]]:
        """Per team: from which day on which roster holds, oldest first."""
        spans = [[(date.min, tuple(roster))] for roster in self._opening]
        for day, one, other in self.trades:
            rosters = [spans[team][-1][1] for team in (one[0], other[0])]
            left, right = rosters[0][one[1]], rosters[1][other[1]]
            for team, roster, out, into in (
                (one[0], rosters[0], left, right),
                (other[0], rosters[1], right, left),
            ):
                changed = tuple(into if number == out else number for number in roster)
                spans[team].append((day, changed))
        return spans

    @cached_property
    def trades(self) -> tuple[tuple[date, tuple[int, int], tuple[int, int]], ...]:
        """Swaps of two players, oldest first: the day, and both as (team, place in roster)."""
        rng = stream(self._seed, "trades", self._start_year)
        since = date(self._start_year, 12, 15)
        days = sorted(since + timedelta(days=rng.randrange(54)) for _ in range(_TRADES))
        found = []
        for day in days:
            one, other = rng.sample(range(len(TEAMS)), 2)
            found.append((day, (one, rng.randrange(ROSTER)), (other, rng.randrange(ROSTER))))
        return tuple(found)


def _opening_rosters(seed: int, start_year: int) -> list[list[int]]:
    """Return each team's players in October: every summer some retire and some move."""
    size = len(TEAMS) * ROSTER
    places = list(range(size))
    newest = size
    for year in range(_FOUNDED, max(start_year, _FOUNDED)):
        rng = stream(seed, "summer", year)
        for place in range(size):
            if rng.random() < _RETIRE_SHARE:
                places[place] = newest
                newest += 1
        moving = [place for place in range(size) if rng.random() < _MOVE_SHARE]
        players = [places[place] for place in moving]
        rng.shuffle(players)
        for place, player in zip(moving, players, strict=True):
            places[place] = player
    return [places[team * ROSTER : (team + 1) * ROSTER] for team in range(len(TEAMS))]
