"""How a dataset is cut into units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Days:
    """One unit per calendar day from ``since`` on, in ``zone``.

    Args:
        since: First day promised.
        zone: IANA zone whose midnight separates the days.
    """

    since: date
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Values:
    """One unit per listed value, in this order."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FromDataset:
    """One unit per distinct value of a column of another dataset of the same system.

    Args:
        dataset: Where the keys are read from (it makes the promise, so it must be counted too).
        column: The column; NULLs promise nothing.
        day: Column with the key's day, for ranges (``--since``); ``None`` when keys have no day.
    """

    dataset: str
    column: str
    day: str | None = None


@dataclass(frozen=True, slots=True)
class Cross:
    """Every combination of its parts; at most one of them may be ``Days``."""

    parts: tuple[Days | Values | FromDataset, ...]

    def __post_init__(self) -> None:
        if sum(isinstance(part, Days) for part in self.parts) > 1:
            message = "a dataset has one day per unit: Cross takes at most one Days"
            raise ValueError(message)


Partitions = Days | Values | FromDataset | Cross


@dataclass(frozen=True, slots=True)
class Range:
    """Days ``since`` to ``until``, both included; ``None`` leaves that end open."""

    since: date | None = None
    until: date | None = None


def dimensions(partitions: Partitions) -> tuple[Days | Values | FromDataset, ...]:
    """Return the dimensions in key order; a plain partition is one dimension."""
    return partitions.parts if isinstance(partitions, Cross) else (partitions,)


def axis_index(partitions: Partitions) -> int:
    """Return which dimension is counted by ordinals; the others name the series.

    Days if there is one (ordinal = days since 1970-01-01), else the first ``FromDataset``
    (ordinal = order of first sight, kept in ``stocktake.member``), else the last ``Values``
    (ordinal = position in the tuple).
    """
    dims = dimensions(partitions)
    for wanted in (Days, FromDataset):
        for index, dim in enumerate(dims):
            if isinstance(dim, wanted):
                return index
    return len(dims) - 1


def is_dated(partitions: Partitions) -> bool:
    """Return whether its units have days: they are days, or members that have one."""
    axis = dimensions(partitions)[axis_index(partitions)]
    return isinstance(axis, Days) or (isinstance(axis, FromDataset) and axis.day is not None)


EPOCH = date(1970, 1, 1)


def ordinal_of(day: date) -> int:
    """Return the ordinal of a day: days since 1970-01-01.

    >>> ordinal_of(date(1970, 1, 2))
    1
    """
    return (day - EPOCH).days


def day_of(ordinal: int) -> date:
    """Return the day of an ordinal; the inverse of ``ordinal_of``."""
    return date.fromordinal(EPOCH.toordinal() + ordinal)


def years(first: date, last: date, *, month: int = 1) -> list[tuple[str, Range]]:
    """Return the years from ``first`` to ``last``, both included, cut to them.

    Args:
        first: First day of the first one.
        last: Last day of the last one.
        month: Month whose first day begins a year; another than January gives seasons.

    >>> [name for name, _ in years(date(2023, 12, 31), date(2024, 1, 1))]
    ['2023', '2024']
    >>> years(date(2024, 10, 22), date(2025, 4, 13), month=7)[0][0]
    '2024-25'
    """
    begins = date(first.year - (first.month < month), month, 1)
    found = []
    while begins <= last:
        after = begins.replace(year=begins.year + 1)
        name = str(begins.year) if month == 1 else f"{begins.year}-{after.year % 100:02}"
        ends = date.fromordinal(after.toordinal() - 1)
        found.append((name, Range(max(first, begins), min(last, ends))))
        begins = after
    return found
