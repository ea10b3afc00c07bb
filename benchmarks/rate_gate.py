"""How exactly do four programs use an allowed rate, judged at the server?

Goal: no second with more requests than allowed, at least 95 % of the rate used, and every program
at least half its fair share, at 2, 20 and 200 requests per second. The peer is pyrate-limiter on
the same PostgreSQL, with its documented bucket for several processes.
"""

import asyncio
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter

from benchmarks.measure import Contender, Goal, main
from benchmarks.peers import peers_python
from stocktake.fetch.gate import Permit, RateGate
from stocktake.model import Endpoint
from stocktake.store.database import Database
from stocktake.testing.database import temporary_cluster, temporary_database

PROGRAMS = 4
SECONDS = {2: 20.0, 20: 10.0, 200: 10.0}
# Blocking calls, a table of its own per run, its documented bucket for several processes.
PEER_WORKER = """
import socket, sys, time
from psycopg_pool import ConnectionPool
from pyrate_limiter import Duration, Limiter, PostgresBucket, Rate
url, port, name, rate, starts, ends = sys.argv[1:]
pool = ConnectionPool(url, min_size=1, max_size=2, open=True)
pool.wait()
limiter = Limiter(PostgresBucket(pool, "bench_rate", [Rate(int(rate), Duration.SECOND)]))
time.sleep(max(0.0, float(starts) - time.time()))
while time.time() < float(ends):
    if limiter.try_acquire("x", blocking=True, timeout=max(0.01, float(ends) - time.time())):
        with socket.create_connection(("127.0.0.1", int(port))) as line:
            line.sendall(name.encode())
"""


def stocktake_gate(rate: int) -> dict[str, float]:
    """Let our gate pace the programs."""
    return _paced(rate, (sys.executable, "-m", "benchmarks.rate_gate", "worker"))


def pyrate_limiter(rate: int) -> dict[str, float]:
    """Let the peer pace the programs."""
    return _paced(rate, (str(peers_python()), "-c", PEER_WORKER))


def _paced(rate: int, command: tuple[str, ...]) -> dict[str, float]:
    arrivals: list[tuple[float, str]] = []
    with temporary_cluster() as cluster, temporary_database(cluster) as database:
        port = _count_arrivals(arrivals)
        starts = time.time() + 4.0
        ends = starts + SECONDS[rate]
        told = (str(rate), str(starts), str(ends))
        programs = [
            subprocess.Popen([*command, database.url, str(port), str(number), *told])
            for number in range(PROGRAMS)
        ]
        endings = [program.wait() for program in programs]
        if any(endings):
            raise RuntimeError("A program ended with an error.")
    return _judged(sorted(arrivals), rate)


def _count_arrivals(arrivals: list[tuple[float, str]]) -> int:
    """Serve in a thread of its own; return the port."""
    ready = threading.Event()
    ports: list[int] = []

    async def arrive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = time.monotonic()
        arrivals.append((at, (await reader.read()).decode()))
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(arrive, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    ready.wait()
    return ports[0]


def _judged(arrivals: list[tuple[float, str]], rate: int) -> dict[str, float]:
    times = [at for at, _ in arrivals]
    within = [bisect_left(times, at + 1.0) - start for start, at in enumerate(times)]
    shares = Counter(name for _, name in arrivals)
    fair = len(arrivals) / PROGRAMS
    return {
        "seconds_over": sum(count > rate for count in within),
        "most_in_a_second": max(within),
        "used_percent": round(100 * (len(times) - 1) / (times[-1] - times[0]) / rate, 1),
        "least_share_percent": round(100 * min(shares[str(n)] for n in range(PROGRAMS)) / fair),
    }


async def _work(url: str, port: str, name: str, told: list[str]) -> None:
    rate, starts, ends = int(told[0]), float(told[1]), float(told[2])
    gate = RateGate(Database(url, application="bench").async_connect)
    endpoint = Endpoint("results", per_second=rate)
    await asyncio.sleep(max(0.0, starts - time.time()))
    while time.time() < ends:
        permit = await gate.acquire("bench", endpoint)
        if isinstance(permit, Permit):
            _, writer = await asyncio.open_connection("127.0.0.1", int(port))
            writer.write(name.encode())
            writer.close()
            await gate.succeeded(permit, seconds=0.0)
    await gate.close()


def _contenders() -> list[Contender]:
    peers = ["stocktake_gate", *(["pyrate_limiter"] if peers_python() else [])]
    return [
        Contender.calling(f"{peer} {rate}/s", f"benchmarks.rate_gate:{peer}", rate=rate)
        for rate in SECONDS
        for peer in peers
    ]


def _goals(rate: int) -> tuple[Goal, ...]:
    name = f"stocktake_gate {rate}/s"
    return (
        Goal(f"seconds over {rate}", lambda by: by[name].facts()["seconds_over"], most=0),
        Goal(f"percent of {rate}/s used", lambda by: by[name].facts()["used_percent"], least=95),
        Goal(
            f"least share at {rate}/s, percent of a fair one",
            lambda by: by[name].facts()["least_share_percent"],
            least=50,
        ),
    )


GOALS = tuple(goal for rate in SECONDS for goal in _goals(rate))

if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        asyncio.run(_work(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]))
    else:
        main(_contenders(), goals=GOALS)
