"""Priorities by age: which days each covers, and what a user may ask for."""

from __future__ import annotations

from datetime import date

import pytest

from stocktake.errors import UsageError
from stocktake.model import Range
from stocktake.run.ranked import read_priorities, windows
from stocktake.run.registry import find_system

STARTS = [date(2024, 10, 22), date(2023, 10, 24), date(2022, 10, 18)]


@pytest.mark.parametrize(
    ("priorities", "starts", "covered"),
    [
        pytest.param((1,), STARTS, [(1, Range())], id="all alike"),
        pytest.param(
            (0, 0, 2),
            STARTS,
            [(0, Range(STARTS[1])), (2, Range(None, date(2023, 10, 23)))],
            id="newest two",
        ),
        pytest.param(
            (0, 1, 0),
            STARTS,
            [
                (0, Range(STARTS[0])),
                (1, Range(STARTS[1], date(2024, 10, 21))),
                (0, Range(None, date(2023, 10, 23))),
            ],
            id="one in the middle",
        ),
        pytest.param((0, 0, 2), STARTS[:1], [(0, Range())], id="fewer periods than that"),
        pytest.param((0, 2), [], [(0, Range())], id="no period has begun"),
    ],
)
def test_priorities_cover_every_day_once(
    priorities: tuple[int, ...], starts: list[date], covered: list[tuple[int, Range]]
) -> None:
    assert list(windows(priorities, starts)) == covered


def test_priorities_are_read_as_they_are_written() -> None:
    assert read_priorities(find_system("racing"), ["p2,P0", "P0"]) == (0, 2)


def test_a_priority_the_system_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(UsageError) as refused:
        read_priorities(find_system("racing"), ["P7"])

    assert refused.value.message == "racing has no priority 'P7'."
    assert refused.value.hint == "Known: P0, P1, P2."
