"""What full answers no longer tell, taken away within the transaction that loads them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from stocktake.count.held import held_units
from stocktake.count.statements import tally
from stocktake.load.tombstones import Lacking, lacking_rows, withdraw_rows
from stocktake.model import State
from stocktake.observe.failpoints import reach
from stocktake.run.claim import write_log

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.load.rows import Load
    from stocktake.load.tombstones import Compared
    from stocktake.model import Feed, System

UnitKey = tuple[str, ...]


class _Short(Exception):
    """Units that would lack rows; what was taken away is put back."""

    def __init__(self, units: Mapping[UnitKey, str]) -> None:
        super().__init__()
        self.units = units


def withdraw(
    conn: psycopg.Connection[Any],
    system: System,
    loads: Sequence[Load],
    *,
    run_id: int,
    now: datetime,
) -> Counter[str]:
    """Take away rows that complete answers of their units no longer tell; return what to say.

    The loads must have been merged. An answer proves nothing of a unit it did not tell completely,
    that lost rows on the way, that would then have fewer rows than it should, or that would lose
    more than half of them: there the rows stay, and the run's log says so.
    """
    notes: Counter[str] = Counter()
    feeds = {feed.name: feed for _, feed in system.feeds() if feed.whole}
    for name, feed in feeds.items():
        answers = _full_answers([one for one in loads if one.request.feed == name])
        known = held_units(conn, system, feed, answers) if answers else frozenset()
        answers = {unit: load for unit, load in answers.items() if unit in known}
        if not answers:
            continue
        compared = lacking_rows(conn, system, feed.whole, answers)
        if compared.lacking:
            notes += _withdraw(conn, system, feed, compared, run_id=run_id, now=now)
            reach("withdrawn")
    return notes


def _full_answers(loads: Iterable[Load]) -> dict[UnitKey, Load]:
    """Return per unit the latest answer, if that one told it completely."""
    found: dict[UnitKey, Load] = {}
    for load in sorted(loads, key=lambda one: (one.captures[0].fetched_at, one.capture_id)):
        for outcome in load.parsed.outcomes:
            found.pop(outcome.key, None)
            if outcome.state is State.COMPLETE and not load.parsed.rejects:
                found[outcome.key] = load
    return found


def _withdraw(
    conn: psycopg.Connection[Any],
    system: System,
    feed: Feed,
    compared: Compared,
    *,
    run_id: int,
    now: datetime,
) -> Counter[str]:
    kept = _too_many(compared)
    while True:
        chosen = [one for one in compared.lacking if one.unit not in kept]
        try:
            with conn.transaction():
                withdraw_rows(conn, system, chosen, feed=feed.name, run_id=run_id, now=now)
                _require_full(conn, system, feed, {one.unit for one in chosen})
            break
        except _Short as short:
            kept |= short.units
    told = _told(chosen)
    notes: Counter[str] = Counter()
    for (unit, dataset), count in sorted(told.items()):
        notes[f"{dataset} {'/'.join(unit)}: the source withdrew {count} rows"] += 1
    for unit, reason in sorted(kept.items()):
        notes[f"{feed.name} {'/'.join(unit)}: rows left out by the source are kept: {reason}"] += 1
    for text in notes:
        write_log(conn, run_id, text, level="warning", now=now)
    return notes


def _told(lacking: Iterable[Lacking]) -> Counter[tuple[UnitKey, str]]:
    return Counter((one.unit, one.whole.dataset) for one in lacking)


def _too_many(compared: Compared) -> dict[UnitKey, str]:
    """Return units of which an answer leaves out more than half of some table's rows."""
    found = {}
    for (unit, dataset), count in _told(compared.lacking).items():
        held = compared.held[dataset, unit]
        if 2 * count > held:
            found[unit] = f"{count} of {held} rows of {dataset} are too many to believe"
    return found


def _require_full(
    conn: psycopg.Connection[Any], system: System, feed: Feed, units: Collection[UnitKey]
) -> None:
    """Raise ``_Short`` with the units that have fewer rows than they should now."""
    short: dict[UnitKey, str] = {}
    for name in sorted({one.dataset for one in feed.whole}):
        counted = tally(conn, system, system.dataset(name), keys=units) if units else {}
        by_unit = defaultdict(list)
        for (unit, teller), one in counted.items():
            by_unit[unit].append((teller, one))
        for unit in units:
            own = [one for teller, one in by_unit[unit] if teller in (feed.name, None)]
            if not own:
                short[unit] = f"{name} would have none"
            elif (wanted := own[0].expected_rows) is not None and own[0].rows < wanted:
                short[unit] = f"{name} would have {own[0].rows} of {wanted}"
    if short:
        raise _Short(short)
