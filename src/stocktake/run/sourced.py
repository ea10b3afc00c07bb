"""Sources: their health, and pausing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.fetch.sources import EndpointState, endpoint_states, pause_source, resume_source

if TYPE_CHECKING:
    from stocktake.model import System
    from stocktake.run.workspace import Workspace


def source_health(workspace: Workspace, system: System) -> list[EndpointState]:
    """Return the state of every endpoint of the system's sources."""
    with workspace.database.connection() as conn:
        return endpoint_states(conn, system.sources)


def pause(workspace: Workspace, name: str, *, reason: str) -> None:
    """Let no process send a request to the source until it is resumed."""
    with workspace.database.connection() as conn:
        pause_source(conn, name, reason=reason, by="by hand", now=workspace.clock())


def resume(workspace: Workspace, name: str) -> None:
    """Allow requests again."""
    with workspace.database.connection() as conn:
        resume_source(conn, name, now=workspace.clock())
