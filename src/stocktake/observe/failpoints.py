"""Named points in the real code at which a test may kill the process with SIGKILL.

``STOCKTAKE_FAIL_AT=merged`` kills at the first arrival at the point ``merged``, ``merged:3`` at the
third. Unset, which is always outside tests, a point costs one dictionary look-up.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = (
    "claimed",
    "run_taken_up",
    "chunk_claimed",
    "chunks_cut",
    "chunk_done",
    "run_stopped",
    "suspected",
    "buried",
    "tended",
    "planned",
    "wave_started",
    "gate_passed",
    "backing_off",
    "fetched",
    "before_capture",
    "objects_put",
    "captured",
    "parsed",
    "before_merge",
    "staged",
    "table_merged",
    "merged",
    "recorded",
    "checkpointed",
    "before_commit",
    "after_commit",
    "keys_published",
    "batch_done",
    "wave_done",
    "before_derive",
    "derive_touched",
    "derive_merged",
    "derive_before_commit",
    "derive_after_commit",
    "checked",
    "before_finish",
    "before_rename",
    "finished",
    "rows_undone",
    "undo_before_commit",
    "undone",
    "delivery_claimed",
    "delivery_taken",
)

_ARMED = os.environ.get("STOCKTAKE_FAIL_AT", "")
_arrivals: Counter[str] = Counter()


def reach(point: str) -> None:
    """Die here by SIGKILL if the environment armed this point; otherwise do nothing."""
    if not _ARMED:
        return
    name, _, nth = _ARMED.partition(":")
    if name != point:
        return
    _arrivals[point] += 1
    if _arrivals[point] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
