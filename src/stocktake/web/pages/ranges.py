"""Days of a dataset chosen together: what can be decided about them, and their gaps as a file."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from stocktake.access.audit import storable
from stocktake.api.problems import Problem
from stocktake.count.decide import Decision
from stocktake.errors import UsageError
from stocktake.model import GAP_STATES, State
from stocktake.run.counted import count_system, recount_system
from stocktake.run.decided import accept_range, withdraw_range
from stocktake.run.gapped import GapFilter, find_gaps
from stocktake.web.access import Operator, Viewer
from stocktake.web.download import csv_file
from stocktake.web.naming import (
    Window,
    dataset_named,
    read_as_of,
    read_window,
    system_named,
    wanted_states,
)
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of

if TYPE_CHECKING:
    from stocktake.model import Dataset, System

router = APIRouter()
UNPROCESSABLE = 422
SHOWN_DRIFT = 200
Day = Annotated[str, Form(max_length=10)]


@router.get("/s/{system}/d/{dataset}/range")
def range_page(
    request: Request,
    system: str,
    dataset: str,
    visitor: Viewer,
    *,
    since: str = "",
    until: str = "",
    done: str = "",
) -> Response:
    """Show what some days hold, and what can be done about them."""
    found = system_named(system)
    own = dataset_named(found, dataset)
    return _range(request, visitor, found, own, window=_window(since, until), done=done)


@router.post("/s/{system}/d/{dataset}/range/accept")
def accept(
    request: Request,
    system: str,
    dataset: str,
    visitor: Operator,
    *,
    since: Day = "",
    until: Day = "",
    reason: Annotated[str, Form(max_length=2_000)] = "",
    holds_until: Day = "",
) -> Response:
    """Waive every gap of some days."""
    found = system_named(system)
    own = dataset_named(found, dataset)
    window = _window(since, until)
    errors = {}
    last: date | None = None
    if not reason.strip():
        errors["reason"] = "Say why: whoever reads the gaps next will want to know."
    try:
        last = date.fromisoformat(holds_until) if holds_until else None
    except ValueError:
        errors["holds_until"] = "Not a day of the calendar. Write it as YYYY-MM-DD."
    units = 0
    if not errors:
        decision = Decision(storable(reason.strip()), visitor.name, last)
        workspace = site_of(request).workspace
        try:
            units = accept_range(workspace, found, own, window.range, decision=decision)
        except UsageError as error:
            errors["reason"] = f"{error.message} {error.hint or ''}".strip()
    if errors:
        typed = {"reason": reason, "holds_until": holds_until}
        return _range(request, visitor, found, own, window=window, errors=errors, typed=typed)
    return _decided(request, visitor, found, own, window=window, verb="accept", units=units)


@router.post("/s/{system}/d/{dataset}/range/withdraw")
def withdraw(
    request: Request,
    system: str,
    dataset: str,
    visitor: Operator,
    *,
    since: Day = "",
    until: Day = "",
) -> Response:
    """Make the accepted gaps of some days gaps again."""
    found = system_named(system)
    own = dataset_named(found, dataset)
    window = _window(since, until)
    units = withdraw_range(site_of(request).workspace, found, own, window.range)
    return _decided(request, visitor, found, own, window=window, verb="withdraw", units=units)


def _decided(
    request: Request,
    visitor: Visitor,
    system: System,
    dataset: Dataset,
    *,
    window: Window,
    verb: str,
    units: int,
) -> Response:
    days = f"{window.range.since or ''} to {window.range.until or ''}"
    subject = f"{dataset.name} {days}: {units} units"
    note(request, visitor, f"gap.{verb}", subject=subject)
    site_of(request).standings.forget(system.name)
    word = "accepted" if verb == "accept" else "withdrawn"
    here = f"/s/{system.name}/d/{dataset.name}/range"
    return go(f"{here}?done={units}+{word}{window.query}")


@router.post("/s/{system}/recount")
def recount(
    request: Request,
    system: str,
    visitor: Operator,
    *,
    dataset: Annotated[str, Form(max_length=120)] = "",
    since: Day = "",
    until: Day = "",
) -> Response:
    """Count the rows anew, mend the ledger where it was wrong, and show what had differed."""
    found = system_named(system)
    chosen = [dataset_named(found, dataset)] if dataset else list(found.datasets)
    window = _window(since, until)
    site = site_of(request)
    drift = recount_system(site.workspace, found, chosen, window.range)
    site.standings.forget(found.name)
    about = dataset or f"{len(chosen)} datasets"
    note(request, visitor, "system.recount", subject=f"{found.name} {about}")
    option = "".join(f" --{name} {day}" for name, day in _days(window))
    return show(
        request,
        "recount.html",
        visitor=visitor,
        title=f"Rows of {found.name} counted anew",
        system=found,
        about=about,
        drift=drift[:SHOWN_DRIFT],
        differed=len(drift),
        cli_same=f"stocktake count {found.name} {dataset} --recount{option}".replace("  ", " "),
    )


@router.get("/s/{system}/gaps.csv")
def gaps_file(
    request: Request,
    system: str,
    visitor: Viewer,
    *,
    dataset: str = "",
    state: str = "",
    since: str = "",
    until: str = "",
    as_of: str = "",
    reason: str = "",
    sort: str = "declared",
) -> Response:
    """Send gaps as a CSV file, one line a range; the figures are those of the list."""
    del visitor
    found = system_named(system)
    chosen = [dataset_named(found, dataset)] if dataset else list(found.datasets)
    states, problem = wanted_states([state])
    instant, wrong = read_as_of(as_of)
    if problem or wrong:
        raise Problem(UNPROCESSABLE, "invalid", problem or wrong)
    told = find_gaps(
        site_of(request).workspace,
        found,
        chosen,
        _window(since, until).range,
        asked=GapFilter(states, reason, sort, as_of=instant),
        counted=(),
    )
    name = f"gaps-{found.name}{'-' + chosen[0].name if dataset else ''}.csv"
    head = (
        *("dataset", "series", "first", "last", "units", "state", "reason"),
        *("noticed_at", "blocked_by"),
    )
    rows = (
        (
            *(gap.dataset, "/".join(gap.series), gap.first, gap.last),
            *(gap.units, gap.state.value, gap.reason, gap.noticed_at, gap.blocked_by),
        )
        for gap in told.gaps
    )
    return csv_file(name, head, rows)


def _window(since: str, until: str) -> Window:
    window = read_window(since, until)
    if window.problem:
        raise Problem(UNPROCESSABLE, "invalid", window.problem)
    return window


def _days(window: Window) -> list[tuple[str, date]]:
    told = (("since", window.range.since), ("until", window.range.until))
    return [(name, day) for name, day in told if day]


def _range(
    request: Request,
    visitor: Visitor,
    system: System,
    dataset: Dataset,
    *,
    window: Window,
    **more: Any,
) -> Response:
    (coverage,) = count_system(site_of(request).workspace, system, [dataset], window.range)
    given = {"errors": {}, "typed": {}, "done": "", **more}
    blank = {"reason": "", "holds_until": ""}
    return show(
        request,
        "range.html",
        visitor=visitor,
        status=UNPROCESSABLE if given["errors"] else 200,
        title=f"Days of {dataset.name}",
        system=system,
        dataset=dataset,
        here=f"/s/{system.name}/d/{dataset.name}",
        window=window,
        coverage=coverage,
        gaps=sum(coverage.states.get(one, 0) for one in GAP_STATES),
        accepted=coverage.states.get(State.ACCEPTED, 0),
        **{**given, "errors": blank | given["errors"], "typed": blank | given["typed"]},
    )
