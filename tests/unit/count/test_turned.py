"""Who was last: pieces of ordinals out of changes that overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stocktake.count.turned import Piece, _latest, _within
from stocktake.model.ordinals import union

START = datetime(2026, 1, 1, tzinfo=UTC)
RANGES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 6)).map(lambda one: (one[0], sum(one))), max_size=4
).map(union)


@given(st.lists(RANGES, max_size=8))
def test_every_ordinal_has_the_instant_of_the_newest_change_that_names_it(
    told: list[tuple[tuple[int, int], ...]],
) -> None:
    changes = [(START - timedelta(days=age), ranges) for age, ranges in enumerate(told)]

    pieces = _latest(changes)

    naive = {
        ordinal: at
        for at, ranges in reversed(changes)
        for first, last in ranges
        for ordinal in range(first, last)
    }
    assert {at: one.at for one in pieces for at in range(one.first, one.last)} == naive
    assert all(one.last <= other.first for one, other in pairwise(pieces))


@given(RANGES, st.integers(0, 30), st.integers(1, 10))
def test_pieces_are_cut_to_what_is_asked(
    ranges: tuple[tuple[int, int], ...], first: int, width: int
) -> None:
    pieces = [Piece(*part, START) for part in ranges]

    found = {at for one in _within(pieces, first, first + width) for at in range(*one[:2])}

    assert found == {at for one in ranges for at in range(*one) if first <= at < first + width}
