"""An application over a fresh sandbox database, asked by whoever a test wants to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from stocktake.access import passwords
from stocktake.access.audit import Actor
from stocktake.access.keys import add_key
from stocktake.access.roles import Role
from stocktake.access.users import add_user
from stocktake.api.app import Serving, make_app
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Secret, Settings
from stocktake.store.installation import init
from stocktake.testing.database import temporary_database

if TYPE_CHECKING:
    from stocktake.store.cluster import LocalCluster

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSWORD = "four words in a row"
TESTS = Actor("tests", "cli")
AT_ONCE = Serving(fresh_seconds=0, identity_seconds=0)
"""Nothing is kept for a moment: what a test changed is seen by its next request."""


@dataclass
class Hands:
    """A clock that stands still until a test moves it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Served:
    """An application and its callers."""

    workspace: Workspace
    clock: Hands
    app: Any = None
    opened: list[TestClient] = field(default_factory=list)

    def caller(
        self, *, base_url: str = "http://localhost", address: str = "127.0.0.1"
    ) -> TestClient:
        """Somebody nobody knows."""
        made = TestClient(
            self.app, base_url=base_url, client=(address, 40_000), raise_server_exceptions=False
        )
        self.opened.append(made)
        return made

    def with_key(self, role: Role, *, scopes: tuple[str, ...] = (), **more: Any) -> TestClient:
        """A program with a key of this role."""
        with self.workspace.database.connection() as conn:
            made = add_key(
                conn, "of a test", role=role, by=TESTS, now=self.clock(), scopes=scopes, **more
            )
        found = self.caller()
        found.headers["Authorization"] = f"Bearer {made.text}"
        return found

    def user(self, name: str, role: Role = Role.VIEWER) -> None:
        """Make an account with the usual password."""
        with self.workspace.database.connection() as conn:
            add_user(conn, name, role=role, by=TESTS, now=self.clock(), password=PASSWORD)

    def logged_in(self, name: str, role: Role = Role.VIEWER, *, agent: str = "tests") -> TestClient:
        """A browser in which a new account of this role is logged in."""
        self.user(name, role)
        return self.log_in(name, agent=agent)

    def log_in(self, name: str, *, agent: str = "tests") -> TestClient:
        """A browser in which an account is logged in."""
        found = self.caller()
        found.headers["User-Agent"] = agent
        answer = found.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        found.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return found


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash at the least cost there is: what is tested here is not how long it takes."""
    with pytest.MonkeyPatch.context() as patched:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patched.setattr(passwords, "HASHER", cheap)
        yield


@contextmanager
def serving(cluster: LocalCluster, how: Serving = AT_ONCE) -> Iterator[Served]:
    """Serve a fresh sandbox database."""
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        clock = Hands()
        settings = Settings(home=cluster.home, database_url=Secret(database.url))
        found = Served(Workspace(settings, database, "sandbox", clock), clock)
        found.app = make_app(found.workspace, serving=how)
        try:
            yield found
        finally:
            for client in found.opened:
                client.close()


@pytest.fixture
def served(cluster: LocalCluster) -> Iterator[Served]:
    """An application of the test's own."""
    with serving(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def shared_served(cluster: LocalCluster) -> Iterator[Served]:
    """An application that the tests of a module share, because they change nothing of it."""
    with serving(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def reader(shared_served: Served) -> TestClient:
    """A program that may read."""
    return shared_served.with_key(Role.VIEWER)
