"""Recompute a derived dataset for the keys that changes touched, and merge what differs."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.types.json import Jsonb

from stocktake.derive.changes import (
    count_touched,
    has_changes,
    oldest_transaction,
    parameters_of,
    touch_changed,
    touch_everything,
    touch_units,
    touched_units,
)
from stocktake.derive.target import QUERIES, Target, target_of
from stocktake.model import FromDataset, RowCounts, Values
from stocktake.observe.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.model import Derivation, System


@dataclass(frozen=True, slots=True)
class Derived:
    """What a recomputation did.

    Args:
        dataset: Table written.
        counts: ``read`` counts the rows computed.
        deleted: Rows removed because they were not computed again.
        touched_keys: Keys recomputed; 0 when nothing had changed.
        units: Units of the dataset in which those keys lie, in order.
        is_full: Whether everything was recomputed.
    """

    dataset: str
    counts: RowCounts
    deleted: int
    touched_keys: int
    units: tuple[tuple[str, ...], ...]
    is_full: bool


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


def in_order(derivations: Sequence[Derivation]) -> tuple[Derivation, ...]:
    """Return derivations so that each comes after those that write what it reads.

    Those that do not depend on one another keep their order.

    Raises:
        graphlib.CycleError: Two derivations wait for each other.
    """
    graph = {
        index: [
            other
            for other, written in enumerate(derivations)
            if written.dataset in reads.inputs and written.dataset != reads.dataset
        ]
        for index, reads in enumerate(derivations)
    }
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    ordered: list[Derivation] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += [derivations[index] for index in ready]
        sorter.done(*ready)
    return tuple(ordered)


def derive(
    conn: Connection[Any],
    system: System,
    derivation: Derivation,
    *,
    full: bool = False,
    lacking: Sequence[str] = (),
    run_id: int | None,
    now: datetime,
) -> Derived:
    """Recompute what changes since the last time touched; all of it when that cannot be known.

    Everything is recomputed when ``full``, the first time, and when the derivation's parameters
    (``Derivation.using``) differ from those of the last time. Nothing is committed; use a
    transaction of its own, begun after the loads were committed, or their rows are taken for
    changed once more the next time.

    Args:
        full: Recompute every key.
        lacking: Units counted as missing although their inputs are there; recomputed as well.
        run_id: Run that stored rows are ascribed to.
        now: UTC; given to the statements as ``%(now)s`` and kept with the watermark.
    """
    target = target_of(conn, system, derivation)
    conn.execute(QUERIES.take_turn, {"name": target.name})
    used = parameters_of(target)
    state = read_state(conn, target)
    # Looked up before anything is read: what commits later is found by the next recomputation.
    watermark = oldest_transaction(conn)
    is_full = full or state is None or state.parameters != used
    values = {**used, "now": now, "_run_id": run_id}
    if is_full or state is None:
        touch_everything(conn, target)
    elif lacking or has_changes(conn, target, state.watermark):
        touch_changed(conn, target, state.watermark)
        touch_units(conn, target, column=unit_column(system, derivation), units=lacking)
    else:
        _write_state(conn, target, watermark, used, values)
        return Derived(derivation.dataset, RowCounts(), 0, 0, (), is_full=False)
    reach("derive_touched")
    counts, deleted = _merge(conn, target, values, is_full=is_full)
    _write_state(conn, target, watermark, used, values)
    touched = count_touched(conn)
    units = touched_units(conn, target)
    if is_full:  # a unit is computed also when there was nothing to compute it from
        units = tuple(sorted({*units, *_every_unit(target)}))
    conn.execute(QUERIES.drop_scratch)
    return Derived(derivation.dataset, counts, deleted, touched, units, is_full)


def _every_unit(target: Target) -> list[tuple[str, ...]]:
    """Return the units that are known without looking at rows."""
    if target.statement("units") is None:
        return [("all",)]
    partitions = target.system.dataset(target.derivation.dataset).partitions
    return [(value,) for value in partitions.values] if isinstance(partitions, Values) else []


def unit_column(system: System, derivation: Derivation) -> str:
    """Return the column that names a unit and is part of the scope; empty when there is none."""
    units = system.dataset(derivation.dataset).partitions
    if isinstance(units, FromDataset) and units.column in derivation.scope:
        return units.column
    return ""


def compute_rows(conn: Connection[Any], target: Target, values: Mapping[str, Any]) -> int:
    """Fill the table ``computed`` with the rows of ``touched_keys``; return how many."""
    parts = target.parts()
    conn.execute(QUERIES.create_computed.format(**parts))
    statement = QUERIES.fill_computed.format(columns=parts["columns"], rows=target.rows())
    filled = conn.execute(statement, values, prepare=False).rowcount
    conn.execute(QUERIES.analyze_computed)
    return filled


def read_state(conn: Connection[Any], target: Target) -> LastTime | None:
    """Return what is known of the last recomputation, ``None`` when there was none."""
    row = conn.execute(QUERIES.read_state, target.stored_as).fetchone()
    return None if row is None else LastTime(*row)


def _merge(
    conn: Connection[Any], target: Target, values: Mapping[str, Any], *, is_full: bool
) -> tuple[RowCounts, int]:
    parts = target.parts()
    if not target.is_update_only and _is_empty(conn, target):
        statement = QUERIES.insert_all.format(**parts, rows=target.rows())
        inserted = conn.execute(statement, values, prepare=False).rowcount
        return RowCounts(read=inserted, inserted=inserted), 0
    read = compute_rows(conn, target, values)
    if target.is_update_only:
        updated = conn.execute(QUERIES.update_columns.format(**parts)).rowcount
        return RowCounts(read=read, updated=updated, unchanged=read - updated), 0
    vanished = (QUERIES.is_vanished_of_all if is_full else QUERIES.is_vanished).format(**parts)
    if _is_read_by_others(target):
        names = {"run_id": values["_run_id"], **target.stored_as}
        conn.execute(QUERIES.keep_deleted.format(**parts, is_vanished=vanished), names)
        conn.execute(QUERIES.keep_updated.format(**parts), names)
    deleted = conn.execute(
        QUERIES.delete_vanished.format(target=target.table, is_vanished=vanished)
    ).rowcount
    updated = conn.execute(QUERIES.update_changed.format(**parts), values).rowcount
    inserted = conn.execute(QUERIES.insert_new.format(**parts), values).rowcount
    unchanged = read - updated - inserted
    return RowCounts(read=read, inserted=inserted, updated=updated, unchanged=unchanged), deleted


def _is_read_by_others(target: Target) -> bool:
    """Former selves of derived rows are kept only for derivations that read them.

    They can be computed again at any time, so undo does not need them.
    """
    dataset = target.derivation.dataset
    return any(dataset in other.inputs for other in target.system.derivations)


def _is_empty(conn: Connection[Any], target: Target) -> bool:
    row = conn.execute(QUERIES.is_empty.format(target=target.table)).fetchone()
    return row == (True,)


def _write_state(
    conn: Connection[Any],
    target: Target,
    watermark: datetime,
    used: Mapping[str, int | str],
    values: Mapping[str, Any],
) -> None:
    state = {"watermark": watermark, "parameters": Jsonb(dict(used))}
    run = {"run_id": values["_run_id"], "at": values["now"]}
    conn.execute(QUERIES.write_state, target.stored_as | state | run)
