"""What changed since a derivation was last computed, and which keys that touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from psycopg import ClientCursor
from psycopg.sql import SQL, Identifier, Literal

from stocktake.derive.target import COMMA, QUERIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection
    from psycopg.sql import Composable, Composed

    from stocktake.derive.target import Target


def touch_changed(conn: Connection[Any], target: Target, watermark: datetime) -> int:
    """Fill ``touched_keys`` with what changes since ``watermark`` touch; return how many."""
    touching = QUERIES.create_touched_keys_of.format(
        changes=_changes(target, watermark),
        scope=target.scope,
        typed_scope=target.typed_scope,
        touched=target.required("touched"),
    )
    cursor = in_one_trip(
        conn, (QUERIES.drop_scratch, touching, QUERIES.analyze_touched_keys), parameters_of(target)
    )
    cursor.nextset()
    touched = cursor.rowcount
    if target.is_update_only:
        added = QUERIES.touch_new_rows.format(
            scope=target.scope, target=target.table, watermark=Literal(watermark)
        )
        touched += conn.execute(added, prepare=False).rowcount
    return touched


def touch_everything(conn: Connection[Any], target: Target) -> None:
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


def touch_units(conn: Connection[Any], target: Target, *, column: str, units: Sequence[str]) -> int:
    """Add the keys of units to ``touched_keys``; a derivation that cannot list its keys has none.

    Args:
        column: Column of the scope that names a unit.
        units: Its values.

    Returns:
        How many were not touched yet.
    """
    every = _every_key(target)
    if every is None or not units:
        return 0
    statement = QUERIES.touch_units.format(
        scope=target.scope, every=every, column=Identifier(column)
    )
    keys = {"keys": list(units)}
    return conn.execute(statement, parameters_of(target) | keys, prepare=False).rowcount


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


def touched_units(conn: Connection[Any], target: Target) -> tuple[tuple[str, ...], ...]:
    """Return the units in which touched keys lie: ``('all',)`` where the file names none."""
    units = target.statement("units")
    if units is None:
        return (("all",),) if count_touched(conn) else ()
    found = conn.execute(
        QUERIES.units_touched.format(units=units), parameters_of(target), prepare=False
    )
    return tuple(sorted(tuple(unit) for (unit,) in found.fetchall()))


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


def _changes(target: Target, watermark: datetime) -> Composed:
    """Return each input's changes as a query named ``changed_<dataset>``."""
    return COMMA.join(_changed(target, name, watermark) for name in target.derivation.inputs)


def _changed(target: Target, name: str, watermark: datetime) -> Composed:
    dataset = target.system.dataset(name)
    types = target.tables[name]
    matches = SQL(" and ").join(
        SQL("t.{} = (v.row_key ->> {})::{}").format(
            Identifier(column), Literal(column), SQL(types[column])
        )
        for column in dataset.key
    )
    return QUERIES.changes.format(
        name=_named(name),
        input=Identifier(target.system.name, dataset.name),
        matches_version=matches,
        system=Literal(target.system.name),
        dataset=Literal(dataset.name),
        watermark=Literal(watermark),
    )


def _everything(target: Target) -> Composed:
    """Return each input whole, by the names its changes have."""
    return COMMA.join(
        QUERIES.everything.format(name=_named(name), input=Identifier(target.system.name, name))
        for name in target.derivation.inputs
    )


def _named(name: str) -> Identifier:
    return Identifier(f"changed_{name}")


def _row(conn: Connection[Any], statement: Any) -> Any:
    row = conn.execute(statement, prepare=False).fetchone()
    if row is None:
        raise LookupError("a statement that always gives a row gave none")
    return row
