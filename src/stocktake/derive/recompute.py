"""Recompute a derived dataset for the keys that changes touched, and merge what differs."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier

from stocktake.derive.changes import (
    Touched,
    in_one_trip,
    parameters_of,
    touch_changed,
    touch_everything,
    touched_units,
    withdrawn_units,
)
from stocktake.derive.survey import has_changes, remember, survey
from stocktake.derive.target import COMMA, QUERIES, Target, names
from stocktake.model import FromDataset, RowCounts, Values
from stocktake.observe.failpoints import reach
from stocktake.store.queries import embedded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection
    from psycopg.sql import Composed

    from stocktake.derive.survey import Survey
    from stocktake.model import Derivation, System

MANY_ROWS = 1_000
"""Computed rows above which an index on them costs less than a plan that goes without."""


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
    touched = Touched(target, 0)
    if is_full or state is None:
        touched = touch_everything(conn, target)
    elif lacking or has_changes(conn, surveyed, derivation, state.watermark):
        touched = touch_changed(
            conn,
            target,
            state.watermark,
            surveyed.changed,
            lacking=lacking,
            column=unit_column(surveyed.system, derivation),
        )
    surveyed.close(target)
    if not touched.count and not is_full:
        return Derived(derivation.dataset, RowCounts(), 0, 0, (), is_full=False)
    reach("derive_touched")
    values = {**parameters_of(target), "now": now, "_run_id": run_id}
    counts, deleted = _merge(conn, touched, values, is_full=is_full)
    if counts.inserted or counts.updated:
        surveyed.wrote(target, is_loaded=True)
    if counts.updated or deleted:
        surveyed.wrote(target, is_loaded=False)
    units = touched_units(conn, touched)
    if is_full or state is None:  # a unit is computed also when there was nothing to compute from
        units = tuple(sorted({*units, *_every_unit(target)}))
    else:
        units = tuple(sorted({*units, *withdrawn_units(conn, target, state.watermark)}))
    return Derived(derivation.dataset, counts, deleted, touched.count, units, is_full)


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
    computing = QUERIES.create_computed.format(columns=names(target.columns), rows=target.rows())
    analyzing = QUERIES.analyze_computed.format(key_list=names(target.key))
    return in_one_trip(conn, (computing, analyzing), values).rowcount


def _merge(
    conn: Connection[Any], touched: Touched, values: Mapping[str, Any], *, is_full: bool
) -> tuple[RowCounts, int]:
    """Compute the rows of the touched keys and write what differs; return deletions, too."""
    target = touched.target
    values = {**values, "_system": target.system.name, "_dataset": target.derivation.dataset}
    if touched.count and not touched.is_stored:
        return _merge_few(conn, touched, values)
    parts = target.parts()
    if not target.is_update_only and _is_empty(conn, target):
        statement = QUERIES.insert_all.format(**parts, rows=target.rows())
        inserted = conn.execute(statement, values, prepare=False).rowcount
        return RowCounts(read=inserted, inserted=inserted), 0
    read = compute_rows(conn, target, values)
    if read > MANY_ROWS:
        conn.execute(QUERIES.index_computed.format(key_list=names(target.key)))
        conn.execute(QUERIES.index_touched_keys.format(scope=target.scope))
    written = {
        name: conn.execute(statement, values, prepare=False).rowcount
        for name, statement in _steps(target, is_full=is_full).items()
    }
    return _counted(read, written)


def _merge_few(
    conn: Connection[Any], touched: Touched, values: Mapping[str, Any]
) -> tuple[RowCounts, int]:
    target = touched.target
    steps = _steps(target, is_full=False)
    merging = QUERIES.merge_few.format(
        keys=touched.given(),
        columns=names(target.columns),
        rows=target.rows(),
        parts=COMMA.join(
            QUERIES.part.format(name=Identifier(name), statement=statement)
            for name, statement in steps.items()
        ),
        counts=COMMA.join(QUERIES.part_count.format(name=Identifier(name)) for name in steps),
    )
    found = conn.execute(merging, values, prepare=False).fetchone()
    if found is None:
        raise LookupError("a statement that always gives a row gave none")
    return _counted(found[0], dict(zip(steps, found[1:], strict=True)))


def _steps(target: Target, *, is_full: bool) -> dict[str, Composed]:
    """Return the statements that merge computed rows, by name, in order."""
    parts = target.parts()
    if target.is_update_only:
        return {"updated": embedded(QUERIES.update_columns).format(**parts)}
    vanished = (QUERIES.is_vanished_of_all if is_full else QUERIES.is_vanished).format(**parts)
    steps = {
        "deleted": QUERIES.delete_vanished,
        "updated": QUERIES.update_changed,
        "inserted": QUERIES.insert_new,
    }
    if _is_read_by_others(target):
        kept = {"kept_deleted": QUERIES.keep_deleted, "kept_updated": QUERIES.keep_updated}
        steps = kept | steps
    return {
        name: embedded(statement).format(**parts, is_vanished=vanished)
        for name, statement in steps.items()
    }


def _counted(read: int, written: Mapping[str, int]) -> tuple[RowCounts, int]:
    inserted, updated = written.get("inserted", 0), written.get("updated", 0)
    unchanged = read - updated - inserted
    counts = RowCounts(read=read, inserted=inserted, updated=updated, unchanged=unchanged)
    return counts, written.get("deleted", 0)


def _is_read_by_others(target: Target) -> bool:
    """Former selves of derived rows are kept only for derivations that read them.

    They can be computed again at any time, so undo does not need them.
    """
    dataset = target.derivation.dataset
    return any(dataset in other.inputs for other in target.system.derivations)


def _is_empty(conn: Connection[Any], target: Target) -> bool:
    row = conn.execute(QUERIES.is_empty.format(target=target.table)).fetchone()
    return row == (True,)
