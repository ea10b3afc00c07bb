"""Plans kept in the database: saved, approved, checked off; and what estimates rest on."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from stocktake.errors import UsageError
from stocktake.model import EndpointCost, Observed, Plan, PlanOptions, PlanPart, State
from stocktake.model.ordinals import Ranges, as_text, from_text, size, subtract, union
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stocktake.model import Coverage, System

Connection = psycopg.Connection[tuple[Any, ...]]
Series = tuple[str, ...]

_QUERIES = load_queries("stocktake.store", "sql/plan.sql")


def save_plan(conn: Connection, plan: Plan) -> int:
    """Keep a plan and return its number; units are kept as ranges, in their order."""
    summary = {
        "costs": [asdict(cost) for cost in plan.costs],
        "requests": plan.requests,
        "seconds": plan.seconds,
        "naive_seconds": plan.naive_seconds,
        "rows": plan.rows,
        "bytes": plan.bytes,
        "estimated_from": plan.estimated_from,
        "unreachable": [list(line) for line in plan.unreachable],
        "priorities": [part.priority for part in plan.parts],
        "declared": dict(plan.declared),
    }
    row = conn.execute(
        _QUERIES.add_plan,
        {
            "system": plan.system,
            "options": Jsonb(_options_out(plan.options)),
            "summary": Jsonb(summary),
            "made_at": plan.made_at,
        },
    ).fetchone()
    plan_id = int(row[0]) if row else 0
    parameters = [
        {
            "plan_id": plan_id,
            "part": number,
            "wave": part.wave,
            "label": part.label,
            "kind": part.kind,
            "feed": part.feed,
            "ordinals": Jsonb(_ordinals_out(part.ordinals)),
            "units": part.units,
            "requests": part.requests,
            "dynamic": part.dynamic,
            "reason": part.reason,
        }
        for number, part in enumerate(plan.parts)
    ]
    with conn.cursor() as cursor:
        cursor.executemany(_QUERIES.add_part, parameters)
    return plan_id


def load_plan(conn: Connection, plan_id: int) -> Plan:
    """Return a saved plan.

    Raises:
        UsageError: There is no plan of that number.
    """
    row = conn.execute(_QUERIES.plan_by_id, {"plan_id": plan_id}).fetchone()
    if row is None:
        raise UsageError(
            f"there is no plan {plan_id}.", hint="stocktake plan SYSTEM --save makes one."
        )
    system, options, summary, made_at = row[:4]
    lines = conn.execute(_QUERIES.parts_of_plan, {"plan_id": plan_id}).fetchall()
    priorities = summary.get("priorities") or [None] * len(lines)
    return Plan(
        system,
        options_in(options),
        tuple(
            PlanPart(wave, label, kind, feed, _ordinals_in(at), units, requests, dynamic, why, rank)
            for (wave, label, kind, feed, at, units, requests, dynamic, why), rank in zip(
                lines, priorities, strict=True
            )
        ),
        tuple(EndpointCost(**cost) for cost in summary["costs"]),
        requests=summary["requests"],
        seconds=summary["seconds"],
        naive_seconds=summary["naive_seconds"],
        rows=summary["rows"],
        bytes=summary["bytes"],
        estimated_from=summary["estimated_from"],
        unreachable=tuple((why, dataset, units) for why, dataset, units in summary["unreachable"]),
        plan_id=plan_id,
        made_at=made_at,
        declared=summary.get("declared", {}),
    )


def approve(conn: Connection, plan_id: int, *, by: str, now: datetime) -> None:
    """Mark a plan as approved; the first approval stays.

    Raises:
        UsageError: There is no plan of that number.
    """
    parameters = {"plan_id": plan_id, "by": by, "now": now}
    if not conn.execute(_QUERIES.approve_plan, parameters).rowcount:
        raise UsageError(f"there is no plan {plan_id}.")


def approval(conn: Connection, plan_id: int) -> tuple[datetime, str] | None:
    """Return when and by whom a plan was approved, ``None`` when it was not."""
    row = conn.execute(_QUERIES.plan_by_id, {"plan_id": plan_id}).fetchone()
    return (row[4], row[5]) if row and row[4] else None


def set_ordinals(
    conn: Connection,
    plan_id: int,
    part: int,
    ordinals: Mapping[Series, Sequence[tuple[int, int]]],
) -> None:
    """Fix the units of a dynamic part, so that a resumed run works on the same ones."""
    conn.execute(
        _QUERIES.set_ordinals,
        {
            "plan_id": plan_id,
            "part": part,
            "ordinals": Jsonb(_ordinals_out(ordinals)),
            "units": sum(size(union(ranges)) for ranges in ordinals.values()),
        },
    )


def check_off(
    conn: Connection, run_id: int, part: int, series: Series, ordinals: Iterable[int]
) -> None:
    """Mark units of a part as done, in the transaction that loads them."""
    done = as_text(union((ordinal, ordinal + 1) for ordinal in ordinals))
    parameters = {"run_id": run_id, "part": part, "series": list(series), "done": done}
    conn.execute(_QUERIES.add_checkpoint, parameters)


def remaining(
    conn: Connection, run_id: int, plan_id: int, part: int
) -> dict[Series, list[tuple[int, int]]]:
    """Return what of a part is not checked off, ascending; finished series are left out."""
    row = conn.execute(_QUERIES.ordinals_of_part, {"plan_id": plan_id, "part": part}).fetchone()
    if row is None:
        raise UsageError(f"plan {plan_id} has no part {part}.")
    return without_done(conn, run_id, part, _ordinals_in(row[0]))


def without_done(
    conn: Connection, run_id: int, part: int, ordinals: Mapping[Series, Sequence[tuple[int, int]]]
) -> dict[Series, list[tuple[int, int]]]:
    """Return which of some units of a part are not checked off; finished series are left out."""
    found = conn.execute(_QUERIES.done_of_part, {"run_id": run_id, "part": part})
    done: dict[Series, Ranges] = {tuple(series): from_text(text) for series, text in found}
    left: dict[Series, list[tuple[int, int]]] = {}
    for series, ranges in ordinals.items():
        open_ranges = subtract(union(ranges), done.get(series, ()))
        if open_ranges:
            left[series] = list(open_ranges)
    return left


def observed(conn: Connection, system: System, coverages: Iterable[Coverage] = ()) -> Observed:
    """Return what was seen of a system so far.

    Args:
        coverages: What was just counted, for plans up to the target.
    """
    parameters = {"system": system.name}
    ratio = _number(conn.execute(_QUERIES.stored_ratio).fetchone(), 1.0)
    seen = conn.execute(_QUERIES.rows_seen, parameters).fetchall()
    return Observed(
        rows_per_unit={feed: rows / units for feed, _, _, rows, units in seen if units},
        bytes_per_request={
            feed: ratio * bytes_seen / captures for feed, captures, bytes_seen, _, _ in seen
        },
        answers={feed: captures for feed, captures, _, _, _ in seen},
        bytes_per_row=_number(conn.execute(_QUERIES.bytes_per_row, parameters).fetchone(), 0.0),
        members={
            (dataset, column): count
            for dataset, column, count in conn.execute(_QUERIES.members_seen, parameters)
        },
        held_days=dict(conn.execute(_QUERIES.days_held, parameters).fetchall()),
        needed={coverage.dataset: coverage.needed_for_target for coverage in coverages},
    )


def _number(row: tuple[Any, ...] | None, absent: float) -> float:
    return float(row[0]) if row and row[0] is not None else absent


def _ordinals_out(ordinals: Mapping[Series, Sequence[tuple[int, int]]]) -> list[Any]:
    return [[list(series), [list(part) for part in ranges]] for series, ranges in ordinals.items()]


def _ordinals_in(stored: list[Any]) -> dict[Series, tuple[tuple[int, int], ...]]:
    return {
        tuple(series): tuple((first, last) for first, last in ranges) for series, ranges in stored
    }


def _options_out(options: PlanOptions) -> dict[str, Any]:
    return {
        **asdict(options),
        "since": options.since.isoformat() if options.since else None,
        "until": options.until.isoformat() if options.until else None,
        "states": [state.value for state in options.states],
    }


def options_in(stored: Mapping[str, Any]) -> PlanOptions:
    """Return plan options from the JSON object kept with a plan or a run; others are left out."""
    named = {one.name for one in fields(PlanOptions)}
    return PlanOptions(
        **{
            **{name: value for name, value in stored.items() if name in named},
            "datasets": tuple(stored["datasets"]),
            "since": date.fromisoformat(stored["since"]) if stored["since"] else None,
            "until": date.fromisoformat(stored["until"]) if stored["until"] else None,
            "states": tuple(State(state) for state in stored["states"]),
            "priorities": tuple(stored.get("priorities", ())),
            "only": tuple(stored.get("only", ())),
        }
    )
