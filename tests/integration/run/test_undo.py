"""Undo: what a run did is as if it had never been, and can be done again."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import Identifier

from stocktake.errors import PlanRefused, UsageError
from stocktake.model import Range
from stocktake.run.files import load_files
from stocktake.run.progress import silent
from stocktake.run.registry import find_datasets
from stocktake.run.replay import replay
from stocktake.run.undone import undo, undoing
from stocktake.testing import Fault
from tests.acceptance.installation import MEMBERS, QUERIES, UNCOMPARED
from tests.systems.racing.test_hkjc import full_card, line, written

if TYPE_CHECKING:
    from tests.integration.run.conftest import Stable

KINDS = "backfill, edit, load, replay, sync."
FIRST, SECOND = date(2026, 2, 10), date(2026, 2, 11)


def state(stable: Stable) -> dict[str, list[Any]]:
    """Every table, statistics included, and the ledger with its units."""
    with stable.database.login() as session:
        found: dict[str, list[Any]] = {}
        for schema, table in session.execute(QUERIES.loaded_tables).fetchall():
            statement = QUERIES.table_lines.format(table=Identifier(schema, table))
            rows = session.execute(statement, {"without": UNCOMPARED}).fetchall()
            found[table] = sorted(line for (line,) in rows)
        for name in ("held_units", "unit_lines"):
            found[name] = sorted(map(str, session.execute(QUERIES[name], MEMBERS).fetchall()))
    return found


def differences(left: dict[str, list[Any]], right: dict[str, list[Any]]) -> dict[str, Any]:
    """What only one of two states has: three lines each."""
    return {
        name: (
            sorted(set(left[name]) - set(right[name]))[:3],
            sorted(set(right[name]) - set(left[name]))[:3],
        )
        for name in left
        if left[name] != right[name]
    }


@pytest.fixture
def filled(stable: Stable) -> Stable:
    """One day is filled."""
    stable.backfill(since=FIRST, until=FIRST)
    return stable


def test_undoing_a_backfill_that_made_rows_restores_every_table(filled: Stable) -> None:
    before = state(filled)
    done = filled.backfill(since=SECOND, until=SECOND)
    assert state(filled) != before

    undo(filled.workspace, filled.system, done.run_id)

    assert differences(before, state(filled)) == {}
    assert filled.differences() == {}


def test_the_same_backfill_after_an_undo_asks_for_nothing_and_is_as_if_never_undone(
    filled: Stable,
) -> None:
    done = filled.backfill(since=SECOND, until=SECOND)
    before = state(filled)
    undo(filled.workspace, filled.system, done.run_id)
    asked = filled.asked

    again = filled.backfill(since=SECOND, until=SECOND)

    assert differences(before, state(filled)) == {}
    assert (filled.asked - asked, again.requests) == (0, 0)


@pytest.fixture
def corrected(stable: Stable) -> tuple[Stable, dict[str, list[Any]], int]:
    """Two days of results, the state before one of them was corrected, and the run that did."""
    stable.backfill("ra_race_results", since=FIRST, until=SECOND)
    race = stable.rows("ra_race_results", f"race_date = '{SECOND}' and position = 1", "race_id, 1")
    before = state(stable)
    stable.server.rules.add([Fault("changed_result", match=race[0][0])])
    stable.now += timedelta(minutes=1)
    done = stable.backfill("ra_race_results", since=FIRST, until=SECOND, refetch=True)
    return stable, before, done.run_id


def test_undoing_a_correction_restores_rows_and_statistics(
    corrected: tuple[Stable, dict[str, list[Any]], int],
) -> None:
    stable, before, run_id = corrected
    changed = state(stable)
    foreseen = undoing(stable.workspace, stable.system, run_id)
    assert differences(changed, state(stable)) == {}, "a dry run changes nothing"

    report = undo(stable.workspace, stable.system, run_id)

    assert before != changed
    assert differences(before, state(stable)) == {}
    assert stable.differences() == {}
    restored = {one.dataset: one.restored for one in foreseen}
    assert restored["ra_race_results"] > 0
    assert {name: report.rows[name].updated for name in restored} == restored
    assert {one.removed for one in foreseen} == {0}


def test_a_run_whose_rows_a_later_one_changed_is_undone_after_that_one(
    corrected: tuple[Stable, dict[str, list[Any]], int],
) -> None:
    stable, _, run_id = corrected
    with pytest.raises(PlanRefused) as refused:
        undo(stable.workspace, stable.system, run_id - 1)
    undo(stable.workspace, stable.system, run_id)

    undo(stable.workspace, stable.system, run_id - 1)

    assert str(refused.value).startswith(
        f"rows of run {run_id - 1} were changed by run {run_id} (backfill)."
    )
    assert f"stocktake run undo {run_id}" in str(refused.value.hint)
    assert stable.rows("ra_race_results") == []
    assert stable.count("ra_race_results", since=FIRST, until=SECOND).held == 0
    assert stable.differences() == {}


def test_what_cannot_be_undone_is_refused_with_the_next_step(
    corrected: tuple[Stable, dict[str, list[Any]], int],
) -> None:
    stable, _, run_id = corrected
    undone = undo(stable.workspace, stable.system, run_id).run_id
    after = state(stable)
    stable.execute("update stocktake.run set state = 'paused' where run_id = %(r)s", {"r": 1})

    said = []
    for number in (run_id, undone, 1, 999):
        with pytest.raises((PlanRefused, UsageError)) as refused:
            undo(stable.workspace, stable.system, number)
        said.append(refused.value.message)

    assert said == [
        f"run {run_id} was undone already, by run {undone}.",
        f"run {undone} is of kind undo; only runs that bring rows can be undone: " + KINDS,
        "run 1 is paused; only a run that has ended can be undone.",
        "there is no run 999.",
    ]
    assert differences(after, state(stable)) == {}


def load(stable: Stable, name: str, lines: list[dict[str, str]]) -> int:
    """Load lines of Hong Kong results as a file; return the run."""
    path = stable.home / name
    path.write_bytes(written(lines))
    results = stable.system.dataset("ra_race_results")
    done = load_files(
        stable.workspace, stable.system, results, [path], source="hkjc", report=silent
    )
    return done.run_id


def another_day() -> list[dict[str, str]]:
    """The card of a week later, of the same horses."""
    return [{**one, "date": "2025-03-09"} for one in full_card()]


def test_undoing_a_file_with_corrections_restores_what_the_first_file_said(
    stable: Stable,
) -> None:
    load(stable, "results_2025-03-02.csv", full_card())
    before = state(stable)
    corrected = [line(1, "1", win_odds="7.7"), line(1, "2", jockey="丙"), line(7, "1")]
    run_id = load(stable, "more.csv", corrected)
    assert differences(before, state(stable))

    undo(stable.workspace, stable.system, run_id)

    assert differences(before, state(stable)) == {}
    assert stable.differences() == {}


def test_horses_that_a_later_run_mentions_stay_and_go_with_that_run(stable: Stable) -> None:
    before = state(stable)
    first = load(stable, "first.csv", full_card())
    alone = load(stable, "second.csv", another_day())
    foreseen = {one.dataset: one for one in undoing(stable.workspace, stable.system, first)}

    undo(stable.workspace, stable.system, first)

    horses = foreseen["ra_mst_horses"]
    assert (horses.removed, horses.kept) == (0, 12)
    assert len(stable.rows("ra_mst_horses")) == 12
    assert stable.count("ra_mst_horses").missing == 0
    assert stable.differences() == {}
    undo(stable.workspace, stable.system, alone)
    assert differences(before, state(stable)) == {}
    assert stable.differences() == {}


def test_undoing_a_sync_restores_every_table(filled: Stable) -> None:
    before = state(filled)
    filled.now += timedelta(minutes=1)
    done = filled.sync(days=3)
    assert state(filled) != before

    undo(filled.workspace, filled.system, done.run_id)

    assert differences(before, state(filled)) == {}
    assert filled.differences() == {}


def test_a_replay_loads_what_was_undone_and_can_be_undone_itself(stable: Stable) -> None:
    load(stable, "first.csv", another_day())
    before = state(stable)
    run_id = load(stable, "second.csv", full_card())
    loaded = state(stable)
    undo(stable.workspace, stable.system, run_id)

    results = find_datasets(stable.system, ["ra_race_results"])
    done = replay(stable.workspace, stable.system, results, Range(), report=silent)

    assert differences(loaded, state(stable)) == {}
    undo(stable.workspace, stable.system, done.run_id)
    assert differences(before, state(stable)) == {}


def without_suffixes(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Leave out countries of names.

    Of a name that several runs told the longest is kept, also when who told it is taken back.
    """
    return {
        name: sorted(re.sub(r" \([A-Z]{2,3}\)", "", line) for line in lines)
        for name, lines in found.items()
    }


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(order, marks=() if order in {(0, 1, 2), (1, 2, 0)} else pytest.mark.soak)
        for order in permutations(range(3))
    ],
)
def test_runs_undone_in_any_order_leave_what_the_others_alone_would_have_made(
    order: tuple[int, ...], stable: Stable
) -> None:
    stable.backfill("ra_races", since=FIRST, until=FIRST)  # what is shipped is there
    days = [SECOND + timedelta(days=n) for n in range(3)]

    def runs(numbers: set[int]) -> dict[int, int]:
        return {
            n: stable.backfill("ra_race_results", since=days[n], until=days[n]).run_id
            for n in sorted(numbers)
        }

    alone = {}
    for left in (set(order[1:]), set(order[2:]), set[int]()):
        made = runs(left)
        alone[len(left)] = without_suffixes(state(stable))
        for number in sorted(made, reverse=True):
            undo(stable.workspace, stable.system, made[number])
    made = runs(set(order))

    found = {}
    for several, number in zip((2, 1, 0), order, strict=True):
        undo(stable.workspace, stable.system, made[number])
        found[several] = differences(alone[several], without_suffixes(state(stable)))

    assert found == {2: {}, 1: {}, 0: {}}
    assert stable.differences() == {}
