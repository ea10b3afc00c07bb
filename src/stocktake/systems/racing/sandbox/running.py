"""How a race goes: the market's prices, the order of finish, distances and times."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

_FRACTIONS: Final = """
    1/10 1/8 1/6 1/5 2/9 1/4 2/7 3/10 1/3 4/11 2/5 4/9 1/2 8/15 4/7 8/13 4/6 8/11 4/5 5/6
    10/11 Evs 11/10 6/5 5/4 11/8 6/4 13/8 7/4 15/8 2/1 9/4 5/2 11/4 3/1 10/3 7/2 4/1 9/2 5/1
    11/2 6/1 13/2 7/1 15/2 8/1 17/2 9/1 10/1 11/1 12/1 14/1 16/1 18/1 20/1 22/1 25/1 28/1
    33/1 40/1 50/1 66/1 80/1 100/1 125/1 150/1 200/1 250/1
"""


def _decimal(fraction: str) -> float:
    if fraction == "Evs":
        return 2.0
    over, under = fraction.split("/")
    return 1 + int(over) / int(under)


PRICES: Final = tuple((_decimal(fraction), fraction) for fraction in _FRACTIONS.split())
_DECIMALS: Final = tuple(decimal for decimal, _ in PRICES)

DEAD_HEAT_SHARE: Final = 0.003
NON_FINISHER_SHARE: Final = 0.055
SECONDS_PER_LENGTH: Final = 0.2

_FORM_SPREAD: Final = 0.80
_ABILITY_WEIGHT: Final = 0.55
_LONGSHOT_BIAS: Final = 0.94
_GAPS: Final = (
    0.1, 0.1, 0.3, 0.3, 0.5, 0.5, 0.5, 0.75, 0.75, 1.0, 1.0, 1.25, 1.25, 1.5, 1.5, 1.75, 2.0, 2.25,
    2.5, 2.75, 3.0, 3.25, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 9.0, 12.0,
)  # fmt: skip
_SHORT_GAPS: Final = {0.1: ("nse", "shd", "hd"), 0.3: ("nk", "hd", "nk")}
_SPELLED_SHARE: Final = 0.1
_OUTCOMES: Final = (
    ("PU",) * 62 + ("F",) * 18 + ("UR",) * 13 + ("BD",) * 3 + ("RO", "SU", "REF", "REF")
)
_DISTANCE_LENGTHS: Final = 60.0


@dataclass(slots=True)
class Finish:
    """One starter's run.

    Attributes:
        price: Position in ``PRICES``.
        position: Place as published, or the letters of a non-finisher.
        gap: Lengths to the one in front, None for a non-finisher.
        behind: Lengths to the winner, None for a non-finisher.
        gap_text: The gap as published when it is spelled out (``nk``), else "".
    """

    price: int
    marker: str = ""
    position: str = ""
    gap: float | None = None
    behind: float | None = None
    gap_text: str = ""


def run_race(abilities: Sequence[float], rng: Random, *, is_jumps: bool) -> list[Finish]:
    """Return how each starter ran, in the order the abilities are given."""
    mean = sum(abilities) / len(abilities)
    strengths = [
        _ABILITY_WEIGHT * (ability - mean) + rng.gauss(0, _FORM_SPREAD) for ability in abilities
    ]
    finishes = _market(strengths, rng)
    order = _order(strengths, rng)
    finishing = order[:1]
    for runner in order[1:]:
        if rng.random() < (NON_FINISHER_SHARE * 1.12 if is_jumps else 0.0008):
            finishes[runner].position = rng.choice(_OUTCOMES)
        else:
            finishing.append(runner)
    _place(finishes, finishing, rng, is_jumps=is_jumps)
    return finishes


def _market(strengths: Sequence[float], rng: Random) -> list[Finish]:
    """Price the field: shares of the market with an overround of about 1.10 to 1.30."""
    weights = [math.exp(strength * _LONGSHOT_BIAS) for strength in strengths]
    overround = min(1.30, max(1.10, 1.075 + 0.0125 * len(weights) + rng.gauss(0, 0.015)))
    scale = overround / sum(weights)
    prices = [_nearest_price(1 / max(0.004, weight * scale)) for weight in weights]
    best = min(prices)
    joint = prices.count(best)
    marker = "F" if joint == 1 else "J" if joint == 2 else "C"
    return [Finish(price, marker if price == best else "") for price in prices]


def _nearest_price(decimal: float) -> int:
    above = min(len(_DECIMALS) - 1, bisect_left(_DECIMALS, decimal))
    below = max(0, above - 1)
    nearer = _DECIMALS[above] - decimal < decimal - _DECIMALS[below]
    return above if nearer else below


def _order(strengths: Sequence[float], rng: Random) -> list[int]:
    """Draw an order of finish in which each runner wins with its softmax chance."""
    keys = [strength - math.log(-math.log(rng.random() or 0.5)) for strength in strengths]
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=True)


def _place(finishes: list[Finish], order: list[int], rng: Random, *, is_jumps: bool) -> None:
    tied = 0
    if len(order) > 1 and rng.random() < DEAD_HEAT_SHARE:
        tied = rng.randrange(1, min(4, len(order)))
    behind = 0.0
    for place, runner in enumerate(order):
        finish = finishes[runner]
        gap = 0.0
        if place and place != tied:
            gap = rng.choice(_GAPS) * (1 + is_jumps * rng.choice((0, 0, 1, 2)))
            if rng.random() < _SPELLED_SHARE:
                finish.gap_text = _spelled(gap, rng)
        behind += gap
        finish.gap, finish.behind = gap, behind
        finish.position = str(place if place == tied and tied else place + 1)


def _spelled(gap: float, rng: Random) -> str:
    if gap >= _DISTANCE_LENGTHS / 2:
        return "dist"
    return rng.choice(_SHORT_GAPS.get(gap, ("",)))


def lengths(value: float) -> str:
    """Return lengths as the source writes them: ``.5``, ``5.25``, ``11``, ``0.3``."""
    text = f"{value:.2f}".rstrip("0").rstrip(".") or "0"
    return text[1:] if text in {"0.5", "0.75"} else text


def clock(seconds: float) -> str:
    """Return a time as the source writes it: ``1:43.25``, and ``1:0.00`` without padding."""
    minutes, rest = divmod(round(seconds * 100), 6_000)
    return f"{minutes}:{rest / 100:.2f}"
