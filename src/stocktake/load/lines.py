"""Rows of one facet on their way into the table, as columns of equal length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import compress
from operator import ne
from typing import Any, NamedTuple

Row = tuple[Any, ...]


@dataclass(slots=True)
class Lines:
    """Rows, and beside each what goes with it.

    Attributes:
        keys: Their keys; tuples when composite.
        rows: What is written.
        digests: Hash of what its answer said; longer texts of other answers do not count.
        loads: Index of the answer each came from.
        capture_ids: The capture of each answer, by its index.
        lengthened: Positions of rows that have longer texts of other answers: then a row held may
            lack them although its answer said the same.
    """

    keys: Sequence[Any] = ()
    rows: Sequence[Row] = ()
    digests: Sequence[int] = ()
    loads: Sequence[int] = ()
    capture_ids: Sequence[int] = ()
    lengthened: AbstractSet[int] = frozenset()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.keys)

    @property
    def captures(self) -> list[int]:
        """The capture each came from."""
        return list(map(self.capture_ids.__getitem__, self.loads))

    def at(self, positions: Sequence[int]) -> Lines:
        """Return the lines at some positions, in their order."""
        columns = (self.keys, self.rows, self.digests, self.loads)
        keys, rows, digests, loads = (
            list(map(column.__getitem__, positions)) for column in columns
        )
        lengthened = self.lengthened
        if lengthened:
            lengthened = {now for now, at in enumerate(positions) if at in self.lengthened}
        return Lines(keys, rows, digests, loads, self.capture_ids, lengthened)

    def unlike(self, digests: Mapping[Any, int]) -> Lines:
        """Return the lines whose hash is not the one given for their key, or that are longer."""
        differs = map(ne, self.digests, map(digests.get, self.keys))
        places = set(compress(range(len(self)), differs)) | self.lengthened
        return self.at(sorted(places))


class RefusedLine(NamedTuple):
    """A line that the table does not take.

    Attributes:
        key: Its key.
        row: What would have been written.
        load: Index of the answer it came from.
        reason: What the server said.
    """

    key: Any
    row: Row
    load: int
    reason: str
