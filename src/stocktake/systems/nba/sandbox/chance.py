"""Seeded chance: everything in the made-up league is drawn from a name and the seed."""

from collections.abc import Iterable
from hashlib import blake2b
from math import exp, floor
from random import Random
from typing import Final

_RANGE: Final = 1 << 64


def stream(seed: int, *name: object) -> Random:
    """Return the random numbers that belong to a name; the same ones every time."""
    text = ":".join(map(str, (seed, *name))).encode()
    return Random(int.from_bytes(blake2b(text, digest_size=8).digest(), "big"))


def share(seed: int, *name: object) -> float:
    """Return one number from 0 to 1 that belongs to a name."""
    text = ":".join(map(str, (seed, *name))).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / _RANGE


def poisson(rng: Random, mean: float) -> int:
    """Return a number of events; ``mean`` is small (below about 30)."""
    floor_of_product, product, count = exp(-mean), rng.random(), 0
    while product > floor_of_product:
        product *= rng.random()
        count += 1
    return count


def whole(rng: Random, amount: float) -> int:
    """Round up or down by chance, so that the mean is kept."""
    return floor(amount + rng.random())


def made(rng: Random, attempts: int, chance: float) -> int:
    """Return how many of the attempts succeed."""
    return sum(rng.random() < chance for _ in range(attempts))


def pick(rng: Random, weights: Iterable[float]) -> int:
    """Return a place in ``weights``, drawn by weight; the sum must be above 0."""
    listed = list(weights)
    left = rng.random() * sum(listed)
    for place, weight in enumerate(listed):
        left -= weight
        if left < 0:
            return place
    return max(range(len(listed)), key=listed.__getitem__)
