"""Names and addresses of systems, datasets and units as paths tell them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from stocktake.api.problems import Problem, not_found
from stocktake.count.routes import join_key
from stocktake.errors import UsageError
from stocktake.model import Dataset, Days, FromDataset, Range, State, System, Values, dimensions
from stocktake.run.clock import instant_of
from stocktake.run.registry import find_datasets, find_system
from stocktake.web.words import path_part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stocktake.model import Gap

__all__ = [
    "Window",
    "dataset_named",
    "missing",
    "read_as_of",
    "read_window",
    "series_word",
    "system_named",
    "unit_address",
    "unit_word",
    "wanted_states",
]


def missing(error: UsageError) -> Problem:
    """Return the answer for a name in a path that is none."""
    return not_found(error.message[:1].upper() + error.message[1:], hint=error.hint)


def system_named(name: str) -> System:
    """Return an installed system; 404 when there is none of that name."""
    try:
        return find_system(name)
    except UsageError as error:
        raise missing(error) from None


def dataset_named(system: System, name: str) -> Dataset:
    """Return a dataset by name or alias; 404 when there is none."""
    try:
        return find_datasets(system, [name])[0]
    except UsageError as error:
        raise missing(error) from None


@dataclass(frozen=True, slots=True)
class Window:
    """A range of days as typed, with what is wrong with it."""

    range: Range
    problem: str = ""

    @property
    def query(self) -> str:
        """The range as part of an address, beginning with ``&``."""
        told = (("since", self.range.since), ("until", self.range.until))
        return "".join(f"&{name}={day}" for name, day in told if day)


def read_window(since: str, until: str) -> Window:
    """Return the days of two form fields; a wrong one is left open and told.

    >>> read_window("2024-02-30", "").problem
    '2024-02-30 is not a day of the calendar. Write it as YYYY-MM-DD.'
    """
    found: list[date | None] = []
    problem = ""
    for text in (since, until):
        try:
            found.append(date.fromisoformat(text) if text else None)
        except ValueError:
            problem = f"{text} is not a day of the calendar. Write it as YYYY-MM-DD."
            found.append(None)
    first, last = found
    if first and last and first > last:
        return Window(Range(), f"{first} is after {last}. Turn them round.")
    return Window(Range(first, last), problem)


def read_as_of(text: str) -> tuple[datetime | None, str]:
    """Return the instant asked for, as ``--as-of`` takes it, and what is wrong with it.

    >>> read_as_of("2024-02-30")[1]
    '2024-02-30 is neither a day nor an instant. Write 2024-03-31 or 2024-03-31T06:00Z.'
    """
    try:
        return (instant_of(text) if text else None), ""
    except ValueError:
        told = f"{text} is neither a day nor an instant. Write 2024-03-31 or 2024-03-31T06:00Z."
        return None, told


def wanted_states(texts: Sequence[str]) -> tuple[tuple[State, ...], str]:
    """Return states by their words, and what is wrong with the first that is none."""
    found: list[State] = []
    for text in (part for one in texts for part in one.split(",") if part):
        if text not in set(State):
            return tuple(found), f"{text} is no state. States: {', '.join(State)}."
        found.append(State(text))
    return tuple(found), ""


def unit_word(dataset: Dataset) -> str:
    """Return what a unit of the dataset is.

    >>> from stocktake.model import Cross
    >>> days = Days(date(2024, 1, 1))
    >>> unit_word(Dataset("x", key=("id",), partitions=Cross((days, Values(("gb", "ire"))))))
    'day × gb, ire'
    """
    return " × ".join(_part_word(dim) for dim in dimensions(dataset.partitions))


def _part_word(dim: Days | Values | FromDataset) -> str:
    if isinstance(dim, Days):
        return "day"
    if isinstance(dim, FromDataset):
        return dim.column.removesuffix("_id").replace("_", " ")
    shown = ", ".join(dim.values[:3])
    return shown + (f" and {len(dim.values) - 3} more" if dim.values[3:] else "")


def series_word(dataset: Dataset) -> str:
    """Return what tells a dataset's series apart; empty when it has only one."""
    dims = dimensions(dataset.partitions)
    others = [dim for dim in dims if not isinstance(dim, Days)] if len(dims) > 1 else []
    return "Series" if others else ""


def unit_address(system: System, dataset: Dataset, series: Sequence[str], position: str) -> str:
    """Return the path of a unit's page."""
    key = "/".join(join_key(dataset.partitions, series, position=position))
    return f"/s/{system.name}/d/{dataset.name}/u/{path_part(key)}"


def gap_address(system: System, gap: Gap) -> str:
    """Return the path of a gap's first unit."""
    return unit_address(system, system.dataset(gap.dataset), gap.series, gap.first)
