"""Reference files that come with a system, loaded by themselves once for each wording of them."""

from __future__ import annotations

import contextlib
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from stocktake.errors import PlanRefused
from stocktake.model import Capture, Request
from stocktake.run.claim import SQL
from stocktake.run.progress import silent
from stocktake.run.reload import arrival, feed_of_format, reload

if TYPE_CHECKING:
    from stocktake.model import FileFormat, Source, System
    from stocktake.run.workspace import Workspace


def load_shipped(workspace: Workspace, system: System) -> int:
    """Load the system's shipped files that were never loaded as they now are; return how many.

    Whoever holds the system's lock has loaded them; then nothing is done.
    """
    forms = [(source, form) for source in system.sources for form in source.files if form.shipped]
    if not forms:
        return 0
    bodies = {
        form.name: files(system.package).joinpath(form.shipped).read_bytes() for _, form in forms
    }
    with workspace.database.connection() as conn:
        known = conn.execute(
            SQL.captures_of_files, {"system": system.name, "feeds": list(bodies)}
        ).fetchall()
    loaded = 0
    for source, form in forms:
        sha256 = hashlib.sha256(bodies[form.name]).digest()
        if (form.name, sha256) in known:
            continue
        with contextlib.suppress(PlanRefused):
            _load(workspace, system, source, form, body=bodies[form.name])
            loaded += 1
    return loaded


def _load(
    workspace: Workspace, system: System, source: Source, form: FileFormat, *, body: bytes
) -> None:
    request = Request(feed=form.name, path=form.shipped)
    capture = Capture(
        request=request,
        status=200,
        body=body,
        sha256=hashlib.sha256(body).digest(),
        fetched_at=workspace.clock(),
        seconds=0.0,
    )
    reload(
        workspace,
        system,
        "load",
        [arrival(source, feed_of_format(form), request, (capture,))],
        options={"source": form.name, "files": [form.shipped], "shipped": True},
        total=1,
        report=silent,
    )
