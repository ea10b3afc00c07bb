"""Recompute what depends on what changed, and prove that it was."""

from stocktake.derive.recompute import Derived, derive, in_order
from stocktake.derive.staleness import newly_stale_units
from stocktake.derive.verification import Difference, verify

__all__ = ["Derived", "Difference", "derive", "in_order", "newly_stale_units", "verify"]
