from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from stocktake.count.coverage import count
from stocktake.count.decide import Decision, accept, withdraw
from stocktake.count.explain import noticed, why
from stocktake.count.gaps import gaps, matrix
from stocktake.count.needs import needs
from stocktake.count.recount import recount
from stocktake.errors import UsageError
from stocktake.model import Range, State, UnitOutcome
from tests.integration.count.system import guests, little, visits
from tests.integration.count.test_record import JANUARY_8, NOW, add_visits, take

Connection = psycopg.Connection[tuple[Any, ...]]

KEY = ("2026-01-08", "north")


def hold(conn: Connection, key: tuple[str, str] = KEY, *, now: datetime = NOW) -> None:
    add_visits(conn, *key, 3)
    for feed in ("results", "cards"):
        take(conn, feed, UnitOutcome(key), now=now)


def test_an_accepted_gap_is_no_longer_expected(conn: Connection) -> None:
    accept(conn, little, visits, [KEY], decision=Decision("strike", "ann"), now=NOW)

    found = count(conn, little, [visits], window=JANUARY_8, now=NOW)[0]

    assert (found.expected, found.states) == (1, {State.MISSING: 1, State.ACCEPTED: 1})


def test_an_acceptance_expires(conn: Connection) -> None:
    decision = Decision("strike", "ann", until=date(2026, 1, 9))
    accept(conn, little, visits, [KEY], decision=decision, now=NOW)

    found = count(conn, little, [visits], window=JANUARY_8, now=NOW)[0]

    assert found.states == {State.MISSING: 2}


def test_a_withdrawn_acceptance_makes_the_gap_count_again(conn: Connection) -> None:
    accept(conn, little, visits, [KEY], decision=Decision("strike", "ann"), now=NOW)
    withdraw(conn, little, visits, [KEY])

    found = count(conn, little, [visits], window=JANUARY_8, now=NOW)[0]

    assert found.states == {State.MISSING: 2}


def test_an_accepted_gap_is_not_needed(conn: Connection) -> None:
    accept(conn, little, visits, [KEY], decision=Decision("strike", "ann"), now=NOW)

    found = needs(conn, little, [visits], states=[State.MISSING], window=JANUARY_8, now=NOW)

    assert {need.series for need in found} == {("south",)}


def test_a_gap_is_not_accepted_without_a_reason(conn: Connection) -> None:
    with pytest.raises(UsageError, match="with a reason"):
        accept(conn, little, visits, [KEY], decision=Decision(" ", "ann"), now=NOW)


def test_rows_removed_by_hand_are_found_by_a_recount(conn: Connection) -> None:
    hold(conn)
    conn.execute("delete from little.visits")

    drift = recount(conn, little, [visits], window=Range(), now=NOW, repair=False)

    assert [(one.feed, one.key, one.kind) for one in drift] == [
        ("cards", KEY, "lost"),
        ("results", KEY, "lost"),
    ]


def test_a_repair_makes_lost_units_gaps_again(conn: Connection) -> None:
    hold(conn)
    conn.execute("delete from little.visits")
    recount(conn, little, [visits], window=Range(), now=NOW, repair=True)

    found = count(conn, little, [visits], window=JANUARY_8, now=NOW)[0]

    assert (found.held, found.states) == (0, {State.MISSING: 2})


def test_a_recount_after_a_repair_finds_nothing(conn: Connection) -> None:
    hold(conn)
    conn.execute("delete from little.visits where visit_id like '%%/0'")
    add_visits(conn, "2026-01-07", "south", 2)
    recount(conn, little, [visits, guests], window=Range(), now=NOW, repair=True)

    again = recount(conn, little, [visits, guests], window=Range(), now=NOW, repair=False)

    assert again == []


def test_a_recount_tells_a_changed_count(conn: Connection) -> None:
    hold(conn)
    conn.execute("delete from little.visits where visit_id like '%%/0'")

    drift = recount(conn, little, [visits], window=Range(), now=NOW, repair=False)

    assert [(one.kind, one.ledger_rows, one.rows) for one in drift] == [("changed", 3, 2)] * 2


def test_a_recount_finds_rows_nobody_recorded(conn: Connection) -> None:
    add_visits(conn, "2026-01-07", "south", 2)

    drift = recount(conn, little, [visits], window=Range(), now=NOW, repair=False)

    assert {(one.kind, one.rows) for one in drift} == {("unrecorded", 2)}


def test_a_repair_promises_the_members_that_rows_name(conn: Connection) -> None:
    add_visits(conn, "2026-01-07", "south", 2)
    recount(conn, little, [visits, guests], window=Range(), now=NOW, repair=True)

    assert count(conn, little, [guests], now=NOW)[0].expected == 2


def test_coverage_as_of_an_earlier_instant_knows_only_what_was_held_then(conn: Connection) -> None:
    hold(conn, ("2026-01-07", "north"))
    hold(conn, KEY, now=NOW + timedelta(days=1))

    then = count(conn, little, [visits], now=NOW + timedelta(days=2), as_of=NOW)[0]

    assert then.held == 1


def test_the_expectation_as_of_an_earlier_instant_is_smaller(conn: Connection) -> None:
    take(conn, "cards", guest_id={"one", "two"})
    take(conn, "cards", guest_id={"three"}, now=NOW + timedelta(days=1))
    later = NOW + timedelta(days=2)

    then = count(conn, little, [guests], now=later, as_of=NOW)[0].expected
    now = count(conn, little, [guests], now=later)[0].expected

    assert (then, now) == (2, 3)


def test_a_gap_is_noticed_from_the_start_of_its_day(conn: Connection) -> None:
    at = noticed(conn, little, visits, KEY, now=NOW)

    assert at == datetime(2026, 1, 8, tzinfo=UTC)


def test_a_gap_that_came_by_loss_is_noticed_when_it_was_lost(conn: Connection) -> None:
    hold(conn)
    conn.execute("delete from little.visits")
    later = NOW + timedelta(days=1)
    recount(conn, little, [visits], window=Range(), now=later, repair=True)

    assert noticed(conn, little, visits, KEY, now=later) == later


def test_a_held_unit_was_never_noticed(conn: Connection) -> None:
    hold(conn)

    assert noticed(conn, little, visits, KEY, now=NOW) is None


def test_why_names_the_rule_and_the_command_that_fills_the_gap(conn: Connection) -> None:
    told = why(conn, little, visits, KEY, now=NOW)

    assert (told.state, told.advice) == (
        State.MISSING,
        "stocktake backfill little visits --since 2026-01-08 --until 2026-01-08",
    )


def test_why_names_the_setting_that_lifts_a_limit(conn: Connection) -> None:
    late = datetime(2026, 3, 1, tzinfo=UTC)

    told = why(conn, little, visits, ("2026-01-02", "north"), now=late)

    assert (told.state, told.reason) == (State.UNRECOVERABLE, "plan: add-on")
    assert "add_on = true" in told.advice


def test_why_tells_state_and_rows_per_feed(conn: Connection) -> None:
    add_visits(conn, *KEY, 7, announced=9)
    take(conn, "results", UnitOutcome(KEY))

    told = why(conn, little, visits, KEY, now=NOW)

    assert [(one.feed, one.state, one.rows, one.expected_rows) for one in told.feeds] == [
        ("cards", State.MISSING, None, None),
        ("results", State.THIN, 7, 9),
    ]


def test_why_says_when_a_failed_unit_is_tried_again(conn: Connection) -> None:
    take(conn, "results", UnitOutcome(KEY, State.FAILED, "timeout"))

    told = why(conn, little, visits, KEY, now=NOW)

    assert (told.state, told.reason, told.next_try_at) == (
        State.FAILED,
        "timeout",
        NOW + timedelta(hours=1),
    )


def test_why_of_a_key_that_names_nothing_says_so(conn: Connection) -> None:
    assert why(conn, little, guests, ("nobody",), now=NOW).state is State.NOT_EXPECTED


def test_the_matrix_has_a_state_for_every_day_of_every_series(conn: Connection) -> None:
    hold(conn)
    week = Range(date(2026, 1, 6), date(2026, 1, 11))

    rows = {row.series: row.states for row in matrix(conn, little, visits, window=week, now=NOW)}

    assert rows == {
        ("north",): [
            State.NOT_EXPECTED,
            State.MISSING,
            State.COMPLETE,
            State.MISSING,
            State.MISSING,
            State.FUTURE,
        ],
        ("south",): [State.MISSING] * 5 + [State.FUTURE],
    }


def test_a_sync_asks_for_the_days_ahead_a_feed_already_tells_of(conn: Connection) -> None:
    found = needs(conn, little, [visits], due_only=True, now=NOW)

    ahead = [(need.feed, need.units) for need in found if need.state is State.FUTURE]

    assert ahead == [("cards", 7), ("cards", 7)]


def test_a_unit_that_waits_for_its_next_try_is_left_out_of_a_sync(conn: Connection) -> None:
    take(conn, "results", UnitOutcome(KEY, State.FAILED, "timeout"))

    found = needs(conn, little, [visits], due_only=True, window=JANUARY_8, now=NOW)

    assert [need.series for need in found if need.feed == "results"] == [("south",)]


def test_gaps_are_limited_over_all_datasets(conn: Connection) -> None:
    found = gaps(conn, little, little.datasets, limit=2, now=NOW)

    assert len(found) == 2
