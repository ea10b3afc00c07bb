"""Duplicates: rows of one answer that share a key and differ, kept for a person to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stocktake.errors import UsageError
from stocktake.load.rows import as_json, key_text, named
from stocktake.load.tables import QUERIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import psycopg

    from stocktake.load.lines import Row
    from stocktake.load.rows import Conflict
    from stocktake.load.tables import FacetTable

Decision = Literal["kept", "replaced", "merged", "both", "distinct"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows with one key.

    Attributes:
        dataset: Their dataset.
        row_key: The key as text, ``race_id=rac_1,horse_id=hrs_7``.
        kept: JSON of the row that was merged, by column.
        other: JSON of the row set aside.
        capture_id: Capture that held both.
    """

    dataset: str
    row_key: str
    kept: str
    other: str
    capture_id: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A pair as kept; ``state`` is ``open`` until someone decides.

    Attributes:
        from_other: Columns that the row takes from the one set aside; all when it is replaced.
        decided_by: Who decided, ``decided_at`` when.
    """

    duplicate_id: int
    dataset: str
    row_key: str
    kept: Mapping[str, Any]
    other: Mapping[str, Any]
    capture_id: int | None
    run_id: int
    state: str
    at: datetime
    from_other: Sequence[str] = ()
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def differing(self) -> tuple[str, ...]:
        """Names of the columns that differ, in their order."""
        return tuple(name for name, value in self.kept.items() if value != self.other.get(name))

    @property
    def alike(self) -> float:
        """The score of a pair of one key: the share of its columns that are equal, 0 to 1."""
        return 1 - len(self.differing) / len(self.kept) if self.kept else 0.0

    @property
    def differences(self) -> str:
        """Names of the columns that differ, separated by commas."""
        return ", ".join(self.differing)

    @property
    def row(self) -> Mapping[str, Any]:
        """The row as it is decided to be; as it was kept while nobody decided."""
        taken = {name: self.other.get(name) for name in self.from_other}
        return {**self.kept, **taken}


@dataclass(frozen=True, slots=True)
class PairKind:
    """Which pairs are meant: all unless something is named.

    Attributes:
        datasets: Of these only.
        differing: Those that differ in exactly these columns.
        alike: Those of which at least this share of the columns is equal, 0 to 1.
    """

    datasets: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    alike: float = 0.0


ANY = PairKind()


@dataclass(frozen=True, slots=True)
class PairGroup:
    """Open pairs that differ in the same columns.

    Attributes:
        alike: Share of the columns that are equal, 0 to 1.
        latest: Number of the newest pair.
    """

    dataset: str
    differing: Sequence[str]
    alike: float
    count: int
    latest: int


@dataclass(frozen=True, slots=True)
class Sitting:
    """Pairs that somebody decided at once; ``at`` names it."""

    at: datetime
    by: str
    decisions: Sequence[str]
    count: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person decides about a pair.

    Attributes:
        decision: ``kept`` and ``both`` leave the row as it is, ``distinct`` too and says that the
            two are different things; ``replaced`` takes the other row, ``merged`` some columns.
        from_other: For ``merged``: columns taken from the row set aside.
    """

    decision: Decision
    from_other: tuple[str, ...] = ()

    @property
    def changes_row(self) -> bool:
        """Whether the row in the table is to be another one."""
        return self.decision in {"replaced", "merged"}


def store_duplicates(
    conn: psycopg.Connection[Any],
    system: str,
    *,
    pairs: Sequence[Pair],
    run_id: int,
    now: datetime,
) -> None:
    """Keep pairs; the same pair found again is not kept twice."""
    if not pairs:
        return
    conn.execute(
        QUERIES.add_duplicates,
        {
            "run_id": run_id,
            "at": now,
            "system": system,
            "capture": [pair.capture_id for pair in pairs],
            "dataset": [pair.dataset for pair in pairs],
            "row_key": [pair.row_key for pair in pairs],
            "kept": [pair.kept for pair in pairs],
            "other": [pair.other for pair in pairs],
        },
    )


def list_duplicates(
    conn: psycopg.Connection[Any],
    system: str,
    *,
    kind: PairKind = ANY,
    state: str | None = "open",
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[Duplicate]:
    """Yield duplicates in one state below number ``before``, newest first; ``None``: decided."""
    asked = {"system": system, "state": state, "before": before, "limit": limit}
    for row in conn.execute(QUERIES.list_duplicates, {**asked, **_asked(kind)}):
        yield Duplicate(*row)


def _asked(kind: PairKind) -> dict[str, Any]:
    columns = sorted(kind.differing)
    return {"datasets": list(kind.datasets), "differing": columns, "alike": kind.alike}


def pair_groups(conn: psycopg.Connection[Any], system: str, kind: PairKind) -> list[PairGroup]:
    """Return open pairs of a kind, those that differ in the same columns together, most first."""
    rows = conn.execute(QUERIES.pair_groups, {"system": system, **_asked(kind)})
    return [PairGroup(*row) for row in rows]


def sittings(conn: psycopg.Connection[Any], system: str) -> list[Sitting]:
    """Return the last times that several pairs were decided at once, newest first."""
    return [Sitting(*row) for row in conn.execute(QUERIES.sittings, {"system": system})]


def decided_at(conn: psycopg.Connection[Any], system: str, at: datetime) -> list[Duplicate]:
    """Return the pairs that were decided at an instant."""
    rows = conn.execute(QUERIES.decided_at, {"system": system, "at": at})
    return [Duplicate(*row) for row in rows]


def find_duplicate(conn: psycopg.Connection[Any], duplicate_id: int) -> tuple[Duplicate, str]:
    """Return one pair, decided or not, and its system.

    Raises:
        UsageError: There is none of this number.
    """
    row = conn.execute(QUERIES.one_duplicate, {"duplicate_id": duplicate_id}).fetchone()
    if row is None:
        raise UsageError(
            f"There is no duplicate {duplicate_id}.", hint="stocktake duplicates SYSTEM"
        )
    return Duplicate(*row[:-1]), row[-1]


def decisions_of_row(
    conn: psycopg.Connection[Any], system: str, dataset: str, row_key: str
) -> list[Duplicate]:
    """Return what was decided about rows that had this key, the latest first."""
    asked = {"system": system, "dataset": dataset, "row_key": row_key}
    return [Duplicate(*row) for row in conn.execute(QUERIES.decisions_of_row, asked)]


def decide(
    conn: psycopg.Connection[Any],
    duplicate_id: int,
    choice: Choice,
    *,
    by: str,
    now: datetime,
) -> None:
    """Write down what a person decided about an open duplicate.

    No row changes: the answer is to be loaded again where ``choice.changes_row``.

    Raises:
        UsageError: There is no such duplicate, it was decided before, or a column to be taken from
            the other row is not one in which they differ.
    """
    pair, _ = find_duplicate(conn, duplicate_id)
    taken = pair.differing if choice.decision == "replaced" else choice.from_other
    if choice.decision == "merged" and not set(taken) <= set(pair.differing):
        wrong = ", ".join(sorted(set(taken) - set(pair.differing)))
        raise UsageError(
            f"The rows do not differ in {wrong}.", hint=f"They differ in {pair.differences}."
        )
    facts = {"decision": choice.decision, "from_other": list(taken), "by": by, "at": now}
    if not conn.execute(QUERIES.decide_duplicate, {"duplicate_id": duplicate_id, **facts}).rowcount:
        raise UsageError(
            f"Duplicate {duplicate_id} is decided already: {pair.state}, by {pair.decided_by}.",
            hint="Take that back first, or see stocktake duplicates SYSTEM for the open ones.",
        )


def reopen(conn: psycopg.Connection[Any], duplicate_id: int) -> None:
    """Take a decision back.

    Raises:
        UsageError: Nothing was decided about it.
    """
    if not conn.execute(QUERIES.reopen_duplicate, {"duplicate_id": duplicate_id}).rowcount:
        raise UsageError(f"Nothing was decided about duplicate {duplicate_id}.")


def restore_decision(conn: psycopg.Connection[Any], pair: Duplicate) -> None:
    """Put a decision back as it was when the pair was read."""
    facts = {"duplicate_id": pair.duplicate_id, "state": pair.state, "by": pair.decided_by}
    told = {"from_other": list(pair.from_other), "at": pair.decided_at}
    conn.execute(QUERIES.restore_decision, {**facts, **told})


def decided_rows(
    conn: psycopg.Connection[Any], table: FacetTable, conflicts: Sequence[Conflict]
) -> list[tuple[Conflict, Row]]:
    """Return the conflicts of which a person decided that the row is another one, with that row."""
    given = [
        (key_text(table, one.kept), *(as_json(named(table, row)) for row in (one.kept, one.other)))
        for one in conflicts
    ]
    keys, kept, other = map(list, zip(*given, strict=True))
    asked = {"system": table.schema, "dataset": table.dataset.name, "row_key": keys}
    found = []
    for at, columns in conn.execute(QUERIES.decided_pairs, {**asked, "kept": kept, "other": other}):
        taken = frozenset(columns)
        one = conflicts[at]
        values = zip(table.facet.columns, one.kept, one.other, strict=True)
        found.append((one, tuple(b if name in taken else a for name, a, b in values)))
    return found
