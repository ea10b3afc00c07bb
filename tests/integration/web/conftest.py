"""The pages over a fresh sandbox database, without a browser, a source or a worker."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from stocktake.access.roles import Role
from stocktake.api.app import make_app
from stocktake.run.registry import find_system
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Secret, Settings
from stocktake.store.installation import init
from stocktake.testing.database import temporary_database
from stocktake.web.app import mount_pages
from tests.integration.api.conftest import AT_ONCE, Hands, Served, cheap_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from httpx2 import Response
    from starlette.testclient import TestClient

    from stocktake.store.cluster import LocalCluster

__all__ = ["cheap_passwords"]
RACING = find_system("racing")
NBA = find_system("nba")
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Pages(Served):
    """The pages, with the accounts that tests use."""

    known: dict[str, TestClient] = field(default_factory=dict)

    def change(self, **settings: object) -> None:
        """Serve the same database under other settings."""
        own = replace(self.workspace.settings, **settings)  # type: ignore[arg-type]
        self.workspace = replace(self.workspace, settings=own)
        self.app = make_app(self.workspace, serving=AT_ONCE)
        mount_pages(self.app, self.workspace)
        self.known.clear()

    def client(self, name: str) -> TestClient:
        """A browser in which ann (admin), olaf (operator) or vera (viewer) is logged in."""
        if name not in self.known:
            made = self.log_in(name)
            made.headers["Accept"] = "text/html"
            made.follow_redirects = False
            self.known[name] = made
        return self.known[name]

    def get(self, who: str, path: str) -> Response:
        """Ask for a page."""
        return self.client(who).get(path)

    def post(self, who: str, path: str, **fields: str) -> Response:
        """Send a form as a page without script would."""
        client = self.client(who)
        token = TOKEN.search(client.get("/runs").text)
        assert token
        del client.headers["X-CSRF-Token"]
        try:
            return client.post(path, data={**fields, "csrf_token": token[1]})
        finally:
            client.headers["X-CSRF-Token"] = token[1]


@contextmanager
def paged(cluster: LocalCluster) -> Iterator[Pages]:
    """Serve the pages of a fresh sandbox database."""
    with temporary_database(cluster, components=components()) as database:
        init(database, "sandbox")
        clock = Hands()
        settings = Settings(home=cluster.home, database_url=Secret(database.url))
        found = Pages(Workspace(settings, database, "sandbox", clock), clock)
        found.change()
        for name, role in (
            ("ann", Role.ADMIN),
            ("olaf", Role.OPERATOR),
            ("vera", Role.VIEWER),
        ):
            found.user(name, role)
        try:
            yield found
        finally:
            for client in found.opened:
                client.close()


@pytest.fixture
def pages(cluster: LocalCluster) -> Iterator[Pages]:
    """Pages of the test's own."""
    with paged(cluster) as found:
        yield found


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file and return where."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
