"""Constructors of criteria, so that a sign-off list or a gate reads as a list of sentences.

Limits are inclusive; shares are fractions 0 to 1. Without datasets a criterion is about all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.model.check import Limit
from stocktake.model.criterion import Criterion
from stocktake.model.unit import State

if TYPE_CHECKING:
    from stocktake.model.check import Check

__all__ = [
    "accepted_or_unrecoverable",
    "checks_pass",
    "coverage",
    "function",
    "gaps",
    "gate",
    "in_states",
    "measured",
    "no_duplicates",
    "no_leakage",
    "no_surplus",
    "no_unfinished_runs",
    "nothing_stale",
    "schedules",
    "second_run_is_idle",
    "verified",
]
NONE = Limit(high=0)


def coverage(
    *datasets: str, fail: float, warn: float | None = None, name: str = "coverage"
) -> Criterion:
    """Units held ÷ units expected, of each dataset in each year; the lowest share counts.

    Datasets whose units have no days are measured as a whole; years in which nothing is expected
    are left out.
    """
    soft = None if warn is None else Limit(low=warn)
    return Criterion(name, "coverage", datasets, warn=soft, fail=Limit(low=fail))


def gaps(*datasets: str, days: int, warn_days: int | None = None, name: str = "gaps") -> Criterion:
    """Consecutive expected days of which a series holds nothing: at most ``days``.

    Days on which nothing is expected neither count nor interrupt. Datasets whose units have no
    days are passed over.
    """
    soft = None if warn_days is None else Limit(high=warn_days)
    return Criterion(name, "gaps", datasets, warn=soft, fail=Limit(high=days))


def in_states(*states: State, datasets: tuple[str, ...] = (), most: int, name: str) -> Criterion:
    """Units in any of these states: at most ``most``."""
    words = tuple(state.value for state in states)
    return Criterion(name, "states", datasets, fail=Limit(high=most), words=words)


def nothing_stale(*datasets: str, name: str = "nothing_stale") -> Criterion:
    """No unit is stale: every derived one was computed after its inputs changed."""
    return in_states(State.STALE, datasets=datasets, most=0, name=name)


def accepted_or_unrecoverable(*datasets: str, name: str = "accepted_or_unrecoverable") -> Criterion:
    """List the units that are accepted or unrecoverable, with reasons; it never fails."""
    words = (State.ACCEPTED.value, State.UNRECOVERABLE.value)
    return Criterion(name, "states", datasets, words=words)


def no_surplus(*datasets: str, name: str = "no_surplus") -> Criterion:
    """No unit is held that nobody promised."""
    return Criterion(name, "surplus", datasets, fail=NONE)


def checks_pass(
    *names: str, datasets: tuple[str, ...] = (), warn: bool = True, name: str = "checks"
) -> Criterion:
    """None of the system's checks fails.

    Args:
        names: Checks by name or pattern (``*_missing``); none means all.
        datasets: Only checks about these.
        warn: Whether a check that warns makes this one warn.
        name: Of the criterion.
    """
    soft = NONE if warn else None
    return Criterion(name, "checks", datasets, warn=soft, fail=NONE, words=names)


def measured(check: Check, *, name: str = "") -> Criterion:
    """What one check says that is measured for this list only, not by ``check SYSTEM``."""
    return Criterion(
        name or check.name, "measured", (check.dataset,), check.warn, check.fail, check=check
    )


def verified(*datasets: str, full: bool = False, name: str = "verified") -> Criterion:
    """Recomputed derived rows and recounted units equal what is stored.

    Args:
        datasets: Only what was compared of these.
        full: Recompute all keys instead of 1 % (at least 200) of each derivation.
        name: Of the criterion.
    """
    return Criterion(name, "verified", datasets, fail=NONE, words=("full",) if full else ())


def no_leakage(
    *datasets: str,
    inputs: tuple[str, ...],
    day: str = "game_date",
    rows: int = 200,
    own: str = "",
    besides: tuple[str, ...] = (),
) -> Criterion:
    """Derived rows of a day stay as they are when all that came later is taken away.

    Random days (others every day, the same again on the same day) are recomputed in a transaction
    that is rolled back, after the rows of ``inputs`` dated later were deleted in it. Rows that
    differed before anything was deleted are stale, which is another criterion's to say.

    Args:
        datasets: Derived tables.
        inputs: Tables of which later rows are taken away; those without the column ``day`` stay.
        day: Column of the day, in datasets and inputs.
        rows: Recomputed of each dataset, spread over several days.
        own: Column of what happens on a day, such as a game: one of each day is also recomputed
            without the others of that day. Empty: what else happened on the day may be known.
        besides: Columns that may tell of later things, such as how complete a day is.
    """
    words = (day, str(rows), own, ",".join(inputs), ",".join(besides))
    return Criterion("no_leakage", "leakage", datasets, fail=NONE, words=words)


def no_unfinished_runs(*, name: str = "no_unfinished_runs") -> Criterion:
    """No run of the system is queued, running or paused."""
    return Criterion(name, "unfinished_runs", fail=NONE)


def second_run_is_idle(*datasets: str, name: str = "second_run_is_idle") -> Criterion:
    """A backfill of the range would send no request and recompute no unit."""
    return Criterion(name, "second_run", datasets, fail=NONE)


def no_duplicates(*datasets: str, name: str = "no_duplicates") -> Criterion:
    """Rows that came twice with different values are all decided."""
    return Criterion(name, "duplicates", datasets, fail=NONE)


def schedules(*, least: int = 1, name: str = "schedules") -> Criterion:
    """At least this many schedules will fire; their next times are listed."""
    return Criterion(name, "schedules", fail=Limit(low=least))


def gate(gate: str, *, name: str = "") -> Criterion:
    """A gate of the system is ready; a degraded one warns."""
    return Criterion(name or f"gate_{gate}", "gate", warn=NONE, fail=NONE, words=(gate,))


def function(
    name: str, place: str, *, warn: Limit | None = None, fail: Limit | None = None
) -> Criterion:
    """What a function of the system measures, for what no SQL statement can.

    Args:
        name: Of the criterion.
        place: ``module:function``; called with a psycopg connection whose transaction is rolled
            back, and by keyword ``since``, ``until`` (dates or ``None``) and ``now``. It returns
            the value (``None``: nothing to measure) and a sentence about it.
        warn: Outside this range warns.
        fail: Outside this range fails.
    """
    return Criterion(name, "function", warn=warn, fail=fail, words=(place,))
