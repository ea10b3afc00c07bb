"""Laws of the count, on random ledgers, expectations and orders of events."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stocktake.count.coverage import count
from stocktake.count.gaps import gaps, matrix
from stocktake.count.needs import needs
from stocktake.count.record import record
from stocktake.model import (
    GAP_STATES,
    HELD_STATES,
    Calendar,
    Closure,
    Coverage,
    Gap,
    Range,
    State,
    UnitOutcome,
    ordinal_of,
)
from stocktake.model.ordinals import as_text, members, union
from tests.integration.count.system import REGIONS, SINCE, little, visits
from tests.integration.count.test_record import add_visits

Connection = psycopg.Connection[tuple[Any, ...]]

TODAY = date(2026, 1, 20)
NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
LIFTED = frozenset({"add_on"})
FEEDS = ("results", "cards")
CARDS_FROM = ordinal_of(date(2026, 1, 5))
law = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

offsets = st.sets(st.integers(-5, 24), max_size=12)
held_sets = st.fixed_dictionaries({(feed, region): offsets for feed in FEEDS for region in REGIONS})
words = st.sampled_from(["thin", "empty", "failed", "blocked", "unrecoverable", "stale"])
told = st.dictionaries(
    st.tuples(st.sampled_from(FEEDS), st.sampled_from(REGIONS), st.integers(-2, 22)),
    words,
    max_size=10,
)
closures = st.lists(
    st.tuples(
        st.integers(0, 19), st.integers(0, 4), st.sampled_from([(), *((r,) for r in REGIONS)])
    ),
    max_size=4,
)


def fill(
    conn: Connection,
    held: dict[tuple[str, str], set[int]],
    states: dict[tuple[str, str, int], str],
    closed: list[tuple[int, int, tuple[str, ...]]],
) -> Any:
    """Write a ledger as it may stand, and return the system that promises around it."""
    start = ordinal_of(SINCE)
    for (feed, region), days in held.items():
        row = conn.execute(
            "insert into series (system, dataset, feed, key) values ('little', 'visits', %s, %s)"
            " returning series_id",
            (feed, [region]),
        ).fetchone()
        assert row is not None
        absent = {"failed", "blocked", "unrecoverable"}
        lost = {
            d for (f, r, d), word in states.items() if (f, r) == (feed, region) and word in absent
        }
        kept = {
            d
            for (f, r, d), word in states.items()
            if (f, r) == (feed, region) and word not in absent
        }
        ranges = union((start + day, start + day + 1) for day in (days | kept) - lost)
        for chunk in {ordinal >> 12 for ordinal in members(ranges)}:
            conn.execute(
                "insert into ledger (series_id, chunk, held) values (%s, %s,"
                " %s::int4multirange * int4multirange(int4range(%s, %s)))",
                (row[0], chunk, as_text(ranges), chunk << 12, (chunk + 1) << 12),
            )
        for (f, r, day), word in states.items():
            if (f, r) == (feed, region):
                conn.execute(
                    "insert into unit (series_id, ordinal, state, reason, changed_at)"
                    " values (%s, %s, %s, 'why', %s)",
                    (row[0], start + day, word, NOW),
                )
    rules = tuple(
        Closure(SINCE + timedelta(first), SINCE + timedelta(first + length), "closed", series)
        for first, length, series in closed
    )
    dataset = replace(visits, expect=Calendar(rules))
    return replace(little, datasets=(dataset, *little.datasets[1:]))


def units_of(found: list[Gap]) -> set[tuple[tuple[str, ...], int]]:
    return {
        (gap.series, ordinal)
        for gap in found
        for ordinal in range(
            ordinal_of(date.fromisoformat(gap.first)), ordinal_of(date.fromisoformat(gap.last)) + 1
        )
    }


@law
@given(held=held_sets, states=told, closed=closures)
def test_held_and_gaps_make_up_what_is_expected(
    conn: Connection, held: Any, states: Any, closed: Any
) -> None:
    with conn.transaction(force_rollback=True):
        system = fill(conn, held, states, closed)
        found = count(conn, system, system.datasets[:1], now=NOW, lifted=LIFTED)[0]

    open_days = {
        (region, day)
        for region in REGIONS
        for day in range(20)
        if not any(f <= day <= f + n and s in ((), (region,)) for f, n, s in closed)
    }
    assert found.expected == len(open_days)
    assert found.held + sum(found.states.get(state, 0) for state in GAP_STATES) == len(open_days)


@law
@given(held=held_sets, states=told, closed=closures)
def test_a_unit_counts_as_held_exactly_when_a_feed_holds_it(
    conn: Connection, held: Any, states: Any, closed: Any
) -> None:
    absent = {"failed", "blocked", "unrecoverable"}
    with conn.transaction(force_rollback=True):
        system = fill(conn, held, states, closed)
        lines = matrix(conn, system, system.datasets[0], now=NOW, lifted=LIFTED)
    start = ordinal_of(SINCE)
    shown = {
        (line.series[0], line.first + index - start)
        for line in lines
        for index, state in enumerate(line.states)
        if state in HELD_STATES or state is State.SURPLUS
    }

    really = {
        (region, day)
        for (feed, region), days in held.items()
        for day in days
        if states.get((feed, region, day)) not in absent
    }
    really |= {(region, day) for (_, region, day), word in states.items() if word not in absent}
    assert shown == {(region, day) for region, day in really if day < 20}


@law
@given(held=held_sets, states=told, closed=closures)
def test_count_gaps_and_matrix_agree_state_by_state(
    conn: Connection, held: Any, states: Any, closed: Any
) -> None:
    with conn.transaction(force_rollback=True):
        system = fill(conn, held, states, closed)
        one = system.datasets[:1]
        counted = count(conn, system, one, now=NOW, lifted=LIFTED)[0]
        listed = gaps(conn, system, one, states=tuple(State), now=NOW, lifted=LIFTED)
        lines = matrix(conn, system, one[0], now=NOW, lifted=LIFTED)
    by_gaps: dict[State, int] = {}
    for gap in listed:
        by_gaps[gap.state] = by_gaps.get(gap.state, 0) + gap.units
    cells = [state for line in lines for state in line.states if state]

    assert counted.states == by_gaps
    assert counted.states == {state: cells.count(state) for state in set(cells)}


@law
@given(held=held_sets, states=told, closed=closures)
def test_what_feeds_owe_is_what_the_dataset_lacks(
    conn: Connection, held: Any, states: Any, closed: Any
) -> None:
    owed_states = (*GAP_STATES, State.THIN, State.STALE)
    with conn.transaction(force_rollback=True):
        system = fill(conn, held, states, closed)
        one = system.datasets[:1]
        listed = gaps(conn, system, one, states=owed_states, now=NOW, lifted=LIFTED)
        owed = needs(conn, system, one, states=owed_states, now=NOW, lifted=LIFTED)
    expected = {(line.series, ordinal) for line in owed for ordinal in members(line.ranges)}
    start = ordinal_of(SINCE)
    # What is thin where the feed that said so cannot deliver any more stays thin; nobody owes it.
    out_of_reach = {
        ((region,), start + day)
        for (feed, region, day), word in states.items()
        if feed == "cards" and word in {"thin", "stale"} and start + day < CARDS_FROM
    }
    surplus_free = units_of(listed) - out_of_reach

    assert surplus_free <= expected
    assert all(any(low <= day[1] for low in [ordinal_of(SINCE)]) for day in surplus_free)


@law
@given(held=held_sets, states=told, closed=closures, window=st.tuples(offsets, offsets))
def test_windows_add_up_to_the_whole(
    conn: Connection, held: Any, states: Any, closed: Any, window: Any
) -> None:
    middle = SINCE + timedelta(max([*window[0], 0]))
    with conn.transaction(force_rollback=True):
        system = fill(conn, held, states, closed)
        whole, before, after = (
            count(conn, system, system.datasets[:1], window=part, now=NOW, lifted=LIFTED)[0]
            for part in (
                Range(),
                Range(None, middle),
                Range(middle + timedelta(1), None),
            )
        )

    assert whole.expected == (before.expected or 0) + (after.expected or 0)
    assert (whole.held, whole.surplus) == (
        before.held + after.held,
        before.surplus + after.surplus,
    )


@law
@given(
    order=st.permutations(
        [(feed, region, day) for feed in FEEDS for region in REGIONS for day in (7, 8, 9)]
    )
)
def test_any_order_of_loads_gives_the_same_ledger(conn: Connection, order: Any) -> None:
    with conn.transaction(force_rollback=True):
        ledgers = []
        for steps in (order, sorted(order)):
            with conn.transaction(force_rollback=True):
                for day in (7, 8, 9):
                    add_visits(conn, f"2026-01-0{day}", "north", day - 6, announced=2)
                    add_visits(conn, f"2026-01-0{day}", "south", 1)
                for at, (feed, region, day) in enumerate(steps):
                    key = (f"2026-01-0{day}", region)
                    record(
                        conn,
                        little,
                        feed,
                        [UnitOutcome(key)],
                        values={("visits", "guest_id"): {f"g{day}": None}},
                        run_id=1,
                        now=NOW + timedelta(seconds=at),
                    )
                ledgers.append(
                    conn.execute(
                        "select s.dataset, s.feed, s.key, l.held, u.ordinal, u.state, u.reason,"
                        " u.rows from series s left join ledger l using (series_id)"
                        " left join unit u using (series_id) where s.feed <> 'member'"
                        " order by 1, 2, 3, 5"
                    ).fetchall()
                )

    assert ledgers[0] == ledgers[1]


@law
@given(days=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_coverage_as_of_now_is_coverage_now(conn: Connection, days: list[int]) -> None:
    found: list[list[Coverage]] = []
    with conn.transaction(force_rollback=True):
        for day in days:
            key = (f"2026-01-0{day}", "north")
            add_visits(conn, key[0], "north", 2)
            for feed in FEEDS:
                record(
                    conn,
                    little,
                    feed,
                    [UnitOutcome(key)],
                    values={
                        ("visits", "guest_id"): {"one": None, f"g{day}": None},
                        ("guests", "id"): {"one": None},
                    },
                    run_id=1,
                    now=NOW,
                )
        found = [
            count(conn, little, little.datasets, now=NOW, as_of=as_of) for as_of in (None, NOW)
        ]

    assert found[0] == found[1]


@pytest.mark.fault("T03")
@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_the_grid_of_days_has_neither_hole_nor_twin_where_the_clocks_change(
    conn: Connection, day: date
) -> None:
    window = Range(day - timedelta(1), day + timedelta(1))
    now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(days=5)

    found = gaps(conn, little, [visits], window=window, now=now, lifted=LIFTED)

    assert [(gap.first, gap.last, gap.units) for gap in found] == [
        (str(window.since), str(window.until), 3)
    ] * 2


@pytest.mark.fault("T03")
@pytest.mark.parametrize(
    ("minute_to_midnight", "today"),
    [
        (datetime(2026, 3, 29, 22, 59, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 23, 0, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 10, 25, 23, 59, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_a_day_is_expected_from_its_own_midnight(
    conn: Connection, minute_to_midnight: datetime, today: date
) -> None:
    found = gaps(conn, little, [visits], now=minute_to_midnight, lifted=LIFTED)

    assert {gap.last for gap in found if gap.series == ("south",)} == {str(today)}
