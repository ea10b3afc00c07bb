"""What people decide: accepted gaps; and what waits for a decision: rejects and duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.count.decide import accept, withdraw
from stocktake.load.duplicates import Duplicate, list_duplicates as stored_duplicates
from stocktake.load.rejects import StoredReject, list_rejects as stored_rejects
from stocktake.run.explained import explain_unit, unit_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from stocktake.model import Dataset, Explanation, System
    from stocktake.run.clock import Clock
    from stocktake.run.workspace import Workspace
