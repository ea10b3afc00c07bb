"""A small filled installation with its pages served, a worker at work, and browsers to look."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import httpx2

from stocktake.access.audit import Actor
from stocktake.access.roles import Role
from stocktake.access.users import add_user
from stocktake.api.app import make_app
from stocktake.api.server import Address, listening
from stocktake.model import PlanOptions, Range
from stocktake.run.backfill import backfill
from stocktake.run.checked import check_system
from stocktake.run.registry import find_system
from stocktake.run.worker import Shift, work
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Secret, Settings, SettingValue
from stocktake.store.installation import init
from stocktake.systems.racing.sandbox.server import create
from stocktake.testing import Fault
from stocktake.testing.database import temporary_database
from stocktake.web.app import mount_pages
from stocktake.web.entrance import Entrance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from stocktake.testing import SandboxServer

PASSWORD = "four words in a row"
ROLES = {"ann": Role.ADMIN, "olaf": Role.OPERATOR, "vera": Role.VIEWER}
RACING = find_system("racing")
FILLED = ("ra_mst_regions", "ra_mst_courses", "ra_races", "ra_runners", "ra_race_results")
DAYS = 4
NASTY = "<img src=x onerror=alert(1)>"


@dataclass(slots=True)
class World:
    """Where the tests look.

    Args:
        url: Of the pages.
        workspace: Behind them.
        sandbox: The source.
        since: First day filled.
        until: Last day filled.
        broken: A day the source cannot tell.
        entrance: The link that lets in once.
    """

    url: str
    workspace: Workspace
    sandbox: SandboxServer
    since: date
    until: date
    broken: date
    entrance: Entrance
    clients: dict[str, httpx2.Client] = field(default_factory=dict)

    def client(self, name: str) -> httpx2.Client:
        """Return a browser's client that is logged in."""
        if name not in self.clients:
            client = httpx2.Client(base_url=self.url, headers={"accept": "text/html"}, timeout=60)
            answer = client.post("/login", data={"name": name, "password": PASSWORD, "back": "/"})
            assert answer.status_code == 303, answer.text
            self.clients[name] = client
        return self.clients[name]

    def post(self, who: str, path: str, **fields: str) -> httpx2.Response:
        """Send a form as the page itself would, with the session's token."""
        client = self.client(who)
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/runs").text)
        assert token
        return client.post(path, data={**fields, "csrf_token": token[1]})


@contextlib.contextmanager
def opened(cluster: LocalCluster, today: date, home: Path) -> Iterator[World]:
    """Fill a few days of racing, one of them broken, and serve the pages."""
    until = today - timedelta(days=20)
    broken = until - timedelta(days=2)
    fault = Fault("502", endpoint="/v1/results", match=f"start_date={broken}")
    with (
        create(1, "year", until=today, rate_factor=800.0, faults=(fault,)) as sandbox,
        temporary_database(cluster, components=components()) as database,
    ):
        init(database, "sandbox")
        source: dict[str, SettingValue] = {
            "base_url": sandbox.base_url,
            "user": "sandbox",
            "password": Secret("not-a-secret"),
            "rate_factor": "800",
            "historical_results": "true",
        }
        settings = Settings(
            home=home, database_url=Secret(database.url), sources={"theracingapi": source}
        )
        workspace = Workspace(settings, database, "sandbox")
        since = until - timedelta(days=DAYS - 1)
        options = PlanOptions(datasets=FILLED, since=since, until=until)
        backfill(workspace, RACING, options)
        check_system(workspace, RACING, [RACING.dataset("ra_races")], options_range(options))
        with workspace.database.connection() as conn:
            by = Actor("tests", "cli")
            for name, role in ROLES.items():
                add_user(conn, name, role=role, by=by, now=workspace.clock(), password=PASSWORD)
        entrance = Entrance("vera")
        with served(workspace, entrance) as url:
            world = World(url, workspace, sandbox, since, until, broken, entrance)
            yield world
            for client in world.clients.values():
                client.close()


def options_range(options: PlanOptions) -> Range:
    """Return the days of plan options."""
    return Range(options.since, options.until)


@contextlib.contextmanager
def served(workspace: Workspace, entrance: Entrance) -> Iterator[str]:
    """Serve the pages with a worker in a thread of its own."""
    app = make_app(workspace)
    mount_pages(app, workspace, entrance=entrance)
    found: list[str] = []
    is_open, loops = threading.Event(), list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]()

    async def run() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        working = asyncio.create_task(work(workspace, stop=stop, shift=Shift()))
        async with listening(app, Address("127.0.0.1", 0)) as url:
            found.append(url)
            is_open.set()
            await stop.wait()
        await working

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert is_open.wait(30)
    try:
        yield found[0]
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)


def chromium() -> str | None:
    """Return the program of the machine's Chromium."""
    return os.environ.get("STOCKTAKE_CHROMIUM") or shutil.which("chromium")


class Outline(HTMLParser):
    """What a page consists of: landmarks, headings, links, forms, ids."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.forms: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        told = dict(attrs)
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if told.get("id"):
            self.ids.append(str(told["id"]))
        if tag == "a" and told.get("href"):
            self.links.append(str(told["href"]))
        if tag == "form":
            self.forms.append(told)
