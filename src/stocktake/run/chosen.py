"""Units picked by hand, as one text that pages, command line, API and kept plans share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import unquote

from stocktake.count.decide import locate
from stocktake.count.routes import join_key
from stocktake.errors import UsageError
from stocktake.model import dimensions
from stocktake.model.ordinals import HIGHEST, LOWEST, Ranges, intersect, union
from stocktake.run.registry import find_datasets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from stocktake.model import Dataset, Gap, Need, System

EVERYTHING: Ranges = ((LOWEST, HIGHEST),)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Neighbouring units picked together; what is empty is not narrowed down.

    Args:
        dataset: Name of their dataset.
        first: Key of the first, along the counted dimension.
        last: Key of the last, included.
        series: Their other dimensions.
    """

    dataset: str = ""
    first: str = ""
    last: str = ""
    series: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it in words: ``races 2024-03-05 to 2024-03-09, gb``."""
        span = f"{self.first} to {self.last}" if self.first != self.last else self.first
        return ", ".join(filter(None, (f"{self.dataset} {span}".strip(), "/".join(self.series))))


def chosen_text(gap: Gap) -> str:
    """Return the text by which a plan picks exactly one gap.

    >>> from stocktake.model import Gap, State
    >>> chosen_text(Gap("races", ("gb",), "2024-03-05", "2024-03-09", 5, State.MISSING, ""))
    'races:2024-03-05..2024-03-09/gb'
    """
    series = "".join(f"/{_coded(part)}" for part in gap.series)
    return f"{gap.dataset}:{_coded(gap.first)}..{_coded(gap.last)}{series}"


def read_chosen(text: str) -> Chosen:
    """Return what a text picks.

    >>> read_chosen("races:2024-03-05/gb").last, read_chosen(":/gb").series
    ('2024-03-05', ('gb',))
    """
    dataset, _, rest = text.partition(":")
    span, slash, series = rest.partition("/")
    first, dots, last = span.partition("..")
    return Chosen(
        dataset,
        unquote(first),
        unquote(last if dots else first),
        tuple(map(unquote, series.split("/"))) if slash else (),
    )


def _coded(part: str) -> str:
    plain = part.replace("%", "%25").replace("/", "%2F").replace("..", "%2E%2E")
    return plain.replace(":", "%3A")


def datasets_chosen(
    system: System, texts: Sequence[str], among: Sequence[Dataset]
) -> tuple[Dataset, ...]:
    """Return which of some datasets the texts speak of.

    Raises:
        UsageError: A text names no dataset of the system.
    """
    names = [read_chosen(text).dataset for text in texts]
    if not all(names):
        find_datasets(system, [name for name in names if name])
        return tuple(among)
    known = find_datasets(system, names)
    return tuple(one for one in among if one in known)


def last_chosen(texts: Sequence[str]) -> date | None:
    """Return the last day among units picked; ``None`` where not all of them are days."""
    try:
        return max(date.fromisoformat(read_chosen(text).last) for text in texts)
    except ValueError:
        return None


def only_chosen(
    conn: Connection, system: System, needs: Sequence[Need], texts: Sequence[str]
) -> list[Need]:
    """Return what of ``needs`` the texts pick.

    Raises:
        UsageError: A text names a unit that does not exist.
    """
    picked: dict[str, list[tuple[tuple[str, ...], Ranges]]] = defaultdict(list)
    for text in texts:
        one = read_chosen(text)
        for name in [one.dataset] if one.dataset else {need.dataset for need in needs}:
            dataset = system.dataset(name)
            picked[dataset.name].append((one.series, _ranges(conn, system, dataset, one)))
    found = []
    for need in needs:
        own = [ranges for series, ranges in picked[need.dataset] if series in {(), need.series}]
        left = intersect(need.ranges, union(part for ranges in own for part in ranges))
        if left:
            found.append(replace(need, ranges=left))
    return found


def _ranges(conn: Connection, system: System, dataset: Dataset, one: Chosen) -> Ranges:
    if not one.first:
        return EVERYTHING
    blank = ("",) * (len(dimensions(dataset.partitions)) - 1)
    ends = []
    for position in (one.first, one.last):
        key = join_key(dataset.partitions, blank, position=position)
        place = locate(conn, system, dataset, key)
        if place is None:
            raise UsageError(
                f"{position} is no unit of {dataset.name}.",
                hint=f"stocktake gaps {system.name} {dataset.name} lists what can be picked.",
            )
        ends.append(place[1])
    return union([(min(ends), max(ends) + 1)])
