"""How quick are pages at 16.4 million units and 5 million rows, and what do 1,000 viewers cost?"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from benchmarks import count_units
from benchmarks.measure import text_table
from stocktake.access.audit import Actor
from stocktake.access.roles import Role
from stocktake.access.users import add_user
from stocktake.api.server import raise_file_limit
from stocktake.model import ordinal_of
from stocktake.run.registry import installed_systems
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Secret, Settings
from stocktake.store.database import Database
from stocktake.store.installation import init
from stocktake.store.queries import load_queries
from stocktake.testing.database import temporary_cluster, temporary_database, temporary_home
from tests.acceptance.web.world import served as serving

PASSWORD = "four words in a row"
SERIES, DAYS, REJECTS, VIEWERS, ASKS = 45_000, 365, 5_000_000, 1_000, 20
QUERIES = load_queries("benchmarks", "web_scale.sql")
HERE = "/s/bench/d/units"
PAGE_MS, FRAGMENT_MS, TABLE_MS, VIEWERS_MB, IDLE_BYTES = 200.0, 80.0, 100.0, 300.0, 1_024
PAGES = (
    *("/?wait=1", "/s/bench", HERE, f"{HERE}?view=table", f"{HERE}?rows=123"),
    *(f"{HERE}/u/{{day}}/123", "/s/bench/gaps", "/s/bench/gaps?dataset=units&state=missing"),
    *("/s/bench/months", "/s/bench/checks", "/s/bench/sources", "/runs", "/schedules"),
)
FRAGMENTS = (
    *(f"{HERE}/tile.bin?row=0&column=0", f"{HERE}/tile.bin?agg=month", "/s/bench/tile.bin"),
    *(f"{HERE}/said?ordinal={{ordinal}}&series=123", f"{HERE}/u/{{day}}/123", "/s/bench/trend"),
)
TABLES = ("/s/bench/rejects", "/s/bench/rejects?before=2500000", "/s/bench/rejects?before=60")


def main() -> None:
    """Print a table per question, with the budget beside each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=SERIES)
    parser.add_argument("--rejects", type=int, default=REJECTS)
    parser.add_argument("--viewers", type=int, default=VIEWERS)
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.series)
        return
    load = [f"load {os.getloadavg()[0]:.1f} before"]
    with filled(asked.series, asked.rejects) as database_url, served(database_url, asked) as told:
        url, process = told
        client = signed_in(url)
        print(text_table(HEAD, ask(client, PAGES, "page", budget=PAGE_MS)), flush=True)
        print(text_table(HEAD, ask(client, FRAGMENTS, "fragment", budget=FRAGMENT_MS)), flush=True)
        print(text_table(HEAD, ask(client, TABLES, "5 M rows", budget=TABLE_MS)), flush=True)
        lines = asyncio.run(watch(client, url, process.pid, asked.viewers, database_url))
        print(text_table(("idle viewers", "found", "budget"), lines))
    print(*load, f"{os.getloadavg()[0]:.1f} after")


HEAD = ("kind", "path", "first ms", "median ms", "p95 ms", "budget p95")


def bench_system(series: int) -> None:
    """Install the system that the counting benchmark makes, as if it had an entry point."""
    installed_systems().clear()
    since = datetime.now(UTC).date() - timedelta(days=DAYS - 1)
    made = count_units.system_of(series, since=since, package="benchmarks")
    installed_systems()["bench"] = made


@contextmanager
def filled(series: int, rejects: int) -> Iterator[str]:
    """Make a database with held ranges of ``series`` series, and yield its address."""
    bench_system(series)
    with (
        temporary_cluster(temporary_home("bench-scale"), application="benchmark") as cluster,
        temporary_database(cluster, components=components()) as database,
    ):
        init(database, "real")
        first = datetime.now(UTC).date() - timedelta(days=DAYS - 1)
        with database.connection() as conn:
            conn.execute(count_units.QUERIES.fill_series, {"series": series})
            days = {"days": DAYS, "first": ordinal_of(first)}
            conn.execute(count_units.QUERIES.fill_ledger, days)
            conn.execute(QUERIES.note_run)
            conn.execute(QUERIES.fill_rejects, {"rows": rejects})
            by, now = Actor("bench", "cli"), datetime.now(UTC)
            add_user(conn, "ann", role=Role.ADMIN, by=by, now=now, password=PASSWORD)
        with database.login() as conn:
            conn.execute(QUERIES.settle)
        yield database.url


@contextmanager
def served(
    database_url: str, asked: argparse.Namespace
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve the pages in a process of their own, and yield their address."""
    command = (sys.executable, "-m", "benchmarks.web_scale", "--serve", database_url)
    with subprocess.Popen(
        (*command, "--series", str(asked.series)), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.terminate()


def serve(database_url: str, series: int) -> None:
    """Serve until terminated; the address is the only line printed."""
    bench_system(series)
    raise_file_limit()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), database_url=Secret(database_url))
        workspace = Workspace(settings, Database(database_url, application="web"), "real")
        with serving(workspace) as url:
            print(url, flush=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads what is logged
            time.sleep(86_400)


def signed_in(url: str) -> httpx2.Client:
    """Return a browser's client that is logged in."""
    client = httpx2.Client(base_url=url, headers={"accept": "text/html"}, timeout=120)
    assert client.post("/login", data={"name": "ann", "password": PASSWORD}).status_code == 303
    return client


def ask(
    client: httpx2.Client, paths: Sequence[str], kind: str, *, budget: float
) -> list[tuple[str, ...]]:
    """Return how long the server takes for each page: first, then asked by turns."""
    day = datetime.now(UTC).date() - timedelta(days=30)
    named = [path.format(day=day, ordinal=ordinal_of(day)) for path in paths]
    first = {path: timed(client, path) for path in named}
    times: dict[str, list[float]] = {path: [] for path in named}
    for _ in range(ASKS):
        for path in named:
            times[path].append(timed(client, path))
    return [
        (
            *(kind, path, f"{first[path]:.0f}", f"{statistics.median(taken):.0f}"),
            f"{(late := statistics.quantiles(taken, n=20)[-1]):.0f}",
            f"{budget:.0f}{'' if late <= budget else ' over'}",
        )
        for path, taken in times.items()
    ]


def timed(client: httpx2.Client, path: str) -> float:
    """Return the milliseconds an answer takes."""
    began = time.perf_counter()
    answer = client.get(path)
    assert answer.status_code == httpx2.codes.OK, (path, answer.status_code, answer.text[:500])
    return 1000 * (time.perf_counter() - began)


async def watch(
    client: httpx2.Client, url: str, pid: int, viewers: int, database_url: str
) -> list[tuple[str, ...]]:
    """Let many listen; return the server's memory, bytes of silence, and who hears a change."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    place = urlsplit(url)
    before = resident(pid)
    ask = f"GET /events HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookie}\r\n\r\n".encode()
    lines = []
    for _ in range(viewers):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(ask)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        lines.append((reader, writer))
    await asyncio.sleep(5)
    idle = [0] * viewers
    heard = [0.0] * viewers

    async def listen(number: int, until: float) -> None:
        reader = lines[number][0]
        while time.perf_counter() < until:
            try:
                got = await asyncio.wait_for(reader.read(65_536), until - time.perf_counter())
            except TimeoutError:
                return
            idle[number] += len(got)
            if b"event: change" in got and not heard[number]:
                heard[number] = time.perf_counter()
                return

    cpu = cpu_seconds(pid)
    begun = time.perf_counter()
    await asyncio.gather(*(listen(number, begun + 32) for number in range(viewers)))
    cpu = cpu_seconds(pid) - cpu
    after, silence = resident(pid), max(idle)
    told = time.perf_counter()
    await asyncio.to_thread(touch, database_url)
    await asyncio.gather(*(listen(number, told + 20) for number in range(viewers)))
    reached = [at - told for at in heard if at]
    for _, writer in lines:
        writer.close()
    return [
        ("viewers", f"{viewers}", f"{VIEWERS}"),
        ("server's memory, MB", f"{after:.0f} (before {before:.0f})", f"{VIEWERS_MB:.0f}"),
        ("bytes a second, each", f"{silence / 32:.1f}", f"{IDLE_BYTES}"),
        ("server's CPU, % of a core", f"{100 * cpu / 32:.1f}", ""),
        ("hear a change", f"{len(reached)}", f"{viewers}"),
        ("the last of them after, s", f"{max(reached, default=0.0):.2f}", ""),
    ]


def touch(database_url: str) -> None:
    """Let something happen to a run."""
    database = Database(database_url, application="bench")
    with database.connection() as conn:
        conn.execute(QUERIES.touch_run)
    database.close()


def resident(pid: int) -> float:
    """Return a process's resident memory, 10⁶ bytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def cpu_seconds(pid: int) -> float:
    """Return a process's CPU seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
