"""Recompute a derived dataset for the keys that changes touched, and merge what differs."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import Identifier

from stocktake.derive.changes import (
    count_touched,
    in_one_trip,
    parameters_of,
    touch_changed,
    touch_everything,
    touch_units,
    touched_units,
)
from stocktake.derive.survey import has_changes, remember, survey
from stocktake.derive.target import QUERIES, Target, names
from stocktake.model import FromDataset, RowCounts, Values
from stocktake.observe.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection
    from psycopg.sql import Composable

    from stocktake.derive.survey import Survey
    from stocktake.model import Derivation, System

MANY_KEYS = 1000
"""From this many on it is worth asking whether a table is empty, and may be filled directly."""


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
    run_id: int | None,
    now: datetime,
) -> Derived:
    """Recompute what changes since the last time touched; all of it when that cannot be known.

    Everything is recomputed when ``full``, the first time, and when the derivation's parameters
    (``Derivation.using``) differ from those of the last time. Nothing is committed; use a
    transaction of its own, begun after the loads were committed: rows that it loads later are not
    seen as changes any more.

    Args:
        full: Recompute every key.
        run_id: Run that stored rows are ascribed to.
        now: UTC; given to the statements as ``%(now)s`` and kept with the watermark.
    """
    surveyed = survey(conn, system, [derivation])
    done = derive_surveyed(conn, surveyed, derivation, full=full, run_id=run_id, now=now)
    remember(conn, surveyed, run_id=run_id, now=now)
    conn.execute(QUERIES.drop_scratch)
    return done


def derive_surveyed(
    conn: Connection[Any],
    surveyed: Survey,
    derivation: Derivation,
    *,
    full: bool = False,
    lacking: Sequence[str] = (),
    run_id: int | None,
    now: datetime,
) -> Derived:
    """Recompute one of the derivations surveyed, as ``derive`` does; ``remember`` it afterwards.

    Args:
        surveyed: Made in the same transaction.
        full: Recompute every key.
        lacking: Units counted as missing although their inputs are there; recomputed as well.
        run_id: Run that stored rows are ascribed to.
        now: UTC.
    """
    target = surveyed.target(derivation)
    state = surveyed.state(target)
    is_full = full or state is None or state.parameters != parameters_of(target)
    touched = 0
    if is_full or state is None:
        touch_everything(conn, target)
        touched = count_touched(conn)
    elif lacking or has_changes(conn, surveyed, derivation, state.watermark):
        touched = touch_changed(conn, target, state.watermark)
        touched += touch_units(
            conn, target, column=unit_column(surveyed.system, derivation), units=lacking
        )
    surveyed.close(target)
    if not touched and not is_full:
        return Derived(derivation.dataset, RowCounts(), 0, 0, (), is_full=False)
    reach("derive_touched")
    values = {**parameters_of(target), "now": now, "_run_id": run_id}
    counts, deleted = _merge(conn, target, values, is_full=is_full, touched=touched)
    if counts.inserted or counts.updated or deleted:
        surveyed.wrote(target)
    units = touched_units(conn, target)
    if is_full:  # a unit is computed also when there was nothing to compute it from
        units = tuple(sorted({*units, *_every_unit(target)}))
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
    cursor = in_one_trip(conn, _computing(target), values)
    return cursor.rowcount


def _computing(target: Target) -> tuple[Composable, ...]:
    parts = target.parts()
    return (
        QUERIES.create_computed.format(columns=parts["columns"], rows=target.rows()),
        QUERIES.analyze_computed.format(key_list=names(target.key)),
    )


def _merge(
    conn: Connection[Any],
    target: Target,
    values: Mapping[str, Any],
    *,
    is_full: bool,
    touched: int,
) -> tuple[RowCounts, int]:
    parts = target.parts()
    if target.is_update_only:
        read = compute_rows(conn, target, values)
        updated = conn.execute(QUERIES.update_columns.format(**parts), prepare=False).rowcount
        return RowCounts(read=read, updated=updated, unchanged=read - updated), 0
    if (is_full or touched > MANY_KEYS) and _is_empty(conn, target):
        statement = QUERIES.insert_all.format(**parts, rows=target.rows())
        inserted = conn.execute(statement, values, prepare=False).rowcount
        return RowCounts(read=inserted, inserted=inserted), 0
    if is_full:
        read = compute_rows(conn, target, values)
        vanished = QUERIES.is_vanished_of_all.format(**parts)
        return _write(conn, target, values, read=read, vanished=vanished)
    return _merge_touched(conn, target, values)


def _merge_touched(
    conn: Connection[Any], target: Target, values: Mapping[str, Any]
) -> tuple[RowCounts, int]:
    """Put the rows of touched keys into the table: mostly all are new, or none differs."""
    parts = target.parts()
    vanished = QUERIES.is_vanished.format(**parts)
    comparing = QUERIES.compare_computed.format(
        **parts, is_vanished=vanished, first_key=Identifier(target.key[0])
    )
    cursor = in_one_trip(conn, (*_computing(target), comparing), values)
    read = cursor.rowcount
    cursor.nextset()
    cursor.nextset()
    found = Found(*(cursor.fetchone() or ()))
    return _write(conn, target, values, read=read, vanished=vanished, found=found)


class Found(NamedTuple):
    """How computed rows and stored ones differ: rows per kind, or some number where unknown."""

    vanished: int = 1
    changed: int = 1
    new: int = 1


UNKNOWN = Found()


def _write(
    conn: Connection[Any],
    target: Target,
    values: Mapping[str, Any],
    *,
    read: int,
    vanished: Composable,
    found: Found = UNKNOWN,
) -> tuple[RowCounts, int]:
    parts = target.parts()
    steps = (
        (found.vanished, QUERIES.delete_vanished.format(target=target.table, is_vanished=vanished)),
        (found.changed, QUERIES.update_changed.format(**parts)),
        (found.new, QUERIES.insert_new.format(**parts)),
    )
    if _is_read_by_others(target):
        names_of_run = {"run_id": values["_run_id"], **target.stored_as}
        keep_deleted = QUERIES.keep_deleted.format(**parts, is_vanished=vanished)
        for count, keep in (
            (found.vanished, keep_deleted),
            (found.changed, QUERIES.keep_updated.format(**parts)),
        ):
            if count:
                conn.execute(keep, names_of_run, prepare=False)
    deleted, updated, inserted = (
        conn.execute(step, values, prepare=False).rowcount if count else 0 for count, step in steps
    )
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
