"""What needs somebody: found in each system, told in order of consequence, one next action each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from stocktake.model import Severity
from stocktake.run.checked import last_checked
from stocktake.run.counted import today_of
from stocktake.run.sourced import source_health
from stocktake.web.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from stocktake.model import Coverage, System
    from stocktake.run.lately import Standing
    from stocktake.run.listed import RunLine
    from stocktake.web.site import Site

NEAR_ITS_END = 0.8
"""Share of a day's quota from which it is told of."""
CHECK, SOURCE, QUOTA, RUN, BELOW, NEW_GAP = range(6)
"""Ranks: the lower, the graver."""


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that needs somebody, with the one next action."""

    rank: int
    kind: str
    tone: str
    text: str
    address: str
    action: str


def calls(
    site: Site, stands: Iterable[tuple[System, Standing]], latest: dict[str, RunLine]
) -> list[Call]:
    """Return what needs somebody over all systems, gravest first."""
    found = [
        call
        for system, stand in stands
        for call in (
            *_checks(site, system),
            *(_sources(site, system) if site.whole is None else ()),
            *_runs(system, latest.get(system.name)),
            *(_gaps(site, system, stand) if stand.held else ()),
        )
    ]
    return sorted(found, key=attrgetter("rank"))


def _checks(site: Site, system: System) -> Iterator[Call]:
    bad = [
        one.result
        for one in last_checked(site.workspace, system)
        if one.result.severity in {Severity.FAIL, Severity.ERROR}
    ]
    if bad:
        names = {one.check for one in bad}
        count = plural(len(names), "check")
        text = f"{system.name}: {count} below what was promised, first {bad[0].check}"
        here = f"/s/{system.name}/checks"
        if len(names) > 1:
            yield Call(CHECK, "check", "bad", text, f"{here}?severity=fail", "See checks")
        else:
            yield Call(CHECK, "check", "bad", text, f"{here}/{bad[0].check}", "See check")


def _sources(site: Site, system: System) -> Iterator[Call]:
    states = source_health(site.workspace, system)
    here = f"/s/{system.name}/sources"
    for name, reason in {one.source: one.source_pause for one in states}.items():
        if reason:
            text = f"{system.name}: source {name} is paused: {reason}"
            yield Call(SOURCE, "source", "bad", text, f"{here}/{name}", "See source")
    for one in states:
        if one.per_day and one.used_today >= NEAR_ITS_END * one.per_day:
            text = (
                f"{system.name}: {one.source} {one.endpoint} has used {one.used_today:,} "
                f"of {one.per_day:,} requests of the day"
            )
            yield Call(QUOTA, "quota", "warn", text, "/settings/quotas", "See quotas")


def _runs(system: System, last: RunLine | None) -> Iterator[Call]:
    if last is not None and last.state in {"failed", "paused"}:
        tone = "bad" if last.state == "failed" else "warn"
        text = f"{system.name}: run {last.run_id} is {last.state}: {last.error or last.message}"
        yield Call(RUN, "run", tone, text, f"/runs/{last.run_id}", "See run")


def _gaps(site: Site, system: System, stand: Standing) -> Iterator[Call]:
    here = f"/s/{system.name}"
    below = [one for one in stand.counted if one.needed_for_target and one.held]
    for one in sorted(below, key=lambda one: -one.needed_for_target):
        text = (
            f"{one.dataset}: {plural(one.missing, 'unit')} missing, "
            f"{one.needed_for_target:,} needed for its target"
        )
        plan = f"{here}/plans/new?dataset={one.dataset}"
        yield Call(BELOW, "gap", "warn", text, plan, f"Plan {plural(one.missing, 'unit')}")
    names = {one.dataset for one in stand.counted if one.held}
    opened = [one for one in site.yesterday.of(system) if one.missing and one.dataset in names]
    if opened:
        day = today_of(site.workspace, system) - timedelta(days=1)
        yield _opened(system, opened, day)


def _opened(system: System, opened: Sequence[Coverage], day: date) -> Call:
    units = sum(one.missing for one in opened)
    text = (
        f"{system.name}: {plural(units, 'unit')} of yesterday, {day}, did not come, "
        f"first {opened[0].dataset}"
    )
    chosen = "&".join(f"dataset={one.dataset}" for one in opened)
    plan = f"/s/{system.name}/plans/new?since={day}&until={day}&{chosen}"
    return Call(NEW_GAP, "gap", "warn", text, plan, f"Plan {plural(units, 'unit')}")
