"""Sources: their health, and pausing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.fetch.sources import Health, pause_source, resume_source, sources_health

if TYPE_CHECKING:
    from stocktake.model import System
    from stocktake.run.clock import Clock
    from stocktake.run.workspace import Workspace


def source_health(workspace: Workspace, system: System, *, clock: Clock) -> list[Health]:
    """Return the state of every endpoint of the system's sources."""
    with workspace.database.connection() as conn:
        return sources_health(conn, system.sources, now=clock())


def pause(workspace: Workspace, name: str, *, reason: str, clock: Clock) -> None:
    """Let no process send a request to the source until it is resumed."""
    with workspace.database.connection() as conn:
        pause_source(conn, name, reason=reason, by="by hand", now=clock())


def resume(workspace: Workspace, name: str) -> None:
    """Allow requests again."""
    with workspace.database.connection() as conn:
        resume_source(conn, name)
