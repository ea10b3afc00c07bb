"""A box score: what each player did, and what that adds up to."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from stocktake.systems.nba.sandbox.fixtures import Game
from stocktake.systems.nba.sandbox.population import Player
from stocktake.systems.nba.sandbox.teams import Team


@dataclass(slots=True)
class Tally:
    """Counts of one player or one team."""

    fgm: int = 0
    fga: int = 0
    fg3m: int = 0
    fg3a: int = 0
    ftm: int = 0
    fta: int = 0
    oreb: int = 0
    dreb: int = 0
    ast: int = 0
    stl: int = 0
    blk: int = 0
    tov: int = 0
    pf: int = 0

    @property
    def pts(self) -> int:
        """Points."""
        return 2 * self.fgm + self.fg3m + self.ftm

    @property
    def reb(self) -> int:
        """Rebounds."""
        return self.oreb + self.dreb


COUNTS = tuple(each.name for each in fields(Tally))


@dataclass(slots=True)
class Line:
    """One player's game.

    Attributes:
        seconds: Time played, in seconds, above 0.
        plus_minus: The margin while he was on the floor.
        start: Position he started at; empty when he came from the bench.
    """

    player: Player
    seconds: int
    tally: Tally = field(default_factory=Tally)
    plus_minus: int = 0
    start: str = ""


@dataclass(slots=True)
class Side:
    """One team's game.

    Attributes:
        lines: Those who played, starters first.
        absent: Those on the sheet who did not play, with the sheet's comment.
        team_turnovers: Turnovers that count for the team and for no player.
    """

    team: Team
    lines: list[Line]
    absent: list[tuple[Player, str]]
    team_turnovers: int = 0

    @property
    def pts(self) -> int:
        """Points of the team."""
        return sum(line.tally.pts for line in self.lines)

    def total(self) -> Tally:
        """Return the sum of the players' counts."""
        return summed(line.tally for line in self.lines)


@dataclass(frozen=True, slots=True)
class Box:
    """One finished game.

    Attributes:
        overtimes: Number of periods beyond the fourth.
    """

    game: Game
    overtimes: int
    home: Side
    away: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Home, away."""
        return self.home, self.away

    @property
    def score(self) -> tuple[int, int]:
        """Points of home and away."""
        return self.home.pts, self.away.pts

    @property
    def minutes(self) -> int:
        """Minutes each team's players share out."""
        return 240 + 25 * self.overtimes


def summed(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of counts."""
    listed = list(tallies)
    return Tally(*(sum(getattr(tally, name) for tally in listed) for name in COUNTS))
