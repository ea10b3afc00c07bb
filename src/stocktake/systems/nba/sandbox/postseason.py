"""What follows the regular season: cup final, play-in, play-offs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from stocktake.systems.nba.sandbox.chance import stream
from stocktake.systems.nba.sandbox.dates import ONE_DAY, SeasonDates, tip_off
from stocktake.systems.nba.sandbox.fixtures import Game, game_id
from stocktake.systems.nba.sandbox.teams import CONFERENCE_SIZE, TEAMS, Team

FEWEST_GAMES: Final = 79
MOST_GAMES: Final = 89
SEEDED: Final = 6

_LENGTHS: Final = (4, 5, 5, 5, 6, 6, 6, 7, 7)
_HOSTS: Final = (0, 0, 1, 1, 0, 1, 0)
_FIRST_ROUND: Final = ((0, 7), (3, 4), (2, 5), (1, 6))
_ROUND_NAMES: Final = ("First Round", "Conf. Semifinals", "Conf. Finals", "Finals")

Wins = Mapping[int, int]
Decided = Callable[[Game], Team]


@dataclass(frozen=True, slots=True)
class Ending:
    """The games that follow and the days they need.

    Attributes:
        seed: Of the world.
        dates: Of the season.
        winner_of: Says who won a game; asked only for games that decide who plays.
    """

    seed: int
    dates: SeasonDates
    winner_of: Decided

    def cup_final(self, semifinals: Sequence[Game]) -> Game:
        """Return the final between the winners of two games."""
        home, away = (self.winner_of(game) for game in semifinals)
        day = self.dates.cup_final
        rng = stream(self.seed, "cup", self.dates.start_year)
        return Game(
            id=game_id("cup_final", self.dates.start_year, 1),
            kind="cup_final",
            day=day,
            tip_off=tip_off(day, rng, in_west=False),
            home=home,
            away=away,
            listed_from=day,
            is_neutral=True,
            label="Cup Championship",
        )

    def play_in(self, wins: Wins) -> tuple[Game, ...]:
        """Return the six games between the seventh and the tenth of each conference."""
        games: list[Game] = []
        rng = stream(self.seed, "play-in", self.dates.start_year)
        first = self.dates.last + timedelta(days=2)
        published = self.dates.last + ONE_DAY

        def add(number: int, day: date, teams: tuple[Team, Team], listed: date) -> Game:
            game = Game(
                id=game_id("play_in", self.dates.start_year, number),
                kind="play_in",
                day=day,
                tip_off=tip_off(day, rng, in_west=not teams[0].is_east),
                home=teams[0],
                away=teams[1],
                listed_from=listed,
                label="Play-In",
            )
            games.append(game)
            return game

        for half, order in enumerate(_standings(wins)):
            seventh, eighth, ninth, tenth = order[SEEDED : SEEDED + 4]
            upper = add(101 + 20 * half, first, (seventh, eighth), published)
            lower = add(111 + 20 * half, first + ONE_DAY, (ninth, tenth), published)
            loser = upper.home if self.winner_of(upper) is upper.away else upper.away
            last_pair = loser, self.winner_of(lower)
            add(201 + 10 * half, first + 3 * ONE_DAY, last_pair, first + 2 * ONE_DAY)
        return tuple(games)

    def playoffs(self, wins: Wins, play_in: Sequence[Game]) -> tuple[Game, ...]:
        """Return 79 to 89 games; lengths and winners of the series are drawn beforehand."""
        rng = stream(self.seed, "play-offs", self.dates.start_year)
        lengths = _lengths(rng)
        teams = self._qualified(wins, play_in)
        games: list[Game] = []
        opens = self.dates.last + timedelta(days=6)
        listed = self.dates.last + timedelta(days=6)
        for number in range(1, len(_ROUND_NAMES) + 1):
            winners: list[Team] = []
            for place, pair in enumerate(_paired(teams)):
                better, other = sorted(pair, key=lambda team: (-wins[team.index], team.index))
                upset = rng.random() < 0.32
                winners.append(other if upset else better)
                series = _Series(
                    self.dates.start_year, 100 * number + 10 * place, better, other, int(upset)
                )
                starts = opens + timedelta(days=place % 2)
                games += series.games(starts, listed, lengths.pop(), rng)
            last = max(game.day for game in games)
            opens, listed = last + timedelta(days=2), last + ONE_DAY
            teams = winners
        return tuple(sorted(games, key=lambda game: (game.day, game.id)))

    def _qualified(self, wins: Wins, play_in: Sequence[Game]) -> list[Team]:
        """Return the sixteen teams in the order of their first-round series."""
        upper = {game.id[-3:]: self.winner_of(game) for game in play_in}
        qualified: list[Team] = []
        for half, order in enumerate(_standings(wins)):
            seeds = [*order[:SEEDED], upper[str(101 + 20 * half)], upper[str(201 + 10 * half)]]
            qualified += [seeds[place] for pair in _FIRST_ROUND for place in pair]
        return qualified


def _standings(wins: Wins) -> tuple[list[Team], list[Team]]:
    """Return East and West, best first."""
    ranked = sorted(TEAMS, key=lambda team: (-wins.get(team.index, 0), team.index))
    return (
        [team for team in ranked if team.index < CONFERENCE_SIZE],
        [team for team in ranked if team.index >= CONFERENCE_SIZE],
    )


def _paired(teams: Sequence[Team]) -> Iterator[tuple[Team, Team]]:
    for place in range(0, len(teams), 2):
        yield teams[place], teams[place + 1]


def _lengths(rng: Random) -> list[int]:
    """Return how long the fifteen series last."""
    while True:
        lengths = [rng.choice(_LENGTHS) for _ in range(15)]
        if FEWEST_GAMES <= sum(lengths) <= MOST_GAMES:
            return lengths


@dataclass(frozen=True, slots=True)
class _Series:
    start_year: int
    number: int
    better: Team
    other: Team
    winner: int

    def games(self, starts: date, listed: date, length: int, rng: Random) -> Iterator[Game]:
        """Yield the games played; from the fifth on a game is listed once it is needed."""
        lost = set(rng.sample(range(length - 1), length - 4))
        day, before = starts, starts
        for place in range(length):
            host = _HOSTS[place]
            pair = (self.better, self.other) if host == 0 else (self.other, self.better)
            series_winner = 1 - self.winner if place in lost else self.winner
            yield Game(
                id=game_id("playoffs", self.start_year, self.number + place + 1),
                kind="playoffs",
                day=day,
                tip_off=tip_off(day, rng, in_west=not pair[0].is_east),
                home=pair[0],
                away=pair[1],
                listed_from=listed if place < 4 else before + ONE_DAY,
                winner=series_winner if host == 0 else 1 - series_winner,
                label=_ROUND_NAMES[self.number // 100 - 1],
                series=f"Game {place + 1}",
            )
            before, day = day, day + timedelta(days=2)
