"""Tenants at the command line; lost factors and passwords that everybody knows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.cli.command import installation, stocktake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster


@pytest.fixture(scope="module")
def _installed(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installation(cluster, tmp_path_factory.mktemp("tenants"), kind="sandbox"):
        for slug in ("north", "south", "east"):
            made = stocktake("tenants", "add", slug, "--zone", "Europe/London")
            assert made.code == 0, made.err
        yield


pytestmark = pytest.mark.usefixtures("_installed")


def names(*more: str) -> set[str]:
    """Return the names of the accounts in sight."""
    return {one["name"] for one in stocktake("users", "list", "--json", *more).json["users"]}


def test_a_tenants_accounts_and_keys_are_its_own() -> None:
    stocktake("users", "add", "nora", "--role", "admin", "--tenant", "north")
    stocktake("--tenant", "south", "users", "add", "sam")
    stocktake("keys", "add", "uploads", "--tenant", "north")

    assert names("--tenant", "north") == {"nora"}
    assert names("--tenant", "south") == {"sam"}
    assert names() == {"admin"}
    keys = {
        slug: len(stocktake("keys", "list", "--json", "--tenant", slug).json["keys"])
        for slug in ("north", "south")
    }
    assert keys == {"north": 1, "south": 0}


def test_the_tenant_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKTAKE_TENANT", "east")

    stocktake("users", "add", "sue")

    assert "sue" in names()
    monkeypatch.delenv("STOCKTAKE_TENANT")
    assert "sue" not in names()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("users", "list", "--tenant", "west"), "there is no tenant 'west'"),
        (("tenants", "add", "north"), "there is a tenant 'north' already"),
        (("tenants", "add", "Not One"), "cannot be a tenant's short name"),
        (("tenants", "add", "east", "--zone", "Mars/Base"), "there is no time zone"),
        (("tenants", "change", "north", "--status", "sleepy"), "active, suspended, cancelled"),
        (("tenants", "change", "west", "--tier", "free"), "there is no tenant 'west'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(
    arguments: tuple[str, ...], says: str
) -> None:
    said = stocktake(*arguments)

    assert said.code in {2, 3}
    assert says in said.err


def test_a_tenant_is_suspended_and_changed() -> None:
    changed = stocktake(
        "tenants", "change", "south", "--status", "suspended", "--tier", "starter", "--json"
    ).json
    listed = {one["slug"]: one for one in stocktake("tenants", "list", "--json").json["tenants"]}
    stocktake("tenants", "change", "south", "--status", "active")

    assert (changed["status"], changed["tier"]) == ("suspended", "starter")
    assert listed["south"]["status"] == "suspended"
    assert listed["north"]["status"] == "active"


def test_a_lost_factor_is_removed_by_whoever_keeps_the_server() -> None:
    told = stocktake("users", "factor", "admin", "--remove", "--json").json

    assert told == {"name": "admin", "has_factor": False, "recovery_left": 0}


def test_a_breached_password_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = tmp_path / "known.txt"
    known.write_text("correct horse battery staple\n", encoding="utf-8")
    assert stocktake("users", "breached", known, "--json").json == {"lines": 1}
    monkeypatch.setattr("sys.stdin", io.StringIO(known.read_text(encoding="utf-8")))

    said = stocktake("users", "password", "admin")

    assert said.code != 0
    assert "list of those that attackers try first" in said.err
