"""Load files through a file source: captured, parsed and merged like any answer."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from stocktake.errors import UsageError
from stocktake.fetch.captures import store_captures, unloaded_captures
from stocktake.load.files import open_files, paths_in
from stocktake.model import Capture
from stocktake.run.queue import enqueue, load_work
from stocktake.run.reload import arrival, feed_of_format, reload
from stocktake.run.shipped import load_shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from psycopg import Connection

    from stocktake.model import Dataset, FileFormat, RunReport, Source, System
    from stocktake.run.errands import Fetched
    from stocktake.run.progress import Report
    from stocktake.run.workspace import Workspace


def load_files(
    workspace: Workspace,
    system: System,
    dataset: Dataset,
    paths: Sequence[Path],
    *,
    source: str,
    report: Report,
) -> RunReport:
    """Load files or folders of files that hold ``dataset``.

    Raises:
        UsageError: No file source, or several, could read this dataset.
        LoadError: A path that does not exist, or a file that is not what it says; files before
            it in the list are loaded, and loading them again changes nothing.
    """
    load_shipped(workspace, system)
    owner, form = find_format(system, dataset, source)
    found = paths_in(paths, form)
    feed = feed_of_format(form)

    def arrivals() -> Iterator[Fetched]:
        for capture in _captures(found, form, now=workspace.clock()):
            yield arrival(owner, feed, capture.request, (capture,))

    return reload(
        workspace,
        system,
        "load",
        arrivals(),
        options={"dataset": dataset.name, "source": form.name, "files": [p.name for p in found]},
        total=len(found),
        report=report,
    )


def queue_files(
    conn: Connection[Any],
    system: System,
    dataset: Dataset,
    paths: Sequence[Path],
    *,
    source: str,
    by: str,
    now: datetime,
) -> int:
    """Store files as captures and queue their loading, in the caller's transaction.

    Workers need the database only: they may be on another host than the files.

    Args:
        conn: A connection of the application; nothing is committed.
        system: Of which.
        dataset: What the files hold.
        paths: Files.
        source: File source; empty when only one fits.
        by: Who asks.
        now: The present instant.

    Raises:
        UsageError: No file source, or several, could read this dataset.
        LoadError: A file that is not what it says.
    """
    owner, form = find_format(system, dataset, source)
    work = load_work(dataset.name, source=form.name, files=[path.name for path in paths])
    run_id = enqueue(conn, system, work, by=by, now=now)
    for capture in _captures(paths_in(paths, form), form, now=now):
        store_captures(
            conn,
            [capture],
            system=system.name,
            source=owner.name,
            endpoint=form.name,
            run_id=run_id,
        )
    return run_id


def queued_files(
    workspace: Workspace, system: System, dataset: Dataset, *, source: str, run_id: int
) -> list[Fetched]:
    """Return what was stored for a queued run and is not loaded yet, as if it had just arrived."""
    owner, form = find_format(system, dataset, source)
    feed = feed_of_format(form)
    with workspace.database.connection() as conn:
        waiting = unloaded_captures(conn, run_id)
    return [arrival(owner, feed, capture.request, (capture,)) for capture in waiting]


def _captures(paths: Sequence[Path], form: FileFormat, *, now: datetime) -> Iterator[Capture]:
    for request, body in open_files(paths, form):
        yield Capture(
            request=request,
            status=200,
            body=body,
            sha256=hashlib.sha256(body).digest(),
            fetched_at=now,
            seconds=0.0,
        )


def find_format(system: System, dataset: Dataset, source: str) -> tuple[Source, FileFormat]:
    """Return the file format named ``source``, or the only one that fills ``dataset``.

    Raises:
        UsageError: There is none, or several and none was named.
    """
    forms = [(owner, form) for owner in system.sources for form in owner.files]
    fitting = [
        (owner, form)
        for owner, form in forms
        if dataset.name in {*form.fills, *form.also}
        and source in (form.name, owner.name, "" if not form.lookup else form.name)
    ]
    # What a file is about comes before what it names in passing.
    for preferred in (
        [one for one in fitting if dataset.name in one[1].fills],
        [one for one in fitting if one[1].fills[0] == dataset.name],
    ):
        fitting = preferred or fitting
    if len(fitting) == 1:
        return fitting[0]
    usual = [(owner, form) for owner, form in forms if not form.lookup]
    names = ", ".join(form.name for _, form in (fitting or usual)) or "none"
    problem = "several file sources hold" if fitting else "no file source of that name holds"
    raise UsageError(f"{problem} {dataset.name}.", hint=f"Name one with --source: {names}.")
