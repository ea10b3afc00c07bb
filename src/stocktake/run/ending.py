"""How a run ended: what its last transaction writes, and what alerts tell of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stocktake.model import State


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Args:
        state: ``done``, ``failed``, or ``paused`` when it can go on.
        units: Units per state that it decided.
        seconds: Time it took in this process.
        message: For people, when there is something to say.
        error: What stopped it, ``None`` when nothing did.
        notes: Observations of parsers.
        is_told: Whether an alert of its own tells of what stopped it, such as a paused source.
    """

    state: str
    units: Mapping[State, int]
    seconds: float
    message: str = ""
    error: str | None = None
    notes: Sequence[str] = ()
    is_told: bool = False
