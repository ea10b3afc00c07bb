"""What runs, checks and counts tell of, and when it is told to be well again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.errors import SourceError
from stocktake.fetch.captures import QUERIES
from stocktake.model import CheckResult, Lag, Range, Severity
from stocktake.run import watch as watching
from stocktake.run.alarms import tell_checks, tell_freshness
from stocktake.run.counted import recount_system
from stocktake.run.registry import find_datasets
from stocktake.run.sourced import resume
from stocktake.run.steps import stop_run
from stocktake.run.watch import watch
from stocktake.run.workspace import Workspace
from stocktake.settings import Settings
from stocktake.testing import Fault
from tests.integration.run.conftest import RACING

if TYPE_CHECKING:
    from stocktake.store.database import Database
    from tests.integration.run.conftest import Stable

DAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NARROW = Range(date(2024, 3, 1), date(2024, 3, 31))


@dataclass(frozen=True, slots=True)
class Quiet:
    """An installation in which nothing goes on."""

    database: Database
    home: Path

    @property
    def workspace(self) -> Workspace:
        """The installation as every command sees it."""
        return Workspace(Settings(home=self.home), self.database, "sandbox", lambda: NOW)

    def execute(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        """Run a statement as the database's owner."""
        with self.database.login() as session:
            found = session.execute(statement.encode(), values)
            return found.fetchall() if found.description else []


@pytest.fixture
def quiet(database: Database, tmp_path: Path) -> Quiet:
    return Quiet(database, tmp_path)


def events(stable: Stable | Quiet, like: str = "%") -> list[tuple[Any, ...]]:
    return stable.execute(
        "select kind, subject, dedupe <> '' from stocktake.event"
        " where kind like %(like)s order by event_id",
        {"like": like},
    )


def open_alerts(stable: Stable | Quiet) -> list[tuple[Any, ...]]:
    return stable.execute(
        "select kind, subject from stocktake.alert where resolved_at is null order by 1, 2"
    )


def test_a_run_tells_that_it_began_and_ended(stable: Stable) -> None:
    done = stable.backfill("ra_races", since=DAY, until=DAY)

    name = f"run {done.run_id} (backfill)"
    assert events(stable) == [("run.started", name, False), ("run.finished", name, False)]


@pytest.mark.fault("H13")
@pytest.mark.parametrize("status", ["401", "403"])
def test_a_refused_login_is_one_alert_and_its_end_another_message(
    stable: Stable, status: str
) -> None:
    stable.server.rules.add([Fault(status, after=3)])
    for _ in range(3):
        with pytest.raises(SourceError):
            stable.backfill("ra_races", since=DAY, until=DAY + timedelta(days=5))
    alerts = open_alerts(stable)
    told = [event for event in events(stable) if event[2]]
    stable.server.rules.clear()
    resume(stable.workspace, "theracingapi")
    stable.backfill("ra_races", since=DAY, until=DAY + timedelta(days=5))

    assert alerts == [("source.paused", "theracingapi")]
    assert told == [("source.paused", "theracingapi", True)]
    assert open_alerts(stable) == []
    assert events(stable, "source.%")[1:] == [("source.resumed", "theracingapi", True)]


def test_a_run_that_stops_by_itself_is_an_alert_until_one_is_done(
    stable: Stable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("out of order")

    with monkeypatch.context() as patched:
        patched.setattr("stocktake.run.backfill.derive_all", fails)
        with pytest.raises(RuntimeError):
            stable.backfill("ra_races", since=DAY, until=DAY)
    stopped = open_alerts(stable)
    stable.backfill("ra_races", since=DAY, until=DAY)

    assert stopped == [("run.paused", "run 1 (backfill)")]
    assert open_alerts(stable) == []


@pytest.mark.fault("H10")
def test_an_endpoint_that_fails_too_often_is_an_alert_until_it_answers(quiet: Quiet) -> None:
    quiet.execute("insert into stocktake.gate (source, endpoint, spacing_us) values ('s', 'e', 1)")
    for number in range(6):
        note_failure(quiet, f"HTTP 500, try {number}")
    opened = open_alerts(quiet)
    watch(quiet.workspace)
    still = open_alerts(quiet)
    quiet.execute("update stocktake.gate set opened_at = null, failures = 0")
    watch(quiet.workspace)

    assert opened == still == [("circuit.opened", "s/e")]
    assert events(quiet, "circuit.%") == [
        ("circuit.opened", "s/e", True),
        ("circuit.closed", "s/e", True),
    ]


def note_failure(quiet: Quiet, reason: str) -> None:
    told = {
        "source": "s",
        "endpoint": "e",
        "seconds": 0.1,
        "reason": reason,
        "opens_after": 5,
        "refund": 0,
        "is_probe": False,
    }
    with quiet.database.connection() as conn:
        conn.execute(QUERIES.note_failure, told)


def result(severity: Severity, window: Range = NARROW, group: str = "") -> CheckResult:
    return CheckResult(
        "coverage_at_least",
        "ra_races",
        group,
        severity,
        0.5,
        10,
        (),
        "",
        NOW,
        window.since,
        window.until,
    )


def judged(quiet: Quiet, *results: CheckResult) -> None:
    with quiet.database.connection() as conn:
        tell_checks(conn, RACING, results, now=NOW)


def test_a_check_that_fails_in_many_groups_is_one_alert(quiet: Quiet) -> None:
    judged(quiet, *(result(Severity.FAIL, group=f"20{year}") for year in range(10, 26)))

    assert open_alerts(quiet) == [("check.failed", "ra_races: coverage_at_least")]


@pytest.mark.fault("Q02")
def test_a_check_that_could_not_be_measured_is_an_alert(quiet: Quiet) -> None:
    judged(quiet, result(Severity.ERROR))

    assert len(open_alerts(quiet)) == 1


@pytest.mark.parametrize(
    ("window", "is_over"),
    [
        (NARROW, True),
        (Range(), True),
        (Range(date(2024, 1, 1), date(2024, 12, 31)), True),
        (Range(date(2024, 3, 2), date(2024, 3, 31)), False),
        (Range(date(2024, 3, 1), date(2024, 3, 30)), False),
        (Range(date(2025, 1, 1), None), False),
    ],
)
def test_a_check_is_well_again_when_it_passes_on_the_days_it_failed_on(
    quiet: Quiet, window: Range, *, is_over: bool
) -> None:
    judged(quiet, result(Severity.FAIL))
    judged(quiet, result(Severity.PASS, window))

    assert (open_alerts(quiet) == []) is is_over


def test_checks_that_pass_tell_nothing(quiet: Quiet) -> None:
    judged(quiet, result(Severity.PASS), result(Severity.NOT_APPLICABLE), result(Severity.WARN))

    assert events(quiet) == []


def lag(hours: float, severity: Severity, *series: str) -> Lag:
    return Lag("ra_races", series, hours, 4.0, 8.0, severity, None, "2026-03-09")


def test_a_dataset_that_is_late_is_one_alert_until_it_is_not(quiet: Quiet) -> None:
    with quiet.database.connection() as conn:
        late = [lag(9, Severity.FAIL, "gb"), lag(30, Severity.FAIL, "ire")]
        tell_freshness(conn, RACING, [*late, lag(5, Severity.WARN, "fr")], now=NOW)
    opened = quiet.execute("select subject, details from stocktake.alert")
    with quiet.database.connection() as conn:
        tell_freshness(conn, RACING, [lag(5, Severity.WARN, "gb")], now=NOW)

    assert opened == [
        (
            "ra_races",
            {
                "behind_hours": 30,
                "fail_hours": 8.0,
                "reason": "2026-03-09",
                "slices": ["gb", "ire"],
            },
        )
    ]
    assert open_alerts(quiet) == []


def test_a_run_of_workers_that_is_given_up_is_an_alert(quiet: Quiet) -> None:
    quiet.execute(
        "insert into stocktake.run (system, kind, state, is_detached, started_at, updated_at)"
        " values ('racing', 'sync', 'running', true, now(), now())"
    )
    with quiet.database.connection() as conn:
        stop_run(conn, 1, "failed", error="given up after 5 tries", now=NOW)

    assert open_alerts(quiet) == [("run.failed", "run 1 (sync)")]


def test_each_run_that_stops_is_told_to_those_who_draw_runs(quiet: Quiet) -> None:
    for number in (1, 2):
        quiet.execute(
            "insert into stocktake.run (system, kind, state, is_detached, started_at, updated_at)"
            " values ('racing', 'sync', 'running', true, now(), now())"
        )
        with quiet.database.connection() as conn:
            stop_run(conn, number, "failed", error="given up after 5 tries", now=NOW)

    told = quiet.execute("select kind from stocktake.event order by event_id")
    assert told == [("run.failed",), ("lineage.failed",), ("lineage.failed",)]


@pytest.mark.parametrize("state", ["cancelled", "paused"])
def test_a_run_that_somebody_stopped_is_a_note(quiet: Quiet, state: str) -> None:
    quiet.execute(
        "insert into stocktake.run (system, kind, state, is_detached, started_at, updated_at)"
        " values ('racing', 'sync', 'running', true, now(), now())"
    )
    with quiet.database.connection() as conn:
        stop_run(conn, 1, state, message="ann stopped it", now=NOW)

    assert quiet.execute("select kind, alert_id from stocktake.event") == [(f"run.{state}", None)]


def test_days_that_are_lost_are_told_by_the_next_sync_and_their_return_too(
    stable: Stable,
) -> None:
    stable.sync("ra_race_results", days=9)
    before = events(stable, "gap.%")
    stable.execute("delete from racing.ra_race_results where race_date = '2026-03-02'")
    results = find_datasets(stable.system, ["ra_race_results"])
    recount_system(stable.workspace, stable.system, results, Range())
    drifted = {subject for _, subject in open_alerts(stable)}
    stable.server.rules.add([Fault("empty_object", match="2026-03-02")])
    stable.now += timedelta(hours=1)
    stable.sync("ra_race_results", days=9)
    opened = [event for event in open_alerts(stable) if event[0] == "gap.opened"]
    stable.server.rules.clear()
    stable.now += timedelta(hours=1)
    stable.sync("ra_race_results", days=9)

    assert before == []
    assert "ra_race_results" in drifted
    assert opened == [("gap.opened", "ra_race_results")]
    assert events(stable, "gap.%")[-1] == ("gap.closed", "ra_race_results", True)


def test_a_disk_that_is_nearly_full_is_told_until_it_has_room(
    quiet: Quiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(watching, "LOW_FREE_BYTES", 1 << 62)
        watch(quiet.workspace)
        watch(quiet.workspace)
    low = open_alerts(quiet)
    watch(quiet.workspace)

    assert [kind for kind, _ in low] == ["disk.low"]
    assert [kind for kind, *_ in events(quiet)] == ["disk.low", "disk.ok"]
