"""One installation with two tenants, each with rows, runs, plans, people and keys of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as real_entry_points
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from stocktake.access import passwords
from stocktake.access.audit import Actor
from stocktake.access.keys import add_key
from stocktake.access.roles import Role
from stocktake.access.tenants import add_tenant
from stocktake.access.users import add_user
from stocktake.api.app import Serving, make_app
from stocktake.model import Schedule
from stocktake.run import registry
from stocktake.run.files import load_files
from stocktake.run.progress import silent
from stocktake.run.scheduled import add_schedule
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Secret, Settings
from stocktake.store.installation import init
from stocktake.testing.database import temporary_database
from stocktake.web.app import mount_pages
from tests.integration.tenants.shows.system import system as shows

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from stocktake.store.cluster import LocalCluster

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSWORD = "four words in a row"
TESTS = Actor("tests", "cli")
SHOWS = "/api/v1/systems/shows"
ONE_PLACE = EntryPoint("shows", "tests.integration.tenants.shows.system:system", registry.GROUP)


@dataclass
class Tenant:
    """One of the two, and who comes in its name."""

    tenant_id: UUID
    canary: str
    workspace: Workspace
    browser: TestClient
    programs: dict[Role, TestClient] = field(default_factory=dict)


@dataclass
class Town:
    """The installation, its application, and its tenants."""

    workspace: Workspace
    app: Any
    admin: TestClient
    north: Tenant
    south: Tenant


@pytest.fixture(scope="module")
def town(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Two tenants that have the same of everything, each under a word of its own."""
    with pytest.MonkeyPatch.context() as patched:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patched.setattr(passwords, "HASHER", cheap)
        patched.setattr(registry, "entry_points", _with_shows)
        registry.installed_systems.cache_clear()
        try:
            with _opened(cluster, tmp_path_factory.mktemp("plays")) as found:
                yield found
        finally:
            registry.installed_systems.cache_clear()


def _with_shows(*, group: str) -> list[EntryPoint]:
    return [*real_entry_points(group=group), ONE_PLACE]


@contextmanager
def _opened(cluster: LocalCluster, folder: Path) -> Iterator[Town]:
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        settings = Settings(home=cluster.home, database_url=Secret(database.url))
        workspace = Workspace(settings, database, "sandbox", lambda: NOW)
        app = make_app(workspace, serving=Serving(fresh_seconds=30, identity_seconds=30))
        mount_pages(app, workspace)
        with database.connection() as conn:
            add_user(conn, "root", role=Role.ADMIN, by=TESTS, now=NOW, password=PASSWORD)
        admin = _browser(app, "root")
        pair = [_tenant(workspace, app, slug, folder) for slug in ("north", "south")]
        yield Town(workspace, app, admin, *pair)


def _tenant(workspace: Workspace, app: Any, slug: str, folder: Path) -> Tenant:
    canary = f"canary{slug}"
    with workspace.database.connection() as conn:
        tenant_id = add_tenant(conn, slug, by=TESTS, now=NOW).tenant_id
    own = workspace.of(tenant_id)
    with own.database.connection() as conn:
        add_user(conn, f"{canary}.ann", role=Role.ADMIN, by=TESTS, now=NOW, password=PASSWORD)
        keys = {
            role: add_key(conn, f"{canary} {role}", role=role, by=TESTS, now=NOW).text
            for role in Role
        }
    found = Tenant(tenant_id, canary, own, _browser(app, f"{canary}.ann"))
    for role, text in keys.items():
        program = caller(app)
        program.headers["Authorization"] = f"Bearer {text}"
        found.programs[role] = program
    _fill(found, folder)
    return found


def _fill(tenant: Tenant, folder: Path) -> None:
    canary, operator = tenant.canary, tenant.programs[Role.OPERATOR]
    file = folder / f"{canary}.csv"
    lines = [f"{canary}-{day},2026-02-{day:02},web,{canary} show,{day}" for day in range(1, 20)]
    lines += [f"{canary}-x,2026-02-20,web,{canary} broken,many"]
    lines += [f"{canary}-19,2026-02-19,web,{canary} twice,20"]
    file.write_text("\n".join(["play_id,day,place,title,plays", *lines]), encoding="utf-8")
    dataset = shows.dataset("plays")
    load_files(tenant.workspace, shows, dataset, [file], source="", report=silent)
    with tenant.workspace.database.connection() as conn:
        conn.execute(
            "select emit_event('run.failed', 'shows', %(word)s, '{}', now(), %(word)s, false)",
            {"word": canary},
        )
    night = Schedule(canary, "0 4 * * *", "UTC", "check")
    add_schedule(tenant.workspace, shows, night, by=canary)
    unit = {"dataset": "plays", "unit": "2026-02-25/app", "reason": f"{canary} off"}
    once = {"Idempotency-Key": "the same of both"}
    asked = (
        operator.post(f"{SHOWS}/accept", json=unit),
        operator.post(f"{SHOWS}/plans", json={}),
        operator.post(f"{SHOWS}/check", json={}, headers=once),
        operator.post(f"{SHOWS}/signoffs", json={"dry_run": False}),
    )
    told = [(one.status_code, one.text) for one in asked]
    assert all(status < 300 for status, _ in told), told


def caller(app: Any, *, address: str = "127.0.0.1") -> TestClient:
    """Return somebody nobody knows, on this machine."""
    return TestClient(
        app,
        base_url="http://localhost",
        client=(address, 40_000),
        raise_server_exceptions=False,
        follow_redirects=False,
    )


def _browser(app: Any, name: str) -> TestClient:
    found = caller(app)
    found.headers["accept"] = "text/html"
    answer = found.post("/api/v1/session", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    found.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return found
