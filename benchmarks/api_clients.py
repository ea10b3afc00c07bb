"""How many reads a second does the HTTP API answer to 1,000 keep-alive clients, and how late?

A real server process on loopback, over a database with the NBA's schedule. Every client has a
connection of its own and sends its requests at instants drawn beforehand, so a late answer delays
nobody's clock: times count from when a request was due. Goal: at 300 requests a second p99 within
500 ms, and nothing but 200 (or, beyond what the machine can do, 429 and 503).

    ./do bench api_clients [--clients 1000] [--seconds 15] [--rates 300,600,1200]
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from benchmarks.measure import text_table
from stocktake.api.server import raise_file_limit
from stocktake.run.workspace import components
from stocktake.testing.database import temporary_cluster, temporary_database

PROGRAM = str(Path(sys.executable).with_name("stocktake"))
PATHS = (
    "/api/v1/systems",
    "/api/v1/runs",
    "/api/v1/operations?limit=10",
    "/api/v1/systems/nba/count?dataset=schedule",
    "/api/v1/systems/nba/count",
    "/api/v1/systems/nba/gaps?limit=20",
    "/api/v1/systems/racing/sources",
    "/api/v1/schedules",
)
CONNECTING_AT_ONCE = 50


async def one_request(link: Any, request: bytes) -> int:
    """Send a request and read its whole answer; return the status."""
    reader, writer = link
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    if length:
        await reader.readexactly(length)
    return int(head[9:12])


async def client(
    link: Any, dues: list[float], *, requests: list[bytes], rng: random.Random
) -> list[tuple[int, float]]:
    """Send a request at each instant; return status and seconds since it was due."""
    found = []
    for due in dues:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        status = await one_request(link, rng.choice(requests))
        found.append((status, time.perf_counter() - due))
    return found


async def connect(host: str, port: int, *, count: int, request: bytes) -> list[Any]:
    """Open connections, a few at a time, and send a request on each: idle ones are closed."""
    turn = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one() -> Any:
        async with turn:
            link = await asyncio.open_connection(host, port)
            await one_request(link, request)
            return link

    return await asyncio.gather(*(one() for _ in range(count)))


async def measured(
    links: list[Any], requests: list[bytes], *, rate: float, seconds: float, server: psutil.Process
) -> Any:
    """Ask at a rate, all clients together; return statuses and the times that matter."""
    before = server.cpu_times()
    rng = random.Random(1)
    begin = time.perf_counter() + 0.5
    dues: list[list[float]] = [[] for _ in links]
    for number in range(int(rate * seconds)):
        dues[rng.randrange(len(links))].append(begin + number / rate)
    started = time.perf_counter()
    answered = await asyncio.gather(
        *(
            client(link, own, requests=requests, rng=random.Random(place))
            for place, (link, own) in enumerate(zip(links, dues, strict=True))
        )
    )
    took = time.perf_counter() - started - 0.5
    found = [one for own in answered for one in own]
    times = sorted(late for status, late in found if status == 200) or [float("nan")]
    statuses = Counter(status for status, _ in found)

    def at(share: float) -> str:
        return f"{times[min(len(times) - 1, int(len(times) * share))] * 1000:.0f}"

    told = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    after = server.cpu_times()
    spent = after.user + after.system - before.user - before.system
    cost = f"{spent / len(found) * 1000:.2f}"
    return f"{rate:.0f}", f"{len(found) / took:.0f}", at(0.5), at(0.95), at(0.99), at(1), cost, told


async def run(url: str, key: str, options: argparse.Namespace, *, pid: int) -> list[Any]:
    """Measure every rate on the same connections."""
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    head = f"Host: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
    requests = [f"GET {path} HTTP/1.1\r\n{head}".encode() for path in PATHS]
    links = await connect(place.hostname, place.port, count=options.clients, request=requests[0])
    for request in requests:
        await one_request(links[0], request)
    return [
        await measured(
            links,
            requests,
            rate=float(rate),
            seconds=options.seconds,
            server=psutil.Process(pid),
        )
        for rate in options.rates.split(",")
    ]


def read_document(stream: Any) -> Any:
    """Read the one JSON document a service prints when it is open."""
    text = b""
    while not text.endswith(b"}\n"):
        line = stream.readline()
        if not line:
            sys.exit("the server did not start")
        text += line
    return json.loads(text)


def main() -> None:
    """Serve, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rates", default="300,600,1200")
    options = parser.parse_args()
    raise_file_limit()
    with (
        temporary_cluster() as cluster,
        temporary_database(cluster, components=components()) as database,
    ):
        own = {**os.environ, "STOCKTAKE_DATABASE_URL": database.url, "STOCKTAKE_LOG_LEVEL": "error"}
        subprocess.run(
            [PROGRAM, "init", "--sandbox", "--json"], env=own, capture_output=True, check=True
        )
        made = subprocess.run(
            [PROGRAM, "keys", "add", "bench", "--json"], env=own, capture_output=True, check=True
        )
        with subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--json"], env=own, stdout=subprocess.PIPE
        ) as server:
            try:
                told = read_document(server.stdout)
                key = json.loads(made.stdout)["key"]
                rows = asyncio.run(run(told["url"], key, options, pid=server.pid))
            finally:
                server.terminate()
    heads = (
        "asked/s",
        "answered/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "longest ms",
        "CPU ms",
        "statuses",
    )
    print(text_table(heads, rows))
    print(f"{options.clients} clients, load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
