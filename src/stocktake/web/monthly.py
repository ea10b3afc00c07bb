"""Shares held per dataset and month, added up from the cells of each dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from stocktake.count.packed import CODES, FIRST_CODE, UNKNOWN
from stocktake.model import GAP_STATES, HELD_STATES, Range, day_of, ordinal_of
from stocktake.run.counted import tiles

if TYPE_CHECKING:
    from stocktake.count.packed import Tile
    from stocktake.model import System
    from stocktake.run.workspace import Workspace

HELD = bytes(sorted(CODES[state] for state in HELD_STATES))
LACKING = bytes(sorted(CODES[state] for state in GAP_STATES))


@dataclass(frozen=True)
class Months:
    """Units held and lacking per dataset and month; days of members weigh alike."""

    months: Sequence[date]
    shares: Mapping[str, Sequence[tuple[float, float]]]

    def by_year(self, dataset: str, years: Sequence[int]) -> list[float | None]:
        """Return the share held in each year, ``None`` where nothing is expected."""
        held = dict.fromkeys(years, 0.0)
        expected = dict.fromkeys(years, 0.0)
        for month, (have, lack) in zip(self.months, self.shares[dataset], strict=True):
            held[month.year] += have
            expected[month.year] += have + lack
        return [held[year] / expected[year] if expected[year] else None for year in years]

    def percents(self, dataset: str) -> list[int]:
        """Return a dataset's percents, rounded down; ``UNKNOWN`` where nothing is expected."""
        return [_percent(pair) for pair in self.shares.get(dataset, ())]

    def as_bytes(self) -> bytes:
        """Return the percents of all datasets, a byte each."""
        return b"".join(bytes(self.percents(name)) for name in self.shares)


def _percent(pair: tuple[float, float]) -> int:
    have, lack = pair
    return int(100 * have / (have + lack)) if have + lack else UNKNOWN


def added_up(workspace: Workspace, system: System) -> Months:
    """Add the cells of all datasets with days up by month."""
    found = tiles(workspace, system, system.datasets, Range())
    return by_month({name: one for name, one in found.items() if one.axis != "member"})


def by_month(found: Mapping[str, Tile]) -> Months:
    """Add cells of days up by month; tiles of nothing are left out."""
    dated = {name: one for name, one in found.items() if one.width}
    if not dated:
        return Months((), {})
    first = min(one.first for one in dated.values())
    last = max(one.first + one.width - 1 for one in dated.values())
    months = _months(day_of(first), day_of(last))
    return Months(months, {name: _line(one, months) for name, one in dated.items()})


def _months(first: date, last: date) -> list[date]:
    found = [first.replace(day=1)]
    while True:
        one = found[-1]
        after = date(one.year + one.month // 12, one.month % 12 + 1, 1)
        if after > last:
            return found
        found.append(after)


def _line(one: Tile, months: Sequence[date]) -> list[tuple[float, float]]:
    rows = [one.row(number) for number in range(len(one.rows))]
    found = []
    for month in months:
        after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        begin, end = (max(0, ordinal_of(day) - one.first) for day in (month, after))
        found.append(_added(b"".join(row[begin:end] for row in rows)))
    return found


def _added(cells: bytes) -> tuple[float, float]:
    """Return held and lacking of cells, states counted and shares added."""
    held = lacking = 0.0
    for code in set(cells):
        count = cells.count(code)
        if code in HELD:
            held += count
        elif code in LACKING:
            lacking += count
        elif code < FIRST_CODE and code != UNKNOWN:
            held += count * code / 100
            lacking += count * (100 - code) / 100
    return held, lacking
