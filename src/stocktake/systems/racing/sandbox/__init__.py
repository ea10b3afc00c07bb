"""A racing source on the loopback: the real wire format over a made-up world."""

from stocktake.systems.racing.sandbox.faults import CONTENT_FAULTS
from stocktake.systems.racing.sandbox.server import LIMITS, create

__all__ = ["CONTENT_FAULTS", "LIMITS", "create"]
