"""A small filled installation with its pages served, a worker at work, and browsers to look."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx2
from psycopg.sql import Identifier

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
from stocktake.store.database import Database
from stocktake.store.installation import init
from stocktake.store.queries import parse_queries
from stocktake.systems.racing.sandbox.server import create
from stocktake.testing import Fault
from stocktake.testing.database import temporary_database
from stocktake.web.app import mount_pages
from stocktake.web.entrance import Entrance

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from datetime import date

    from stocktake.store.cluster import LocalCluster
    from stocktake.testing import SandboxServer

PASSWORD = "four words in a row"
ROLES = {"ann": Role.ADMIN, "olaf": Role.OPERATOR, "vera": Role.VIEWER}
RACING = find_system("racing")
FILLED = ("ra_mst_regions", "ra_mst_courses", "ra_races", "ra_runners", "ra_race_results")
DAYS = 4
SQL = parse_queries(Path(__file__).with_name("world.sql").read_text(), place="world.sql")
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

    def close(self) -> None:
        """Close the browsers' clients."""
        for client in self.clients.values():
            client.close()


@contextlib.contextmanager
def installed(
    cluster: LocalCluster, today: date, home: Path, *, faults: Sequence[Fault] = ()
) -> Iterator[tuple[Workspace, SandboxServer]]:
    """Make an installation with accounts and a racing sandbox, and nothing held."""
    with (
        create(1, "year", until=today, rate_factor=800.0, faults=faults) as sandbox,
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
        with workspace.database.connection() as conn:
            by = Actor("tests", "cli")
            for name, role in ROLES.items():
                add_user(conn, name, role=role, by=by, now=workspace.clock(), password=PASSWORD)
        yield workspace, sandbox


@contextlib.contextmanager
def opened(cluster: LocalCluster, today: date, home: Path) -> Iterator[World]:
    """Fill a few days of racing, one of them broken, and serve the pages with a worker."""
    until = today - timedelta(days=20)
    broken = until - timedelta(days=2)
    fault = Fault("502", endpoint="/v1/results", match=f"start_date={broken}")
    with installed(cluster, today, home, faults=(fault,)) as (workspace, sandbox):
        since = until - timedelta(days=DAYS - 1)
        options = PlanOptions(datasets=FILLED, since=since, until=until)
        with ThreadPoolExecutor(1) as aside:  # this thread may have a browser's loop in it
            aside.submit(backfill, workspace, RACING, options).result()
        check_system(workspace, RACING, [RACING.dataset("ra_races")], options_range(options))
        entrance = Entrance("vera")
        with served(workspace, entrance) as url, worked(workspace):
            world = World(url, workspace, sandbox, since, until, broken, entrance)
            yield world
            world.close()


@contextlib.contextmanager
def vacant(cluster: LocalCluster, today: date, home: Path) -> Iterator[World]:
    """Serve the pages of an installation that holds nothing, without a worker."""
    until = today - timedelta(days=20)
    with installed(cluster, today, home) as (workspace, sandbox):
        entrance = Entrance("vera")
        with served(workspace, entrance) as url:
            world = World(url, workspace, sandbox, until, until, until, entrance)
            yield world
            world.close()


def options_range(options: PlanOptions) -> Range:
    """Return the days of plan options."""
    return Range(options.since, options.until)


@contextlib.contextmanager
def served(
    workspace: Workspace, entrance: Entrance | None = None, *, port: int = 0
) -> Iterator[str]:
    """Serve the pages in a thread of their own; at the end the server is stopped."""
    app = make_app(workspace)
    mount_pages(app, workspace, entrance=entrance)

    async def serve(stop: asyncio.Event, is_open: Callable[[str], None]) -> None:
        async with listening(app, Address("127.0.0.1", port)) as url:
            is_open(url)
            await stop.wait()

    with beside(serve) as url:
        yield url


@contextlib.contextmanager
def worked(workspace: Workspace) -> Iterator[None]:
    """Let a worker work in a thread of its own."""

    async def labour(stop: asyncio.Event, is_open: Callable[[str], None]) -> None:
        is_open("")
        await work(workspace, stop=stop, shift=Shift())

    with beside(labour):
        yield


@contextlib.contextmanager
def beside(
    run: Callable[[asyncio.Event, Callable[[str], None]], Coroutine[None, None, None]],
) -> Iterator[str]:
    """Run a coroutine in a thread until the block ends; yield what it told when it was open."""
    found: list[str] = []
    is_open, loops = threading.Event(), list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]()

    def opens(told: str) -> None:
        found.append(told)
        is_open.set()

    async def main() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        await run(stop, opens)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert is_open.wait(30)
    try:
        yield found[0]
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)


@contextlib.contextmanager
def database_away(cluster: LocalCluster, workspace: Workspace) -> Iterator[None]:
    """Let nobody reach the installation's database, as when its server is down."""
    name = urlsplit(workspace.database.url).path.strip("/")
    with Database(cluster.url("postgres"), application="tests", cluster=cluster).login() as conn:
        conn.execute(SQL.shut.format(name=Identifier(name)))
        conn.execute(SQL.end_connections, {"name": name})
        try:
            yield
        finally:
            conn.execute(SQL.open.format(name=Identifier(name)))


def chromium() -> str | None:
    """Return the program of the machine's Chromium."""
    return os.environ.get("STOCKTAKE_CHROMIUM") or shutil.which("chromium")


_NAMED = re.compile(r"\d+|(?<=/d/)[a-z_]+|(?<=/checks/)[a-z_]+|(?<=/u/).*|(?<=^/schedules/).*")


@dataclass(slots=True)
class Crawl:
    """Pages found by following links from the overview, one of each kind.

    Args:
        texts: What each page is, by its path.
        broken: Links that lead nowhere, in words.
    """

    texts: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def found(self) -> list[str]:
        """Paths of the pages: one of each place, and of its ways to be shown."""
        places: dict[str, str] = {}
        for path in self.texts:
            shown = re.findall(r"view=\w+", path)
            places.setdefault(_NAMED.sub("#", path.partition("?")[0]) + "".join(shown), path)
        return list(places.values())


def crawl(client: httpx2.Client, *, beginning: Sequence[str], most: int = 120) -> Crawl:
    """Follow the links of pages; addresses that differ only in a number or a name are one kind.

    Args:
        client: Who looks.
        beginning: Where to begin.
        most: Kinds that differ from others only in what they ask for are left out beyond it.
    """
    made = Crawl()
    todo = deque((path, "the start") for path in beginning)
    kinds = {_kind(path) for path in beginning}
    while todo:
        path, parent = todo.popleft()
        answer = client.get(path)
        if answer.status_code not in {200, 303}:
            made.broken.append(f"{answer.status_code} {path} (from {parent})")
        if answer.status_code != 200 or "text/html" not in answer.headers.get("content-type", ""):
            continue
        made.texts[path] = answer.text
        for link in Outline(answer.text).links:
            target = urljoin(path, link).partition("#")[0]
            is_own = target.startswith("/") and not urlsplit(target).netloc
            if is_own and _kind(target) not in kinds and ("?" not in target or len(kinds) < most):
                kinds.add(_kind(target))
                todo.append((target, path))
    return made


def _kind(path: str) -> str:
    place, _, asked = path.partition("?")
    names = sorted(part.partition("=")[0] for part in asked.split("&"))
    return f"{_NAMED.sub('#', place)}?{'&'.join(names)}"


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
