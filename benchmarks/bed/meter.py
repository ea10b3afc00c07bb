"""What a piece of work cost: wall, own CPU, and the CPU of servers it kept busy.

Only the standard library: peers in an environment of their own use it too.
"""

import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

__all__ = ["Meter", "Work", "tree_cpu_seconds"]

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
# Places in /proc/PID/stat behind the name: state is 0, parent 1, user 11, system 12, and the
# same of children that ended 13 and 14.
_PARENT = 1
_OWN = slice(11, 13)
_WITH_ENDED_CHILDREN = slice(11, 15)


class Work(TypedDict):
    """Days to load.

    Attributes:
        first: First day, ISO.
        days: How many.
        rows: What must be there at the end.
        servers: Numbers of the programs whose CPU belongs to the work.
    """

    first: str
    days: int
    rows: int
    servers: list[int]


class Meter:
    """Measures the length of a block.

    Attributes:
        wall_seconds: From start to end.
        cpu_seconds: User and system time of this program and its waited-for children.
        server_seconds: CPU of the servers named, with their children; 0 where ``/proc`` is absent.
    """

    def __init__(self, *servers: int) -> None:
        """Name the servers (by number) whose CPU belongs to the work."""
        self._servers = servers
        self.wall_seconds = 0.0
        self.cpu_seconds = 0.0
        self.server_seconds = 0.0

    def __enter__(self) -> Self:
        """Start."""
        self._take(-1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._take(1)

    def row_facts(self, rows: int) -> dict[str, float]:
        """Return what loading ``rows`` cost, as facts of a benchmark."""
        everything = self.cpu_seconds + self.server_seconds
        return {
            "rows": rows,
            "rows/s": round(rows / self.wall_seconds),
            "CPU s/100k rows": round(self.cpu_seconds / rows * 1e5, 2),
            "server CPU s/100k rows": round(self.server_seconds / rows * 1e5, 2),
            "cores busy": round(everything / self.wall_seconds, 2),
        }

    def unit_facts(self, units: int) -> dict[str, float]:
        """Return what filling ``units`` cost, as facts of a benchmark."""
        return {
            "units": units,
            "CPU ms/unit": round(self.cpu_seconds / units * 1e3, 3),
            "server CPU ms/unit": round(self.server_seconds / units * 1e3, 3),
            "wall ms/unit": round(self.wall_seconds / units * 1e3, 3),
        }

    def _take(self, sign: int) -> None:
        self.wall_seconds += sign * time.perf_counter()
        self.cpu_seconds += sign * _cpu_seconds()
        self.server_seconds += sign * tree_cpu_seconds(self._servers)


def _cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def tree_cpu_seconds(roots: Sequence[int]) -> float:
    """Return the CPU seconds of programs and all their children, ended ones included."""
    if not roots or not Path("/proc/self/stat").exists():
        return 0.0
    stats = _stats()
    total = 0
    for number, stat in stats.items():
        if number in roots:
            total += sum(map(int, stat[_WITH_ENDED_CHILDREN]))
        elif int(stat[_PARENT]) in roots:
            total += sum(map(int, stat[_OWN]))
    return total / _TICKS


def _stats() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:  # it ended meanwhile
            continue
        found[int(path.parent.name)] = text.rpartition(")")[2].split()
    return found
