"""How a game goes: shots by skill and chance, and everything that follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor
from random import Random
from typing import Final

from stocktake.systems.nba.sandbox.casting import Situation, cast
from stocktake.systems.nba.sandbox.chance import made, poisson, stream
from stocktake.systems.nba.sandbox.fixtures import Game
from stocktake.systems.nba.sandbox.lines import Box, Line, Side
from stocktake.systems.nba.sandbox.population import PlayerSeason

OREB, DREB, AST, STL, BLK, TOV, PF = range(7)

_OVERTIME_SHARE: Final = 0.06
_LOPSIDED: Final = 0.07
_MOST_FOULS: Final = 6
_CLOSE: Final = 9
_TRIES: Final = 12
_FREE_THROWS_PER_TRIP: Final = 1.86
_LEVELLING: Final = 0.013
"""By which share the others miss more for each point a side is ahead of its chances."""


@dataclass(frozen=True, slots=True)
class Strength:
    """A team in one season, as factors around 1."""

    attack: float
    defence: float
    pace: float
    grip: float


def strength(seed: int, start_year: int, team: int) -> Strength:
    """Return how strong a team is beyond its players."""
    rng = stream(seed, "team", start_year, team)
    return Strength(
        attack=exp(rng.gauss(0, 0.014)),
        defence=exp(rng.gauss(0, 0.022)),
        pace=exp(rng.gauss(0, 0.025)),
        grip=exp(rng.gauss(0, 0.05)),
    )


@dataclass(frozen=True, slots=True)
class Contest:
    """What decides a game besides chance; pairs are home, away.

    Attributes:
        offset: Days since the opening night.
        tired: Who played yesterday.
    """

    game: Game
    offset: int
    rosters: tuple[list[PlayerSeason], list[PlayerSeason]]
    strengths: tuple[Strength, Strength]
    tired: tuple[bool, bool]


def play(contest: Contest, seed: int) -> Box:
    """Return the box score of a game; where a winner is prescribed, that side wins."""
    wanted = contest.game.winner
    box = _once(contest, stream(seed, "game", contest.game.id, 0))
    for attempt in range(1, _TRIES):
        if wanted is None or _winner(box) == wanted:
            return box
        box = _once(contest, stream(seed, "game", contest.game.id, attempt))
    if _winner(box) != wanted:
        _turn(box)
    return box


def _winner(box: Box) -> int:
    home, away = box.score
    return 0 if home > away else 1


def _turn(box: Box) -> None:
    """Give the losing side the free throws it needs to win by one."""
    home, away = box.score
    losing = box.away if home > away else box.home
    _give_free_throws(losing, abs(home - away) + 1)
    for side in box.sides:
        share_margin(side, side.pts - (sum(box.score) - side.pts))


def _give_free_throws(side: Side, count: int) -> None:
    for place in range(count):
        tally = side.lines[place % 5].tally
        tally.ftm += 1
        tally.fta += 1


def _once(contest: Contest, rng: Random) -> Box:
    game = contest.game
    overtimes = 0
    if rng.random() < _OVERTIME_SHARE:
        overtimes = 2 if rng.random() < 0.08 else 1
    luck = rng.gauss(0, 0.022), rng.gauss(0, 0.022)
    pushes = [_push(contest, side, luck[side]) for side in (0, 1)]
    lopsided = not overtimes and abs(pushes[0] - pushes[1]) > _LOPSIDED
    total = (240 + 25 * overtimes) * 60
    pace = (contest.strengths[0].pace + contest.strengths[1].pace) / 2 * exp(rng.gauss(0, 0.03))
    sides = []
    for place, team in enumerate(game.sides):
        situation = Situation(
            contest.offset, contest.tired[place], lopsided, total, game.kind != "pre"
        )
        lines, absent = cast(contest.rosters[place], situation, rng)
        grip = contest.strengths[1 - place].grip
        forms = {one.player.number: one.form(contest.offset) for one in contest.rosters[place]}
        plays = pace * total / 14_400
        _shoot(lines, forms, _Drive(plays, pushes[place], grip), rng)
        sides.append(Side(team, lines, absent))
    _settle_score(sides, overtimes, rng)
    for side, other in (sides, sides[::-1]):
        _turn_over(side, other, total, rng)
    for side, other in (sides, sides[::-1]):
        _rebound(side, other, rng)
        _assist(side, rng)
        _foul(side, rng)
    home, away = sides
    _plus_minus(home, home.pts - away.pts, rng)
    _plus_minus(away, away.pts - home.pts, rng)
    return Box(game, overtimes, home, away)


def _push(contest: Contest, side: int, luck: float) -> float:
    """Return how much better than usual a side's shots fall, as a share."""
    home = 0.0 if contest.game.is_neutral else 0.013 * (1 - 2 * side)
    tired = -0.014 if contest.tired[side] else 0.0
    own, other = contest.strengths[side], contest.strengths[1 - side]
    return own.attack - other.defence + home + tired + luck


@dataclass(frozen=True, slots=True)
class _Drive:
    plays: float
    push: float
    grip: float


def _shoot(lines: Sequence[Line], forms: dict[int, float], drive: _Drive, rng: Random) -> None:
    """Share the team's shots out by usage, and see which fall."""
    weights = [
        line.seconds * line.player.usage * exp(0.18 * forms[line.player.number] + _whim(line, rng))
        for line in lines
    ]
    shots = (89.0 + rng.gauss(0, 4.5)) * drive.plays / sum(weights)
    ahead = 0.0
    for place in rng.sample(range(len(lines)), len(lines)):
        line, shooting = lines[place], shots * weights[place]
        player, tally = line.player, line.tally
        tally.fga = floor(shooting + rng.random())
        tally.fg3a = made(rng, tally.fga, player.three_share)
        hand = (1 + drive.push - _LEVELLING * ahead) * exp(rng.gauss(0, 0.14))
        three_chance, two_chance = player.three_chance * hand, player.two_chance * hand
        twos = tally.fga - tally.fg3a
        tally.fg3m = made(rng, tally.fg3a, three_chance)
        tally.fgm = tally.fg3m + made(rng, twos, two_chance)
        expected = 3 * tally.fg3a * player.three_chance + 2 * twos * player.two_chance
        ahead += 2 * tally.fgm + tally.fg3m - expected * (1 + drive.push)
        trips = player.fouled * shooting * drive.grip / _FREE_THROWS_PER_TRIP
        for _ in range(poisson(rng, trips)):
            roll = rng.random()
            tally.fta += 2 if roll < 0.82 else 1 if roll < 0.97 else 3
        tally.ftm = made(rng, tally.fta, player.free_chance)


def _whim(line: Line, rng: Random) -> float:
    """Return how much more or less than usual a player shoots; regulars are steadier."""
    return rng.gauss(0, 0.25 + 0.0002 * max(0, 2_100 - line.seconds))


def _settle_score(sides: list[Side], overtimes: int, rng: Random) -> None:
    """Leave no game drawn, and none of overtime far apart."""
    home, away = sides
    ahead, behind = (home, away) if home.pts > away.pts else (away, home)
    if home.pts == away.pts:
        lucky = home if rng.random() < 0.5 else away
        _give_free_throws(lucky, 1)
    elif overtimes:
        most = rng.randrange(1, _CLOSE)
        for line in sorted(ahead.lines, key=lambda line: -line.tally.fgm):
            tally = line.tally
            while ahead.pts - behind.pts > most and tally.fgm - tally.fg3m > 1:
                tally.fgm -= 1
        if ahead.pts <= behind.pts:
            _give_free_throws(ahead, behind.pts - ahead.pts + 1)


def _hand_out(lines: Sequence[Line], rate: int, count: int, rng: Random) -> list[int]:
    """Return how many of ``count`` events each player gets, by time and his rate."""
    weights: list[float] = []
    running = 0.0
    for line in lines:
        running += line.seconds * line.player.rates[rate]
        weights.append(running)
    got = [0] * len(lines)
    for place in rng.choices(range(len(lines)), cum_weights=weights, k=count):
        got[place] += 1
    return got


def _turn_over(side: Side, other: Side, seconds: int, rng: Random) -> None:
    lost = max(4, round(rng.gauss(12.9, 3.4) * seconds / 14_400))
    for line, number in zip(side.lines, _hand_out(side.lines, TOV, lost, rng), strict=True):
        line.tally.tov = number
    stolen = made(rng, lost, 0.62)
    for line, number in zip(other.lines, _hand_out(other.lines, STL, stolen, rng), strict=True):
        line.tally.stl = number
    side.team_turnovers = 0 if rng.random() < 0.55 else 1 if rng.random() < 0.8 else 2


def _rebound(side: Side, other: Side, rng: Random) -> None:
    """Rebounds and blocks that a side's missed shots lead to."""
    total = side.total()
    missed = total.fga - total.fgm
    own = made(rng, missed, 0.232)
    taken = made(rng, missed - own, 0.83) + made(rng, (total.fta - total.ftm) // 2, 0.85)
    for line, number in zip(side.lines, _hand_out(side.lines, OREB, own, rng), strict=True):
        line.tally.oreb = number
    for line, number in zip(other.lines, _hand_out(other.lines, DREB, taken, rng), strict=True):
        line.tally.dreb = number
    missed_twos = missed - (total.fg3a - total.fg3m)
    blocked = made(rng, missed_twos, 0.235)
    for line, number in zip(other.lines, _hand_out(other.lines, BLK, blocked, rng), strict=True):
        line.tally.blk = number


def _assist(side: Side, rng: Random) -> None:
    """Assists: nobody assists his own shot, so none has more than the others made."""
    shots = side.total().fgm
    passed = made(rng, shots, 0.665)
    for line, number in zip(side.lines, _hand_out(side.lines, AST, passed, rng), strict=True):
        line.tally.ast = min(number, max(0, (shots - line.tally.fgm) * 3 // 4))


def _foul(side: Side, rng: Random) -> None:
    fouls = max(7, round(rng.gauss(18.6, 3.9)))
    got = _hand_out(side.lines, PF, fouls, rng)
    for place, line in enumerate(side.lines):
        line.tally.pf = min(got[place], _MOST_FOULS)


def _plus_minus(side: Side, margin: int, rng: Random) -> None:
    for line in side.lines:
        part = line.seconds / 2_880
        line.plus_minus = round(margin * part + rng.gauss(0, 9.5) * (part * 1.1) ** 0.5)
    share_margin(side, margin)


def share_margin(side: Side, margin: int) -> None:
    """Make the players' margins add up to five times the team's."""
    left = 5 * margin - sum(line.plus_minus for line in side.lines)
    regulars = sorted(side.lines, key=lambda line: -line.seconds)[:8]
    step, rest = divmod(left, len(regulars))
    for place, line in enumerate(regulars):
        line.plus_minus += step + (place < rest)
