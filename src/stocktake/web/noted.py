"""Writing down who did what by a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.api import noted

if TYPE_CHECKING:
    from fastapi import Request

    from stocktake.web.site import Visitor


def note(request: Request, visitor: Visitor, action: str, *, subject: str) -> None:
    """Add a line to the audit, and let answers given a moment ago be made anew."""
    noted.note(request, visitor.identity, action, subject=subject)
