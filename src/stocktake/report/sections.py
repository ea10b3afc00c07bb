"""A health report laid out as sections of text and tables, which every format draws alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.model import Severity, State
from stocktake.report.figures import figure, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.model import Coverage
    from stocktake.report.health import Health, Notice

GOOD, SOFT, BAD, QUIET = "good", "soft", "bad", "quiet"
TONES = {
    Severity.PASS: GOOD,
    Severity.WARN: SOFT,
    Severity.FAIL: BAD,
    Severity.ERROR: BAD,
    Severity.NOT_APPLICABLE: QUIET,
}
MILD = (Severity.PASS, Severity.NOT_APPLICABLE)
VERDICTS = ("healthy", "healthy, with warnings", "not healthy: gaps or failing checks")
SHOWN_KEYS = 3
NONE = "·"


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and whether its cells are figures."""

    heading: str
    is_figure: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a line and its tone: ``good``, ``soft``, ``bad``, ``quiet`` or none."""

    cells: tuple[str, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with a sentence below it and, where there is something to list, a table."""

    title: str
    text: str
    columns: tuple[Column, ...] = ()
    rows: Sequence[Row] = ()


def title_of(health: Health) -> str:
    """Return the report's title."""
    return f"{health.system}: health from {health.since or 'the beginning'} to {health.until}"


def verdict_of(health: Health) -> str:
    """Return the report's verdict in words."""
    return VERDICTS[health.exit_code]


def sections(health: Health) -> list[Section]:
    """Return the report's sections, in order; those without anything to list say so."""
    return [
        _coverage(health),
        _years(health),
        _holes(health),
        _checks(health),
        _unfinished(health),
        _notices(health),
        _final(health),
        _requests(health),
    ]


def _columns(*headings: str) -> tuple[Column, ...]:
    """Return columns; headings that begin with ``#`` are of figures."""
    return tuple(Column(text.lstrip("#"), text.startswith("#")) for text in headings)


FIGURES = ("#coverage", "#held", "#expected", "#missing", "#to target", "#surplus")


def _figures(one: Coverage) -> tuple[str, ...]:
    counts = (one.missing, one.needed_for_target, one.surplus)
    return (
        percent(one.coverage),
        number(one.held),
        number(one.expected),
        *(number(count) if count else NONE for count in counts),
    )


def _tone(one: Coverage) -> str:
    if one.coverage is None:
        return QUIET
    soft = one.missing or one.states.get(State.THIN) or one.states.get(State.STALE)
    return BAD if one.needed_for_target else SOFT if soft else GOOD


def _others(one: Coverage) -> str:
    quiet = (State.COMPLETE, State.MISSING, State.FUTURE, State.SURPLUS)
    return ", ".join(
        f"{number(units)} {state.value.replace('_', ' ')}"
        for state, units in one.states.items()
        if units and state not in quiet
    )


def _coverage(health: Health) -> Section:
    rows = [
        Row(
            (
                one.whole.dataset,
                *_figures(one.whole),
                percent(one.whole.target),
                _others(one.whole),
            ),
            _tone(one.whole),
        )
        for one in health.datasets
    ]
    missing = sum(one.whole.missing for one in health.datasets)
    needed = sum(one.whole.needed_for_target for one in health.datasets)
    text = (
        f"{number(missing)} units are missing; {number(needed)} must be filled to reach every "
        "target. Thin and stale units are held, but not as they should be."
    )
    columns = _columns("dataset", *FIGURES, "#target", "other states")
    return Section("Held against expected", text, columns, rows)


def _years(health: Health) -> Section:
    rows = [
        Row((one.whole.dataset, year, *_figures(counted), _others(counted)), _tone(counted))
        for one in health.datasets
        for year, counted in one.years
    ]
    columns = _columns("dataset", "year", *FIGURES, "other states")
    return Section("Year by year", "Datasets whose units have days.", columns, rows)


def _holes(health: Health) -> Section:
    rows = [
        Row(
            (
                one.dataset,
                "/".join(one.series),
                str(one.first),
                str(one.last),
                number(one.days),
                number(one.units),
                one.reason,
            ),
            BAD,
        )
        for one in health.holes
    ]
    text = f"{number(health.hole_count)} runs of expected days lack units"
    text += f"; the {len(rows)} longest:" if len(rows) < health.hole_count else "."
    columns = _columns("dataset", "series", "from", "to", "#days", "#units", "reason")
    return Section("Consecutive gaps", text, columns, rows)


def _checks(health: Health) -> Section:
    shown = [one for one in health.checks if one.severity not in MILD]
    order = (Severity.ERROR, Severity.FAIL, Severity.WARN)
    rows = [
        Row(
            (
                one.severity.value,
                one.check,
                one.dataset,
                one.group,
                "" if one.value is None else figure(one.value),
                " · ".join(part for part in (one.detail, _keys(one.failing_keys)) if part),
            ),
            TONES[one.severity],
        )
        for one in sorted(shown, key=lambda one: order.index(one.severity))
    ]
    counts = {one: sum(r.severity is one for r in health.checks) for one in Severity}
    told = ", ".join(f"{count} {one.value}" for one, count in counts.items() if count)
    columns = _columns("verdict", "check", "dataset", "group", "#value", "detail")
    return Section("Checks", f"{len(health.checks)} results: {told or 'none'}.", columns, rows)


def _keys(keys: Sequence[dict[str, object]]) -> str:
    return ", ".join("/".join(str(part) for part in key.values()) for key in keys[:SHOWN_KEYS])


def _unfinished(health: Health) -> Section:
    stale = sum(one.whole.states.get(State.STALE, 0) for one in health.datasets)
    runs = [
        Row(
            (
                f"run {one.run_id}",
                one.kind,
                one.state,
                f"{one.started_at:%Y-%m-%d %H:%M}",
                number(one.requests),
            ),
            SOFT,
        )
        for one in health.open_runs
    ]
    text = (
        f"{len(runs) or 'No'} unfinished run{'s' * (len(runs) != 1)}; {number(stale)} stale units."
    )
    columns = _columns("run", "kind", "state", "started", "#requests")
    return Section("Unfinished and stale", text, columns, runs)


def _notices(health: Health) -> Section:
    text = (
        "Gaps since the history began, of now and of the past: when the rows were lost or did not "
        "come, and the first check that says so: one that was kept, or one the schedules call for, "
        "recomputed from what was known then. A count shows each of them at once. Rows that were "
        "deleted behind the ledger's back are lost from when a recount found out."
    )
    if not health.notices:
        return Section("Would have been noticed", "Nothing was lost, nothing came late.")
    if len(health.notices) < health.notice_count:
        text += f" The newest {len(health.notices)} of {number(health.notice_count)}:"
    rows = [_notice(one) for one in health.notices]
    headings = ("dataset", "series", "units from", "#units", "lost", "held again", "noticed")
    columns = _columns(*headings, "#after days", "by")
    return Section("Would have been noticed", text, columns, rows)


def _notice(one: Notice) -> Row:
    loss = one.loss
    cells = (
        loss.dataset,
        " ".join(part for part in ("/".join(loss.series), loss.feed) if part),
        loss.first if loss.first == loss.last else f"{loss.first} to {loss.last}",
        number(loss.units),
        f"{loss.lost_at:%Y-%m-%d %H:%M}{'' if loss.was_held else ' (due)'}",
        f"{loss.back_at:%Y-%m-%d %H:%M}" if loss.back_at else "still a gap",
        f"{one.at:%Y-%m-%d %H:%M}" if one.at else "never",
        "" if one.days is None else f"{one.days:.1f}",
        one.by,
    )
    return Row(cells, BAD if loss.back_at is None else SOFT)


def _final(health: Health) -> Section:
    rows = [
        Row(
            (
                one.whole.dataset,
                number(one.rows),
                number(one.final_rows),
                percent(one.rows / one.final_rows),
            )
        )
        for one in health.datasets
        if one.final_rows
    ]
    text = (
        "Rows against what the finished history is about to have. This is no test of completeness, "
        "which is counted unit by unit above."
    )
    if not rows:
        text = "The system names no figures."
    return Section(
        "Expected final state", text, _columns("dataset", "#rows", "#final", "#share"), rows
    )


def _requests(health: Health) -> Section:
    rows = [
        Row(
            (
                one.source,
                one.endpoint,
                number(one.requests),
                number(one.errors),
                number(one.refusals),
                number(one.used_today),
                number(one.per_day) if one.per_day else "no quota",
            )
        )
        for one in health.requests
    ]
    headings = ("#requests", "#errors", "#429", "#today", "#quota a day")
    text = f"{number(sum(one.requests for one in health.requests))} requests since the beginning."
    return Section("Requests used", text, _columns("source", "endpoint", *headings), rows)
