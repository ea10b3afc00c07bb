"""In which order the points of a game fell, and so what each period's score was."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final

from stocktake.systems.nba.sandbox.chance import stream
from stocktake.systems.nba.sandbox.lines import Box, Line, Side

QUARTERS: Final = 4
_QUARTER_MINUTES: Final = 12
_OVERTIME_MINUTES: Final = 5
_SHUFFLES: Final = 40


@dataclass(frozen=True, slots=True)
class Basket:
    """A made shot, or one trip to the line.

    Attributes:
        worth: 2 or 3 for a shot, 0 for free throws.
        free: For a trip: which throws went in.
    """

    line: Line
    worth: int
    free: tuple[bool, ...] = ()

    @property
    def points(self) -> int:
        """Points it brought."""
        return self.worth + sum(self.free)


@dataclass(frozen=True, slots=True)
class Flow:
    """The baskets of home and away by period, in order."""

    home: tuple[tuple[Basket, ...], ...]
    away: tuple[tuple[Basket, ...], ...]

    @property
    def scores(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Points by period of home and away; overtime periods follow the fourth."""
        home, away = (
            tuple(sum(basket.points for basket in period) for period in side)
            for side in (self.home, self.away)
        )
        return home, away


def flow(box: Box, seed: int) -> Flow:
    """Return how a game went; with overtime the score is level after the fourth period."""
    for attempt in range(_SHUFFLES):
        rng = stream(seed, "flow", box.game.id, attempt)
        sides = [_baskets(side, rng) for side in box.sides]
        bounds = _level_bounds(sides, box.overtimes) if box.overtimes else ([], [])
        if bounds is not None:
            home, away = (
                _split(baskets, own, rng) for baskets, own in zip(sides, bounds, strict=True)
            )
            return Flow(home, away)
    message = f"{box.game.id}: no order of the points leaves the score level."
    raise AssertionError(message)


def _baskets(side: Side, rng: Random) -> list[Basket]:
    baskets: list[Basket] = []
    for line in side.lines:
        tally = line.tally
        baskets += [Basket(line, 3)] * tally.fg3m
        baskets += [Basket(line, 2)] * (tally.fgm - tally.fg3m)
        throws = [True] * tally.ftm + [False] * (tally.fta - tally.ftm)
        rng.shuffle(throws)
        baskets += [
            Basket(line, 0, tuple(throws[place : place + 2])) for place in range(0, len(throws), 2)
        ]
    rng.shuffle(baskets)
    return baskets


def _level_bounds(
    sides: Sequence[list[Basket]], overtimes: int
) -> tuple[list[int], list[int]] | None:
    """Return per side after how many baskets regulation and each overtime but the last end."""
    sums = [list(accumulate((basket.points for basket in side), initial=0)) for side in sides]
    whole = QUARTERS * _QUARTER_MINUTES + overtimes * _OVERTIME_MINUTES
    bounds: tuple[list[int], list[int]] = [], []
    least = 0
    for played in range(overtimes):
        part = (QUARTERS * _QUARTER_MINUTES + played * _OVERTIME_MINUTES) / whole
        aim = round(part * (sums[0][-1] + sums[1][-1]) / 2)
        level = sorted(set(sums[0]) & set(sums[1]), key=lambda score: (abs(score - aim), score))
        fitting = [score for score in level if least < score <= min(sums[0][-1], sums[1][-1])]
        if not fitting or abs(fitting[0] - aim) > 6:
            return None
        least = fitting[0]
        for own, running in zip(bounds, sums, strict=True):
            own.append(bisect_left(running, least))
    return bounds


def _split(baskets: list[Basket], bounds: list[int], rng: Random) -> tuple[tuple[Basket, ...], ...]:
    regulation = bounds[0] if bounds else len(baskets)
    quarters = sorted(
        min(regulation, max(0, round(regulation * (quarter / QUARTERS + rng.gauss(0, 0.02)))))
        for quarter in range(1, QUARTERS)
    )
    ends = [*quarters, regulation, *bounds[1:], len(baskets)] if bounds else [*quarters, regulation]
    starts = [0, *ends[:-1]]
    return tuple(tuple(baskets[start:end]) for start, end in zip(starts, ends, strict=True))
