"""Plans: which units, in which order, at what cost; and what a run of one did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stocktake.model.unit import State


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a user asked to be planned.

    Args:
        datasets: Names; empty means all of the system.
        since: First day, ``None`` for the dataset's own.
        until: Last day, included; ``None`` for today.
        states: Unit states to fill.
        order: ``newest``, ``oldest``, ``priority`` or ``value``.
        sample: Only this many newest days (or units), ``None`` for all.
        max_requests: Stop planning after this many requests.
        until_target: Plan only what is needed to reach the targets.
        refetch: Fetch also what is held and complete.
        priorities: Only units as urgent as one of these; empty means all. See
            ``Dataset.priorities``.
        only: Units picked by hand, each as ``DATASET:FIRST..LAST/SERIES``, parts of which may be
            left out (``:/gb``); empty means all. With it nothing is planned for units that are
            not known yet.
    """

    datasets: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    states: tuple[State, ...] = ()
    order: str = "newest"
    sample: int | None = None
    max_requests: int | None = None
    until_target: bool = False
    refetch: bool = False
    priorities: tuple[int, ...] = ()
    only: tuple[str, ...] = ()

    @property
    def is_by_priority(self) -> bool:
        """Whether the plan is to tell urgent units from others."""
        return bool(self.priorities) or self.order == "priority"


@dataclass(frozen=True, slots=True)
class PlanPart:
    """Units of one feed in one wave, kept as ordinals per series.

    Args:
        wave: Waves run one after another, with checks between; parts of a wave run in parallel.
        label: What the wave is (``2026``, ``enrichment``, ``P0 2026``).
        kind: ``fetch`` or ``derive``.
        feed: Feed, or derived dataset.
        ordinals: Per series key: half-open ordinal ranges in the order they are to be filled.
        units: Units in it.
        requests: HTTP requests it needs (an estimate when ``dynamic``).
        dynamic: Units become known only when the wave starts (enrichment of new horses).
        reason: Why these units are in the plan.
        priority: How urgent they are, where the plan tells.
    """

    wave: int
    label: str
    kind: str
    feed: str
    ordinals: Mapping[tuple[str, ...], Sequence[tuple[int, int]]]
    units: int
    requests: int
    dynamic: bool = False
    reason: str = ""
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointCost:
    """Requests of one endpoint and the seconds they take at the gate's spacing.

    ``is_rate_known`` is false where the rate is assumed, since the source states none.
    """

    source: str
    endpoint: str
    requests: int
    per_second: float
    seconds: float
    quota_days: int | None = None
    is_rate_known: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """An ordered, costed list of parts.

    Args:
        seconds: Duration at the allowed rates, endpoints side by side.
        naive_seconds: The same requests one after another at the slowest endpoint's rate.
        rows: Estimated rows; ``bytes`` estimated storage. From what was seen, else assumed.
        unreachable: Units that stay gaps: reason → (dataset, units).
        declared: What of the declaration it rests on, see ``stocktake.plan.declared``.
    """

    system: str
    options: PlanOptions
    parts: tuple[PlanPart, ...]
    costs: tuple[EndpointCost, ...]
    requests: int
    seconds: float
    naive_seconds: float
    rows: int
    bytes: int
    estimated_from: str
    unreachable: Sequence[tuple[str, str, int]] = ()
    plan_id: int | None = None
    made_at: datetime | None = None
    declared: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen so far, for estimates; empty before the first load.

    Args:
        rows_per_unit: Per feed, rows read per unit.
        bytes_per_request: Per feed, stored bytes per answer.
        answers: Per feed, answers that the two were measured on.
        bytes_per_row: Bytes of tables and indexes per row, 0 when nothing is stored.
        members: Per (dataset, column), members known.
        held_days: Per dataset, distinct days held.
        needed: Per dataset, units needed to reach its target; for ``until_target``.
        settings: Source settings that are true; feeds that need another are not asked.
        names: Per bulk feed, the names of members by number: its requests depend on them.
    """

    rows_per_unit: Mapping[str, float] = field(default_factory=dict)
    bytes_per_request: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    bytes_per_row: float = 0.0
    members: Mapping[tuple[str, str], int] = field(default_factory=dict)
    held_days: Mapping[str, int] = field(default_factory=dict)
    needed: Mapping[str, int] = field(default_factory=dict)
    settings: frozenset[str] = frozenset()
    names: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What merging did to one table.

    read = inserted + updated + unchanged + rejected + duplicates.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    duplicates: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.read + other.read,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
            self.duplicates + other.duplicates,
        )


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did, as every command that starts one prints it."""

    run_id: int
    state: str
    requests: int
    rows: Mapping[str, RowCounts]
    units: Mapping[State, int]
    seconds: float
    notes: Sequence[str] = field(default=())
