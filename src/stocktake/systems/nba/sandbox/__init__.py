"""The NBA's sources on the loopback: the real wire formats over a made-up league."""

from stocktake.systems.nba.sandbox.faults import CONTENT_FAULTS
from stocktake.systems.nba.sandbox.server import LIMITS, create

__all__ = ["CONTENT_FAULTS", "LIMITS", "create"]
