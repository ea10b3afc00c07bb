"""Metrics and health, measured from a database in which a run has been, as clients read them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stocktake.errors import SourceError
from stocktake.fetch.sources import pause_source
from stocktake.model import Range
from stocktake.observe.metrics import Figures, render
from stocktake.run import healthy
from stocktake.run.checked import check_system
from stocktake.run.healthy import health, livez, readyz
from stocktake.run.metered import SQL, Meter, metrics_text
from stocktake.run.registry import find_datasets
from stocktake.run.sourced import source_days, source_log
from stocktake.run.workspace import components
from stocktake.settings import Settings
from stocktake.store.database import Database
from stocktake.store.installation import init
from stocktake.testing import Fault
from stocktake.testing.database import temporary_database, unprepared
from tests.integration.observe.conftest import Office
from tests.integration.run.conftest import RACING, stable, stabled  # noqa: F401 -- fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from tests.integration.run.conftest import Stable

NAMES = {
    "stocktake_units": ("system", "dataset", "state"),
    "stocktake_coverage_ratio": ("system", "dataset"),
    "stocktake_fetch_requests": ("source", "code"),
    "stocktake_fetch_seconds": ("source", "endpoint"),
    "stocktake_rate_wait_seconds": ("source", "endpoint"),
    "stocktake_rows_merged": ("op",),
    "stocktake_check_status": ("system", "dataset", "check"),
    "stocktake_oldest_gap_age_seconds": ("system", "dataset"),
    "stocktake_schedule_lateness_seconds": ("system", "schedule"),
}
DAY = date(2026, 3, 1)
SOURCE = next(one for one in RACING.sources if one.name == "theracingapi")


@pytest.fixture
def office(cluster: LocalCluster, tmp_path: Path) -> Iterator[Office]:
    """An installation with the tables of every system, and nothing in them."""
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        yield Office(database, tmp_path)


def figures(text: bytes) -> dict[str, dict[tuple[str, ...], float]]:
    """Return every sample by name and labels, as Prometheus' own parser reads them."""
    return {
        sample.name: {
            tuple(other.labels[label] for label in NAMES[family.name]): other.value
            for other in family.samples
            if other.name == sample.name
        }
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_figure_of_a_run_is_measured_and_labels_are_names(stable: Stable) -> None:  # noqa: F811
    stable.backfill("ra_races", "ra_race_results", since=DAY, until=DAY + timedelta(days=4))
    chosen = find_datasets(stable.system, ["ra_races"])
    check_system(stable.workspace, stable.system, chosen, Range(DAY, DAY))
    text = metrics_text(stable.workspace)
    found = figures(text)
    families = {one.name: one for one in text_string_to_metric_families(text.decode())}
    asked = sum(found["stocktake_fetch_requests_total"].values())
    rows = stable.execute("select count(*) from racing.ra_race_results")[0][0]

    assert families.keys() == NAMES.keys()
    for name, family in families.items():
        labels = {key for sample in family.samples for key in sample.labels} - {"le"}
        assert labels <= set(NAMES[name]), name
    assert asked == stable.asked
    assert found["stocktake_fetch_requests_total"]["theracingapi", "200"] == asked
    assert sum(found["stocktake_fetch_seconds_count"].values()) == asked
    assert sum(found["stocktake_rate_wait_seconds_count"].values()) == asked
    assert found["stocktake_units"]["racing", "ra_race_results", "complete"] >= 5
    assert 0 < found["stocktake_coverage_ratio"]["racing", "ra_races"] < 1
    assert found["stocktake_rows_merged_total"]["inserted",] >= rows > 0
    assert found["stocktake_oldest_gap_age_seconds"]["racing", "ra_race_results"] > 9 * 365 * 86400
    assert set(found["stocktake_check_status"].values()) <= {0, 1, 2, 3}


def test_what_an_endpoint_did_on_a_day_adds_up(stable: Stable) -> None:  # noqa: F811
    stable.backfill("ra_race_results", since=DAY, until=DAY + timedelta(days=4))
    stable.now += timedelta(days=1)
    stable.server.rules.add([Fault("503", match="2026-03-07", times=2)])
    stable.backfill("ra_race_results", since=DAY, until=DAY + timedelta(days=6))
    days = source_days(stable.workspace, stable.system, days=7)
    tries, _ = source_log(stable.workspace, stable.system, SOURCE, limit=10)

    assert sum(one.requests for one in days) == stable.asked
    assert sum(one.errors for one in days) == len(tries) == 2
    assert {one.day for one in days} == {date(2026, 3, 10), date(2026, 3, 11)}
    newest = next(one for one in days if one.errors)
    assert newest.classes["server_errors"] == 2
    assert newest.p50_seconds is not None
    assert newest.p95_seconds is not None
    assert newest.p50_seconds <= newest.p95_seconds
    assert sum(one.rows for one in days) > 100
    assert source_days(stable.workspace, stable.system, days=1) == [
        one for one in days if one.day == date(2026, 3, 11)
    ]


@pytest.mark.fault("S12")
def test_a_password_that_is_echoed_gets_into_no_output(
    stable: Stable,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
) -> None:
    canary = stable.workspace.settings.secrets()
    stable.server.rules.add([Fault("401", after=2)])
    with pytest.raises(SourceError):
        stable.backfill("ra_races", since=DAY, until=DAY + timedelta(days=5))
    told = metrics_text(stable.workspace).decode() + json.dumps(health(stable.workspace).as_json())
    for table in ("event", "alert", "delivery", "endpoint_day", "attempt", "gate", "run_log"):
        told += str(stable.execute(f"select t::text from stocktake.{table} t"))
    captured = capfd.readouterr()

    assert canary == ("not-a-secret",)
    assert canary[0] not in told + captured.out + captured.err


def test_an_empty_installation_has_no_figures_and_is_well(office: Office) -> None:
    found = figures(metrics_text(office.workspace))
    report = health(office.workspace)

    assert found["stocktake_rows_merged_total"]["inserted",] == 0
    assert "stocktake_units" not in found
    assert report.status == "pass", report.as_json()


def test_figures_are_measured_once_in_a_while(office: Office) -> None:
    meter = Meter(office.workspace, fresh_seconds=60.0)
    before = meter.text()
    with office.database.connection() as conn:
        conn.execute(
            "insert into endpoint_day (source, endpoint, day, codes) values"
            """ ('s', 'e', '2026-03-01', '{"200": 3}')"""
        )
    again, anew = meter.text(), Meter(office.workspace).text()

    assert again == before
    assert figures(anew)["stocktake_fetch_requests_total"] == {("s", "200"): 3.0}


def test_odd_names_break_no_line() -> None:
    text = render(Figures(requests={('a"\n{} 1', "200"): 1}))

    assert figures(text)["stocktake_fetch_requests_total"] == {('a"\n{} 1', "200"): 1.0}


def vitals(office: Office) -> dict[str, tuple[str, str]]:
    return {vital.name: (vital.status, vital.output) for vital in health(office.workspace).vitals}


def test_a_database_that_is_away_fails_health_and_not_the_question(
    office: Office, tmp_path: Any
) -> None:
    gone = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"
    workspace = type(office.workspace)(
        Settings(home=tmp_path), Database(gone, application="tests"), "real", lambda: office.now
    )
    report = readyz(workspace)

    assert (report.status, report.http_status) == ("fail", 503)
    assert livez() == {"status": "pass"}
    assert health(workspace).http_status == 503


@pytest.mark.fault("C05")
def test_a_full_disk_fails_health(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:  # no disk has this much room
        patched.setattr(healthy, "LOW_FREE_BYTES", 1 << 62)
        low = health(office.workspace)
        patched.setattr(healthy, "LEAST_FREE_BYTES", 1 << 61)
        full = health(office.workspace)
    well = health(office.workspace)

    assert [report.status for report in (low, full, well)] == ["warn", "fail", "pass"]
    assert [report.http_status for report in (low, full, well)] == [200, 503, 200]


def test_a_paused_source_is_a_warning(office: Office) -> None:
    with office.database.connection() as conn:
        pause_source(conn, "vendor", reason="HTTP 401", by="test", now=office.now)
    report = health(office.workspace)

    assert vitals(office)["source:paused"] == ("warn", "vendor: HTTP 401")
    assert (report.status, report.http_status) == ("warn", 200)


def test_runs_that_wait_without_a_worker_are_a_warning(office: Office) -> None:
    with office.database.connection() as conn:
        conn.execute(
            "insert into run (system, kind, state, is_detached, started_at, updated_at)"
            " values ('racing', 'sync', 'queued', true, now(), now())"
        )
    status, output = vitals(office)["worker:heartbeat"]

    assert (status, output) == ("warn", "1 runs wait and no worker lives: stocktake worker")


@pytest.mark.parametrize(("minutes", "status"), [(3, "pass"), (30, "warn"), (90, "fail")])
def test_a_schedule_nobody_decides_about_is_noticed(
    office: Office, minutes: int, status: str
) -> None:
    with office.database.connection() as conn:
        conn.execute(
            "insert into schedule (system, name, cron, zone, verb, is_declared, decided_until,"
            " changed_at) values ('racing', 'noon', '0 * * * *', 'UTC', 'sync', true,"
            " '2026-03-01T11:30Z', now())"
        )
    office.now += timedelta(minutes=minutes)

    assert vitals(office)["scheduler:lateness"][0] == status


def test_messages_that_were_given_up_are_a_warning(office: Office) -> None:
    office.tell()
    with office.database.connection() as conn:
        conn.execute(
            "insert into delivery (event_id, channel, state, made_at, next_try_at)"
            " values (1, 'ops', 'dead', now(), now())"
        )

    assert vitals(office)["alerts:undelivered"][0] == "warn"


def test_every_statement_is_understood_by_the_server(office: Office) -> None:
    with office.database.owner() as conn:
        assert unprepared(conn, SQL) == {}
