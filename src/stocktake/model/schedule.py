"""When work recurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CatchUp = Literal["coalesce", "each"]
Overlap = Literal["skip", "queue"]

VERBS = ("sync", "backfill", "derive", "verify", "check", "train")
"""What may recur."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a piece of work recurs.

    Args:
        name: Unique within the system.
        cron: Five fields (``30 2 * * *``), read as Debian's cron reads them.
        zone: IANA zone whose clock is meant.
        verb: One of ``VERBS``.
        datasets: Only these; empty means all of the system.
        catch_up: What becomes of fires that nobody was there for: ``coalesce`` into the latest of
            them, or ``each``.
        overlap: What becomes of a fire while the run of an earlier one is not over: ``skip`` it,
            or ``queue`` its run behind that one.
        jitter_seconds: Longest delay after the fire's instant, 0 for none. Fires of one schedule
            are delayed differently, but always the same by every scheduler.
        options: Further options of the verb, by name (``days``, ``full``).

    Raises:
        ValueError: No such verb, or ``each`` together with ``skip``: what is caught up one by one
            would be skipped one by one.
    """

    name: str
    cron: str
    zone: str
    verb: str
    datasets: tuple[str, ...] = ()
    catch_up: CatchUp = "coalesce"
    overlap: Overlap = "skip"
    jitter_seconds: int = 0
    options: tuple[tuple[str, int | str | bool], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.verb not in VERBS:
            msg = f"schedule {self.name}: {self.verb!r} cannot recur, only {', '.join(VERBS)}"
            raise ValueError(msg)
        if self.catch_up == "each" and self.overlap == "skip":
            msg = f"schedule {self.name}: catching up each fire needs overlap queue"
            raise ValueError(msg)
        if self.jitter_seconds < 0:
            msg = f"schedule {self.name}: jitter is at least 0 seconds"
            raise ValueError(msg)
