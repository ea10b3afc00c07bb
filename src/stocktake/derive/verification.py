"""Prove that stored derived rows are what recomputing gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Identifier

from stocktake.derive.changes import (
    count_touched,
    parameters_of,
    touch_everything,
    touch_sample,
)
from stocktake.derive.recompute import compute_rows
from stocktake.derive.survey import read_states
from stocktake.derive.target import COMMA, QUERIES, names, target_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.derive.target import Target
    from stocktake.model import Derivation, System

LEAST_KEYS = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """How stored rows and recomputed ones differ; all zero when they agree.

    Args:
        dataset: Table verified.
        keys: Keys recomputed.
        absent: Rows that should be stored and are not.
        surplus: Rows stored that are not computed.
        differing: Rows stored with other values.
        examples: Up to 100 row keys with ``absent``, ``surplus`` or ``differs``.
    """

    dataset: str
    keys: int
    absent: int = 0
    surplus: int = 0
    differing: int = 0
    examples: Sequence[tuple[dict[str, Any], str]] = ()

    @property
    def count(self) -> int:
        """Rows that differ, either way."""
        return self.absent + self.surplus + self.differing


def verify(
    conn: Connection[Any],
    system: System,
    derivation: Derivation,
    *,
    share: float = 0.01,
    seed: int = 0,
    now: datetime,
) -> Difference:
    """Recompute some keys beside the table and count the differences; nothing is changed.

    The parameters are those of the last recomputation.

    Args:
        share: Part of the keys recomputed, 0 to 1, but never fewer than 200; 1 recomputes all.
        seed: The same seed takes the same keys.
        now: UTC.
    """
    target = last_target(conn, system, derivation)
    is_full = share >= 1
    if is_full:
        touch_everything(conn, target)
    else:
        touch_sample(conn, target, share=share, least=LEAST_KEYS, seed=seed)
    found = compare(conn, target, is_full=is_full, now=now)
    touched = count_touched(conn)
    conn.execute(QUERIES.drop_scratch)
    kinds = [kind for _, kind in found]
    return Difference(
        derivation.dataset,
        touched,
        absent=kinds.count("absent"),
        surplus=kinds.count("surplus"),
        differing=kinds.count("differs"),
        examples=found[:100],
    )


def last_target(conn: Connection[Any], system: System, derivation: Derivation) -> Target:
    """Return a derivation's target with the parameters of its last recomputation."""
    target = target_of(conn, system, derivation)
    state = read_states(conn, system).get((derivation.dataset, derivation.sql))
    if state is None:
        return target
    declared = parameters_of(target)
    used = {name: value for name, value in state.parameters.items() if name in declared}
    return target_of(conn, system, derivation.using(**used))


def compare(
    conn: Connection[Any], target: Target, *, is_full: bool = False, now: datetime
) -> list[tuple[dict[str, Any], str]]:
    """Recompute ``touched_keys`` beside the table and return the row keys that differ, and how."""
    compute_rows(conn, target, {**parameters_of(target), "now": now})
    parts = target.parts()
    if target.is_update_only:
        keys = COMMA.join(Identifier("t", column) for column in target.key)
        statement = QUERIES.differences_of_columns.format(**parts, keys=keys)
    else:
        either = COMMA.join(
            SQL("coalesce(t.{0}, c.{0}) as {0}").format(Identifier(column)) for column in target.key
        )
        everything = SQL("true") if is_full else parts["in_scope"]
        statement = QUERIES.differences.format(
            **parts | {"in_scope": everything}, keys=either, key_list=names(target.key)
        )
    found = conn.execute(statement).fetchall()
    return [(dict(zip(target.key, row, strict=False)), row[-1]) for row in found]
