from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from stocktake.count.coverage import count
from stocktake.count.gaps import gaps
from stocktake.count.needs import needs
from stocktake.count.record import record
from stocktake.model import Coverage, Range, State, UnitOutcome
from tests.integration.count.system import codes, guests, little, totals, visits

Connection = psycopg.Connection[tuple[Any, ...]]

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
JANUARY_8 = Range(date(2026, 1, 8), date(2026, 1, 8))


def add_visits(conn: Connection, day: str, region: str, rows: int, **columns: Any) -> None:
    columns = {"on_card": True, "on_result": True, "announced": rows, **columns}
    for number in range(rows):
        conn.execute(
            "insert into little.visits values (%s, %s, %s, %s, %s, %s, %s)"
            " on conflict (visit_id) do update set on_card = little.visits.on_card"
            " or excluded.on_card, on_result = little.visits.on_result or excluded.on_result,"
            " announced = excluded.announced",
            (
                f"{day}/{region}/{number}",
                day,
                region,
                f"guest-{region}-{number}",
                columns["on_card"],
                columns["on_result"],
                columns["announced"],
            ),
        )


def take(
    conn: Connection, feed: str, *outcomes: UnitOutcome, now: datetime = NOW, **values: set[str]
) -> dict[State, int]:
    columns = {"guest_id": ("visits", "guest_id"), "guests": ("guests", "id")}
    told = {columns[name]: dict.fromkeys(texts) for name, texts in values.items()}
    return record(conn, little, feed, outcomes, values=told, run_id=1, now=now)


def one_day(conn: Connection, window: Range = JANUARY_8, now: datetime = NOW) -> Coverage:
    return count(conn, little, [visits], window=window, now=now)[0]


def test_an_empty_database_counts_every_promised_unit_as_a_gap(conn: Connection) -> None:
    found = count(conn, little, [visits], now=NOW)[0]

    assert (found.expected, found.held, found.states[State.MISSING]) == (19, 0, 19)


def test_a_closed_day_is_not_expected_with_its_reason(conn: Connection) -> None:
    found = gaps(conn, little, [visits], states=[State.NOT_EXPECTED], now=NOW)

    assert [(gap.series, gap.first, gap.reason) for gap in found] == [
        (("north",), "2026-01-06", "holiday")
    ]


def test_days_after_today_are_future_and_never_count(conn: Connection) -> None:
    found = count(conn, little, [visits], now=NOW)[0]

    assert found.states[State.FUTURE] == 14


def test_a_unit_held_by_both_feeds_is_complete(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    take(conn, "results", UnitOutcome(("2026-01-08", "north")))
    take(conn, "cards", UnitOutcome(("2026-01-08", "north")))

    assert one_day(conn).states == {State.COMPLETE: 1, State.MISSING: 1}


def test_a_unit_without_a_required_feed_is_thin_and_names_it(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3, on_card=False)
    take(conn, "results", UnitOutcome(("2026-01-08", "north")))

    found = gaps(conn, little, [visits], states=[State.THIN], now=NOW)

    assert [(gap.first, gap.reason) for gap in found] == [("2026-01-08", "cards missing")]


def test_a_feed_that_cannot_deliver_a_day_does_not_make_it_thin(conn: Connection) -> None:
    add_visits(conn, "2026-01-02", "north", 3, on_card=False)
    take(conn, "results", UnitOutcome(("2026-01-02", "north")))

    found = one_day(conn, Range(date(2026, 1, 2), date(2026, 1, 2)))

    assert found.states == {State.COMPLETE: 1, State.MISSING: 1}


def test_fewer_rows_than_announced_are_thin(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 7, announced=9)
    take(conn, "results", UnitOutcome(("2026-01-08", "north")))
    take(conn, "cards", UnitOutcome(("2026-01-08", "north")))

    found = gaps(conn, little, [visits], states=[State.THIN], now=NOW)

    assert [gap.reason for gap in found] == ["rows 7 of 9"]


def test_an_answer_that_left_no_rows_is_failed_not_held(conn: Connection) -> None:
    states = take(conn, "results", UnitOutcome(("2026-01-08", "north")))

    assert (states, one_day(conn).held) == ({State.FAILED: 1}, 0)


def test_a_proven_empty_day_is_held(conn: Connection) -> None:
    outcome = UnitOutcome(("2026-01-08", "north"), State.EMPTY)
    take(conn, "results", outcome)
    take(conn, "cards", outcome)

    assert one_day(conn).states == {State.EMPTY: 1, State.MISSING: 1}


def test_a_failure_waits_longer_each_time(conn: Connection) -> None:
    waits = []
    for _ in range(6):
        take(conn, "results", UnitOutcome(("2026-01-08", "north"), State.FAILED, "timeout"))
        row = conn.execute("select next_try_at from unit").fetchone()
        assert row is not None
        waits.append((row[0] - NOW).total_seconds() / 3600)

    assert waits == [1, 6, 24, 72, 168, 168]


@pytest.mark.fault("H21")
@pytest.mark.parametrize(("hours", "expected"), [(24, [24, 24, 24, 72]), (0.25, [1, 6, 24, 72])])
def test_a_failure_waits_at_least_until_its_source_may_say_otherwise(
    conn: Connection, hours: float, expected: list[float]
) -> None:
    waits = []
    for _ in range(4):
        until = NOW + timedelta(hours=hours)
        key = ("2026-01-08", "north")
        take(conn, "results", UnitOutcome(key, State.FAILED, "disallowed", next_try_at=until))
        row = conn.execute("select next_try_at from unit").fetchone()
        assert row is not None
        waits.append((row[0] - NOW).total_seconds() / 3600)

    assert waits == expected


def test_a_failure_takes_nothing_away_that_is_held(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    take(conn, "results", UnitOutcome(("2026-01-08", "north")))
    take(conn, "cards", UnitOutcome(("2026-01-08", "north")))
    take(conn, "results", UnitOutcome(("2026-01-08", "north"), State.FAILED, "timeout"))

    assert one_day(conn).states == {State.COMPLETE: 1, State.MISSING: 1}


def test_a_day_is_not_settled_until_four_hours_after_its_end(conn: Connection) -> None:
    add_visits(conn, "2026-01-10", "north", 3)
    early = datetime(2026, 1, 11, 3, 59, tzinfo=UTC)
    take(conn, "results", UnitOutcome(("2026-01-10", "north")), now=early)

    row = conn.execute("select state, reason, next_try_at from unit").fetchone()

    assert row == ("thin", "not settled yet", datetime(2026, 1, 11, 4, tzinfo=UTC))


def test_a_final_day_is_looked_at_again_after_its_recheck_ages(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    take(conn, "results", UnitOutcome(("2026-01-08", "north")))
    take(conn, "cards", UnitOutcome(("2026-01-08", "north")))
    later = datetime(2026, 1, 12, 5, tzinfo=UTC)

    found = needs(conn, little, [visits], due_only=True, window=JANUARY_8, now=later)

    assert [(need.feed, need.series) for need in found if need.reason == "re-check due"] == [
        ("results", ("north",))
    ]


def test_days_older_than_the_window_are_unrecoverable_until_the_setting_lifts_it(
    conn: Connection,
) -> None:
    late = datetime(2026, 2, 10, 12, tzinfo=UTC)
    old = Range(date(2026, 1, 1), date(2026, 1, 4))

    closed = count(conn, little, [visits], window=old, now=late)[0]
    lifted = count(conn, little, [visits], window=old, now=late, lifted=frozenset({"add_on"}))[0]

    assert (closed.states, lifted.states) == ({State.UNRECOVERABLE: 8}, {State.MISSING: 8})


@pytest.mark.fault("Q03")
def test_nothing_expected_gives_no_coverage(conn: Connection) -> None:
    closed = Range(date(2025, 1, 1), date(2025, 1, 5))

    assert one_day(conn, closed).coverage is None


@pytest.mark.fault("Q03")
def test_members_of_an_empty_dataset_promise_nothing(conn: Connection) -> None:
    found = count(conn, little, [guests], now=NOW)[0]

    assert (found.expected, found.coverage) == (None, None)


def test_a_surplus_never_hides_a_gap(conn: Connection) -> None:
    add_visits(conn, "2026-01-06", "north", 3)
    outcome = UnitOutcome(("2026-01-06", "north"))
    take(conn, "results", outcome)
    take(conn, "cards", outcome)
    window = Range(date(2026, 1, 6), date(2026, 1, 6))

    found = one_day(conn, window)

    assert (found.expected, found.held, found.surplus, found.missing) == (1, 0, 1, 1)


def test_members_are_expected_once_their_dataset_names_them(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    take(conn, "cards", UnitOutcome(("2026-01-08", "north")), guest_id={"guest-1", "guest-2"})

    found = count(conn, little, [guests], now=NOW)[0]

    assert (found.expected, found.held, found.states) == (2, 0, {State.MISSING: 2})


def test_members_whose_rows_came_along_are_held(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    take(
        conn,
        "cards",
        UnitOutcome(("2026-01-08", "north")),
        guest_id={"guest-1", "guest-2"},
        guests={"guest-1", "stranger"},
    )

    found = count(conn, little, [guests], now=NOW)[0]

    assert (found.expected, found.held, found.surplus) == (2, 1, 1)


def test_needs_of_members_name_the_feed_that_fetches_them(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    take(conn, "cards", UnitOutcome(("2026-01-08", "north")), guest_id={"guest-1", "guest-2"})

    found = needs(conn, little, [guests], now=NOW)

    assert [(need.feed, need.units) for need in found] == [("profiles", 2)]


def test_a_derived_unit_waits_for_the_unit_it_is_made_of(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    take(conn, "results", UnitOutcome(("2026-01-08", "north")))

    found = gaps(
        conn,
        little,
        [totals],
        states=[State.MISSING, State.BLOCKED],
        window=JANUARY_8,
        now=NOW,
    )

    assert [(gap.series, gap.state, gap.reason) for gap in found] == [
        (("north",), State.MISSING, ""),
        (("south",), State.BLOCKED, "visits missing"),
    ]


def test_listed_values_are_all_promised(conn: Connection) -> None:
    found = gaps(conn, little, [codes], now=NOW)

    assert [(gap.first, gap.last, gap.units) for gap in found] == [("a", "c", 3)]


def test_recording_the_same_answer_again_changes_nothing(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    for _ in range(2):
        take(conn, "results", UnitOutcome(("2026-01-08", "north")))

    lines = conn.execute("select count(*) from ledger_change").fetchone()

    assert lines == (1,)


def test_rows_are_summed_from_the_counts_kept(conn: Connection) -> None:
    for day in ("2026-01-07", "2026-01-08"):
        add_visits(conn, day, "north", 3)
        for feed in ("results", "cards"):
            take(conn, feed, UnitOutcome((day, "north")))

    assert count(conn, little, [visits], now=NOW)[0].rows == 6
