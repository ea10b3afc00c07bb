"""Units one dataset does not promise, feeds that stand in for others, feeds nobody enabled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stocktake.count.coverage import count
from stocktake.count.dated import redate
from stocktake.count.gaps import gaps
from stocktake.count.needs import needs
from stocktake.count.record import record
from stocktake.errors import ConfigurationError
from stocktake.model import FromDataset, Range, Request, State, UnitOutcome
from tests.integration.count.system import codes, guests, little, one_each, profiles, visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stocktake.model import System

Connection = psycopg.Connection[tuple[Any, ...]]
NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
NAMES = ("ann", "bob", "cat")


def except_cat(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    return one_each([unit for unit in units if unit != ("cat",)])


waiving = replace(guests, waived="waived_guests")
book = replace(profiles, name="book", requests=except_cat)
letter = replace(profiles, name="letter", instead_of="book")


def system_with(*feeds: Any, dataset: Any = guests) -> System:
    """Return the little system with other feeds for its guests."""
    (source,) = little.sources
    return replace(
        little, datasets=(visits, dataset, codes), sources=(replace(source, feeds=feeds),)
    )


@pytest.fixture
def named(conn: Connection) -> Connection:
    """Three guests are named by visits."""
    told: dict[tuple[str, str], dict[str, date | None]]
    told = {("visits", "guest_id"): dict.fromkeys(NAMES)}
    for number, name in enumerate(NAMES):
        conn.execute(
            "insert into little.visits (visit_id, day, region, guest_id, on_card)"
            " values (%s, '2026-01-08', 'north', %s, true)",
            (str(number), name),
        )
    outcome = UnitOutcome(("2026-01-08", "north"))
    record(conn, little, "cards", [outcome], values=told, run_id=1, now=NOW)
    return conn


def failed(conn: Connection, system: System, feed: str, name: str) -> None:
    outcome = UnitOutcome((name,), State.FAILED, "not in the answer")
    record(conn, system, feed, [outcome], values={}, run_id=1, now=NOW)


def wanted(conn: Connection, system: System) -> dict[str, int]:
    (dataset,) = (one for one in system.datasets if one.name == "guests")
    found: dict[str, int] = {}
    for need in needs(conn, system, [dataset], now=NOW):
        if need.state is not State.NOT_EXPECTED:
            found[need.feed] = found.get(need.feed, 0) + need.units
    return found


def test_a_waived_unit_is_neither_expected_nor_a_gap_and_says_why(named: Connection) -> None:
    found = count(named, little, [waiving], now=NOW)[0]
    listed = gaps(named, little, [waiving], states=[State.NOT_EXPECTED], now=NOW)

    assert (found.expected, found.missing) == (2, 2)
    assert [(gap.units, gap.reason) for gap in listed] == [(1, "left early")]


def test_a_waived_unit_that_is_held_is_surplus(named: Connection) -> None:
    named.execute("insert into little.guests values ('bob', 'Bob')")
    record(named, little, "profiles", [UnitOutcome(("bob",))], values={}, run_id=1, now=NOW)

    found = count(named, little, [waiving], now=NOW)[0]

    assert (found.expected, found.held, found.surplus) == (2, 0, 1)


def test_a_setting_can_end_a_waiver(named: Connection) -> None:
    found = count(named, little, [waiving], now=NOW, lifted=frozenset({"everybody"}))[0]

    assert found.expected == 3


def test_a_waiver_without_its_statement_names_the_file(named: Connection) -> None:
    with pytest.raises(ConfigurationError, match="cannot be waived by 'nothing'") as error:
        count(named, little, [replace(guests, waived="nothing")], now=NOW)

    assert "-- name: nothing" in (error.value.hint or "")


def test_a_stand_in_is_asked_only_for_what_its_feed_has_no_request_for(named: Connection) -> None:
    assert wanted(named, system_with(book, letter)) == {"book": 2, "letter": 1}


def test_a_stand_in_is_asked_for_what_its_feed_failed_at(named: Connection) -> None:
    system = system_with(book, letter)
    failed(named, system, "book", "ann")

    assert wanted(named, system) == {"book": 2, "letter": 2}


def test_what_a_stand_in_brought_is_complete_and_owed_by_nobody(named: Connection) -> None:
    system = system_with(book, letter)
    failed(named, system, "book", "ann")
    named.execute("insert into little.guests values ('ann', 'Ann')")
    record(named, system, "letter", [UnitOutcome(("ann",))], values={}, run_id=1, now=NOW)

    found = count(named, system, [guests], now=NOW)[0]

    assert (found.held, found.states[State.COMPLETE]) == (1, 1)
    assert wanted(named, system) == {"book": 1, "letter": 1}


def test_units_of_a_feed_nobody_enabled_are_not_expected(named: Connection) -> None:
    system = system_with(replace(profiles, enabled_by="profiles"))

    off = count(named, system, [guests], now=NOW)[0]
    on = count(named, system, [guests], now=NOW, lifted=frozenset({"profiles"}))[0]

    assert (off.expected, off.states) == (0, {State.NOT_EXPECTED: 3})
    assert (on.expected, on.missing) == (3, 3)


def test_members_take_the_day_that_a_statement_tells_later(named: Connection) -> None:
    dated = replace(guests, partitions=FromDataset("visits", "guest_id", day="day"))
    system = system_with(profiles, dataset=dated)
    redate(named, system)
    named.execute("update little.visits set day = '2026-01-20' where guest_id = 'ann'")

    moved = redate(named, system)

    found = count(named, system, [dated], window=Range(until=date(2026, 1, 31)), now=NOW)[0]
    assert (moved, found.expected, found.states[State.FUTURE]) == (1, 2, 1)
