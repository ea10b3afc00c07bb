"""Writing down who did what by a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.access.audit import write_audit
from stocktake.api.shared import shared
from stocktake.web.site import site_of

if TYPE_CHECKING:
    from fastapi import Request

    from stocktake.web.site import Visitor


def note(request: Request, visitor: Visitor, action: str, *, subject: str) -> None:
    """Add a line to the audit, and let answers given a moment ago be made anew."""
    workspace = site_of(request).workspace
    with workspace.database.connection() as conn:
        write_audit(conn, visitor.identity.actor, action, subject=subject, now=workspace.clock())
    shared(request).recent.clear()
