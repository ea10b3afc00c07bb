"""How long do the NBA's layers take: a season's file, a rebuild, one new day, a count of them all?

Goals: a season's file of players loads in 2 s; layers 2 to 5 of a season are rebuilt in 10 s; one
new game day is loaded and reaches layer 5 in 300 ms; counting every layer of four seasons takes
100 ms. The games are the sandbox's (seed 1), loaded from files as a user's would be.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import urlopen

from benchmarks.bed.meter import Meter
from benchmarks.measure import LEAST_ROUNDS, text_table
from stocktake.model import Range
from stocktake.run.counted import count_system
from stocktake.run.derived import derive_system
from stocktake.run.files import load_files
from stocktake.run.shipped import load_shipped
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Settings
from stocktake.store.installation import init
from stocktake.systems.nba import system
from stocktake.systems.nba.sandbox import create
from stocktake.testing.database import temporary_cluster, temporary_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stocktake.model import RunReport, System

UNTIL = date(2025, 7, 1)
SEASONS = ("2021-22", "2022-23", "2023-24", "2024-25")
DAYS_KEPT_BACK = 5
UNDERIVED = replace(system, derivations=())
LAYERS = [
    one
    for one in system.datasets
    if one.name == "raw_box_score" or one.title[:2] in {"L2", "L3", "L4", "L5"}
]


def season_log(base_url: str, season: str) -> dict[str, Any]:
    """Return the players' log of a regular season, as the source sends it."""
    asked = {
        "Counter": "0",
        "Direction": "ASC",
        "LeagueID": "00",
        "PlayerOrTeam": "P",
        "Season": season,
        "SeasonType": "Regular Season",
        "Sorter": "DATE",
    }
    with urlopen(f"{base_url}/stats/leaguegamelog?{urlencode(asked)}") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def files_of(folder: Path) -> Iterator[tuple[str, Path, list[Path]]]:
    """Yield each season with its file, and files of single days kept back from the last one."""
    with create(1, "full", until=UNTIL, seasons=len(SEASONS), rate_factor=1e6) as server:
        for season in SEASONS:
            log = season_log(server.base_url, season)
            table = log["resultSets"][0]
            place = table["headers"].index("GAME_DATE")
            every = table["rowSet"]
            kept = sorted({row[place] for row in every})[-DAYS_KEPT_BACK:]
            kept = kept if season == SEASONS[-1] else []
            daily = []
            for day in kept:
                table["rowSet"] = [row for row in every if row[place] == day]
                daily.append(folder / f"{season}-{day}.json")
                daily[-1].write_text(json.dumps(log))
            table["rowSet"] = [row for row in every if row[place] not in kept]
            whole = folder / f"{season}.json"
            whole.write_text(json.dumps(log))
            yield season, whole, daily


class Bench:
    """An installation whose clock stands a day after the last season."""

    def __init__(self, workspace: Workspace, server: int) -> None:
        self.workspace = workspace
        self.server = server

    def load(self, path: Path, *, loaded: System = system) -> RunReport:
        """Load a file of players, and derive what the system given derives."""
        return load_files(
            self.workspace,
            loaded,
            system.dataset("raw_box_score"),
            [path],
            source="leaguegamelog_file",
            report=lambda _: None,
        )

    def derive(self, *, full: bool = False) -> RunReport:
        """Derive what changes touch, or everything."""
        return derive_system(self.workspace, system, (), full=full, parameters={})

    def count(self) -> int:
        """Count every layer of all seasons."""
        window = Range(date(2021, 10, 1), UNTIL)
        return sum(one.held for one in count_system(self.workspace, system, LAYERS, window))


Took = tuple[float, float]
"""Milliseconds: wall, and CPU of this program and the database's server."""


def timed(bench: Bench, work: Callable[[], object], *, parts: int = 1) -> Took:
    """Return what a part of some work takes."""
    meter = Meter(bench.server)
    with meter:
        work()
    everything = meter.cpu_seconds + meter.server_seconds
    return 1000 * meter.wall_seconds / parts, 1000 * everything / parts


def line(what: str, goal: float, took: list[Took]) -> list[str]:
    """Return a line of the table; milliseconds."""
    wall = [one[0] for one in took]
    middle = statistics.median(wall)
    spent = statistics.median(one[1] for one in took)
    met = "met" if middle <= goal else "missed"
    spread = f"{min(wall):.0f}–{max(wall):.0f}"
    return [what, f"{goal:.0f}", f"{middle:.0f}", spread, f"{spent:.0f}", met]


def measured(bench: Bench, folder: Path, rounds: int) -> list[list[str]]:
    """Load season after season, then a day at a time, and count."""
    loads, days = [], []
    for _, whole, daily in files_of(folder):
        loads.append(timed(bench, partial(bench.load, whole, loaded=UNDERIVED)))
        bench.derive()
        days += [timed(bench, partial(bench.load, path)) for path in daily]
    everything = partial(bench.derive, full=True)
    rebuilds = [timed(bench, everything, parts=len(SEASONS)) for _ in range(2)]
    bench.count()
    counts = [timed(bench, bench.count) for _ in range(rounds)]
    return [
        line("load a season's file", 2000, loads),
        line("rebuild layers 2 to 5, a season", 10000, rebuilds),
        line("one new game day, layers 1 to 5", 300, days),
        line(f"count {len(LAYERS)} datasets, four seasons", 100, counts),
    ]


def main() -> None:
    """Make four seasons, measure, print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=LEAST_ROUNDS)
    chosen = options.parse_args()
    noon = datetime(UNTIL.year, UNTIL.month, UNTIL.day, 17, tzinfo=UTC) + timedelta(days=1)
    with (
        tempfile.TemporaryDirectory() as name,
        temporary_cluster() as cluster,
        temporary_database(cluster, components=components()) as database,
    ):
        folder = Path(name)
        init(database, "sandbox")
        workspace = Workspace(Settings(home=folder), database, "sandbox", lambda: noon)
        load_shipped(workspace, system)
        server = int((cluster.pgdata / "postmaster.pid").read_text("utf-8").split()[0])
        rows = measured(Bench(workspace, server), folder, chosen.rounds)
    head = ("NBA, sandbox seed 1", "goal ms", "median ms", "lowest–highest", "CPU ms", "")
    print(text_table(head, rows))


if __name__ == "__main__":
    main()
