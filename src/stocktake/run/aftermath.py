"""How a system stands after a sync: told, so that a gap is noticed within one cycle."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from stocktake.count.coverage import count
from stocktake.model import Range
from stocktake.run.alarms import tell_coverage, tell_gaps
from stocktake.run.noticed import open_losses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.model import Dataset, System
    from stocktake.run.workspace import Workspace

GRACE = timedelta(days=1)
"""How long after its end a day may be missing before it counts as lost."""


def tell_standing(workspace: Workspace, system: System, datasets: Sequence[Dataset]) -> None:
    """Tell how datasets stand after a sync: coverage against its target, and units lost."""
    now = workspace.clock()
    with workspace.database.connection() as conn:
        lifted = workspace.lifted(system)
        counted = count(conn, system, datasets, window=Range(), now=now, lifted=lifted)
        tell_coverage(conn, system, counted, now=now)
        lost = [
            loss
            for loss in open_losses(conn, workspace, system, datasets)
            if loss.was_held or loss.lost_at + GRACE <= now
        ]
        tell_gaps(conn, system, datasets, lost, now=now)
