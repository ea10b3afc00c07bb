"""A mark a week, per dataset."""

from __future__ import annotations

from datetime import date

from stocktake.cli.calendar import week_rows
from stocktake.count.holes import Stretch
from stocktake.model import ordinal_of

FIRST = ordinal_of(date(2024, 11, 5))


def day(after: int, *, held: int, lacking: int = 0) -> Stretch:
    return Stretch((), FIRST + after, FIRST + after, 1, held, lacking)


def test_a_week_is_whole_or_lacks_some_or_all_of_its_units() -> None:
    lines = {"box": [day(0, held=3), day(7, held=2, lacking=1), day(14, held=0, lacking=4)]}

    assert [line.plain for line in week_rows(lines)][1] == "box  ■▪·      5 of 10"


def test_datasets_share_their_weeks() -> None:
    lines = {"box": [day(0, held=1), day(7, held=1)], "form": [day(7, held=1)]}

    drawn = [line.plain[:8] for line in week_rows(lines)][1:]
    assert drawn == ["box   ■■", "form   ■"]


def test_nothing_expected_draws_nothing() -> None:
    assert list(week_rows({})) == []
