"""Writing down who did what over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.access.audit import write_audit
from stocktake.api.shared import shared

if TYPE_CHECKING:
    from fastapi import Request

    from stocktake.api.identity import Identity
    from stocktake.run.workspace import Workspace


def noted(
    request: Request, workspace: Workspace, who: Identity, action: str, *, subject: str
) -> None:
    """Add a line to the audit, and let answers given a moment ago be made anew."""
    with workspace.database.connection() as conn:
        write_audit(conn, who.actor, action, subject=subject, now=workspace.clock())
    shared(request).recent.clear()
