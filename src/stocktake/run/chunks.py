"""Chunks: shares of a plan part, cut for workers, claimed with a lease and a fence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from stocktake.model import State
from stocktake.model.ordinals import in_ranges
from stocktake.observe.failpoints import reach
from stocktake.run.claim import CHUNKS, Claim
from stocktake.run.errands import CHUNK, in_turn
from stocktake.run.queue import defer
from stocktake.run.supply import requests_for
from stocktake.run.workspace import RATE_FACTOR
from stocktake.store.owner import owner_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psycopg

    from stocktake.model import Feed, PlanPart, System
    from stocktake.run.errands import Errand, Series
    from stocktake.run.supply import Left, Supply
    from stocktake.run.workspace import Workspace

PORTION = "portion"
"""Task that works through one chunk."""
ALONE_SECONDS = 10.0
"""How long a chunk takes at its endpoint's whole rate; several workers share the rate."""
LEAST_REQUESTS, MOST_REQUESTS = 10, 300
AT_ONCE = 8
"""Chunks of one source that workers have in hand at once, unless the source says otherwise."""
AT_ONCE_SETTING = "chunks_at_once"
SIZE_SETTING = "chunk_requests"
MOST_NOTES = 50
FAILURES = 5
"""Workers that may die, or attempts that may fail, at one unit before it is given up."""


def source_queue(source: str) -> str:
    """Return the name of Procrastinate's queue of a source's chunks."""
    return f"source:{source}"


@dataclass(frozen=True, slots=True)
class Cut:
    """A share of a part before it is stored.

    Args:
        ordinals: Ranges per series.
        ranked: Members in the order wanted; ``None`` where ordinals tell it.
        units: How many.
        requests: How many they take, as far as the plan knew.
    """

    ordinals: Mapping[Series, Sequence[tuple[int, int]]]
    ranked: Sequence[int] | None
    units: int
    requests: int


def requests_at_once(workspace: Workspace, feed: Feed, source: str) -> int:
    """Return how many requests a chunk of a feed has: about ten seconds at the allowed rate."""
    own = workspace.settings.source(source)
    if SIZE_SETTING in own:
        return max(1, int(str(own[SIZE_SETTING])))
    factor = float(str(own.get(RATE_FACTOR) or 1))
    wanted = round(feed.endpoint.per_second * factor * ALONE_SECONDS)
    return min(max(wanted, LEAST_REQUESTS), MOST_REQUESTS)


def cut(supply: Supply, number: int, part: PlanPart, *, left: Left, size: int) -> Iterator[Cut]:
    """Cut what is left of a part into shares of about ``size`` requests, in the part's order.

    A feed that answers many units at once is asked for the same ones together as without cutting;
    a bulk feed is not cut.
    """
    order = supply.order(part)
    assigned = supply.assigned(number, part, order)
    units_each = part.units / part.requests if part.requests and part.units else 1.0
    together = CHUNK if units_each > 1 else 1
    marks: list[tuple[Series, int]] = []
    groups = in_turn(assigned, left, newest_first=supply.newest_first)
    for at, group in enumerate(groups, start=1):
        marks += group
        is_full = len(marks) >= size * units_each and not at % together
        if is_full and not assigned.feed.bulk:
            yield _cut_of(marks, part, is_ranked=bool(order))
            marks = []
    if marks:
        yield _cut_of(marks, part, is_ranked=bool(order))


def _cut_of(marks: Sequence[tuple[Series, int]], part: PlanPart, *, is_ranked: bool) -> Cut:
    by_series: dict[Series, list[int]] = {}
    for series, ordinal in marks:
        by_series.setdefault(series, []).append(ordinal)
    ordinals = {series: in_ranges(sorted(found)) for series, found in by_series.items()}
    ranked = list(dict.fromkeys(ordinal for _, ordinal in marks)) if is_ranked else None
    return Cut(ordinals, ranked, len(marks), requests_for(len(marks), part))


def add_chunks(conn: psycopg.Connection, shares: Sequence[Cut], **facts: Any) -> None:
    """Store the shares of one part, waiting to be handed out in this order.

    Args:
        shares: In the part's order.
        facts: ``run_id``, ``part``, ``wave``, ``source``, ``priority``, ``is_again``.
    """
    lines = [
        {
            **facts,
            "place": place,
            "units": share.units,
            "requests": share.requests,
            "ordinals": Jsonb(
                [[list(series), list(map(list, kept))] for series, kept in share.ordinals.items()]
            ),
            "ranked": list(share.ranked) if share.ranked is not None else None,
        }
        for place, share in enumerate(shares)
    ]
    with conn.cursor() as cursor:
        cursor.executemany(CHUNKS.add_chunk, lines)


def limits_of(workspace: Workspace, systems: Sequence[System]) -> dict[str, int]:
    """Return how many chunks at once the settings allow sources, where they say."""
    found = {}
    for system in systems:
        for source in system.sources:
            own = workspace.settings.source(source.name).get(AT_ONCE_SETTING)
            if own is not None:
                found[source.name] = int(str(own))
    return found


def dispatch(conn: psycopg.Connection, limits: Mapping[str, int]) -> int:
    """Hand out as many waiting chunks as there is room for; return how many.

    In a transaction that does little else: it holds the one lock of all who hand out.
    """
    conn.execute(CHUNKS.lock_dispatch)
    turn = conn.execute(
        CHUNKS.dispatch,
        {"sources": list(limits), "limits": list(limits.values()), "usual": AT_ONCE},
    ).fetchall()
    calls = [(source_queue(source), priority, {"chunk_id": at}) for at, source, priority in turn]
    defer(conn, PORTION, calls)
    return len(calls)


@dataclass(frozen=True, slots=True)
class Share:
    """A chunk in a worker's hands.

    Args:
        claim: The right to write for it.
        system: Name of its system.
        kind: What its run is.
        priority: Its run's.
        part: Number of the plan part.
        ordinals: Ranges per series.
        ranked: Members in the order wanted, none where ordinals tell it.
        attempts: How often it ended badly without anything done.
        suspect: What was under way when it did, as ``suspect`` noted it.
        error: How it ended then.
        outcomes: Units per state so far.
        notes: Parsers' notes so far.
    """

    claim: Claim
    system: str
    kind: str
    priority: int
    part: int
    ordinals: Mapping[Series, Sequence[tuple[int, int]]]
    ranked: Sequence[int]
    attempts: int
    suspect: Mapping[str, Any] | None
    error: str
    outcomes: Counter[State]
    notes: Counter[str]


def claim_chunk(conn: psycopg.Connection, chunk_id: int, *, lease_seconds: float) -> Share | None:
    """Become a chunk's owner; ``None`` when it is done, taken back, or in other hands."""
    row = conn.execute(
        CHUNKS.claim_chunk,
        {"chunk_id": chunk_id, "owner": owner_name(), "lease": lease_seconds},
    ).fetchone()
    if row is None:
        return None
    run_id, fence, attempts, part, ordinals, ranked, suspect, is_again, outcomes, notes = row[:10]
    system, kind, plan_id, priority, error = row[10:]
    claim = Claim(run_id, fence, plan_id, is_again, chunk_id, lease_seconds)
    reach("chunk_claimed")
    return Share(
        claim,
        system,
        kind,
        priority,
        part,
        {tuple(series): tuple(map(tuple, ranges)) for series, ranges in ordinals},
        ranked or (),
        attempts,
        suspect,
        error or "",
        Counter({State(state): units for state, units in outcomes.items()}),
        Counter(notes),
    )


def renew(conn: psycopg.Connection, claim: Claim) -> bool:
    """Give a sign of life; return whether the chunk is still ours."""
    facts = {"chunk_id": claim.chunk_id, "fence": claim.fence, "lease": claim.lease_seconds}
    return conn.execute(CHUNKS.renew_chunk, facts).fetchone() is not None


def tell(
    conn: psycopg.Connection,
    share: Share,
    *,
    outcomes: Counter[State],
    notes: Counter[str],
    done: int,
    unasked: int,
) -> None:
    """Note in a batch's transaction what has been done of a share.

    Args:
        share: Which.
        outcomes: Units per state since it was claimed.
        notes: Parsers' notes since then.
        done: Units the batch checks off.
        unasked: Units nobody could be asked for now.
    """
    outcomes, notes = share.outcomes + outcomes, share.notes + notes
    conn.execute(
        CHUNKS.tell_chunk,
        {
            "chunk_id": share.claim.chunk_id,
            "done": done,
            "unasked": unasked,
            "outcomes": Jsonb({state.value: units for state, units in outcomes.items()}),
            "notes": Jsonb(dict(notes.most_common(MOST_NOTES))),
        },
    )


def suspect(conn: psycopg.Connection, share: Share, errand: Errand) -> None:
    """Note what is about to be done, so that it is known should it kill the worker."""
    noted = {
        "units": [list(key) for key in errand.request.units],
        "marks": [[list(series), ordinal] for series, ordinal in errand.marks],
    }
    facts = {"chunk_id": share.claim.chunk_id, "suspect": Jsonb(noted)}
    conn.execute(CHUNKS.suspect_chunk, facts)


def bury(conn: psycopg.Connection, share: Share, *, units: int) -> None:
    """Count units of a chunk that were given up; ``share`` has their outcomes already."""
    outcomes = {state.value: several for state, several in share.outcomes.items()}
    facts = {"chunk_id": share.claim.chunk_id, "units": units, "outcomes": Jsonb(outcomes)}
    conn.execute(CHUNKS.bury_units, facts)


def end_chunk(
    conn: psycopg.Connection,
    claim: Claim,
    state: str,
    *,
    failures: int = 0,
    error: str | None = None,
    pause_seconds: float = 0,
) -> bool:
    """End our ownership of a chunk; return whether it was ours.

    Args:
        state: ``done``, or ``waiting`` for whoever takes it next.
        failures: How many more times it ended badly.
        error: Why, for people.
        pause_seconds: Not before so long.
    """
    facts = {
        "chunk_id": claim.chunk_id,
        "fence": claim.fence,
        "state": state,
        "failures": failures,
        "error": error,
        "pause": pause_seconds,
    }
    return conn.execute(CHUNKS.end_chunk, facts).fetchone() is not None
