"""Keys this program knows to be in their tables, so that they need not be asked for."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet
    from datetime import date

MOST_KEYS = 30_000
"""Of one dataset: what 300 days of racing name; more would be memory for a few questions saved."""

Days = dict[str, "date | None"]
"""Texts of a column and the earliest day each was seen on, None without a day."""


class KeyCache:
    """Keys of datasets of which only absent rows are inserted (entities named again and again).

    Keys merged wait until ``publish``, called after the commit; ``discard`` forgets them after a
    rollback. One transaction at a time may use it. Rows removed by another program are not
    noticed: ``forget`` after an undo.
    """

    def __init__(self, *, most_keys: int = MOST_KEYS) -> None:
        """Know nothing; keep at most ``most_keys`` keys of a dataset, then start over."""
        self._most_keys = most_keys
        self._published: defaultdict[str, set[Any]] = defaultdict(set)
        self._waiting: defaultdict[str, set[Any]] = defaultdict(set)
        self._told: defaultdict[tuple[str, str], Days] = defaultdict(dict)
        self._telling: defaultdict[tuple[str, str], Days] = defaultdict(dict)

    def known(self, dataset: str) -> AbstractSet[Any]:
        """Return the keys known to be held, of committed transactions only."""
        return self._published[dataset]

    def add(self, dataset: str, keys: Iterable[Any]) -> None:
        """Remember keys that the running transaction has seen or inserted."""
        self._waiting[dataset].update(keys)

    def news(self, column: tuple[str, str], told: Days) -> tuple[Days, Days]:
        """Return what was not told of a column's values before, and what only on a later day.

        Args:
            column: Dataset and column.
            told: Values with the earliest day they were seen on, None without one.
        """
        before = self._told[column]
        fresh = {text: day for text, day in told.items() if text not in before}
        earlier: Days = {
            text: day
            for text, day in told.items()
            if day is not None
            and text in before
            and ((known := before[text]) is None or day < known)
        }
        telling = self._telling[column]
        telling.update(fresh)
        telling.update(earlier)
        return fresh, earlier

    def publish(self) -> None:
        """Make the keys of the committed transaction known."""
        for dataset, keys in self._waiting.items():
            held = self._published[dataset]
            if len(held) + len(keys) > self._most_keys:
                held.clear()
            held |= keys
        for column, told in self._telling.items():
            before = self._told[column]
            if len(before) + len(told) > self._most_keys:
                before.clear()
            before.update(told)
        self.discard()

    def discard(self) -> None:
        """Forget the keys of a transaction that was rolled back."""
        self._waiting.clear()
        self._telling.clear()

    def forget(self) -> None:
        """Know nothing again."""
        self._published.clear()
        self._told.clear()
        self.discard()
