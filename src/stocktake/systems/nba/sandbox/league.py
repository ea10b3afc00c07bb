"""The made-up league: its games and box scores, made when they are asked for."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property, lru_cache

from stocktake.systems.nba.sandbox.dates import ONE_DAY, season_dates, season_of
from stocktake.systems.nba.sandbox.fixtures import TYPE_DIGITS, Game, regular_games, side_games
from stocktake.systems.nba.sandbox.lines import Box
from stocktake.systems.nba.sandbox.population import PlayerSeason, Rosters
from stocktake.systems.nba.sandbox.postseason import Ending
from stocktake.systems.nba.sandbox.scoring import Contest, play, strength
from stocktake.systems.nba.sandbox.teams import ALL_STARS, CONFERENCE_SIZE, TEAMS, Team


@lru_cache(maxsize=8)
def played_games(seed: int, start_year: int) -> dict[str, Box]:  # noqa: ARG001 the cache's key
    """Return the box scores made so far; they hang on nothing else, so sandboxes share them."""
    return {}


class Season:
    """One season's games and results.

    Args:
        seed: Of the world.
        start_year: Of the season.
        today: Games before this day are final; none later is ever made.
    """

    def __init__(self, seed: int, start_year: int, today: date) -> None:
        self.start_year = start_year
        self.dates = season_dates(start_year)
        self.today = today
        self.rosters = Rosters(seed, start_year)
        self._seed = seed
        self._boxes = played_games(seed, start_year)
        self._strengths = lru_cache(maxsize=None)(
            lambda team: strength(seed, start_year, team % len(TEAMS))
        )

    @cached_property
    def regular(self) -> tuple[Game, ...]:
        """The 1,230 regular games by day and id."""
        return regular_games(self._seed, self.start_year)

    @cached_property
    def games(self) -> tuple[Game, ...]:
        """Every game whose teams are known today, by day and id; listed or not."""
        games = [*self.regular, *side_games(self._seed, self.start_year), *self._endings()]
        return tuple(sorted(games, key=lambda game: (game.day, game.id)))

    def _endings(self) -> list[Game]:
        ending = Ending(self._seed, self.dates, self.winner_of)
        games: list[Game] = []
        if self.today >= self.dates.cup_final:
            semifinals = [game for game in self.regular if game.id[-4:] in {"1229", "1230"}]
            games.append(ending.cup_final(semifinals))
        if self.today > self.dates.last:
            wins = self.wins_before(self.today)
            play_in = ending.play_in(wins)
            games += play_in
            games += ending.playoffs(wins, play_in)
        return games

    @cached_property
    def by_id(self) -> Mapping[str, Game]:
        """Listed games by id."""
        return {game.id: game for game in self.listed}

    @cached_property
    def listed(self) -> tuple[Game, ...]:
        """The games a schedule shows today."""
        return tuple(game for game in self.games if game.listed_from <= self.today)

    def is_final(self, game: Game) -> bool:
        """Say whether a game is over: its day lies before today."""
        return game.day < self.today

    def begun(self, kind: str) -> Sequence[Game]:
        """Return the games of a kind up to today, oldest first; those of today are not over."""
        return [game for game in self.games if game.kind == kind and game.day <= self.today]

    def finals(self, kind: str) -> Sequence[Game]:
        """Return the finished games of a kind, oldest first."""
        return [game for game in self.begun(kind) if self.is_final(game)]

    def box(self, game: Game) -> Box:
        """Return the box score of a game."""
        known = self._boxes.get(game.id)
        if known is None:
            home, away = game.sides
            contest = Contest(
                game,
                (game.day - self.dates.first).days,
                (self._roster(home, game.day), self._roster(away, game.day)),
                (self._strengths(home.index), self._strengths(away.index)),
                (self._is_tired(home, game), self._is_tired(away, game)),
            )
            known = self._boxes[game.id] = play(contest, self._seed)
        return known

    def winner_of(self, game: Game) -> Team:
        """Return who won a game."""
        home, away = self.box(game).score
        return game.home if home > away else game.away

    def _roster(self, team: Team, day: date) -> list[PlayerSeason]:
        if team in ALL_STARS:
            first = 0 if team is ALL_STARS[0] else CONFERENCE_SIZE
            numbers = tuple(
                self.rosters.on(place, day)[0] for place in range(first, first + CONFERENCE_SIZE)
            )
        else:
            numbers = self.rosters.on(team.index, day)
        return [self.rosters.season_of(number) for number in numbers]

    @cached_property
    def _played(self) -> frozenset[tuple[int, date]]:
        return frozenset((team.index, game.day) for game in self.regular for team in game.sides)

    def _is_tired(self, team: Team, game: Game) -> bool:
        return (team.index, game.day - ONE_DAY) in self._played

    def wins_before(self, day: date) -> Counter[int]:
        """Return the regular games each team had won before a day."""
        return self.record_before(day)[0]

    def record_before(self, day: date) -> tuple[Counter[int], Counter[int]]:
        """Return the regular games each team had won and lost before a day, by index."""
        known = self._records
        place = bisect_right(known, day, key=lambda record: record[0]) - 1
        if known[place][0] == day:
            return known[place][1:]
        since, wins, losses = known[place]
        wins, losses = wins.copy(), losses.copy()
        for game in self.regular:
            if since <= game.day < day and self.is_final(game):
                winner = self.winner_of(game)
                loser = game.away if winner is game.home else game.home
                wins[winner.index] += 1
                losses[loser.index] += 1
        known.insert(place + 1, (day, wins, losses))
        return wins, losses

    @cached_property
    def _records(self) -> list[tuple[date, Counter[int], Counter[int]]]:
        return [(date.min, Counter(), Counter())]


class League:
    """The seasons a sandbox serves.

    Args:
        seed: Same seed, same games.
        today: Games before this day are final.
        seasons: How many, ending with the one of ``today``.
    """

    def __init__(self, seed: int, today: date, seasons: int) -> None:
        self.today = today
        newest = season_of(today)
        self.seasons = {
            year: Season(seed, year, today) for year in range(newest - seasons + 1, newest + 1)
        }

    @property
    def current(self) -> Season:
        """The season of today."""
        return self.seasons[max(self.seasons)]

    def season_on(self, day: date) -> Season | None:
        """Return the season a day belongs to, if it is served."""
        return self.seasons.get(season_of(day))

    def season_of_id(self, identity: str) -> Season | None:
        """Return the season that a game's ten digits name, if it is served."""
        if len(identity) != 10 or not identity.isdigit() or identity[:3] not in _KINDS:
            return None
        return self.seasons.get(2000 + int(identity[3:5]))


_KINDS = {digits: kind for kind, digits in TYPE_DIGITS.items()}
