"""Where on the floor a shot is taken from, in tenths of a foot from the basket."""

from dataclasses import dataclass
from math import cos, hypot, pi, sin
from random import Random
from typing import Final

_PAINT_X: Final = 80
_PAINT_Y: Final = 142
_ARC: Final = 238
_CORNER_X: Final = 221
_CORNER_SHARE: Final = 0.25
_PAINT_SHARES: Final = {True: 0.74, False: 0.58}

_CLOSE_WORDS: Final = ("Driving Layup Shot", "Cutting Layup Shot", "Dunk Shot", "Tip Layup Shot")
_FLOATING_WORDS: Final = (
    "Driving Floating Jump Shot",
    "Turnaround Hook Shot",
    "Floating Jump shot",
)
_FAR_WORDS: Final = ("Jump Shot", "Pullup Jump shot", "Step Back Jump shot", "Fadeaway Jump Shot")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place: ``x`` to the side, ``y`` away from the baseline's hoop; tenths of a foot."""

    x: int
    y: int

    @property
    def feet(self) -> int:
        """Distance from the basket in whole feet."""
        return int(hypot(self.x, self.y) / 10)


def place_shot(rng: Random, *, worth: int, is_made: bool) -> Spot:
    """Return where a shot was taken; shots from close by fall more often."""
    if worth == 3:
        return _three(rng)
    if rng.random() < _PAINT_SHARES[is_made]:
        deep = min(_PAINT_Y, abs(rng.gauss(0, 55)))
        return Spot(round(max(-_PAINT_X, min(_PAINT_X, rng.gauss(0, 32)))), round(deep) - 2)
    while True:
        angle, distance = rng.uniform(0.05, pi - 0.05), rng.uniform(85, _ARC - 10)
        spot = Spot(round(distance * cos(angle)), round(distance * sin(angle)))
        if (abs(spot.x) > _PAINT_X or spot.y > _PAINT_Y) and abs(spot.x) < _CORNER_X - 5:
            return spot


def _three(rng: Random) -> Spot:
    if rng.random() < _CORNER_SHARE:
        side = rng.choice((-1, 1))
        return Spot(side * rng.randrange(_CORNER_X, 240), rng.randrange(-10, 80))
    angle, distance = rng.uniform(0.42, pi - 0.42), _ARC + abs(rng.gauss(8, 14))
    return Spot(round(distance * cos(angle)), round(distance * sin(angle)))


def shot_words(rng: Random, spot: Spot) -> str:
    """Return how the shot is called."""
    if spot.feet <= 4:
        return rng.choice(_CLOSE_WORDS)
    return rng.choice(_FLOATING_WORDS if spot.feet <= 12 else _FAR_WORDS)
