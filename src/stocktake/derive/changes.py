"""What changed since a derivation was last computed, and which keys that touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from psycopg.sql import SQL, Identifier, Literal

from stocktake.derive.target import QUERIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection
    from psycopg.sql import Composable

    from stocktake.derive.target import Target


def oldest_transaction(conn: Connection[Any]) -> datetime:
    """Return the instant from which on rows may have been loaded that nobody can see yet.

    Only the login is shown the sessions' starts, so the role is changed for one statement.
    """
    current, session = _row(conn, QUERIES.session_role)
    if current != session:
        conn.execute(QUERIES.act_as, {"role": "none"})
    (instant,) = _row(conn, QUERIES.oldest_transaction)
    if current != session:
        conn.execute(QUERIES.act_as, {"role": current})
    return cast("datetime", instant)


def has_changes(conn: Connection[Any], target: Target, watermark: datetime) -> bool:
    """Return whether any input may have changed since ``watermark``; reads two indexes each."""
    read = list(target.derivation.inputs)
    if target.is_update_only:
        read.append(target.derivation.dataset)
    return any(
        _row(
            conn,
            QUERIES.has_changes.format(input=Identifier(target.system.name, name)),
            {"system": target.system.name, "dataset": name, "watermark": watermark},
        )[0]
        for name in read
    )


def touch_changed(conn: Connection[Any], target: Target, watermark: datetime) -> None:
    """Fill ``touched_keys`` with what changes since ``watermark`` touch."""
    for name in target.derivation.inputs:
        _create_view(conn, target, name, watermark)
    create_touched_keys(conn, target)
    statement = QUERIES.fill_touched_keys.format(
        scope=target.scope, touched=target.required("touched")
    )
    conn.execute(statement, parameters_of(target), prepare=False)
    _drop_views(conn, target)
    if target.is_update_only:
        conn.execute(
            QUERIES.touch_new_rows.format(
                scope=target.scope, target=target.table, watermark=Literal(watermark)
            )
        )
    conn.execute(QUERIES.analyze_touched_keys)


def touch_everything(conn: Connection[Any], target: Target) -> None:
    """Fill ``touched_keys`` with every key there could be."""
    create_touched_keys(conn, target)
    if len(target.derivation.scope) > 1:
        conn.execute(QUERIES.relate_touched_keys.format(scope=target.scope))
    every = _every_key(target)
    if every is not None:
        statement = QUERIES.fill_every_key.format(scope=target.scope, every=every)
        conn.execute(statement, parameters_of(target), prepare=False)
    else:
        _view_everything(conn, target)
        statement = QUERIES.fill_touched_keys.format(
            scope=target.scope, touched=target.required("touched")
        )
        conn.execute(statement, parameters_of(target), prepare=False)
        _drop_views(conn, target)
    conn.execute(QUERIES.analyze_touched_keys)


def touch_units(
    conn: Connection[Any], target: Target, *, column: str, units: Sequence[str]
) -> None:
    """Add the keys of units to ``touched_keys``; a derivation that cannot list its keys has none.

    Args:
        column: Column of the scope that names a unit.
        units: Its values.
    """
    every = _every_key(target)
    if every is None or not units:
        return
    statement = QUERIES.touch_units.format(
        scope=target.scope, every=every, column=Identifier(column)
    )
    conn.execute(statement, parameters_of(target) | {"keys": list(units)}, prepare=False)


def touch_sample(
    conn: Connection[Any], target: Target, *, share: float, least: int, seed: int
) -> None:
    """Fill ``touched_keys`` with a random ``share`` (0 to 1) of the keys, ``least`` at least."""
    create_touched_keys(conn, target)
    every = _every_key(target)
    if every is None:
        _view_everything(conn, target)
        every = target.required("touched")
    statement = QUERIES.fill_sample.format(scope=target.scope, every=every, target=target.table)
    values = {"share": share, "least": least, "seed": seed}
    conn.execute(statement, parameters_of(target) | values, prepare=False)
    _drop_views(conn, target)
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


def _create_view(conn: Connection[Any], target: Target, name: str, watermark: datetime) -> None:
    dataset = target.system.dataset(name)
    table = Identifier(target.system.name, dataset.name).as_string(conn)
    types: Mapping[str, str] = dict(
        conn.execute(QUERIES.table_columns, {"target": table}).fetchall()
    )
    matches = SQL(" and ").join(
        SQL("t.{} = (v.row_key ->> {})::{}").format(
            Identifier(column), Literal(column), SQL(types[column])
        )
        for column in dataset.key
    )
    view = _view(name)
    conn.execute(QUERIES.drop_view.format(view=view))
    conn.execute(
        QUERIES.view_changes.format(
            view=view,
            input=Identifier(target.system.name, dataset.name),
            matches_version=matches,
            system=Literal(target.system.name),
            dataset=Literal(dataset.name),
            watermark=Literal(watermark),
        )
    )


def _view_everything(conn: Connection[Any], target: Target) -> None:
    for name in target.derivation.inputs:
        conn.execute(QUERIES.drop_view.format(view=_view(name)))
        table = Identifier(target.system.name, name)
        conn.execute(QUERIES.view_everything.format(view=_view(name), input=table))


def _drop_views(conn: Connection[Any], target: Target) -> None:
    """A view left behind would forbid migrations of the tables it reads."""
    for name in target.derivation.inputs:
        conn.execute(QUERIES.drop_view.format(view=_view(name)))


def _view(name: str) -> Identifier:
    return Identifier("pg_temp", f"changed_{name}")


def _row(conn: Connection[Any], statement: Any, values: Mapping[str, Any] | None = None) -> Any:
    row = conn.execute(statement, values, prepare=False).fetchone()
    if row is None:
        raise LookupError("a statement that always gives a row gave none")
    return row
