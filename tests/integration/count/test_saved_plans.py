from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from stocktake.count.needs import needs
from stocktake.errors import UsageError
from stocktake.model import Plan, PlanOptions, State, UnitOutcome
from stocktake.model.ordinals import size
from stocktake.plan.planner import make_plan
from stocktake.plan.saved import (
    approval,
    approve,
    check_off,
    load_plan,
    observed,
    remaining,
    save_plan,
    set_ordinals,
)
from tests.integration.count.system import little, visits
from tests.integration.count.test_record import NOW, add_visits, take

Connection = psycopg.Connection[tuple[Any, ...]]


def a_plan(conn: Connection, **options: Any) -> Plan:
    asked = PlanOptions(since=date(2026, 1, 1), states=(State.MISSING,), **options)
    found = needs(conn, little, [visits], now=NOW)
    return make_plan(little, found, asked, observed=observed(conn, little), now=NOW)


def a_run(conn: Connection) -> int:
    row = conn.execute(
        "insert into run (system, kind, state, started_at, updated_at)"
        " values ('little', 'backfill', 'running', %s, %s) returning run_id",
        (NOW, NOW),
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_plan_comes_back_as_it_was_saved(conn: Connection) -> None:
    plan = a_plan(conn)
    plan_id = save_plan(conn, plan)

    stored = load_plan(conn, plan_id)

    assert [(p.feed, p.wave, dict(p.ordinals), p.requests) for p in stored.parts] == [
        (p.feed, p.wave, dict(p.ordinals), p.requests) for p in plan.parts
    ]
    assert (stored.options, stored.costs, stored.unreachable) == (
        plan.options,
        plan.costs,
        plan.unreachable,
    )


def test_a_plan_that_does_not_exist_is_refused(conn: Connection) -> None:
    with pytest.raises(UsageError, match="no plan 4711"):
        load_plan(conn, 4711)


def test_the_first_approval_stays(conn: Connection) -> None:
    plan_id = save_plan(conn, a_plan(conn))
    approve(conn, plan_id, by="ann", now=NOW)
    approve(conn, plan_id, by="bob", now=datetime(2026, 2, 1, tzinfo=UTC))

    assert approval(conn, plan_id) == (NOW, "ann")


def test_units_checked_off_are_not_done_again(conn: Connection) -> None:
    plan = a_plan(conn)
    plan_id, run_id = save_plan(conn, plan), a_run(conn)
    (first, last) = plan.parts[0].ordinals[("south",)][0]
    check_off(conn, run_id, 0, ("south",), [first + 1, first + 2])

    left = remaining(conn, run_id, plan_id, 0)

    assert left[("south",)] == [(first, first + 1), (first + 3, last)]


def test_a_finished_series_is_left_out(conn: Connection) -> None:
    plan = a_plan(conn)
    plan_id, run_id = save_plan(conn, plan), a_run(conn)
    (first, last) = plan.parts[0].ordinals[("south",)][0]
    check_off(conn, run_id, 0, ("south",), range(first, last))

    assert ("south",) not in remaining(conn, run_id, plan_id, 0)


def test_the_units_of_a_dynamic_part_are_fixed_once_known(conn: Connection) -> None:
    plan_id, run_id = save_plan(conn, a_plan(conn)), a_run(conn)
    set_ordinals(conn, plan_id, 0, {(): [(0, 5)]})

    assert remaining(conn, run_id, plan_id, 0) == {(): [(0, 5)]}


def test_what_was_seen_counts_members_and_days(conn: Connection) -> None:
    add_visits(conn, "2026-01-08", "north", 3)
    key = ("2026-01-08", "north")
    take(conn, "results", UnitOutcome(key), guest_id={"one", "two"})

    seen = observed(conn, little)

    assert (seen.members, seen.held_days["visits"]) == ({("visits", "guest_id"): 2}, 1)


def test_the_plan_asks_each_feed_only_for_days_it_can_deliver(conn: Connection) -> None:
    plan = a_plan(conn)

    units = {
        part.feed: sum(map(size, part.ordinals.values()))
        for part in plan.parts
        if part.kind == "fetch"
    }

    assert units == {"results": 19, "cards": 11, "profiles": 0}
    assert ("cards: source starts 2026-01-05", "visits", 8) in plan.unreachable
