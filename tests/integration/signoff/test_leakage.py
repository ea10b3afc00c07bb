"""Rows of the past must not know the future: honest derivations pass, planted leaks are named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.derive import derive
from stocktake.derive.leakage import Question, find_leaks
from stocktake.model import Dataset, Derivation, Range, Severity, System, Values, criteria
from stocktake.run.measured import measure
from stocktake.run.workspace import Workspace
from stocktake.settings import Settings
from stocktake.store import ENGINE, Component
from stocktake.store.installation import init
from stocktake.testing.database import temporary_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.derive.leakage import Leak
    from stocktake.store import Database, LocalCluster

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
FIRST, DAYS, RACES_A_DAY, RUNNERS = date(2026, 1, 1), 12, 2, 4
PACKAGE = "tests.integration.signoff.track"
FORM = Derivation("form", "form", ("lap",), ("race", "runner"))
TRACK = System(
    "track",
    PACKAGE,
    (
        Dataset("lap", ("race", "runner"), Values(("all",))),
        Dataset("form", ("race", "runner"), Values(("all",)), after=("lap",)),
    ),
    sources=(),
    derivations=(FORM,),
)
QUESTION = Question(("form",), ("lap",), "day", 40)
FILL = """
insert into track.lap (race, runner, day, seconds)
select day || ' ' || race, runner, day, 50 + runner + race + extract(day from day)::int ^ 2
  from generate_series(%(first)s::date, %(last)s::date, '1 day') d (at),
       lateral (select at::date as day) one, generate_series(1, %(races)s) race,
       generate_series(1, %(runners)s) runner
"""


@pytest.fixture
def track(cluster: LocalCluster) -> Iterator[Database]:
    """Twelve days of two races, in which everybody runs."""
    component = Component.of_package("track", PACKAGE)
    with temporary_database(cluster, components=(ENGINE, component)) as fresh:
        init(fresh, "real")
        last = FIRST + timedelta(days=DAYS - 1)
        with fresh.connection() as conn:
            conn.execute(
                FILL, {"first": FIRST, "last": last, "races": RACES_A_DAY, "runners": RUNNERS}
            )
        yield fresh


def derived_by(database: Database, sql: str) -> System:
    """Derive form by one of the statements, and return the system that says so."""
    derivation = replace(FORM, sql=sql)
    system = replace(TRACK, derivations=(derivation,))
    with database.connection() as conn:
        derive(conn, system, derivation, run_id=None, now=NOW)
    return system


def leak_of(
    database: Database, system: System, question: Question = QUESTION, window: Range | None = None
) -> Leak:
    with database.connection() as conn:
        (found,) = find_leaks(conn, system, question, window=window or Range(), seed=7, now=NOW)
    return found


def test_rows_made_of_earlier_days_do_not_leak(track: Database) -> None:
    found = leak_of(track, derived_by(track, "form"))

    assert (found.compared, found.examples) == (5 * RACES_A_DAY * RUNNERS, {})


def test_a_derivation_that_reads_later_rows_is_found(track: Database) -> None:
    before_the_last = Range(FIRST, FIRST + timedelta(days=DAYS - 2))

    found = leak_of(track, derived_by(track, "form_of_all"), window=before_the_last)

    assert len(found.examples) == found.compared
    assert set(found.examples.values()) <= {
        f"reads rows after {FIRST + timedelta(days=day)}" for day in range(DAYS)
    }


def test_what_else_happened_on_the_day_is_not_looked_at_unless_asked(track: Database) -> None:
    assert not leak_of(track, derived_by(track, "form_of_day")).examples


def test_a_derivation_that_reads_other_races_of_the_day_is_found(track: Database) -> None:
    question = replace(QUESTION, own="race", besides=("races_of_day",))

    found = leak_of(track, derived_by(track, "form_of_day"), question)

    assert len(found.examples) == 5 * RUNNERS
    assert all(" besides " in why for why in found.examples.values())


def test_columns_that_may_tell_of_the_day_are_not_compared(track: Database) -> None:
    system = derived_by(track, "form")
    strict = replace(QUESTION, own="race")
    lenient = replace(strict, besides=("races_of_day",))

    assert [bool(leak_of(track, system, one).examples) for one in (strict, lenient)] == [
        True,
        False,
    ]


def test_a_stale_row_is_no_leak(track: Database) -> None:
    system = derived_by(track, "form")
    with track.connection() as conn:
        conn.execute("update track.form set average = 1 where runner = 2")

    found = leak_of(track, system)

    assert (found.stale, found.examples) == (5 * RACES_A_DAY, {})


def test_the_search_changes_nothing(track: Database) -> None:
    system = derived_by(track, "form_of_all")
    query = "select (select count(*) from track.lap), (select sum(average) from track.form)"
    with track.connection() as conn:
        before = conn.execute(query).fetchone()

    leak_of(track, system, replace(QUESTION, own="race"))

    with track.connection() as conn:
        assert conn.execute(query).fetchone() == before


def test_only_days_of_the_window_are_recomputed(track: Database) -> None:
    found = leak_of(track, derived_by(track, "form"), window=Range(FIRST, FIRST))

    assert found.compared == RACES_A_DAY * RUNNERS


@pytest.mark.parametrize(
    ("sql", "severity"), [("form", Severity.PASS), ("form_of_all", Severity.FAIL)]
)
def test_a_criterion_fails_by_a_leak_and_names_a_row(
    track: Database, tmp_path: Path, sql: str, severity: Severity
) -> None:
    system = derived_by(track, sql)
    workspace = Workspace(Settings(home=tmp_path), track, "real", lambda: NOW)

    (item,) = measure(
        workspace, system, [criteria.no_leakage("form", inputs=("lap",), day="day")], Range()
    )

    assert item.severity is severity
    assert ("reads rows after" in item.detail) is (severity is Severity.FAIL)
