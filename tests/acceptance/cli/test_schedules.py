"""``schedule``: what is listed, switched, added and run, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from stocktake.run.registry import installed_systems
from tests.acceptance.cli.command import installation, stocktake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster

DECLARED = {
    f"{system.name}.{one.name}"
    for system in installed_systems().values()
    for one in system.schedules
}
KEYS = {
    *("name", "system", "cron", "zone", "verb", "datasets", "options", "catch_up", "overlap"),
    *(
        "jitter_seconds",
        "is_declared",
        "is_enabled",
        "is_changed",
        "is_on",
        "why_off",
        "next_at",
        "last",
    ),
}


@pytest.fixture(scope="module")
def sandbox(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installation(cluster, tmp_path_factory.mktemp("home"), kind="sandbox"):
        yield


@pytest.fixture
def real(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installation(cluster, tmp_path_factory.mktemp("home"), kind="real"):
        yield


@pytest.mark.usefixtures("sandbox")
def test_every_declared_schedule_is_listed_and_on() -> None:
    listed = stocktake("schedule", "list", "--json").json["schedules"]

    assert {one["name"] for one in listed} >= DECLARED
    assert set(listed[0]) == KEYS
    assert [one["why_off"] for one in listed if one["why_off"]] == []
    assert datetime.fromisoformat(listed[0]["next_at"]) > datetime.now(tz=UTC)


@pytest.mark.usefixtures("real")
def test_a_schedule_whose_source_has_no_credentials_says_so() -> None:
    said = stocktake("schedule", "list", "racing").out

    assert "off: source theracingapi has no credentials" in said


@pytest.mark.usefixtures("sandbox")
def test_a_schedule_is_switched_off_and_on() -> None:
    off = stocktake("schedule", "disable", "racing.people", "--by", "ann")
    assert (off.code, off.out.strip()) == (0, "racing.people is off: disabled by ann")

    on = stocktake("schedule", "enable", "people", "--json")
    assert (on.json["is_enabled"], on.json["is_on"]) == (True, True)


@pytest.mark.usefixtures("sandbox")
def test_an_own_schedule_is_added_shown_and_removed() -> None:
    added = stocktake(
        "schedule", "add", "racing", "nights", "sync", "ra_races", "--cron", "0 3 * * *", "--json"
    ).json
    assert (added["name"], added["zone"], added["datasets"], added["is_declared"]) == (
        "racing.nights", "Europe/London", ["ra_races"], False,
    )  # fmt: skip

    fires = stocktake("schedule", "next", "nights", "--from", "2026-03-28", "-n", "2", "--json")
    assert fires.json["fires"] == ["2026-03-28T03:00:00Z", "2026-03-29T03:00:00+01:00"]

    assert stocktake("schedule", "remove", "nights").out == "racing.nights is removed\n"
    assert stocktake("schedule", "remove", "nights").code == 2


@pytest.mark.usefixtures("sandbox")
def test_a_schedule_run_by_hand_does_what_its_command_does_and_is_in_its_history() -> None:
    stocktake("schedule", "add", "racing", "now", "derive", "--cron", "0 3 1 1 *", "--by", "ann")

    done = stocktake("schedule", "run", "racing.now", "--by", "ann", "--json")

    assert (done.code, done.json["state"]) == (0, "done")
    (fire,) = stocktake("schedule", "history", "racing.now", "--json").json["fires"]
    assert (fire["run_id"], fire["run_state"], fire["by"]) == (done.json["run_id"], "done", "ann")
    assert "run" in stocktake("schedule", "history", "racing.now").out


@pytest.mark.usefixtures("sandbox")
def test_a_check_run_by_hand_keeps_its_exit_code() -> None:
    direct = stocktake("check", "nba", "--json")

    assert stocktake("schedule", "run", "nba.health", "--json").code == direct.code


@pytest.mark.usefixtures("sandbox")
def test_a_schedule_run_by_a_worker_is_queued() -> None:
    queued = stocktake("schedule", "run", "racing.people", "--detach", "--by", "ann", "--json").json

    assert queued["state"] == "queued"
    run = stocktake("run", "show", queued["run_id"], "--json").json
    assert (run["kind"], run["state"]) == ("derive", "queued")
    (fire,) = stocktake("schedule", "history", "racing.people", "--json").json["fires"]
    assert (fire["run_id"], fire["by"]) == (queued["run_id"], "ann")


REFUSED = (
    (
        "schedule run nope",
        "no schedule is called 'nope'.",
        "Schedules: nba.audit, nba.box_scores",
    ),
    (
        "schedule remove racing.people",
        "racing.people is declared by its system and would come back.",
        "stocktake schedule disable racing.people",
    ),
    (
        "schedule add racing late sync",
        "when is it to fire?",
        "Add --cron, such as --cron '30 2 * * *'.",
    ),
    (
        "schedule add racing late dance --cron @",
        "schedule late: 'dance' cannot recur, only sync, backfill, derive, verify, check, train.",
        "stocktake schedule add --help",
    ),
    (
        "schedule add racing late sync --cron @",
        "'@' is not a cron expression.",
        "It has 1 field. Five fields: minute hour day month weekday, such as '30 2 * * *'.",
    ),
    (
        "schedule add racing late sync --cron 0_0_*_*_* --catch-up none",
        "--catch-up 'none' does not exist.",
        "It is one of: coalesce, each.",
    ),
    (
        "schedule add racing late sync --cron 0_0_*_*_* --catch-up each",
        "schedule late: catching up each fire needs overlap queue.",
        "stocktake schedule add --help",
    ),
)


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(("typed", "message", "hint"), REFUSED)
def test_what_is_refused_says_what_to_do(typed: str, message: str, hint: str) -> None:
    said = stocktake(*(word.replace("_", " ") if "*" in word else word for word in typed.split()))

    assert said.code == 2
    assert message in said.err
    assert hint in said.err
