"""What answers about sources, checks, decisions, accounts and schedules look like, for OpenAPI."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field


class EndpointLine(BaseModel):
    """One endpoint as every gate sees it."""

    source: str
    endpoint: str
    per_second: float
    learned_per_second: float | None
    requests: int
    errors: int
    refusals: int
    mean_seconds: float | None
    circuit: str
    paused_until: datetime | None
    pause_reason: str
    per_day: int | None
    used_today: int
    quota_resets_at: datetime | None
    last_success_at: datetime | None
    last_error_at: datetime | None
    last_error: str
    source_pause: str
    last_minute: int | None = Field(description="Answers and failed tries of the last minute.")
    per_minute: float | None = Field(description="Requests the limit in force allows a minute.")
    units_waiting: int | None = Field(description="Units its feeds could be asked for now.")
    state: str = Field(description="In a word: ok, slow, waiting, paused, unauthorised …")


class RobotsLine(BaseModel):
    """What is known of robots.txt of one host."""

    source: str
    agent: str = Field(description="Name it is read under; empty where it is not asked for.")
    origin: str
    state: str = Field(description="found, absent, unreachable; empty before the first request.")
    fetched_at: datetime | None
    expires_at: datetime | None
    problem: str
    disallowed: int = Field(description="Paths it forbids us.")
    delay_seconds: float


class Endpoints(BaseModel):
    """The endpoints of a system's sources, and what their hosts ask of programs."""

    system: str
    endpoints: list[EndpointLine]
    robots: list[RobotsLine]


class Paused(BaseModel):
    """Whether a source may be asked."""

    source: str
    state: str


class CheckLine(BaseModel):
    """The newest result of one check and group."""

    dataset: str
    check: str
    group: str
    severity: str
    value: float | None
    rows: int | None
    failing_keys: Any
    detail: str
    since: date | None
    until: date | None
    at: datetime
    run_id: int | None


class CheckResults(BaseModel):
    """The newest results of a system's checks."""

    system: str
    results: list[CheckLine]


class ItemLine(BaseModel):
    """One criterion as it was measured."""

    name: str
    title: str
    kind: str
    severity: str
    is_met: bool
    value: float | None
    threshold: str
    detail: str
    waived: str | None
    lines: list[Any]


class GateDocument(BaseModel):
    """Whether the data are ready for one use."""

    system: str
    gate: str
    verdict: str
    reasons: list[str]
    exit_code: int
    items: list[ItemLine]


class SignOffDocument(BaseModel):
    """A history's list of criteria, measured, and signed unless something failed."""

    signoff_id: int | None
    system: str
    since: date | None
    until: date
    by: str
    at: datetime
    is_signed: bool
    refused: list[str]
    waived: dict[str, str]
    items: list[ItemLine]


class SignOffs(BaseModel):
    """The sign-offs of a system."""

    system: str
    signoffs: list[SignOffDocument]


class RejectLine(BaseModel):
    """One row that was refused."""

    reject_id: int
    dataset: str
    capture_id: int | None
    run_id: int
    position: str
    code: str
    reason: str
    raw: str
    at: datetime


class Rejects(BaseModel):
    """A page of rejects, the newest first."""

    system: str
    items: list[RejectLine]
    next_cursor: str | None


class RejectGroupLine(BaseModel):
    """Open rejects alike."""

    dataset: str
    code: str
    shape: str = Field(description="The reason without its figures and quoted words.")
    count: int
    this_week: int
    last_week: int
    newest: int


class RejectGroups(BaseModel):
    """Open rejects, alike ones together, most first."""

    system: str
    groups: list[RejectGroupLine]


class DuplicateLine(BaseModel):
    """Two rows with one key and different values."""

    duplicate_id: int
    dataset: str
    row_key: str
    kept: dict[str, Any]
    other: dict[str, Any]
    capture_id: int | None
    run_id: int
    state: str
    at: datetime
    from_other: list[str] = Field(description="Columns the row takes from the other.")
    decided_by: str | None
    decided_at: datetime | None
    differing: list[str] = Field(description="Columns in which the two differ.")
    alike: float = Field(description="Share of the columns that are equal, 0 to 1.")


class PairGroup(BaseModel):
    """Open pairs that differ in the same columns."""

    dataset: str
    differing: list[str]
    alike: float
    count: int
    latest: int


class Sitting(BaseModel):
    """Pairs that were decided together; the instant names them."""

    at: datetime
    by: str
    decisions: list[str]
    count: int


class PairGroups(BaseModel):
    """Open pairs by what they differ in, and what was decided together lately."""

    system: str
    groups: list[PairGroup]
    sittings: list[Sitting]


class Duplicates(BaseModel):
    """A page of undecided duplicates, the newest first."""

    system: str
    items: list[DuplicateLine]
    next_cursor: str | None


class UserLine(BaseModel):
    """One account."""

    user_id: int
    name: str
    role: str
    is_active: bool
    is_invited: bool
    invite_until: datetime | None
    created_at: datetime
    created_by: str
    last_login_at: datetime | None
    sessions: int


class Users(BaseModel):
    """Every account, by name."""

    items: list[UserLine]


class NewUser(BaseModel):
    """An account just made, and its password: shown here once, stored nowhere."""

    name: str
    role: str
    password: str | None


class InvitationDocument(BaseModel):
    """A token that lets its holder choose a password: shown here once."""

    name: str
    token: str
    until: datetime


class KeyLine(BaseModel):
    """One API key."""

    key_id: int
    name: str
    prefix: str
    role: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class Keys(BaseModel):
    """Every key, the newest first."""

    items: list[KeyLine]


class NewKeyDocument(BaseModel):
    """A key just made: shown here once, stored as a hash."""

    key_id: int
    key: str


class AuditEntry(BaseModel):
    """Who did what, when."""

    audit_id: int
    at: datetime
    actor: str
    via: str
    address: str
    action: str
    subject: str
    details: dict[str, Any]


class Audit(BaseModel):
    """A page of the audit, the newest first."""

    items: list[AuditEntry]
    next_cursor: str | None


class FireLine(BaseModel):
    """What became of one time a schedule was due."""

    name: str
    due_at: datetime
    outcome: str
    reason: str
    run_id: int | None
    run_state: str | None
    by: str
    decided_at: datetime
    lateness_seconds: float


class Fires(BaseModel):
    """What became of fires, the newest first."""

    fires: list[FireLine]


class ScheduleDocument(BaseModel):
    """One schedule."""

    name: str
    system: str
    cron: str
    zone: str
    verb: str
    datasets: list[str]
    options: dict[str, Any]
    catch_up: str
    overlap: str
    jitter_seconds: float
    is_declared: bool
    is_enabled: bool
    is_changed: bool = Field(description="Whether a person gave it another clock than declared.")
    is_on: bool
    why_off: str | None
    next_at: datetime | None
    last: FireLine | None


class Schedules(BaseModel):
    """Schedules, the next to fire first."""

    schedules: list[ScheduleDocument]


class Upcoming(BaseModel):
    """The next fire times of an expression."""

    cron: str
    zone: str
    since: datetime = Field(alias="from")
    fires: list[datetime]
    jumps: list[bool] = Field(description="Of each: whether clocks change before it.")
