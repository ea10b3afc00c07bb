"""Keys this program knows to be in their tables, so that they need not be asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from itertools import compress, repeat
from operator import is_, lt
from typing import TYPE_CHECKING, Any, NamedTuple

from stocktake.model import FromDataset

if TYPE_CHECKING:
    from stocktake.load.lines import Lines
    from stocktake.load.tables import FacetTable

MOST_KEYS = 30_000
"""Of one dataset: what 300 days of racing name; more would be memory for a few questions saved."""

Days = dict[str, date | None]
"""Texts of a column and the earliest day each was seen on, None without a day."""


class Known(NamedTuple):
    """Rows of a facet with which nothing needs to be done.

    Attributes:
        keys: Held for good, whatever their rows say.
        digests: Held, and what the facet told of them last, by key.
    """

    keys: AbstractSet[Any] = frozenset()
    digests: Mapping[Any, int] = {}


NOTHING_KNOWN = Known()


class KeyCache:
    """What this program told of rows that are named again and again.

    Of datasets of which only absent rows are inserted (entities) their keys, of others whose units
    are members (pedigrees) also the hashes of what was told last.

    What was merged waits until ``publish``, called after the commit; ``discard`` forgets it after
    a rollback. One transaction at a time may use it. Rows that another program removes or changes
    are not noticed: ``forget`` after an undo.
    """

    def __init__(self, *, most_keys: int = MOST_KEYS) -> None:
        """Know nothing; keep at most ``most_keys`` keys of a dataset, then start over."""
        self._most_keys = most_keys
        self._published: defaultdict[str, dict[Any, int]] = defaultdict(dict)
        self._waiting: defaultdict[str, dict[Any, int]] = defaultdict(dict)
        self._doubtful: defaultdict[str, set[Any]] = defaultdict(set)
        self._told: defaultdict[tuple[str, str], dict[str, date]] = defaultdict(dict)
        self._telling: defaultdict[tuple[str, str], dict[str, date]] = defaultdict(dict)

    def remembers(self, table: FacetTable) -> bool:
        """Return whether rows are left out that were told before."""
        return table.facet.keep == "absent" or isinstance(table.dataset.partitions, FromDataset)

    def known(self, table: FacetTable) -> Known:
        """Return the rows known to be held, of committed transactions only."""
        held = self._published[_place(table)]
        if table.facet.keep == "absent":
            return Known(keys=held.keys())
        return Known(digests=held)

    def add(self, table: FacetTable, lines: Lines, *, but: AbstractSet[Any]) -> None:
        """Remember lines that the running transaction has found or inserted.

        Args:
            but: Keys of those that were refused, or merged with a row that said something else.
        """
        if not self.remembers(table):
            return
        is_lasting = table.facet.keep == "absent"
        place = _place(table)
        digests = repeat(0) if is_lasting else lines.digests
        self._waiting[place].update(zip(lines.keys, digests, strict=False))
        # What longer texts of other answers make of a row is the table's affair.
        self._doubtful[place].update(but, map(lines.keys.__getitem__, lines.lengthened))

    def news(self, column: tuple[str, str], told: Days) -> tuple[Days, Days]:
        """Return what was not told of a column's values before, and what only on a later day.

        Args:
            column: Dataset and column.
            told: Values with the earliest day they were seen on, None without one.
        """
        before = self._told[column]
        # Thousands of texts a batch, most of them known: no loop of ours over them.
        known = list(map(before.get, told))
        fresh = {text: told[text] for text in compress(told, map(is_, known, repeat(None)))}
        earlier: Days = {}
        if len(fresh) < len(told) and set(told.values()) != {None}:
            days = map(_last_if_none, told.values())
            was_later = map(lt, days, (date.min if day is None else day for day in known))
            earlier = dict(compress(told.items(), was_later))
        telling = self._telling[column]
        for news in (fresh, earlier):
            telling.update(zip(news, map(_last_if_none, news.values()), strict=True))
        return fresh, earlier

    def publish(self) -> None:
        """Make what the committed transaction told known."""
        for place, keys in self._waiting.items():
            held = self._published[place]
            if len(held) + len(keys) > self._most_keys:
                held.clear()
            held.update(keys)
            for key in self._doubtful[place]:
                held.pop(key, None)
        for column, told in self._telling.items():
            before = self._told[column]
            if len(before) + len(told) > self._most_keys:
                before.clear()
            before.update(told)
        self.discard()

    def discard(self) -> None:
        """Forget the keys of a transaction that was rolled back."""
        self._waiting.clear()
        self._doubtful.clear()
        self._telling.clear()

    def forget(self) -> None:
        """Know nothing again."""
        self._published.clear()
        self._told.clear()
        self.discard()


def _place(table: FacetTable) -> str:
    return f"{table.place} {table.facet.name}"


def _last_if_none(day: date | None) -> date:
    """Return a day that any told day comes before, where none was told."""
    return date.max if day is None else day
