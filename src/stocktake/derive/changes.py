"""What changed since a derivation was last computed, and which keys that touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from psycopg import ClientCursor
from psycopg.sql import SQL, Identifier, Literal

from stocktake.derive.survey import Change
from stocktake.derive.target import COMMA, QUERIES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection
    from psycopg.sql import Composable, Composed

    from stocktake.derive.target import Target


MOST_KEPT_HERE = 5000
"""Touched keys, at most, that travel with statements instead of being stored."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The keys to recompute: few are kept here, many in the table ``touched_keys``.

    Args:
        target: Whose.
        count: How many; 0 when nothing had changed.
        arrays: Of few keys, the values of each column of the scope as an array's literal.
    """

    target: Target
    count: int
    arrays: tuple[str, ...] = ()

    @property
    def is_stored(self) -> bool:
        """Whether the keys are in the table."""
        return bool(self.count) and not self.arrays

    def given(self) -> Composable:
        """Return few keys as the query ``touched_keys``."""
        return QUERIES.keys_given.format(
            scope=self.target.scope,
            arrays=COMMA.join(
                SQL("{}::{}[]").format(Literal(values), SQL(self.target.type_of(column)))
                for column, values in zip(self.target.derivation.scope, self.arrays, strict=True)
            ),
        )


def touch_changed(
    conn: Connection[Any],
    target: Target,
    watermark: datetime,
    changed: Collection[Change],
    *,
    lacking: Sequence[str] = (),
    column: str = "",
) -> Touched:
    """Return the keys that changes since ``watermark`` touch.

    Args:
        changed: What may have changed since; nothing else is looked at.
        lacking: Units whose keys are touched whatever changed; a derivation that cannot list its
            keys has none.
        column: Column of the scope that names a unit.
    """
    keys: Composable = QUERIES.touched_of_changes.format(
        changes=_changes(target, watermark, changed),
        scope=target.scope,
        typed_scope=target.typed_scope,
        touched=target.required("touched"),
    )
    parts = {"typed_scope": target.typed_scope, "target": target.table}
    if target.is_update_only and Change(target.derivation.dataset, is_loaded=True) in changed:
        keys = QUERIES.with_new_rows.format(keys=keys, watermark=Literal(watermark), **parts)
    every = _every_key(target)
    if every is not None and lacking:
        keys = QUERIES.with_units.format(
            keys=keys, every=every, column=Identifier(column), units=Literal(list(lacking)), **parts
        )
    arrays = (QUERIES.array_of.format(column=Identifier(name)) for name in target.derivation.scope)
    few = QUERIES.few_keys.format(
        arrays=COMMA.join(arrays), keys=keys, most=Literal(MOST_KEPT_HERE + 1)
    )
    count, *literals = _row(conn, few, parameters_of(target))
    if count <= MOST_KEPT_HERE:
        return Touched(target, count, tuple(literals) if count else ())
    storing = QUERIES.create_touched_keys_of.format(keys=keys)
    cursor = in_one_trip(
        conn, (QUERIES.drop_scratch, storing, QUERIES.analyze_touched_keys), parameters_of(target)
    )
    cursor.nextset()
    return Touched(target, cursor.rowcount)


def touch_everything(conn: Connection[Any], target: Target) -> Touched:
    """Fill ``touched_keys`` with every key there could be."""
    create_touched_keys(conn, target)
    if len(target.derivation.scope) > 1:
        conn.execute(QUERIES.relate_touched_keys.format(scope=target.scope))
    every = _every_key(target)
    if every is not None:
        statement = QUERIES.fill_every_key.format(scope=target.scope, every=every)
    else:
        statement = QUERIES.fill_touched_keys.format(
            changes=_everything(target), scope=target.scope, touched=target.required("touched")
        )
    conn.execute(statement, parameters_of(target), prepare=False)
    conn.execute(QUERIES.analyze_touched_keys)
    return Touched(target, count_touched(conn))


def touch_sample(
    conn: Connection[Any], target: Target, *, share: float, least: int, seed: int
) -> None:
    """Fill ``touched_keys`` with a random ``share`` (0 to 1) of the keys, ``least`` at least."""
    create_touched_keys(conn, target)
    statement = QUERIES.fill_sample.format(
        changes=_everything(target),
        scope=target.scope,
        every=_every_key(target) or target.required("touched"),
        target=target.table,
    )
    values = {"share": share, "least": least, "seed": seed}
    conn.execute(statement, parameters_of(target) | values, prepare=False)
    conn.execute(QUERIES.analyze_touched_keys)


def count_touched(conn: Connection[Any]) -> int:
    """Return the number of keys in ``touched_keys``."""
    return cast("int", _row(conn, QUERIES.count_touched_keys)[0])


def touched_units(conn: Connection[Any], touched: Touched) -> tuple[tuple[str, ...], ...]:
    """Return the units in which touched keys lie: ``('all',)`` where the file names none."""
    target = touched.target
    units = target.statement("units")
    if not touched.count:
        return ()
    if units is None:
        return (("all",),)
    keys = SQL("") if touched.is_stored else SQL("with {}").format(touched.given())
    statement = QUERIES.units_touched.format(keys=keys, units=units)
    found = conn.execute(statement, parameters_of(target), prepare=False)
    return tuple(sorted(tuple(unit) for (unit,) in found.fetchall()))


def withdrawn_units(
    conn: Connection[Any], target: Target, watermark: datetime
) -> set[tuple[str, ...]]:
    """Return the units in which sources withdrew rows since ``watermark``.

    Of what was computed from those no key is left that would lead to their units.
    """
    system, derivation = target.system, target.derivation
    own = system.dataset(derivation.dataset).partitions
    same = [name for name in derivation.inputs if system.dataset(name).partitions == own]
    if not same:
        return set()
    names = {"system": system.name, "inputs": same, "watermark": watermark}
    return {tuple(unit) for (unit,) in conn.execute(QUERIES.units_withdrawn, names)}


def parameters_of(target: Target) -> dict[str, Any]:
    """Return the parameters that a derivation declares, with their defaults."""
    return dict(target.derivation.parameters)


def _every_key(target: Target) -> Composable | None:
    """Return the query of all keys; of derived columns these are the table's rows."""
    if target.is_update_only:
        return QUERIES.every_row.format(scope=target.scope, target=target.table)
    return target.statement("every")


def create_touched_keys(conn: Connection[Any], target: Target) -> None:
    """Make room for keys to recompute, without any yet."""
    conn.execute(QUERIES.drop_scratch)
    conn.execute(QUERIES.create_touched_keys.format(scope=target.scope, target=target.table))


def in_one_trip(
    conn: Connection[Any], statements: Sequence[Composable], values: Mapping[str, Any]
) -> ClientCursor[Any]:
    """Execute statements one after the other without waiting in between.

    Several statements take parameters only where the client writes them into the text.

    Returns:
        A cursor on the first one's result; ``nextset`` goes to the next.
    """
    cursor = ClientCursor(conn)
    cursor.execute(SQL("\n").join(statements), values, prepare=False)
    return cursor


def _changes(target: Target, watermark: datetime, changed: Collection[Change]) -> Composed:
    """Return each input's changes as a query named ``changed_<dataset>``."""
    return COMMA.join(
        QUERIES.changes.format(
            name=_named(name), changes=_changed(target, name, watermark, changed)
        )
        for name in target.derivation.inputs
    )


def _changed(
    target: Target, name: str, watermark: datetime, changed: Collection[Change]
) -> Composable:
    dataset = target.system.dataset(name)
    table = Identifier(target.system.name, dataset.name)
    types = target.tables[name]
    halves = []
    if Change(name, is_loaded=True) in changed:
        halves.append(QUERIES.loaded.format(input=table, watermark=Literal(watermark)))
    if Change(name, is_loaded=False) in changed:
        matches = SQL(" and ").join(
            SQL("t.{} = (v.row_key ->> {})::{}").format(
                Identifier(column), Literal(column), SQL(types[column])
            )
            for column in dataset.key
        )
        halves.append(
            QUERIES.former.format(
                input=table,
                matches_version=matches,
                system=Literal(target.system.name),
                dataset=Literal(dataset.name),
                watermark=Literal(watermark),
            )
        )
    return SQL("\nunion all\n").join(halves) if halves else QUERIES.nothing.format(input=table)


def _everything(target: Target) -> Composed:
    """Return each input whole, by the names its changes have."""
    return COMMA.join(
        QUERIES.everything.format(name=_named(name), input=Identifier(target.system.name, name))
        for name in target.derivation.inputs
    )


def _named(name: str) -> Identifier:
    return Identifier(f"changed_{name}")


def _row(
    conn: Connection[Any], statement: Any, values: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = conn.execute(statement, values, prepare=False).fetchone()
    if row is None:
        raise LookupError("a statement that always gives a row gave none")
    return row
