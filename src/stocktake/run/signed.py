"""Signing off a history: measure the system's list, refuse or record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from stocktake.errors import UsageError
from stocktake.model import Range, SignOff
from stocktake.report.signoffs import read_signoffs, store_signoff
from stocktake.run.counted import today_of
from stocktake.run.measured import measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stocktake.model import Item, System
    from stocktake.run.workspace import Workspace


def sign_off(
    workspace: Workspace,
    system: System,
    window: Range,
    *,
    by: str,
    waivers: Mapping[str, str],
    record: bool = True,
) -> SignOff:
    """Measure the system's sign-off list and record it, unless something stands in the way.

    Args:
        workspace: Where.
        system: Of which.
        window: Days signed off; an open end is yesterday, for today is not over.
        by: Who signs.
        waivers: Reasons by criterion: it may fail.
        record: Whether to record it; otherwise it is only measured.

    Raises:
        UsageError: The system has no list, or no criterion of a waived name.
    """
    if not system.signoff:
        raise UsageError(
            f"{system.name} declares nothing to sign off.",
            hint="A system lists its criteria in System.signoff.",
        )
    known = [criterion.name for criterion in system.signoff]
    for name, reason in waivers.items():
        if name not in known:
            raise UsageError(
                f"the sign-off list of {system.name} has no item {name!r}.",
                hint=f"Items: {', '.join(known)}.",
            )
        if not reason.strip():
            raise UsageError(f"waiving {name} needs a reason.", hint=f"--waive {name}='why'")
    today = today_of(workspace, system)
    until = min(window.until or today - timedelta(days=1), today)
    asked = Range(window.since, until)
    items = tuple(
        item if item.is_met or item.name not in waivers else item.waive(waivers[item.name].strip())
        for item in measure(workspace, system, system.signoff, asked)
    )
    signed = SignOff(system.name, asked.since, until, items, by, workspace.clock())
    if signed.refused or not record:
        return signed
    with workspace.database.connection() as conn:
        return store_signoff(conn, signed)


def list_signoffs(workspace: Workspace, system: System) -> list[SignOff]:
    """Return the system's sign-offs, newest first."""
    with workspace.database.connection() as conn:
        return read_signoffs(conn, system=system.name)


def show_signoff(workspace: Workspace, signoff_id: int) -> SignOff:
    """Return one sign-off.

    Raises:
        UsageError: There is none of this number.
    """
    with workspace.database.connection() as conn:
        found = read_signoffs(conn, signoff_id=signoff_id)
    if not found:
        raise UsageError(
            f"there is no sign-off {signoff_id}.", hint="stocktake signoff list SYSTEM"
        )
    return found[0]


@dataclass(frozen=True, slots=True)
class Drift:
    """One criterion as it was signed, and as it measures now.

    Args:
        then: As signed.
        now: As it measures now; ``None`` when it is no longer declared.
    """

    then: Item
    now: Item | None

    @property
    def is_changed(self) -> bool:
        """Whether the figure or the verdict is another one."""
        now = self.now
        return now is None or (now.value, now.severity) != (self.then.value, self.then.severity)


def drift(workspace: Workspace, system: System, signed: SignOff) -> list[Drift]:
    """Measure what was signed once more, over the same days; nothing is recorded.

    The order is that of the sign-off.
    """
    window = Range(signed.since, signed.until)
    measured = sign_off(workspace, system, window, by=signed.by, waivers={}, record=False)
    now = {item.name: item for item in measured.items}
    return [Drift(item, now.get(item.name)) for item in signed.items]
