"""Since when gaps are gaps, range by range, and what stands in the way of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from stocktake.count.explain import noticed
from stocktake.count.gaps import gaps
from stocktake.count.recount import recount
from stocktake.count.states import View, question
from stocktake.count.turned import turned_at
from stocktake.model import Range, State, UnitOutcome, ordinal_of
from tests.integration.count.system import guests, little, totals, visits
from tests.integration.count.test_record import NOW, add_visits, take

if TYPE_CHECKING:
    from stocktake.model import Gap

Connection = psycopg.Connection[tuple[Any, ...]]

EIGHTH, NINTH = ("2026-01-08", "north"), ("2026-01-09", "north")
LATER = NOW + timedelta(days=1)


def lose(conn: Connection, *keys: tuple[str, str], now: datetime = LATER) -> None:
    """Hold units, then lose their rows, as a recount finds."""
    for key in keys:
        add_visits(conn, *key, 3)
        for feed in ("results", "cards"):
            take(conn, feed, UnitOutcome(key))
    conn.execute("delete from little.visits")
    recount(conn, little, [visits], window=Range(), now=now, repair=True)


def listed(conn: Connection, window: Range, *, now: datetime = LATER) -> list[Gap]:
    found = gaps(conn, little, [visits], states=[State.MISSING], window=window, now=now)
    return [gap for gap in found if gap.series == ("north",)]


def test_a_range_is_noticed_from_the_start_of_its_first_day(conn: Connection) -> None:
    (gap,) = listed(conn, Range(date(2026, 1, 7), date(2026, 1, 9)))

    assert (gap.units, gap.noticed_at) == (3, datetime(2026, 1, 7, tzinfo=UTC))


def test_a_range_is_noticed_when_the_first_of_its_units_turned_a_gap(conn: Connection) -> None:
    lose(conn, EIGHTH)
    asked = question(conn, little, visits, view=View(LATER))
    first = ordinal_of(date(2026, 1, 8))
    stretches = [(("north",), first, first + 2), (("north",), first - 1, first + 1)]

    both, before = turned_at(conn, little, asked, stretches)

    assert both == datetime(2026, 1, 9, tzinfo=UTC)
    assert before == datetime(2026, 1, 7, tzinfo=UTC)


def test_a_range_lost_as_a_whole_is_noticed_when_it_was_lost(conn: Connection) -> None:
    lose(conn, EIGHTH, NINTH)

    (gap,) = listed(conn, Range(date(2026, 1, 8), date(2026, 1, 9)))

    assert gap.noticed_at == LATER


def test_a_unit_lost_twice_is_noticed_from_the_last_time(conn: Connection) -> None:
    lose(conn, EIGHTH)
    lose(conn, EIGHTH, now=LATER + timedelta(hours=2))

    (gap,) = listed(conn, Range(date(2026, 1, 8), date(2026, 1, 8)))

    assert gap.noticed_at == LATER + timedelta(hours=2)


def test_a_list_and_a_unit_tell_the_same_instant(conn: Connection) -> None:
    lose(conn, EIGHTH)
    take(conn, "cards", guest_id={"one", "two"})
    for dataset, key in ((visits, EIGHTH), (visits, NINTH), (guests, ("one",))):
        found = gaps(conn, little, [dataset], now=LATER)
        alone = [gap for gap in found if (gap.first, *gap.series) == key and gap.units == 1]

        for gap in alone:
            assert gap.noticed_at == noticed(conn, little, dataset, key, now=LATER)


def test_a_member_is_noticed_when_it_was_first_named(conn: Connection) -> None:
    take(conn, "cards", guest_id={"one"})
    take(conn, "cards", guest_id={"two"}, now=LATER)

    found = gaps(conn, little, [guests], now=LATER)

    assert [gap.noticed_at for gap in found] == [NOW]
    assert [gap.units for gap in found] == [2]


def test_as_of_an_earlier_instant_a_later_loss_is_not_known(conn: Connection) -> None:
    lose(conn, EIGHTH)

    window = Range(date(2026, 1, 9), date(2026, 1, 9))
    (gap,) = gaps(conn, little, [visits], window=window, now=LATER, as_of=NOW)[:1]

    assert gap.noticed_at == datetime(2026, 1, 9, tzinfo=UTC)


def test_what_is_held_is_noticed_by_nobody(conn: Connection) -> None:
    add_visits(conn, *EIGHTH, 3)
    for feed in ("results", "cards"):
        take(conn, feed, UnitOutcome(EIGHTH))

    found = gaps(conn, little, [visits], states=[State.COMPLETE], now=NOW)

    assert [gap.noticed_at for gap in found] == [None]


def test_a_blocked_range_names_the_dataset_it_waits_for(conn: Connection) -> None:
    found = gaps(conn, little, [totals], states=[State.BLOCKED], now=NOW)

    assert {gap.blocked_by for gap in found} == {"visits"}
