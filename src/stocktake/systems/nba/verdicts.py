"""What an answer proves about a game: over and whole, still in progress, or not to be had."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from stocktake import State, UnitOutcome
from stocktake.systems.nba.envelope import IN_PROGRESS, NOT_IN_ANSWER, counted

REGULATION_MINUTES = 240
"""Minutes of a team's five players together, without overtime."""
TEAMS = 2
ROUNDED = 10.0
"""Minutes that a sum of rounded ones may fall short."""
EXACT = 1.0


@dataclass(slots=True)
class Side:
    """One team of a game as rows add up.

    Args:
        points: Of all rows.
        minutes: Of all rows; None when a row does not tell.
        results: W or L as rows say; None when a row says neither.
        told_points: Points the source gives the team itself, if it does.
    """

    points: int = 0
    minutes: float | None = 0.0
    results: set[str | None] = field(default_factory=set)
    told_points: int | None = None


@dataclass(slots=True)
class Games:
    """Tallies of the games of one answer.

    Args:
        tolerance: Minutes a team's sum may fall short of the regulation's.
        has_results: Whether rows say who won.
        open_games: Games that the source itself says are not over.
    """

    tolerance: float
    has_results: bool = True
    sides: defaultdict[str, dict[int, Side]] = field(default_factory=lambda: defaultdict(dict))
    open_games: set[str] = field(default_factory=set)
    rejected: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def side(self, game_id: str, team_id: int) -> Side:
        """Return the tally of a team in a game."""
        teams = self.sides[game_id]
        found = teams.get(team_id)
        if found is None:
            found = teams[team_id] = Side()
        return found

    def outcomes(self, wanted: tuple[tuple[str, ...], ...]) -> list[UnitOutcome]:
        """Return one outcome per game wanted or found, those wanted first."""
        ids = dict.fromkeys((*(key[0] for key in wanted), *self.sides, *self.rejected))
        return [UnitOutcome((game_id,), *self.verdict(game_id)) for game_id in ids]

    def verdict(self, game_id: str) -> tuple[State, str]:
        """Return state and reason of one game."""
        teams = self.sides.get(game_id)
        rejected = self.rejected.get(game_id, 0)
        if teams is None:
            reason = f"{counted(rejected, 'row')} rejected" if rejected else NOT_IN_ANSWER
            return State.FAILED, reason
        if rejected:
            return State.THIN, f"{counted(rejected, 'row')} rejected"
        if game_id in self.open_games:
            return State.THIN, IN_PROGRESS
        if len(teams) != TEAMS:
            return State.THIN, f"{counted(len(teams), 'team')} of {TEAMS}"
        doubt = self._doubt(list(teams.values()))
        return (State.THIN, f"{IN_PROGRESS}: {doubt}") if doubt else (State.COMPLETE, "")

    def _doubt(self, teams: list[Side]) -> str:
        """Return why a game cannot be over, empty when it can."""
        for team in teams:
            if team.told_points is not None and team.told_points != team.points:
                return f"{team.points} points of players, {team.told_points} of the team"
        first, second = teams
        if first.points == second.points:
            return f"{first.points} points each"
        if self.has_results:
            winner, loser = (first, second) if first.points > second.points else (second, first)
            if winner.results != {"W"} or loser.results != {"L"}:
                return "no result that fits the points"
        for team in teams:
            if team.minutes is not None and team.minutes < REGULATION_MINUTES - self.tolerance:
                return f"{team.minutes:.0f} of {REGULATION_MINUTES} minutes"
        return ""
