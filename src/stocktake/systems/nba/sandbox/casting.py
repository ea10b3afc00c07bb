"""Who plays, and for how long."""

from dataclasses import dataclass
from math import exp
from random import Random
from typing import Final

from stocktake.systems.nba.sandbox.lines import Line
from stocktake.systems.nba.sandbox.population import Player, PlayerSeason

STARTERS: Final = 5

_PROFILE: Final = (
    35.6, 33.6, 31.4, 29.2, 27.0, 23.2, 20.2, 17.0, 13.4, 9.6, 6.2, 4.6, 4.0, 3.8, 3.6,
)  # fmt: skip
_NOISE: Final = (0.1, 0.1, 0.11, 0.12, 0.13, 0.17, 0.21, 0.26, 0.32, 0.4, 0.45)
_SIZES: Final = (8,) * 4 + (9,) * 22 + (10,) * 29 + (11,) * 17 + (12,) * 12 + (13,) * 11 + (14,) * 5
_BLOWOUT_EXTRA: Final = 2
_SHEET: Final = 15
_REST_SHARE: Final = 0.1
_FLASH_SHARE: Final = 0.037
_MOST_SECONDS: Final = 2_700
_COACH: Final = "DNP - Coach's Decision"
_ORDER: Final = "FFCGG"


@dataclass(frozen=True, slots=True)
class Situation:
    """What a team comes into a game with.

    Attributes:
        offset: Days since the opening night.
        is_tired: It played yesterday.
        is_lopsided: The game is decided early.
        seconds: Playing time to be shared out.
        counts: Whether the game counts; nobody is spared in the play-offs.
    """

    offset: int
    is_tired: bool
    is_lopsided: bool
    seconds: int
    counts: bool


def cast(
    roster: list[PlayerSeason], situation: Situation, rng: Random
) -> tuple[list[Line], list[tuple[Player, str]]]:
    """Return those who play with their time, starters first, and those who do not."""
    ranked = sorted(
        roster,
        key=lambda one: -one.standing(situation.offset) - rng.gauss(0, 0.12),
    )
    fit: list[PlayerSeason] = []
    absent: list[tuple[Player, str]] = []
    for one in ranked:
        reason = one.injury(situation.offset)
        spared = situation.is_tired and situation.counts and len(fit) < 3
        if reason and len(ranked) - len(absent) > STARTERS + 3:
            absent.append((one.player, f"DND - {reason}"))
        elif spared and rng.random() < _REST_SHARE:
            absent.append((one.player, "NWT - Rest"))
        else:
            fit.append(one)
    size = rng.choice(_SIZES) + (_BLOWOUT_EXTRA if situation.is_lopsided else 0)
    size = min(size, len(fit), len(_PROFILE))
    room = max(0, _SHEET - size)
    absent = [(one.player, _COACH) for one in fit[size:]][: max(1, room - 1)] + absent
    lines = _timed(fit[:size], situation, rng)
    for line, position in zip(_on_floor(lines), _ORDER, strict=True):
        line.start = position
    lines.sort(key=lambda line: (not line.start, _ORDER.find(line.start or "F"), -line.seconds))
    return lines, absent[:room]


def _on_floor(lines: list[Line]) -> list[Line]:
    """Return the five who start, guards last."""
    order = {"F": 0, "C": 1, "G": 2}
    return sorted(lines[:STARTERS], key=lambda line: order[line.player.position])


def _timed(chosen: list[PlayerSeason], situation: Situation, rng: Random) -> list[Line]:
    weights = []
    for rank, one in enumerate(chosen):
        weight = _PROFILE[rank] * exp(rng.gauss(0, _NOISE[min(rank, len(_NOISE) - 1)]))
        weight *= exp(0.05 * max(-2.0, min(2.0, one.standing(situation.offset) - 0.8)))
        if situation.is_lopsided:
            weight *= 0.86 if rank < STARTERS else 1.25
        if situation.is_tired and rank < STARTERS:
            weight *= 0.97
        weights.append(weight)
    if rng.random() < _FLASH_SHARE and len(chosen) > 8:
        flash = rng.randrange(3, 30)
        times = [*_shared(weights[:-1], situation.seconds - flash), flash]
    else:
        times = _shared(weights, situation.seconds)
    return [Line(one.player, seconds) for one, seconds in zip(chosen, times, strict=True)]


def _shared(weights: list[float], total: int) -> list[int]:
    """Return whole seconds by weight that add up to the total, nobody above the most."""
    most = _MOST_SECONDS + max(0, total - 14_400) // STARTERS
    whole = sum(weights)
    times = [min(most, max(31, round(total * weight / whole))) for weight in weights]
    left = total - sum(times)
    while left:
        for place in sorted(range(len(times)), key=lambda place: -weights[place]):
            step = max(31 - times[place], min(most - times[place], left, 60), -60)
            step = max(step, left) if left < 0 else step
            times[place] += step
            left -= step
            if not left:
                break
    return times
