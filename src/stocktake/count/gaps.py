"""Which units are missing, thin or otherwise worth a line; and every unit, as a heatmap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from stocktake.count.routes import ordinal_text
from stocktake.count.states import (
    QUERIES,
    Connection,
    Looking,
    Question,
    View,
    question,
    ranges_in,
)
from stocktake.count.turned import turned_at
from stocktake.model import GAP_STATES, Dataset, Gap, State, System

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One series of a heatmap: a state per day from ``first`` on, ``None`` for unknown days."""

    series: tuple[str, ...]
    first: int
    states: list[State | None]


def gaps(
    conn: Connection,
    system: System,
    datasets: Sequence[Dataset],
    *,
    states: Collection[State] = GAP_STATES,
    limit: int | None = None,
    **looking: Unpack[Looking],
) -> list[Gap]:
    """Return runs of neighbouring units in one of ``states``, by dataset, series and key.

    Args:
        limit: Most runs returned in all, ``None`` for every one.
    """
    view = View(**looking)
    found: list[Gap] = []
    for dataset in datasets:
        left = None if limit is None else limit - len(found)
        if left == 0:
            break
        asked = question(conn, system, dataset, view=view)
        lines = ranges_in(conn, asked, states=states, limit=left)
        names = member_texts(conn, asked, [at for line in lines for at in (line[4], line[5] - 1)])
        real = [(tuple(line[0]), line[4], line[5]) for line in lines if line[2] in GAP_STATES]
        since = dict(zip(real, turned_at(conn, system, asked, real), strict=True))
        found += [
            Gap(
                dataset.name,
                tuple(key),
                ordinal_text(asked.axis, first, members=names),
                ordinal_text(asked.axis, last - 1, members=names),
                last - first,
                State(state),
                reason,
                since.get((tuple(key), first, last)),
                _blocking(asked, state, reason),
            )
            for key, _, state, reason, first, last in lines
        ]
    return found


def _blocking(asked: Question, state: str, reason: str) -> str:
    """Return the dataset that a unit waits for: the states statement tells it as the reason."""
    above = reason.removesuffix(" missing")
    return above if state == State.BLOCKED and above in asked.parameters["upstream"] else ""


def matrix(
    conn: Connection, system: System, dataset: Dataset, **looking: Unpack[Looking]
) -> list[MatrixRow]:
    """Return a state per series and day (or member) between the first and last known one."""
    asked = question(conn, system, dataset, view=View(**looking))
    lines = ranges_in(conn, asked, states=tuple(State))
    if not lines:
        return []
    first = min(line[4] for line in lines)
    width = max(line[5] for line in lines) - first
    grid: dict[tuple[str, ...], list[State | None]] = {}
    for key, _, state, _, start, end in lines:
        cells = grid.setdefault(tuple(key), [None] * width)
        cells[start - first : end - first] = [State(state)] * (end - start)
    return [MatrixRow(series, first, cells) for series, cells in grid.items()]


def member_texts(conn: Connection, asked: Question, ordinals: Sequence[int]) -> dict[int, str]:
    """Return the keys of members by ordinal; nothing for days and values."""
    if asked.member_series is None or not ordinals:
        return {}
    parameters = {"series_id": asked.member_series, "ordinals": list(ordinals)}
    return dict(conn.execute(QUERIES.member_keys, parameters).fetchall())
