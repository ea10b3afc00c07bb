"""The waves of a plan: what is fetched side by side, and what comes first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stocktake.model import Feed, FromDataset, PlanOptions, PlanPart, System

Series = tuple[str, ...]

STATIC, DATED, MEMBERS = range(3)
"""Stages of a plan: lists first, then days, then what lists and days named."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One feed's units of one year, or all of its units; parts come of them."""

    stage: int
    year: int
    part: PlanPart
    turn: int
    value: float


def member_label(system: System, feed: Feed, axis: FromDataset) -> str:
    """Return what a wave of members is called.

    Members that are the rows of a list, such as the games of a schedule, depend on that list;
    others are named by rows about something else, which looking them up enriches.
    """
    if feed.instead_of:
        return f"not in {feed.instead_of}"
    is_list = system.dataset(axis.dataset).key == (axis.column,)
    return f"listed in {axis.dataset}" if is_list else "enrichment"


def in_waves(pieces: Iterable[Piece], options: PlanOptions) -> list[PlanPart]:
    """Number the waves in the order asked for; parts of one wave share label and number."""
    sign = 1 if options.order == "oldest" else -1

    def by_age(piece: Piece) -> tuple[object, ...]:
        return (piece.stage, sign * piece.year, piece.turn if piece.stage == MEMBERS else 0)

    def by_value(piece: Piece) -> tuple[object, ...]:
        return (piece.part.dynamic, -piece.value, *by_age(piece))

    def order(piece: Piece) -> tuple[object, ...]:
        inner = by_value(piece) if options.order == "value" else by_age(piece)
        return (piece.part.priority or 0, *inner)

    waves: dict[tuple[object, ...], int] = {}
    parts = []
    for piece in sorted(pieces, key=lambda one: (order(one), one.turn)):
        wave = waves.setdefault(order(piece), len(waves))
        part = piece.part
        label = part.label if part.priority is None else f"P{part.priority} {part.label}"
        parts.append(replace(part, wave=wave, label=label, ordinals=ordered(part.ordinals, sign)))
    return parts


def ordered(
    ordinals: Mapping[Series, Sequence[tuple[int, int]]], sign: int
) -> dict[Series, Sequence[tuple[int, int]]]:
    """Return ranges in the order they are to be filled: ascending, or with -1 descending."""
    return {series: tuple(ranges)[::sign] for series, ranges in ordinals.items()}


def ranks(system: System, feed: Feed, options: PlanOptions) -> Sequence[int | None]:
    """Return the priorities a plan has parts of a feed for; one ``None`` where it does not tell."""
    if not options.is_by_priority:
        return [None]
    declared = {rank for name in feed.fills for rank in system.dataset(name).priorities}
    return sorted(declared & set(options.priorities) if options.priorities else declared)
