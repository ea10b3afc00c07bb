"""Everything known of one unit, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from stocktake.count.decide import locate
from stocktake.count.routes import (
    DERIVE,
    Route,
    axis_of,
    routes,
    split_key,
    zone_of,
)
from stocktake.count.schedules import scheduled
from stocktake.count.states import QUERIES, Connection, View, question, state_of
from stocktake.count.turned import turned_at
from stocktake.model import (
    GAP_STATES,
    HELD_STATES,
    Attempt,
    Calendar,
    CaptureLine,
    Dataset,
    Days,
    Either,
    Explanation,
    FeedState,
    FromDataset,
    Listed,
    State,
    System,
    Unit,
    Values,
    WithdrawnRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

LINES = 50
"""Most attempts, captures and rejects told of one unit."""

UnitKey = tuple[str, ...]
Place = tuple[tuple[str, ...], int]


def why(
    conn: Connection,
    system: System,
    dataset: Dataset,
    key: UnitKey,
    *,
    now: datetime,
    lifted: frozenset[str] = frozenset(),
) -> Explanation:
    """Return all that is known of one unit; a key that names none is told as not expected."""
    view = View(now, lifted=lifted)
    place = locate(conn, system, dataset, key)
    ways = routes(system, dataset)
    state, reason, by_feed = _states(conn, system, dataset, place, view)
    feeds = _feed_states(conn, system, dataset, place, by_feed)
    names = [way.name for way in ways]
    on = [way for way in ways if way.feed is None or way.feed.enabled_by in {"", *lifted}]
    if any(way.delivers for way in on):  # what is off says nothing about a unit others bring
        told_of = {way.name for way in on}
        feeds = tuple(one for one in feeds if one.feed in told_of or one.state in HELD_STATES)
    captures = _captures(conn, system, names, key)
    upstream = _upstream(conn, system, dataset, key, view)
    next_try_at = min((feed.next_try_at for feed in feeds if feed.next_try_at), default=None)
    told = Explanation(
        Unit(dataset.name, key),
        rule_of(system, scheduled(conn, system, dataset), on, series=place[0] if place else ()),
        state,
        reason,
        feeds,
        _attempts(conn, system, names, key),
        captures,
        _rejects(conn, dataset, captures),
        upstream,
        next_try_at,
        _turned_at(conn, system, dataset, place, view) if state in GAP_STATES else None,
        "",
        withdrawn=_withdrawn(conn, system, dataset, key),
    )
    return replace(told, advice=_advice(system, dataset, told))


def _withdrawn(
    conn: Connection, system: System, dataset: Dataset, key: UnitKey
) -> tuple[WithdrawnRow, ...]:
    names = {"system": system.name, "dataset": dataset.name, "unit": list(key), "limit": LINES}
    return tuple(
        WithdrawnRow(",".join(f"{name}={row_key[name]}" for name in dataset.key), *rest)
        for row_key, *rest in conn.execute(QUERIES.tombstones_of_unit, names)
    )


def noticed(
    conn: Connection,
    system: System,
    dataset: Dataset,
    key: UnitKey,
    *,
    now: datetime,
    lifted: frozenset[str] = frozenset(),
) -> datetime | None:
    """Return since when every count would have shown this gap; ``None`` when it is none.

    That is the instant the unit was promised (its day began, its member was first named), or lost
    what it held, whichever came last.
    """
    place = locate(conn, system, dataset, key)
    view = View(now, lifted=lifted)
    state, _, _ = _states(conn, system, dataset, place, view)
    return _turned_at(conn, system, dataset, place, view) if state in GAP_STATES else None


def rule_of(
    system: System, dataset: Dataset, ways: Sequence[Route] = (), *, series: tuple[str, ...] = ()
) -> str:
    """Return the rule that promises the dataset's units of a series, in words."""
    axis = axis_of(dataset)
    expect = dataset.expect
    if isinstance(expect, Either):
        expect = expect.rule_for(series)
    if isinstance(axis, Values):
        return f"the {len(axis.values)} values listed"
    if isinstance(axis, FromDataset):
        return f"every {axis.column} found in {axis.dataset}"
    zone = zone_of(system, dataset).key
    if isinstance(expect, Calendar) and series and expect.only and series not in expect.only:
        return "nothing: no list of its days was loaded; what is held counts as held only"
    if isinstance(expect, Calendar) and expect.closures:
        text = f"every day from {axis.since} on ({zone}) but those listed as closed"
    elif expect is None or isinstance(expect, Calendar):
        text = f"every day from {axis.since} on ({zone})"
    elif isinstance(expect, Listed):
        text = f"the days listed, from {axis.since} on ({zone})"
    else:
        text = f"{type(expect).__name__}, from {axis.since} on ({zone})"
    limits = [
        f"{way.name}: {way.window.reason}"
        for way in ways
        if way.window.reason and (not way.only or not series or series in way.only)
    ]
    return f"{text}; {'; '.join(limits)}" if limits else text


def _states(
    conn: Connection, system: System, dataset: Dataset, place: Place | None, view: View
) -> tuple[State, str, dict[str, tuple[State, str]]]:
    """Return state and reason of the unit as a whole, and per feed."""
    if place is None:
        return State.NOT_EXPECTED, "no such unit was ever named", {}
    series, ordinal = place
    whole = (State.NOT_EXPECTED, "outside what is promised")
    by_feed: dict[str, tuple[State, str]] = {}
    lines = state_of(conn, system, dataset, series=series, view=view)
    for feed, state, reason, (first, last) in lines:
        if not first <= ordinal < last:
            continue
        if feed:
            by_feed[feed] = (state, reason)
        else:
            whole = (state, reason)
    return *whole, by_feed


def _feed_states(
    conn: Connection,
    system: System,
    dataset: Dataset,
    place: Place | None,
    by_feed: dict[str, tuple[State, str]],
) -> tuple[FeedState, ...]:
    kept: dict[str, tuple[Any, ...]] = {}
    if place is not None:
        parameters = {
            "system": system.name,
            "dataset": dataset.name,
            "key": list(place[0]),
            "ordinal": place[1],
        }
        kept = {line[0]: line[1:] for line in conn.execute(QUERIES.unit_lines, parameters)}
    return tuple(
        FeedState(feed, state, reason, *kept.get(feed, (None, None, 0, None, None)))
        for feed, (state, reason) in sorted(by_feed.items())
    )


def _evidence(system: System, feeds: list[str], key: UnitKey) -> dict[str, Any]:
    unit = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in key)
    return {"system": system.name, "feeds": feeds, "unit": unit, "limit": LINES}


def _attempts(
    conn: Connection, system: System, feeds: list[str], key: UnitKey
) -> tuple[Attempt, ...]:
    found = conn.execute(QUERIES.tries_of_unit, _evidence(system, feeds, key))
    return tuple(Attempt(*(*line[:-2], _request(*line[-2:]))) for line in found)


def _captures(
    conn: Connection, system: System, feeds: list[str], key: UnitKey
) -> tuple[CaptureLine, ...]:
    found = conn.execute(QUERIES.captures_of_unit, _evidence(system, feeds, key))
    return tuple(CaptureLine(*(*line[:-2], _request(*line[-2:]))) for line in found)


def _request(path: str | None, params: Sequence[str] | None) -> str:
    """Return what was asked, as an address has it; secrets were never stored."""
    told = params or ()
    query = urlencode(list(zip(told[::2], told[1::2], strict=True)), safe="*:,/")
    return (path or "") + (f"?{query}" if query else "")


def _rejects(
    conn: Connection, dataset: Dataset, captures: Iterable[CaptureLine]
) -> tuple[tuple[str, str, str], ...]:
    parameters = {
        "dataset": dataset.name,
        "capture_ids": [capture.capture_id for capture in captures],
        "limit": LINES,
    }
    found = conn.execute(QUERIES.rejects_of_captures, parameters)
    return tuple((position, code, reason) for position, code, reason in found)


def _upstream(
    conn: Connection, system: System, dataset: Dataset, key: UnitKey, view: View
) -> tuple[tuple[str, State, str], ...]:
    """Return the same unit's state in every dataset of equal units that comes before.

    Nearest first; beyond one that is no gap there is nothing to explain.
    """
    found: dict[str, tuple[str, State, str]] = {}
    waiting = list(dataset.after)
    while waiting:
        above = system.dataset(waiting.pop(0))
        if above.name in found or above.partitions != dataset.partitions:
            continue
        place = locate(conn, system, above, key)
        state, reason, _ = _states(conn, system, above, place, view)
        found[above.name] = (above.name, state, reason)
        if state in GAP_STATES:
            waiting += above.after
    return tuple(found.values())


def downstream(
    conn: Connection,
    system: System,
    dataset: Dataset,
    key: UnitKey,
    *,
    now: datetime,
    lifted: frozenset[str] = frozenset(),
) -> tuple[tuple[str, State, str], ...]:
    """Return the same unit's state in every dataset of equal units that waits for it, in order."""
    view = View(now, lifted=lifted)
    below = {dataset.name}
    found = []
    for other in system.datasets:
        derivation = system.derivation_of(other.name)
        reads = {*other.after, *(derivation.inputs if derivation else ())}
        if other.name in below or not reads & below or other.partitions != dataset.partitions:
            continue
        below.add(other.name)
        state, reason, _ = _states(conn, system, other, locate(conn, system, other, key), view)
        found.append((other.name, state, reason))
    return tuple(found)


def _turned_at(
    conn: Connection, system: System, dataset: Dataset, place: Place | None, view: View
) -> datetime | None:
    if place is None:
        return None
    series, ordinal = place
    asked = question(conn, system, dataset, view=view, only=[series])
    return turned_at(conn, system, asked, [(series, ordinal, ordinal + 1)])[0]


def _advice(system: System, dataset: Dataset, told: Explanation) -> str:
    """Return what to do next: a sentence, a command where there is one."""
    if told.state in {State.MISSING, State.THIN, State.FAILED, State.STALE}:
        return _filling(system, dataset, told)
    if told.state is State.BLOCKED and (blocking := _root(told)):
        return f"First fill {blocking}: stocktake why {system.name} {blocking} {told.unit}"
    return _STANDING.get(told.state, "Nothing.") + _lifting(system, dataset, told)


def _root(told: Explanation) -> str:
    """Return the dataset that lacks the unit of itself, not for want of another; empty if none."""
    lacking = [(name, state) for name, state, _ in told.upstream if state in GAP_STATES]
    own = [name for name, state in lacking if state is not State.BLOCKED]
    return next(iter(own or [name for name, _ in lacking]), "")


def _filling(system: System, dataset: Dataset, told: Explanation) -> str:
    fill = f"stocktake backfill {system.name} {dataset.name}{_days(dataset, told.unit.key)}"
    if any(feed.feed == DERIVE for feed in told.feeds):
        return f"stocktake derive {system.name} {dataset.name}"
    if form := _file_source(system, told):
        return f"stocktake load {system.name} {dataset.name} FILE --source {form}"
    if told.rejects:
        return f"Rows were refused: stocktake rejects {system.name}; then {fill} --refetch"
    if told.state is State.THIN and not told.reason.endswith(" missing"):
        return f"{fill} --refetch"
    return fill


def _file_source(system: System, told: Explanation) -> str:
    """Return the file source a unit came from; empty when no file had it."""
    forms = {form.name for source in system.sources for form in source.files if not form.lookup}
    return next((feed.feed for feed in told.feeds if feed.feed in forms), "")


_STANDING = {
    State.BLOCKED: "What stands in the way must be cleared first: stocktake status.",
    State.UNRECOVERABLE: "No source can deliver it. Accept it with a reason, or load it from a "
    "file.",
    State.SURPLUS: "Nothing promises it: either the rows do not belong, or the expectation is "
    "wrong.",
    State.FUTURE: "Nothing: its day has not come.",
    State.ACCEPTED: "Nothing: someone waived it.",
    State.EMPTY: "Nothing: it is proven to have no rows.",
}


def _lifting(system: System, dataset: Dataset, told: Explanation) -> str:
    if told.state is not State.UNRECOVERABLE:
        return ""
    settings = {
        way.window.lifted_by
        for way in routes(system, dataset)
        if way.window.lifted_by and way.window.reason == told.reason
    }
    return "".join(f" The setting {name} = true lifts this." for name in sorted(settings))


def _days(dataset: Dataset, key: UnitKey) -> str:
    if not isinstance(axis_of(dataset), Days):
        return ""
    day = split_key(dataset.partitions, key)[1]
    return f" --since {day} --until {day}"
