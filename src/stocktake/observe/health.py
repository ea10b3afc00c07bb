"""How an installation is, in the shape of health+json: a status, and what it was judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

Status = Literal["pass", "warn", "fail"]
RANK: tuple[Status, ...] = ("pass", "warn", "fail")
CONTENT_TYPE = "application/health+json"


@dataclass(frozen=True, slots=True)
class Vital:
    """One thing examined.

    Args:
        name: ``component:measurement``, such as ``disk:free``.
        status: ``pass``, ``warn`` (it works, look at it) or ``fail``.
        value: What was measured, ``None`` when it could not be.
        unit: Its unit: ``s``, ``bytes``, ``1`` for counts.
        output: What is wrong, for users; empty when it passed.
    """

    name: str
    status: Status
    value: float | None = None
    unit: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All that was examined.

    Args:
        vitals: One by one.
        at: When.
        version: Of the program.
        service_id: The installation, empty when the database did not say.
    """

    vitals: Sequence[Vital]
    at: datetime
    version: str = ""
    service_id: str = field(default="")

    @property
    def status(self) -> Status:
        """The gravest status of all."""
        return max((vital.status for vital in self.vitals), key=RANK.index, default="pass")

    @property
    def http_status(self) -> int:
        """503 when something fails, so that a balancer looks elsewhere; else 200."""
        return 503 if self.status == "fail" else 200

    def as_json(self) -> dict[str, Any]:
        """Return the document of type ``application/health+json``."""
        checks: dict[str, list[dict[str, Any]]] = {}
        for vital in self.vitals:
            told = {
                "status": vital.status,
                "observedValue": vital.value,
                "observedUnit": vital.unit,
                "output": vital.output,
                "time": self.at.isoformat(),
            }
            kept = {key: value for key, value in told.items() if value not in (None, "")}
            checks.setdefault(vital.name, []).append(kept)
        return {
            "status": self.status,
            "version": self.version.partition(".")[0],
            "releaseId": self.version,
            "serviceId": self.service_id,
            "description": "Stocktake",
            "checks": checks,
        }
