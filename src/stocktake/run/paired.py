"""Pairs of rows with one key, decided together: told in numbers first, done, taken back at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.errors import StocktakeError, UsageError
from stocktake.load.duplicates import (
    PairGroup,
    Sitting,
    decide,
    decided_at,
    reopen,
    restore_decision,
)
from stocktake.load.duplicates import pair_groups as stored_groups
from stocktake.load.duplicates import sittings as stored_sittings
from stocktake.run.decided import list_duplicates
from stocktake.run.reviewed import load_answers, rehearsed, stored_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any

    import psycopg

    from stocktake.load.duplicates import Choice, Duplicate, PairKind
    from stocktake.load.rehearsal import Rehearsal
    from stocktake.model import RunReport, System
    from stocktake.run.errands import Fetched
    from stocktake.run.workspace import Workspace

MOST_PAIRS = 1_000
MOST_ANSWERS = 100
"""So much is decided at once; the rest of a kind stays open for the next time."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What deciding pairs together would do.

    Args:
        pairs: How many would be decided.
        left: How many of their kind would stay open.
        answers: Answers that would be loaded again.
        told: What loading them would change.
    """

    pairs: int
    left: int
    answers: int
    told: Rehearsal


@dataclass(frozen=True, slots=True)
class Settled:
    """Pairs decided together, or opened again together.

    Args:
        at: When they were decided: it names them.
        pairs: How many.
        left: How many of their kind stay open.
        done: The run that changed rows, ``None`` when none had to.
    """

    at: datetime
    pairs: int
    left: int
    done: RunReport | None


def pair_groups(workspace: Workspace, system: System, kind: PairKind) -> list[PairGroup]:
    """Return open pairs of a kind, those that differ in the same columns together, most first."""
    with workspace.database.connection() as conn:
        return stored_groups(conn, system.name, kind)


def pair_sittings(workspace: Workspace, system: System) -> list[Sitting]:
    """Return the last times that several pairs were decided together, newest first."""
    with workspace.database.connection() as conn:
        return stored_sittings(conn, system.name)


def rehearse_together(
    workspace: Workspace, system: System, kind: PairKind, choice: Choice, *, by: str
) -> Trial:
    """Tell what deciding the open pairs of a kind alike would change; nothing is changed.

    Raises:
        UsageError: There is none, or the choice does not fit one of them.
    """
    pairs, left = _chosen(workspace, system, kind)
    answers = _answers(workspace, system, pairs) if choice.changes_row else []
    now = workspace.clock()

    def settle(conn: psycopg.Connection[Any]) -> None:
        for pair in pairs:
            decide(conn, pair.duplicate_id, choice, by=by, now=now)

    told = rehearsed(workspace, system, answers, before=settle)
    return Trial(len(pairs), left, len(answers), told)


def settle_together(
    workspace: Workspace, system: System, kind: PairKind, choice: Choice, *, by: str
) -> Settled:
    """Decide the open pairs of a kind alike; where rows change, their answers are loaded again.

    Raises:
        UsageError: There is none, or the choice does not fit one of them.
        PlanRefused: Rows would change, and the system is busy: nothing is decided then.
    """
    pairs, left = _chosen(workspace, system, kind)
    answers = _answers(workspace, system, pairs) if choice.changes_row else []
    now = workspace.clock()
    with workspace.database.connection() as conn:
        for pair in pairs:
            decide(conn, pair.duplicate_id, choice, by=by, now=now)

    def take_back(conn: psycopg.Connection[Any]) -> None:
        for pair in pairs:
            reopen(conn, pair.duplicate_id)

    done = _loaded(workspace, system, answers, take_back)
    return Settled(now, len(pairs), left, done)


def reopen_together(workspace: Workspace, system: System, at: datetime) -> Settled:
    """Take back what was decided at an instant; rows it had changed are as they were without it.

    Raises:
        UsageError: Nothing was decided then.
        PlanRefused: Rows would change, and the system is busy: the decisions stay then.
    """
    with workspace.database.connection() as conn:
        pairs = decided_at(conn, system.name, at)
    if not pairs:
        raise UsageError(
            f"Nothing was decided at {at.isoformat()}.",
            hint=f"stocktake duplicates groups {system.name} tells when.",
        )
    answers = _answers(workspace, system, [pair for pair in pairs if pair.from_other])
    with workspace.database.connection() as conn:
        for pair in pairs:
            reopen(conn, pair.duplicate_id)

    def decide_again(conn: psycopg.Connection[Any]) -> None:
        for pair in pairs:
            restore_decision(conn, pair)

    return Settled(at, len(pairs), 0, _loaded(workspace, system, answers, decide_again))


def _chosen(workspace: Workspace, system: System, kind: PairKind) -> tuple[list[Duplicate], int]:
    """Return the pairs to decide now, newest first, and how many more there are."""
    listed = list_duplicates(workspace, system, kind, limit=MOST_PAIRS)
    if not listed:
        raise UsageError(
            "No open pair is of this kind.", hint=f"stocktake duplicates groups {system.name}"
        )
    chosen: list[Duplicate] = []
    captures: set[int | None] = set()
    for pair in listed:
        captures.add(pair.capture_id)
        if len(captures) > MOST_ANSWERS:
            break
        chosen.append(pair)
    total = sum(group.count for group in pair_groups(workspace, system, kind))
    return chosen, max(0, total - len(chosen))


def _answers(workspace: Workspace, system: System, pairs: Sequence[Duplicate]) -> list[Fetched]:
    """Return the answers that brought the pairs, each once."""
    found: dict[int | None, Fetched] = {}
    for number in dict.fromkeys(pair.capture_id for pair in pairs):
        if number is None:
            raise UsageError("One of the pairs came without a capture.", hint="Decide it alone.")
        answer = stored_answer(workspace, system, number)
        found.setdefault(answer.answer.captures[0].capture_id, answer)
    return list(found.values())


def _loaded(
    workspace: Workspace,
    system: System,
    answers: Sequence[Fetched],
    otherwise: Callable[[psycopg.Connection[Any]], None],
) -> RunReport | None:
    """Load answers again; when that cannot be, put the decisions back as they were."""
    if not answers:
        return None
    try:
        return load_answers(workspace, system, answers)
    except StocktakeError:
        with workspace.database.connection() as conn:
            otherwise(conn)
        raise
