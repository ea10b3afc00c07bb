"""Alerts, metrics and sources as a user calls them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.observe.events import emit
from stocktake.store.database import Database
from tests.acceptance.cli.command import installation, stocktake
from tests.integration.observe.receivers import Hook, hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster

SECRET = "canary-secret-of-the-webhook-desk"
DAY = ("--since", "2025-06-01", "--until", "2025-06-01")


@pytest.fixture(scope="module")
def desk() -> Iterator[Hook]:
    with hook() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def told(
    cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory, desk: Hook
) -> Iterator[Database]:
    """An installation with one run and one open alert, and a channel to the desk."""
    home = tmp_path_factory.mktemp("home")
    (home / "stocktake.toml").write_text(
        f'[alerts.desk]\ntype = "webhook"\nurl = "{desk.url}"\nsecret = "{SECRET}"\n'
        "allow_private = true\n"
        f'[alerts.inside]\ntype = "slack"\nurl = "{desk.url}"\n',
        encoding="utf-8",
    )
    with installation(cluster, home, kind="sandbox") as address:
        database = Database(address, application="tests")
        made = stocktake("backfill", "racing", "ra_race_results", *DAY, "--quiet")
        assert made.code in {0, 1, 2}, made.err
        tell(database)
        yield database
        database.close()


def tell(database: Database) -> None:
    with database.connection() as conn:
        emit(
            conn,
            "source.paused",
            system="",
            subject="theracingapi",
            details={"reason": "HTTP 401"},
            now=datetime.now(UTC),
            dedupe="source:theracingapi",
        )


def test_open_alerts_are_listed_with_their_figures(told: Database) -> None:
    del told
    listed, shown = stocktake("alerts", "--json"), stocktake("alerts")

    (alert,) = [one for one in listed.json["alerts"] if one["kind"] == "source.paused"]
    assert (alert["subject"], alert["details"], alert["seen"]) == (
        "theracingapi",
        {"reason": "HTTP 401"},
        1,
    )
    assert (listed.code, shown.code) == (1, 1)
    assert "source theracingapi is paused: reason HTTP 401" in " ".join(shown.out.split())


def test_a_muted_alert_is_no_reason_to_exit_with_1(told: Database) -> None:
    del told
    number = stocktake("alerts", "list", "--json").json["alerts"][0]["alert_id"]
    muted = stocktake("alerts", "mute", number, "--reason", "known", "--by", "ann", "--json")
    quiet = stocktake("alerts", "list", "--json")
    stocktake("alerts", "mute", number, "--hours", "0")
    loud = stocktake("alerts", "list", "--json")

    assert muted.json["alert_id"] == number
    assert (quiet.code, loud.code) == (0, 1)
    assert (quiet.json["alerts"][0]["muted_by"], quiet.json["alerts"][0]["mute_reason"]) == (
        "ann",
        "known",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("mute", "999"), 2, "there is no alert 999"),
        (("mute", "1", "--hours", "-1"), 2, "--hours must not be below 0"),
        (("test", "fax"), 2, "there is no channel 'fax'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    told: Database, arguments: tuple[str, ...], code: int, text: str
) -> None:
    del told
    said = stocktake("alerts", *arguments)

    assert said.code == code
    assert text in said.err


def test_a_channel_is_tried_at_once(told: Database, desk: Hook) -> None:
    del told
    before = len(desk.got)
    said = stocktake("alerts", "test", "desk", "--json")
    refused = stocktake("alerts", "test", "inside", "--json")

    assert (said.code, said.json["is_taken"]) == (0, True)
    assert len(desk.got) == before + 1
    assert (refused.code, refused.json["is_taken"]) == (3, False)
    assert refused.json["response"] == "inside: 127.0.0.1 is not a public address."


@pytest.mark.fault("S12")
def test_channels_are_listed_without_address_and_secret(told: Database, desk: Hook) -> None:
    del told
    said = stocktake("alerts", "channels", "--json")
    shown = stocktake("alerts", "channels")

    assert [one["name"] for one in said.json["channels"]] == ["desk", "inside"]
    assert "desk (webhook): alerts" in shown.out
    assert not any(secret in said.out + shown.out for secret in (SECRET, desk.url))


def test_history_tells_of_runs_too(told: Database) -> None:
    del told
    said = stocktake("alerts", "history", "--json")
    kinds = [one["kind"] for one in said.json["events"]]

    assert kinds[0] == "source.paused"
    assert {"run.started", "run.finished"} <= set(kinds)


def test_metrics_are_printed_as_they_are_served(told: Database) -> None:
    del told
    said, as_json = stocktake("metrics"), stocktake("metrics", "--json")

    assert said.code == 0
    assert re.search(r'^stocktake_units\{dataset="ra_race_results"', said.out, re.MULTILINE)
    assert set(as_json.json) == {"metrics"}


def test_sources_show_what_each_endpoint_did_by_day(told: Database) -> None:
    del told
    said, shown = stocktake("sources", "racing", "--json"), stocktake("sources", "racing")
    days: list[dict[str, Any]] = said.json["days"]
    results = next(one for one in days if one["endpoint"] == "/v1/results")

    assert results["requests"] >= 1
    assert results["rows_per_request"] > 0
    assert results["p50_seconds"] <= results["p95_seconds"]
    assert "rows each" in shown.out


def test_a_source_that_is_tried_is_judged(told: Database) -> None:
    del told
    samples = stocktake("sources", "verify", "theracingapi", "--json").json["samples"]

    assert {(one["login"], one["shape"]) for one in samples} == {("accepted", "as expected")}


def test_the_log_of_a_source_tells_when_it_was_paused(told: Database) -> None:
    del told
    said = stocktake("sources", "log", "theracingapi", "--json")
    shown = stocktake("sources", "log", "theracingapi")

    assert [one["kind"] for one in said.json["events"]][:1] == ["source.paused"]
    assert "source.paused" in shown.out


def test_doctor_says_how_work_goes(told: Database) -> None:
    del told
    said = stocktake("doctor", "--json")
    names = {one["name"] for one in said.json["findings"]}

    assert {"worker:heartbeat", "scheduler:lateness", "source:paused"} <= names
