"""What does a unit cost beyond its rows, beside Dagster, SQLMesh and Prefect in process?

Every unit is one request, one answer of a few bytes and one row. Ours does with it all it does with
any unit: rate gate, capture, receipt, provenance, state, ledger, checkpoint; in the foreground, and
queued and executed by a worker in chunks, with leases and fences. Dagster materialises
daily partitions of an asset that fetches and writes the row; fewer of them, as each takes long.
SQLMesh applies a plan of daily intervals of an incremental model; Prefect runs a task per day in
one flow, its server's work included.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.bed import trivial
from benchmarks.bed.cluster import Cluster, running_cluster
from benchmarks.bed.fresh import fresh_database, same_rows
from benchmarks.bed.lean_server import LeanServer, lean_server
from benchmarks.bed.meter import Meter
from benchmarks.bed.racing import settings_for
from benchmarks.measure import Contender, Goal, main, options_parser
from benchmarks.peers import peers_python
from stocktake.model import PlanOptions
from stocktake.observe.logs import configure_logs
from stocktake.run.backfill import backfill
from stocktake.run.clock import system_clock
from stocktake.run.listed import show_run
from stocktake.run.queue import backfill_work, enqueue
from stocktake.run.registry import installed_systems
from stocktake.run.worker import Shift, work
from stocktake.run.workspace import Workspace
from stocktake.store.database import open_database
from stocktake.store.installation import init
from stocktake.store.migrate import ENGINE, Component

OURS, WORKERS, DAGSTER = "stocktake", "stocktake, by a worker", "dagster, in process"
UNITS = 2000
PEERS = {
    DAGSTER: ("benchmarks.peers.dagster_units:fill", 20),
    "sqlmesh, in process": ("benchmarks.peers.sqlmesh_units:fill", 100),
    "prefect and its server": ("benchmarks.peers.prefect_units:fill", 200),
}
"""With how many units each, as some take long."""
FIRST = str(trivial.SINCE)


def ours(
    maintenance_url: str, base_url: str, *, units: int, servers: list[int]
) -> dict[str, float]:
    """Backfill ``units`` days of the trivial system into an empty database."""
    configure_logs(level="warning", style="console")
    components = (ENGINE, Component.of_package("trivial", "benchmarks.bed.trivial"))
    until = trivial.SINCE + timedelta(days=units - 1)
    options = PlanOptions(since=trivial.SINCE, until=until)
    with fresh_database(maintenance_url) as url:
        settings = settings_for(url, base_url, source="readings")
        with open_database(settings, application="bench", components=components) as database:
            init(database, "sandbox")
            workspace = Workspace(settings, database, "sandbox", system_clock)
            with Meter(*servers) as meter:
                backfill(workspace, trivial.system, options)
        same_rows(url, "select count(*) from trivial.reading", wanted=units)
    return meter.unit_facts(units)


def by_workers(
    maintenance_url: str, base_url: str, *, units: int, servers: list[int]
) -> dict[str, float]:
    """Queue the same backfill, and let a worker in this process execute it."""
    configure_logs(level="warning", style="console")
    components = (ENGINE, Component.of_package("trivial", "benchmarks.bed.trivial"))
    until = trivial.SINCE + timedelta(days=units - 1)
    asked = backfill_work(PlanOptions(since=trivial.SINCE, until=until))
    with fresh_database(maintenance_url) as url, _installed():
        settings = settings_for(url, base_url, source="readings")
        with open_database(settings, application="bench", components=components) as database:
            init(database, "sandbox")
            workspace = Workspace(settings, database, "sandbox", system_clock)
            with Meter(*servers) as meter:
                with database.connection() as conn:
                    run_id = enqueue(conn, trivial.system, asked, by="bench", now=system_clock())
                asyncio.run(_until_done(workspace, run_id))
        same_rows(url, "select count(*) from trivial.reading", wanted=units)
    return meter.unit_facts(units)


async def _until_done(workspace: Workspace, run_id: int) -> None:
    stop = asyncio.Event()
    working = asyncio.create_task(work(workspace, stop=stop, shift=Shift()))
    state = "queued"
    while state in {"queued", "running"}:
        await asyncio.sleep(0.5)
        line, _ = await asyncio.to_thread(show_run, workspace, run_id)
        state = line.state
    stop.set()
    await working
    assert state == "done"


@contextmanager
def _installed() -> Iterator[None]:
    """Let workers, which know systems by name, find the trivial one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "trivial-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: trivial\nVersion: 1\n")
        place = "[stocktake.systems]\ntrivial = benchmarks.bed.trivial:system\n"
        (folder / "entry_points.txt").write_text(place)
        sys.path.append(name)
        installed_systems.cache_clear()
        try:
            yield
        finally:
            sys.path.remove(name)
            installed_systems.cache_clear()


@contextmanager
def _bed(units: int) -> Iterator[tuple[Cluster, LeanServer]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        body = b'{"number": 7}'
        days = [str(trivial.SINCE + timedelta(days=at)) for at in range(units)]
        (folder / "bodies").write_bytes(body)
        places = dict.fromkeys(days, (0, len(body)))
        (folder / "index").write_text(json.dumps({"places": places}), "utf-8")
        with running_cluster() as cluster, lean_server(folder) as server:
            yield cluster, server


GOALS = (
    Goal("CPU ms per unit", lambda by: by[OURS].facts()["CPU ms/unit"], most=2.0),
    Goal(
        "CPU ms per unit, by a worker",
        lambda by: by[WORKERS].facts()["CPU ms/unit"],
        most=2.0,
    ),
    Goal(
        "times less CPU than Dagster",
        lambda by: by[DAGSTER].facts()["CPU ms/unit"] / by[OURS].facts()["CPU ms/unit"],
        least=10,
    ),
)


def run() -> None:
    """Start the servers, compare."""
    parser = options_parser()
    parser.add_argument("--units", type=int, default=UNITS)
    options = parser.parse_args()
    with _bed(options.units) as (cluster, server):
        shared = {
            "maintenance_url": cluster.url,
            "base_url": server.base_url,
            "servers": [cluster.number],
        }
        contenders = [
            Contender.calling(
                name, f"benchmarks.unit_overhead:{what}", **shared, units=options.units
            )
            for name, what in ((OURS, "ours"), (WORKERS, "by_workers"))
        ]
        if python := peers_python():
            contenders += [
                Contender.calling(name, target, **shared, first=FIRST, units=units).under(python)
                for name, (target, units) in PEERS.items()
            ]
        main(contenders, goals=GOALS, options=options)


if __name__ == "__main__":
    run()
