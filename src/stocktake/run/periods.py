"""Named stretches of days that a system knows: its seasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.errors import UsageError
from stocktake.model import Range
from stocktake.run.ranked import periods
from stocktake.run.shipped import load_shipped

if TYPE_CHECKING:
    from stocktake.model import System
    from stocktake.run.workspace import Workspace


def window_of(workspace: Workspace, system: System, window: Range, *, period: str) -> Range:
    """Return the days of ``period`` that lie in ``window``; the window itself when none is named.

    Raises:
        UsageError: The system knows no such period, or none at all.
    """
    if not period:
        return window
    load_shipped(workspace, system)
    with workspace.database.connection() as conn:
        known = periods(conn, system)
    if known is None:
        raise UsageError(
            f"{system.name} has no named periods.", hint="Say it by --since and --until."
        )
    if period not in known:
        names = ", ".join(sorted(known)) or "none yet"
        raise UsageError(f"{system.name} has no period {period!r}.", hint=f"Known: {names}.")
    named = known[period]
    since = max(filter(None, (named.since, window.since)), default=None)
    until = min(filter(None, (named.until, window.until)), default=None)
    if since and until and since > until:
        raise UsageError(
            f"{period} and the days asked for have no day in common.",
            hint=f"{period} lasts from {named.since} to {named.until}.",
        )
    return Range(since, until)
