"""The ways by which units of a dataset come to be held, and how keys become ordinals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import product
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stocktake.model import (
    Dataset,
    Days,
    FromDataset,
    Partitions,
    System,
    Values,
    Window,
    axis_index,
    day_of,
    dimensions,
    ordinal_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stocktake.model import Feed

EXTRACT, DERIVE = "extract", "derive"
MEMBER_FEED = "member"
"""Feed of the series that number the values of a column: key = (column,)."""

ALWAYS = Window()

Axis = Days | Values | FromDataset


@dataclass(frozen=True, slots=True)
class Route:
    """One way by which units of a dataset come to be held.

    Args:
        name: The feed's name, ``extract``, ``derive``, or a file format's name.
        is_required: Whether a unit held without it is thin.
        delivers: Whether it can be asked for units; routes that cannot only hold them.
        feed: The feed, ``None`` for pseudo-feeds and files.
        off: Why it is not asked at all; empty when it may be.
    """

    name: str
    is_required: bool
    delivers: bool
    window: Window = ALWAYS
    only: tuple[tuple[str, ...], ...] = ()
    feed: Feed | None = None
    off: str = ""

    def serves(self, series: tuple[str, ...]) -> bool:
        """Return whether the route knows a series at all."""
        return not self.only or series in self.only


def routes(system: System, dataset: Dataset) -> tuple[Route, ...]:
    """Return the ways by which units of ``dataset`` come to be held, most urgent first."""
    feeds = system.feeds_of(dataset.name)
    found = [
        Route(
            feed.name, feed.required, delivers=True, window=feed.window, only=feed.only, feed=feed
        )
        for feed in feeds
    ]
    if system.derivation_of(dataset.name) is not None:
        found.append(Route(DERIVE, is_required=True, delivers=True))
    files = [form for source in system.sources for form in source.files]
    filled_by_file = [form.name for form in files if dataset.name in form.fills]
    extracted = any(dataset.name in feed.also for _, feed in system.feeds()) or any(
        dataset.name in form.also for form in files
    )
    if extracted:
        found.append(
            Route(EXTRACT, is_required=not found, delivers=not found and not filled_by_file)
        )
    found += [Route(name, is_required=False, delivers=False) for name in filled_by_file]
    return tuple(found)


def zone_of(system: System, dataset: Dataset) -> ZoneInfo:
    """Return the zone in which the dataset's days are told."""
    for dim in dimensions(dataset.partitions):
        if isinstance(dim, Days):
            return ZoneInfo(dim.zone)
    return ZoneInfo(system.zone)


def today_in(zone: ZoneInfo, now: datetime) -> date:
    """Return the day it is in ``zone`` at the instant ``now``."""
    return now.astimezone(zone).date()


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant (UTC) at which ``day`` is over in ``zone``; it had 23 to 25 hours."""
    following = date.fromordinal(day.toordinal() + 1)
    return datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)


def axis_of(dataset: Dataset) -> Axis:
    """Return the dimension counted by ordinals."""
    return dimensions(dataset.partitions)[axis_index(dataset.partitions)]


def split_key(partitions: Partitions, key: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return a unit key's series part and its part along the counted dimension."""
    index = axis_index(partitions)
    return (*key[:index], *key[index + 1 :]), key[index]


def join_key(partitions: Partitions, series: Sequence[str], *, position: str) -> tuple[str, ...]:
    """Return the unit key; the inverse of ``split_key``."""
    index = axis_index(partitions)
    return (*series[:index], position, *series[index:])


def ordinal_text(axis: Axis, ordinal: int, *, members: Mapping[int, str]) -> str:
    """Return the key text of an ordinal: ISO day, value, or member (its number when unknown)."""
    if isinstance(axis, Days):
        return day_of(ordinal).isoformat()
    if isinstance(axis, Values):
        return axis.values[ordinal]
    return members.get(ordinal, f"#{ordinal}")


def position_ordinal(axis: Axis, position: str, *, members: Mapping[str, int]) -> int | None:
    """Return the ordinal of a key text, ``None`` when it is no unit of the axis."""
    if isinstance(axis, Days):
        try:
            return ordinal_of(date.fromisoformat(position))
        except ValueError:
            return None
    if isinstance(axis, Values):
        return axis.values.index(position) if position in axis.values else None
    return members.get(position)


def series_keys(
    partitions: Partitions, members: Mapping[tuple[str, str], Iterable[str]]
) -> list[tuple[str, ...]]:
    """Return the keys of every series promised: each combination of the dimensions not counted.

    Args:
        members: Per (dataset, column) the values known, for ``FromDataset`` dimensions.
    """
    counted = axis_index(partitions)
    others: list[Iterable[str]] = []
    for index, dim in enumerate(dimensions(partitions)):
        if index == counted:
            continue
        if isinstance(dim, FromDataset):
            others.append(members.get((dim.dataset, dim.column), ()))
        elif isinstance(dim, Values):
            others.append(dim.values)
    return list(product(*others))
