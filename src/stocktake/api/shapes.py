"""What answers look like, for OpenAPI; the documents themselves are those of the command line."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stocktake.model import State

NUMBER = 2**63 - 1
"""Largest number of a run, plan, capture or key."""


class Asked(BaseModel):
    """A body of a request: a member it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class FieldProblem(BaseModel):
    """One field of the request that does not fit."""

    field: str
    code: str
    message: str


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "urn:stocktake:problem:not_found",
                "title": "Not Found",
                "status": 404,
                "code": "not_found",
                "detail": "There is no run 99.",
                "hint": "stocktake runs lists them.",
                "request_id": "9f1c0a7be2d34c55",
            }
        },
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str | None
    request_id: str
    errors: list[FieldProblem] = []


class SystemLine(BaseModel):
    """One installed system."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "system": "racing",
                "summary": "Every race in Great Britain and Ireland since 2015.",
                "datasets": ["ra_races", "ra_runners"],
                "sources": ["theracingapi", "hkjc"],
            }
        }
    )

    system: str
    summary: str
    datasets: list[str]
    sources: list[str]


class Systems(BaseModel):
    """The systems installed."""

    systems: list[SystemLine]


class CoverageLine(BaseModel):
    """One dataset: held against expected."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "dataset": "ra_races",
                "expected": 7300,
                "held": 7206,
                "coverage": 0.98712,
                "missing": 94,
                "needed_for_target": 21,
                "target": 0.99,
                "surplus": 0,
                "states": {"complete": 7100, "empty": 106, "missing": 94},
                "rows": 151_204,
            }
        }
    )

    dataset: str
    expected: int | None
    held: int
    coverage: float | None = Field(description="0 to 1; null when nothing is expected.")
    missing: int | None
    needed_for_target: int | None
    target: float
    surplus: int
    states: dict[str, int]
    rows: int | None


class Counted(BaseModel):
    """Every dataset counted."""

    system: str
    datasets: list[CoverageLine]


class DriftLine(BaseModel):
    """One unit of which ledger and rows disagreed."""

    dataset: str
    feed: str
    key: list[str]
    kind: str
    ledger_rows: int | None
    rows: int


class Recounted(Counted):
    """Every dataset counted anew from its rows, and what had differed."""

    drift: list[DriftLine]


class LagLine(BaseModel):
    """How far one slice of a dataset is behind its promise of freshness."""

    series: list[str]
    behind_hours: float | None
    within_hours: float
    fail_hours: float
    severity: str
    settled_until: date | None
    reason: str


class StandLine(CoverageLine):
    """One dataset, its newest final day, and how fresh each slice is."""

    newest_settled: date | None
    freshness: list[LagLine]


class GapLine(BaseModel):
    """Neighbouring units in one state for one reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "dataset": "ra_races",
                "series": ["ire"],
                "first": "2024-03-05",
                "last": "2024-03-09",
                "units": 5,
                "state": "missing",
                "reason": "",
                "noticed_at": "2024-03-05T00:00:00Z",
                "blocked_by": "",
            }
        }
    )

    dataset: str
    series: list[str]
    first: str
    last: str
    units: int
    state: State
    reason: str
    noticed_at: datetime | None = Field(description="Since when a count would have shown one.")
    blocked_by: str = Field(description="The dataset that must come first; empty for none.")


class OutOfReach(BaseModel):
    """Gaps that no request can fill now."""

    state: State
    reason: str
    units: int


class Gaps(BaseModel):
    """A page of gaps, the cursor of the next, and what the gaps of all pages come to."""

    system: str
    items: list[GapLine]
    next_cursor: str | None
    units: int
    missing: int
    needed_for_target: int
    reachable: int
    states: dict[str, int]
    unreachable: list[OutOfReach]
    proven_until: date


class RunLine(BaseModel):
    """One run."""

    run_id: int
    system: str
    kind: str
    state: str
    requests: int
    rows: dict[str, dict[str, int]]
    units: dict[str, int]
    seconds: float
    message: str
    error: str | None
    owner: str | None
    plan_id: int | None
    options: dict[str, Any]
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    undone_by: int | None
    is_detached: bool = Field(description="Whether workers execute it.")
    priority: int
    asked_by: str
    coverage: dict[str, Any]
    result: Any
    not_before: datetime | None


class Runs(BaseModel):
    """A page of runs, the newest first."""

    items: list[RunLine]
    next_cursor: str | None


class LogLine(BaseModel):
    """One line of a run's log."""

    seq: int
    at: datetime
    level: str
    text: str


class Log(BaseModel):
    """A page of a run's log, the oldest first."""

    items: list[LogLine]
    next_cursor: str | None


class Status(BaseModel):
    """Where systems stand, and the last runs."""

    kind: str
    systems: dict[str, list[StandLine]]
    runs: list[RunLine]


class PlanEndpoint(BaseModel):
    """What a plan costs at one endpoint."""

    source: str
    endpoint: str
    requests: int
    per_second: float
    seconds: float
    quota_days: int | None
    is_rate_known: bool = Field(description="Else the rate, and so the time, is our assumption.")


class PlanPartLine(BaseModel):
    """Units of one feed in one wave."""

    wave: int
    label: str
    kind: str
    feed: str
    units: int
    requests: int
    dynamic: bool
    reason: str


class Unreachable(BaseModel):
    """Units no source can give, and why."""

    reason: str
    dataset: str
    units: int


class FirstRequestLine(BaseModel):
    """A request that a plan will send, without its login."""

    wave: str
    source: str
    feed: str
    path: str
    params: list[list[str]] = Field(description="Name and value of each.")
    units: int


class LeavesLine(BaseModel):
    """What a plan leaves of a fetched dataset's gaps."""

    dataset: str
    missing: int
    after: int


class PlanDocument(BaseModel):
    """Which units to fill, in which order, at what cost."""

    plan_id: int | None
    system: str
    requests: int
    seconds: float = Field(description="At the allowed rates, endpoints side by side.")
    naive_seconds: float
    rows: int
    bytes: int
    estimated_from: str
    endpoints: list[PlanEndpoint]
    parts: list[PlanPartLine]
    unreachable: list[Unreachable]
    stays_missing: list[LeavesLine]
    first_requests: list[FirstRequestLine]


class SavedPlan(PlanDocument):
    """A plan that was kept."""

    made_at: datetime | None
    approved_at: datetime | None
    approved_by: str | None
    approval_needed: str | None = Field(description="Why it starts only once approved.")
    outdated: list[str] = Field(description="Why it is no longer valid; empty when it is.")


class PlanLine(BaseModel):
    """A kept plan in a list."""

    plan_id: int
    system: str
    requests: int
    seconds: float
    made_at: datetime
    approved_at: datetime | None
    approved_by: str | None


class Plans(BaseModel):
    """A page of kept plans, the newest first."""

    items: list[PlanLine]
    next_cursor: str | None


class Counts(BaseModel):
    """What an operation did so far."""

    model_config = ConfigDict(extra="allow")

    requests: int
    rows: dict[str, dict[str, int]]
    units: dict[str, int]


class OperationMetadata(BaseModel):
    """How far an operation is."""

    run_id: int
    system: str
    verb: str
    state: str
    progress_current: int
    progress_total: int | None
    message: str
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    eta: datetime | None
    counts: Counts


class Operation(BaseModel):
    """Long work: poll it until it is done; then it has an error or a response, never both."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "operations/12",
                "done": False,
                "metadata": {
                    "run_id": 12,
                    "system": "racing",
                    "verb": "backfill",
                    "state": "running",
                    "progress_current": 118,
                    "progress_total": 730,
                    "message": "",
                    "started_at": "2026-03-01T06:00:00Z",
                    "updated_at": "2026-03-01T06:01:00Z",
                    "finished_at": None,
                    "eta": "2026-03-01T06:06:10Z",
                    "counts": {"requests": 118, "rows": {}, "units": {"complete": 118}},
                },
            }
        }
    )

    name: str
    done: bool
    metadata: OperationMetadata
    error: ProblemDocument | None = None
    response: dict[str, Any] | None = None


class Operations(BaseModel):
    """A page of operations, the newest first."""

    items: list[Operation]
    next_cursor: str | None


class FailureGroup(BaseModel):
    """Tries of a run that failed alike, with one example."""

    feed: str
    outcome: str
    reason: str
    count: int
    last_at: datetime
    capture_id: int | None
    unit: str | None


class Failures(BaseModel):
    """What failed in a run."""

    run_id: int
    failures: list[FailureGroup]


class TableBack(BaseModel):
    """What undoing does to one table."""

    removed: int
    restored: int
    kept: int | None = Field(description="Rows that stay, for rows of later runs name them.")


class Undoing(BaseModel):
    """What undoing a run does."""

    undoes: int
    tables: dict[str, TableBack]
