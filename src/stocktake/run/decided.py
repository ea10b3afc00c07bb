"""What people decide: accepted gaps; and what waits for a decision: rejects and duplicates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stocktake.count.decide import (
    Decision,
    accept,
    accept_gaps,
    give_up,
    withdraw,
    withdraw_accepted,
)
from stocktake.errors import UsageError
from stocktake.load.duplicates import ANY, Duplicate, PairKind
from stocktake.load.duplicates import list_duplicates as stored_duplicates
from stocktake.load.rejects import (
    RejectGroup,
    RejectKind,
    StoredReject,
    about_rejects,
    dismiss_reject,
)
from stocktake.load.rejects import dismiss_rejects as dismiss_stored
from stocktake.load.rejects import list_rejects as stored_rejects
from stocktake.load.rejects import reject_groups as stored_groups
from stocktake.run.explained import explain_unit, unit_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg import Connection

    from stocktake.model import Dataset, Explanation, Range, System
    from stocktake.run.workspace import Workspace


def accept_unit(
    workspace: Workspace,
    system: System,
    dataset: Dataset,
    text: str,
    *,
    decision: Decision,
) -> Explanation:
    """Waive a gap and return its explanation."""
    return _decide(
        workspace, system, dataset, text, partial(accept, decision=decision, now=workspace.clock())
    )


def give_up_unit(
    workspace: Workspace,
    system: System,
    dataset: Dataset,
    text: str,
    *,
    decision: Decision,
) -> Explanation:
    """Say that no source can deliver a unit any more, and return its explanation."""
    return _decide(
        workspace, system, dataset, text, partial(give_up, decision=decision, now=workspace.clock())
    )


def withdraw_unit(workspace: Workspace, system: System, dataset: Dataset, text: str) -> Explanation:
    """Take an acceptance back: the unit is a gap again."""
    return _decide(workspace, system, dataset, text, withdraw)


def _decide(
    workspace: Workspace,
    system: System,
    dataset: Dataset,
    text: str,
    write: Callable[[Connection[Any], System, Dataset, list[tuple[str, ...]]], object],
) -> Explanation:
    key = unit_key(dataset, text)
    with workspace.database.connection() as conn:
        write(conn, system, dataset, [key])
    return explain_unit(workspace, system, dataset, text)


def accept_range(
    workspace: Workspace,
    system: System,
    dataset: Dataset,
    window: Range,
    *,
    decision: Decision,
) -> int:
    """Waive every gap of some days; return how many units that were.

    Raises:
        UsageError: No reason was given, or there are too many.
    """
    with workspace.database.connection() as conn:
        return accept_gaps(
            conn,
            system,
            dataset,
            decision=decision,
            window=window,
            now=workspace.clock(),
            lifted=workspace.lifted(system),
        )


def withdraw_range(workspace: Workspace, system: System, dataset: Dataset, window: Range) -> int:
    """Take every acceptance of some days back; return how many there were."""
    with workspace.database.connection() as conn:
        return withdraw_accepted(
            conn,
            system,
            dataset,
            window=window,
            now=workspace.clock(),
            lifted=workspace.lifted(system),
        )


def list_rejects(
    workspace: Workspace,
    system: System,
    kind: RejectKind,
    *,
    limit: int,
    before: int | None = None,
) -> list[StoredReject]:
    """Return open rejects of a kind below number ``before``, newest first."""
    with workspace.database.connection() as conn:
        return list(stored_rejects(conn, system.name, kind=kind, before=before, limit=limit))


def reject_groups(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    *,
    newest: int | None = None,
) -> list[RejectGroup]:
    """Return the open rejects of the datasets, alike ones together, most first.

    Args:
        newest: Look only at so many of the newest rejects, ``None`` at all.
    """
    names = [dataset.name for dataset in datasets]
    with workspace.database.connection() as conn:
        return stored_groups(
            conn, system.name, datasets=names, now=workspace.clock(), newest=newest
        )


def rejects_in_all(workspace: Workspace) -> int:
    """Return about how many rejects there are, open or not, of all systems."""
    with workspace.database.connection() as conn:
        return about_rejects(conn)


def dismiss_rejects(
    workspace: Workspace,
    system: System,
    which: RejectKind | int,
    *,
    by: str,
    reason: str,
) -> int:
    """End one open reject, by its number, or all of a kind, with a reason; return how many.

    Loading their answers again does not bring them back.

    Raises:
        UsageError: No reason was given, or the reject is not open.
    """
    if not reason.strip():
        raise UsageError("Say why the rows may be left out.", hint="Add a reason.")
    told = {"by": by, "reason": reason.strip()}
    with workspace.database.connection() as conn:
        if isinstance(which, RejectKind):
            return dismiss_stored(conn, system.name, which, **told, now=workspace.clock())
        dismiss_reject(conn, which, **told, now=workspace.clock())
    return 1


def list_duplicates(
    workspace: Workspace,
    system: System,
    kind: PairKind = ANY,
    *,
    limit: int,
    before: int | None = None,
    state: str | None = "open",
) -> list[Duplicate]:
    """Return pairs of a kind in one state below number ``before``, newest first.

    ``state`` ``None`` means all that were decided.
    """
    with workspace.database.connection() as conn:
        found = stored_duplicates(
            conn, system.name, kind=kind, state=state, before=before, limit=limit
        )
        return list(found)
