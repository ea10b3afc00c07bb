"""What is told of an expression: where it goes wrong, and where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stocktake.errors import UsageError
from stocktake.run.fires import jumps_before, next_fires

START = datetime(2026, 3, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("61 2 * * *", "Character 1: '61' is no minute (0 to 59)."),
        ("30 2,3,24 * * *", "Character 8: '24' is no hour (0 to 23)."),
        ("30  2 * 13 *", "Character 9: '13' is no month (1 to 12)."),
        ("30 2 * * fri-mon", "Character 10: 'fri-mon' is no weekday (0 to 7, Sunday is both)."),
        ("30 , * * *", "Character 4: '' is no hour (0 to 23)."),
        ("99 30 2 * * *", "Character 1: '99' is no second (0 to 59)."),
        ("30 2", "It has 2 fields."),
        ("0 0 31 2 *", "No day is ever like that."),
    ],
)
def test_a_wrong_expression_tells_where_it_goes_wrong(cron: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        next_fires(cron, "UTC", after=START, most=1)

    assert (refused.value.hint or "").startswith(told)


def test_a_change_of_clocks_before_a_fire_is_told_also_before_the_first() -> None:
    eve = datetime(2026, 3, 28, 12, tzinfo=UTC)
    fires = [next_fires("0 9 * * *", "Europe/London", after=at, most=3) for at in (START, eve)]

    assert jumps_before(fires[0], after=START) == [False, True, False]
    assert jumps_before(fires[1], after=eve) == [True, False, False]
    assert jumps_before([], after=START) == []
