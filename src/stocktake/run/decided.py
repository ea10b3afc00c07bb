"""What people decide: accepted gaps; and what waits for a decision: rejects and duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.count.decide import (
    Decision,
    accept,
    accept_gaps,
    withdraw,
    withdraw_accepted,
)
from stocktake.load.duplicates import Decision as PairDecision
from stocktake.load.duplicates import Duplicate, decide
from stocktake.load.duplicates import list_duplicates as stored_duplicates
from stocktake.load.rejects import StoredReject
from stocktake.load.rejects import list_rejects as stored_rejects
from stocktake.run.explained import explain_unit, unit_key

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    key = unit_key(dataset, text)
    with workspace.database.connection() as conn:
        accept(conn, system, dataset, [key], decision=decision, now=workspace.clock())
    return explain_unit(workspace, system, dataset, text)


def withdraw_unit(workspace: Workspace, system: System, dataset: Dataset, text: str) -> Explanation:
    """Take an acceptance back: the unit is a gap again."""
    key = unit_key(dataset, text)
    with workspace.database.connection() as conn:
        withdraw(conn, system, dataset, [key])
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
    datasets: Sequence[Dataset],
    *,
    limit: int,
    before: int | None = None,
) -> list[StoredReject]:
    """Return open rejects of the datasets below number ``before``, newest first."""
    names = [dataset.name for dataset in datasets]
    with workspace.database.connection() as conn:
        return list(stored_rejects(conn, system.name, datasets=names, before=before, limit=limit))


def list_duplicates(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    *,
    limit: int,
    before: int | None = None,
) -> list[Duplicate]:
    """Return undecided pairs of the datasets below number ``before``, newest first."""
    names = [dataset.name for dataset in datasets]
    with workspace.database.connection() as conn:
        return list(
            stored_duplicates(conn, system.name, datasets=names, before=before, limit=limit)
        )


def decide_duplicate(
    workspace: Workspace, duplicate_id: int, *, decision: PairDecision, by: str
) -> None:
    """Write down which row of an open pair holds; no row changes.

    Raises:
        UsageError: There is no such duplicate, or it was decided before.
    """
    with workspace.database.connection() as conn:
        decide(conn, duplicate_id, decision=decision, by=by, now=workspace.clock())
