"""Load files through a file source: captured, parsed and merged like any answer."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stocktake.errors import UsageError
from stocktake.load.files import open_files, paths_in
from stocktake.model import Capture
from stocktake.run.reload import arrival, feed_of_format, reload
from stocktake.run.shipped import load_shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

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
        for request, body in open_files(found, form):
            capture = Capture(
                request=request,
                status=200,
                body=body,
                sha256=hashlib.sha256(body).digest(),
                fetched_at=workspace.clock(),
                seconds=0.0,
            )
            yield arrival(owner, feed, request, (capture,))

    return reload(
        workspace,
        system,
        "load",
        arrivals(),
        options={"dataset": dataset.name, "source": form.name, "files": [p.name for p in found]},
        total=len(found),
        report=report,
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
    names = ", ".join(form.name for _, form in (fitting or forms)) or "none"
    problem = "several file sources hold" if fitting else "no file source of that name holds"
    raise UsageError(f"{problem} {dataset.name}.", hint=f"Name one with --source: {names}.")
