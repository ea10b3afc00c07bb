"""What a transaction must know before it recomputes anything, asked once for all derivations."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Jsonb

from stocktake.derive.target import QUERIES, Target, columns_of, target_among

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.model import Derivation, System

Name = tuple[str, str]
"""Dataset written and file stem: which derivation."""


class Change(NamedTuple):
    """One way in which a dataset changed: rows were loaded, or others overwritten or removed."""

    dataset: str
    is_loaded: bool


class LastTime(NamedTuple):
    """The last recomputation.

    Args:
        watermark: Rows loaded from this instant on were not seen.
        parameters: Those used.
        noted_until: What changed before this instant was noted as stale since; None: nothing.
    """

    watermark: datetime
    parameters: dict[str, Any]
    noted_until: datetime | None

    @property
    def looked_until(self) -> datetime:
        """Up to where changes were recomputed or noted as stale."""
        return max(self.watermark, self.noted_until or self.watermark)


@dataclass(slots=True)
class Survey:
    """The state of some derivations and of what they read.

    Args:
        system: Their system.
        until: From this instant on rows may be loaded that nobody can see yet. Rows that this
            transaction writes are earlier: whoever is derived after them has seen them.
        columns: Columns of each dataset written or read, with their full types.
        states: The last time of each derivation that had one.
        since: Per dataset read, the earliest instant from which on changes are wanted.
        changed: What changed since of the datasets read, with what this transaction wrote.
        done: Derivations recomputed, to be remembered together.
    """

    system: System
    until: datetime
    columns: Mapping[str, Mapping[str, str]]
    states: Mapping[Name, LastTime]
    since: dict[str, datetime] = field(default_factory=dict)
    changed: set[Change] = field(default_factory=set)
    done: dict[Name, dict[str, Any]] = field(default_factory=dict)

    def target(self, derivation: Derivation) -> Target:
        """Return a derivation against its table."""
        return target_among(self.system, derivation, self.columns)

    def state(self, target: Target) -> LastTime | None:
        """Return what is known of the last recomputation, ``None`` when there was none."""
        return self.states.get((target.derivation.dataset, target.derivation.sql))

    def wrote(self, target: Target, *, is_loaded: bool) -> None:
        """Note that rows of a table were written, or what they had been was kept."""
        if not target.is_update_only:
            self.changed.add(Change(target.derivation.dataset, is_loaded))

    def close(self, target: Target) -> None:
        """Note that a derivation has seen everything there is."""
        name = (target.derivation.dataset, target.derivation.sql)
        self.done[name] = dict(target.derivation.parameters)


def survey(
    conn: Connection[Any],
    system: System,
    derivations: Sequence[Derivation],
    *,
    in_turn: bool = True,
    beyond_noted: bool = False,
) -> Survey:
    """Look at derivations and at what changed since each was last computed.

    Args:
        in_turn: Wait for other sessions that recompute one of them, and make them wait.
        beyond_noted: Leave out changes that were noted as stale before.
    """
    if in_turn:
        turns = {"names": [f"{system.name}.{one.dataset}/{one.sql}" for one in derivations]}
        conn.execute(QUERIES.take_turns, turns)
    # Looked up before anything is read: what commits later is found the next time.
    until = _oldest_transaction(conn)
    tables = {name for one in derivations for name in (one.dataset, *one.inputs)}
    found = Survey(
        system, until, columns_of(conn, system, sorted(tables)), read_states(conn, system)
    )
    for one in derivations:
        state = found.states.get((one.dataset, one.sql))
        if state is not None:
            since = state.looked_until if beyond_noted else state.watermark
            for name in read_by(one):
                found.since[name] = min(since, found.since.get(name, since))
    found.changed.update(_changed(conn, system, found.since))
    return found


def has_changes(
    conn: Connection[Any], surveyed: Survey, derivation: Derivation, since: datetime
) -> bool:
    """Return whether anything that a derivation reads may have changed since an instant."""
    changed = {one.dataset for one in surveyed.changed}
    names = [name for name in read_by(derivation) if name in changed]
    if any(surveyed.since.get(name, since) >= since for name in names):
        return True
    return bool(names) and bool(_changed(conn, surveyed.system, dict.fromkeys(names, since)))


def read_by(derivation: Derivation) -> tuple[str, ...]:
    """Return the datasets whose changes matter; rows that get columns matter themselves."""
    return (*derivation.inputs, *([derivation.dataset] if derivation.columns else []))


def read_states(conn: Connection[Any], system: System) -> dict[Name, LastTime]:
    """Return the last time of every derivation of a system that had one."""
    found = conn.execute(QUERIES.read_states, {"system": system.name}).fetchall()
    return {(dataset, sql): LastTime(*state) for dataset, sql, *state in found}


def remember(conn: Connection[Any], surveyed: Survey, *, run_id: int | None, now: datetime) -> None:
    """Write how far each derivation that is done has seen.

    Args:
        run_id: The run it was done in.
        now: UTC.
    """
    done = sorted(surveyed.done.items())
    if not done:
        return
    values = {
        "system": surveyed.system.name,
        "datasets": [name[0] for name, _ in done],
        "stems": [name[1] for name, _ in done],
        "parameters": [Jsonb(used) for _, used in done],
        "watermark": surveyed.until,
        "run_id": run_id,
        "at": now,
    }
    conn.execute(QUERIES.write_states, values)
    surveyed.done.clear()


def _oldest_transaction(conn: Connection[Any]) -> datetime:
    """Return the instant from which on rows may have been loaded that nobody can see yet.

    Only the login is shown the sessions' starts, so the role is changed for one statement.
    """
    cursor = conn.execute(QUERIES.oldest_transaction, prepare=False)
    cursor.nextset()  # of three statements in one round trip
    row = cursor.fetchone()
    if row is None:
        raise LookupError("a statement that always gives a row gave none")
    instant: datetime = row[0]
    return instant


def _changed(conn: Connection[Any], system: System, since: Mapping[str, datetime]) -> set[Change]:
    """Return what was loaded, overwritten or removed of datasets since an instant each."""
    if not since:
        return set()
    looks = [
        QUERIES.is_loaded.format(
            dataset=Literal(name), input=Identifier(system.name, name), watermark=Literal(instant)
        )
        for name, instant in sorted(since.items())
    ]
    by_instant: dict[datetime, list[str]] = defaultdict(list)
    for name, instant in since.items():
        by_instant[instant].append(name)
    looks += [
        QUERIES.is_versioned.format(
            system=Literal(system.name), datasets=Literal(sorted(names)), watermark=Literal(instant)
        )
        for instant, names in sorted(by_instant.items())
    ]
    found = conn.execute(SQL("\nunion all\n").join(looks), prepare=False)
    return {Change(*line) for line in found.fetchall()}
