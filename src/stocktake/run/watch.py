"""What nobody else would notice, looked at once a minute: full disks, endpoints that recovered."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

from stocktake.observe.events import QUERIES, emit
from stocktake.run.alarms import tell_freshness
from stocktake.run.fresh import measure_freshness
from stocktake.run.metered import SQL as FIGURES
from stocktake.run.registry import installed_systems
from stocktake.store.doctor import LEAST_FREE_BYTES, LOW_FREE_BYTES

if TYPE_CHECKING:
    from stocktake.run.workspace import Workspace


def free_bytes(workspace: Workspace) -> int:
    """Return how much room is left where this installation's files are."""
    home = workspace.settings.home
    folder = next(each for each in (home, *home.parents) if each.exists())
    return shutil.disk_usage(folder).free


def watch_freshness(workspace: Workspace) -> None:
    """Tell of datasets that are late: nothing happens when something does not come."""
    with workspace.database.connection() as conn:
        begun = {name for (name,) in conn.execute(FIGURES.systems_begun)}
    for system in installed_systems().values():
        if system.freshness and system.name in begun:
            lags = measure_freshness(workspace, system)
            with workspace.database.connection() as conn:
                tell_freshness(conn, system, lags, now=workspace.clock())


def watch(workspace: Workspace) -> None:
    """Tell of a disk that is nearly full or has room again, and of circuits that closed."""
    free, host = free_bytes(workspace), socket.gethostname()
    is_low = free < LOW_FREE_BYTES
    details = {"free_mb": free // 2**20, "least_mb": LEAST_FREE_BYTES // 2**20}
    with workspace.database.connection() as conn:
        emit(
            conn,
            "disk.low" if is_low else "disk.ok",
            system="",
            subject=host,
            details=details,
            now=workspace.clock(),
            dedupe=f"disk:{host}",
            resolves=not is_low,
        )
        conn.execute(QUERIES.close_circuits, {"now": workspace.clock()})
