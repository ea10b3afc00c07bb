"""The fixture list: 1,230 regular games, and those before and beside them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from stocktake.systems.nba.sandbox.chance import stream
from stocktake.systems.nba.sandbox.dates import (
    ONE_DAY,
    PRE_SEASON_DAYS,
    ROUNDS,
    SeasonDates,
    season_dates,
    tip_off,
)
from stocktake.systems.nba.sandbox.teams import ALL_STARS, CONFERENCE_SIZE, TEAMS, Team

TYPE_DIGITS: Final = {
    "pre": "001",
    "regular": "002",
    "all_star": "003",
    "playoffs": "004",
    "play_in": "005",
    "cup_final": "006",
}
ADDED_IN_DECEMBER: Final = 30
REGULAR_GAMES: Final = 1_230

_MATCHES: Final = len(TEAMS) // 2
_BUSY: Final = (0.9, 0.75, 1.3, 0.55, 1.35, 1.05, 1.1)
_WAIT_DAYS: Final = 5
"""Days from a postponement until the new date is announced."""


@dataclass(frozen=True, slots=True)
class Game:
    """One game.

    Attributes:
        id: Ten digits: type, year the season starts in, number.
        kind: One of ``TYPE_DIGITS``.
        day: The league's date, in Eastern time.
        tip_off: When it begins, in UTC.
        listed_from: First day on which a schedule shows it.
        moved_from: Day it was first listed for, if it was postponed.
        winner: Index of the side that must win (0 home, 1 away); None lets the game decide.
        series: Playoffs only: ``Game 3``.
    """

    id: str
    kind: str
    day: date
    tip_off: datetime
    home: Team
    away: Team
    listed_from: date
    is_neutral: bool = False
    moved_from: date | None = None
    winner: int | None = None
    label: str = ""
    series: str = ""

    @property
    def start_year(self) -> int:
        """Year the season starts in."""
        return 2000 + int(self.id[3:5])

    @property
    def code(self) -> str:
        """Spelled as ``20251105/PHICLE``."""
        return f"{self.day:%Y%m%d}/{self.away.tricode}{self.home.tricode}"

    @property
    def sides(self) -> tuple[Team, Team]:
        """Home, away."""
        return self.home, self.away

    def day_known(self, today: date) -> date:
        """Return the day the schedule names, as known on ``today``."""
        if self.moved_from is None or today >= self.moved_from + timedelta(days=_WAIT_DAYS):
            return self.day
        return self.moved_from

    def is_postponed(self, today: date) -> bool:
        """Say whether it was called off and has no new day yet."""
        return self.moved_from is not None and self.moved_from <= today < (
            self.moved_from + timedelta(days=_WAIT_DAYS)
        )


def game_id(kind: str, start_year: int, number: int) -> str:
    """Return the ten digits of a game."""
    return f"{TYPE_DIGITS[kind]}{start_year % 100:02}{number:05}"


def regular_games(seed: int, start_year: int) -> tuple[Game, ...]:
    """Return the regular season in order of day and id."""
    dates = season_dates(start_year)
    rng = stream(seed, "fixtures", start_year)
    days = _share_out(_rounds(rng), dates, rng)
    games = _numbered(days, dates, rng)
    games = _abroad(games, dates, rng)
    return tuple(sorted(_postponed(games, rng), key=lambda game: (game.day, game.id)))


def _rounds(rng: Random) -> list[list[tuple[int, int]]]:
    """Return 82 rounds of 15 games, each team once a round, as many at home as away."""
    size = len(TEAMS)
    labels = list(range(size))
    rng.shuffle(labels)
    circle = [
        [tuple(labels[place] for place in pair) for pair in _circle(size, turn)]
        for turn in range(size - 1)
    ]
    rounds: list[list[tuple[int, int]]] = []
    for turn in circle:
        pairs = [(one, other) if rng.random() < 0.5 else (other, one) for one, other in turn]
        rounds += [pairs, [(other, one) for one, other in pairs]]
    east, west = list(range(CONFERENCE_SIZE)), list(range(CONFERENCE_SIZE, size))
    rng.shuffle(east)
    rng.shuffle(west)
    extra = ROUNDS - len(rounds)
    inner = [_conference_round(east, west, turn % CONFERENCE_SIZE) for turn in range(extra)]
    rounds += _directed(inner)
    rng.shuffle(rounds)
    return rounds


def _circle(size: int, turn: int) -> Iterator[tuple[int, int]]:
    """Yield one turn of a round robin of an even number of places."""
    around = size - 1
    yield turn, around
    for step in range(1, size // 2):
        yield (turn + step) % around, (turn - step) % around


def _conference_round(east: Sequence[int], west: Sequence[int], turn: int) -> list[tuple[int, int]]:
    """Return games inside both conferences; the two teams left over meet."""
    pairs = [(east[turn], west[turn])]
    for step in range(1, CONFERENCE_SIZE // 2 + 1):
        one, other = (turn + step) % CONFERENCE_SIZE, (turn - step) % CONFERENCE_SIZE
        pairs += [(east[one], east[other]), (west[one], west[other])]
    return pairs


def _directed(rounds: list[list[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
    """Return the rounds with home and away even for all: walk circles through the games."""
    links: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for number, pairs in enumerate(rounds):
        for place, (one, other) in enumerate(pairs):
            links[one].append((other, number, place))
            links[other].append((one, number, place))
    directed = [list(pairs) for pairs in rounds]
    done: set[tuple[int, int]] = set()
    for start in sorted(links):
        at = start
        while links[at]:
            other, number, place = links[at].pop()
            if (number, place) in done:
                continue
            done.add((number, place))
            directed[number][place] = (at, other)
            at = other
    return directed


def _share_out(
    rounds: list[list[tuple[int, int]]], dates: SeasonDates, rng: Random
) -> list[tuple[date, int, list[tuple[int, int]]]]:
    """Return per day its round and games: each round fills two days, the last one a single."""
    shared: list[tuple[date, int, list[tuple[int, int]]]] = []
    for number, pairs in enumerate(rounds):
        days = dates.playing[2 * number : 2 * number + 2]
        if len(days) == 1:
            shared.append((days[0], number, pairs))
            continue
        yesterday = {
            team
            for day, _, games in shared[-1:]
            if day == days[0] - ONE_DAY
            for pair in games
            for team in pair
        }
        ordered = sorted(
            pairs, key=lambda pair: (len(yesterday & set(pair)) + 2.4 * rng.random(), pair)
        )
        busy = [_BUSY[day.weekday()] for day in days]
        first = round(_MATCHES * busy[0] / sum(busy) + rng.gauss(0, 1.6))
        first = 2 if number == 0 else max(1, min(first, _MATCHES - 1))
        shared += [(days[0], number, ordered[:first]), (days[1], number, ordered[first:])]
    return shared


def _numbered(
    days: list[tuple[date, int, list[tuple[int, int]]]], dates: SeasonDates, rng: Random
) -> list[Game]:
    """Return the games with ids: the two rounds of December have the last thirty numbers."""
    added = range(dates.december_round, dates.december_round + 2)
    published = date(dates.start_year, 8, 15)
    numbers = {False: iter(range(1, REGULAR_GAMES)), True: iter(range(1_201, 1_231))}
    games = []
    for day, number, pairs in days:
        late = number in added
        for home, away in pairs:
            games.append(
                Game(
                    id=game_id("regular", dates.start_year, next(numbers[late])),
                    kind="regular",
                    day=day,
                    tip_off=tip_off(day, rng, in_west=not TEAMS[home].is_east),
                    home=TEAMS[home],
                    away=TEAMS[away],
                    listed_from=dates.announced if late else published,
                )
            )
    return games


def _abroad(games: list[Game], dates: SeasonDates, rng: Random) -> list[Game]:
    """Return the games with five of them at neutral places: three abroad, two of the cup."""
    autumn = [game for game in games if game.day.month == 11 and game.day.day < 9]
    winter = [game for game in games if game.day.month == 1 and 14 < game.day.day < 26]
    last_ids = {game_id("regular", dates.start_year, number) for number in (1_229, 1_230)}
    chosen = {rng.choice(autumn).id, *(game.id for game in rng.sample(winter, 2))}
    labels = {**dict.fromkeys(chosen, "Global Game"), **dict.fromkeys(last_ids, "Cup Semifinal")}
    return [
        replace(game, is_neutral=True, label=labels[game.id]) if game.id in labels else game
        for game in games
    ]


def _postponed(games: list[Game], rng: Random) -> list[Game]:
    """Return the games with 2 to 4 of them moved to a day on which both teams are free."""
    playing = {(team.index, game.day) for game in games for team in game.sides}
    on_day = Counter(game.day for game in games)
    movable = [
        place
        for place, game in enumerate(games)
        if (game.day.month <= 2 or game.day.month == 12) and not game.is_neutral
    ]
    wanted = rng.randrange(2, 5)
    moved = list(games)
    rng.shuffle(movable)
    for place in movable:
        game = games[place]
        free = [
            day
            for day in sorted(on_day)
            if game.day + timedelta(days=20) <= day <= game.day + timedelta(days=55)
            and on_day[day] < _MATCHES
            and not any((team.index, day) in playing for team in game.sides)
        ]
        if not free or on_day[game.day] < 3:
            continue
        day = rng.choice(free)
        on_day[day] += 1
        on_day[game.day] -= 1
        playing |= {(team.index, day) for team in game.sides}
        starts = tip_off(day, rng, in_west=not game.home.is_east)
        moved[place] = replace(game, day=day, tip_off=starts, moved_from=game.day)
        wanted -= 1
        if not wanted:
            break
    return moved


def side_games(seed: int, start_year: int) -> tuple[Game, ...]:
    """Return what lies outside the promise: pre-season games and the all-star game."""
    dates = season_dates(start_year)
    rng = stream(seed, "side", start_year)
    published = date(start_year, 8, 15)
    games: list[Game] = []
    for offset in range(PRE_SEASON_DAYS - 3):
        day = dates.first - timedelta(days=PRE_SEASON_DAYS - offset)
        teams = rng.sample(TEAMS, 2 * rng.randrange(3, 8))
        for place in range(0, len(teams), 2):
            home, away = teams[place : place + 2]
            number = len(games) + 1
            starts = tip_off(day, rng, in_west=not home.is_east)
            identity = game_id("pre", start_year, number)
            games.append(
                Game(identity, "pre", day, starts, home, away, published, label="Preseason")
            )
    starts = tip_off(dates.all_star, rng, in_west=False)
    east, west = ALL_STARS
    games.append(
        Game(
            game_id("all_star", start_year, 1),
            "all_star",
            dates.all_star,
            starts,
            east,
            west,
            published,
            is_neutral=True,
            label="All-Star Game",
        )
    )
    return tuple(games)
