"""Writing down who did what, by a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.access.audit import write_audit
from stocktake.api.shared import shared

if TYPE_CHECKING:
    from fastapi import Request

    from stocktake.api.identity import Identity


def note(request: Request, who: Identity, action: str, *, subject: str) -> None:
    """Add a line to the audit, and let answers given a moment ago be made anew."""
    common = shared(request)
    with common.workspace.database.connection() as conn:
        now = common.workspace.clock()
        write_audit(conn, who.actor, action, subject=subject, now=now)
    common.recent.clear()
