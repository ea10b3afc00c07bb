"""How far a run is: chunks, units, rate, time left, and the lines of its log as they come."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stocktake.run.claim import CHUNKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from stocktake.run.listed import RunLine
    from stocktake.run.workspace import Workspace

LINES_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A snapshot of a run under way.

    Args:
        chunks: Chunks per state; empty for runs of the foreground.
        units: Units in chunks so far.
        units_done: Of these, checked off.
        units_given_up: Of these, given up after workers died at them.
        requests_left: Requests still to be made, later waves included, as far as the plan knew.
        per_second: Requests per second over the last minute of work, 0 while unknown.
        eta_seconds: Seconds to the end at that rate, ``None`` while unknown.
        workers: Who has a chunk of it in hand: host and process number.
        lease_until: When the first of their chunks goes elsewhere unless its worker is heard of;
            ``None`` when nobody has one.
    """

    chunks: Mapping[str, int]
    units: int
    units_done: int
    units_given_up: int
    requests_left: int
    per_second: float
    eta_seconds: float | None
    workers: Sequence[str]
    lease_until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of ``run show --json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a run's log; ``seq`` rises."""

    seq: int
    at: datetime
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker that lives, or did seconds ago; ``sources`` none means all."""

    owner: str
    concurrency: int
    sources: Sequence[str]
    version: str
    started_at: datetime
    seen_at: datetime
    chunks: int


def progress_of(workspace: Workspace, line: RunLine) -> RunProgress:
    """Return how far a run is."""
    with workspace.database.connection() as conn:
        row = conn.execute(CHUNKS.progress_of_run, {"run_id": line.run_id}).fetchone()
    assert row is not None  # noqa: S101 -- the run is there
    by_state, units, done, given_up, in_chunks, later, workers, lease, asked, seconds = row
    rate = asked / seconds if seconds else 0.0
    left = int(in_chunks + later)
    eta = left / rate if rate and line.state == "running" else None
    return RunProgress(by_state, units, done, given_up, left, rate, eta, workers, lease)


def log_since(
    workspace: Workspace,
    run_id: int,
    seq: int,
    *,
    limit: int = LINES_AT_ONCE,
    level: str | None = None,
) -> list[LogLine]:
    """Return at most ``limit`` lines of a run's log after one, oldest first."""
    facts = {"run_id": run_id, "seq": seq, "limit": limit, "level": level}
    with workspace.database.connection() as conn:
        return [LogLine(*row) for row in conn.execute(CHUNKS.log_since, facts)]


def list_workers(workspace: Workspace) -> list[WorkerLine]:
    """Return the workers alive, the oldest first."""
    with workspace.database.connection() as conn:
        rows = conn.execute(CHUNKS.list_workers).fetchall()
    return [
        WorkerLine(owner, concurrency, sources or (), version, started_at, seen_at, chunks)
        for owner, concurrency, sources, version, started_at, seen_at, chunks in rows
    ]
