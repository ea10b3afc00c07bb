"""Plans: built with a live estimate, kept, approved, tried on a sample, started."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import FormData, QueryParams

from stocktake.access.audit import write_audit
from stocktake.api.problems import not_found
from stocktake.api.shared import shared
from stocktake.errors import StocktakeError, UsageError
from stocktake.model import (
    TO_FILL_STATES,
    Plan,
    PlanOptions,
    State,
    System,
    Values,
    axis_index,
    dimensions,
)
from stocktake.plan.changed import plan_changes
from stocktake.plan.declared import outdated
from stocktake.run.approved import approval_of, approve_plan, refuse_unapproved_work
from stocktake.run.chosen import read_chosen
from stocktake.run.foreseen import FIRST, first_requests, leaves_missing
from stocktake.run.operations import list_plans, show_plan
from stocktake.run.planned import make_and_save
from stocktake.run.queue import Work, backfill_work, enqueue
from stocktake.run.registry import find_datasets
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import missing, read_window, system_named
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of
from stocktake.web.words import shell_word

router = APIRouter()
ORDERS = {
    "newest": "newest first",
    "oldest": "oldest first",
    "priority": "by priority of datasets",
    "value": "most coverage per request first",
}
FILLED = tuple(sorted(TO_FILL_STATES))
SHOWN, MOST_SERIES = 50, 40
MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Plan options as a form tells them.

    Attributes:
        options: What they come to; what does not fit is left out.
        errors: What does not fit, by field.
        pairs: The fields as typed, for addresses and hidden inputs.
    """

    options: PlanOptions
    errors: dict[str, str]
    pairs: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """Return the first value typed for a field."""
        return next((text for field, text in self.pairs if field == name), "")

    @property
    def query(self) -> str:
        """The fields as the query of an address."""
        return urlencode([pair for pair in self.pairs if pair[1]])


FIELDS = (
    *("dataset", "state", "since", "until", "order", "sample", "max_requests", "until_target"),
    "only",
)
MOST_TYPED = 1_000


def read_wanted(system: System, told: QueryParams | FormData) -> Wanted:
    """Read plan options from a query or a form."""
    pairs = tuple(
        (name, str(text)[:MOST_TYPED])
        for name, text in told.multi_items()
        if name in FIELDS and text
    )
    fields: dict[str, list[str]] = {}
    for name, text in pairs:
        fields.setdefault(name, []).append(text)
    errors: dict[str, str] = {}
    window = read_window(*(fields.get(name, [""])[0] for name in ("since", "until")))
    if window.problem:
        errors["since"] = window.problem
    names: tuple[str, ...] = ()
    try:
        if fields.get("dataset"):
            names = tuple(one.name for one in find_datasets(system, fields["dataset"]))
    except UsageError as error:
        errors["dataset"] = error.message
    states = tuple(State(one) for one in fields.get("state", []) if one in set(State))
    order = fields.get("order", ["newest"])[0]
    options = PlanOptions(
        datasets=names,
        since=window.range.since,
        until=window.range.until,
        states=states,
        order=order if order in ORDERS else "newest",
        sample=_count(fields, "sample", errors),
        max_requests=_count(fields, "max_requests", errors),
        until_target="until_target" in fields,
        only=tuple(dict.fromkeys(fields.get("only", []))),
    )
    return Wanted(options, errors, pairs)


def _count(fields: dict[str, list[str]], name: str, errors: dict[str, str]) -> int | None:
    text = fields.get(name, [""])[0].strip()
    if not text:
        return None
    if not (text.isdecimal() and 1 <= int(text[:12]) <= MOST):
        errors[name] = f"{text} is not a whole number of at least 1."
        return None
    return int(text)


@router.get("/s/{system}/plans")
def plans_page(request: Request, system: str, visitor: Viewer, *, before: int = 0) -> Response:
    """List the plans kept."""
    site = site_of(request)
    found = system_named(system)
    kept = list_plans(site.workspace, limit=SHOWN + 1, system=found.name, before=before or None)
    return show(
        request,
        "plans.html",
        visitor=visitor,
        title=f"Plans of {found.name}",
        system=found,
        plans=kept[:SHOWN],
        older=kept[SHOWN - 1].plan_id if len(kept) > SHOWN else 0,
        cli_same=f"stocktake plan {found.name} --save",
        api_same=f"/api/v1/plans?system={found.name}",
    )


@router.get("/s/{system}/plans/new")
def builder(request: Request, system: str, visitor: Viewer) -> Response:
    """Let a plan be put together; its estimate comes beside it."""
    found = system_named(system)
    wanted = read_wanted(found, request.query_params)
    is_now = "estimate" in request.query_params
    return _builder(request, visitor, found, wanted, is_now=is_now)


@router.get("/s/{system}/plans/preview")
def preview(request: Request, system: str, visitor: Viewer) -> Response:
    """Estimate a plan without keeping it."""
    found = system_named(system)
    return _builder(request, visitor, found, read_wanted(found, request.query_params), is_now=True)


@router.post("/s/{system}/plans")
async def keep(request: Request, system: str, visitor: Operator) -> Response:
    """Keep a plan, to be approved and started."""
    told = await request.form()
    return await _in_thread(_keep, request, system, visitor, told)


def _keep(request: Request, system: str, visitor: Visitor, told: FormData) -> Response:
    site = site_of(request)
    found = system_named(system)
    wanted = read_wanted(found, told)
    if wanted.errors:
        return _builder(
            request,
            visitor,
            found,
            wanted,
            is_now=False,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    made = make_and_save(site.workspace, found, wanted.options, save=True)
    note(request, visitor, "plan.save", subject=f"plan {made.plan_id}")
    return go(f"/s/{found.name}/plans/{made.plan_id}")


async def _in_thread(function: Any, *given: Any) -> Response:
    made: Response = await run_in_threadpool(function, *given)
    return made


def _builder(
    request: Request,
    visitor: Visitor,
    system: System,
    wanted: Wanted,
    *,
    is_now: bool,
    status: int = 200,
) -> Response:
    plan, problem = None, ""
    if is_now and not wanted.errors:
        try:
            plan = make_and_save(site_of(request).workspace, system, wanted.options, save=False)
        except StocktakeError as error:
            problem = f"{error.message} {error.hint or ''}".strip()
    return show(
        request,
        "plan_new.html",
        visitor=visitor,
        status=status,
        title=f"New plan for {system.name}",
        system=system,
        wanted=wanted,
        options=wanted.options,
        errors=wanted.errors,
        orders=ORDERS,
        states=FILLED,
        series=_series(system, wanted.options),
        picked=[
            (text, str(one)) for text in wanted.options.only if (one := read_chosen(text)).dataset
        ],
        plan=plan,
        **_foreseen(request, system, plan),
        problem=problem,
        here=f"/s/{system.name}/plans",
        cli_same=command_of(system, wanted.options),
        api_same=f"/api/v1/systems/{system.name}/plans/preview",
    )


def _series(system: System, options: PlanOptions) -> list[tuple[str, str]]:
    """Return the series a plan can be limited to, as the form sends them and as they read."""
    told: dict[str, str] = {}
    for dataset in system.datasets:
        dims = dimensions(dataset.partitions)
        others = [dim for place, dim in enumerate(dims) if place != axis_index(dataset.partitions)]
        if len(others) == 1 and isinstance(others[0], Values):
            names = others[0].values
            told |= {f":/{name}": name for name in names if len(names) <= MOST_SERIES}
    asked = {text: text[2:] for text in options.only if text.startswith(":/")}
    return list((told | asked).items())


def _foreseen(
    request: Request, system: System, plan: Plan | None, *, is_valid: bool = True
) -> dict[str, Any]:
    """Return what a template tells of a plan beside its costs."""
    if plan is None:
        return {"first_requests": [], "leaves": [], "approval": None, "assumed": []}
    workspace = site_of(request).workspace
    limit = FIRST if is_valid else 0
    return {
        "first_requests": first_requests(workspace, system, plan, limit=limit),
        "leaves": leaves_missing(workspace, system, plan) if is_valid else [],
        "approval": approval_of(workspace, plan),
        "assumed": assumed_sources(plan),
    }


def assumed_sources(plan: Plan) -> list[str]:
    """Return the sources a plan asks at a rate that is our assumption."""
    return sorted({cost.source for cost in plan.costs if not cost.is_rate_known})


def command_of(system: System, options: PlanOptions, *, verb: str = "plan") -> str:
    """Return the command that plans (or fills) the same."""
    parts = [f"stocktake {verb} {system.name}", *options.datasets]
    parts += [f"--state {','.join(options.states)}"] if options.states else []
    told = (
        ("since", options.since),
        ("until", options.until),
        ("order", options.order if options.order != "newest" else None),
        ("sample", options.sample),
        ("max-requests", options.max_requests),
        *(("only", text) for text in options.only),
    )
    parts += [f"--{name} {shell_word(str(value))}" for name, value in told if value]
    return " ".join([*parts, *(["--until-target"] if options.until_target else [])])


@router.get("/s/{system}/plans/{plan_id}")
def plan_page(request: Request, system: str, plan_id: int, visitor: Viewer) -> Response:
    """Show a kept plan and what can be done with it."""
    found, plan = _kept(request, system, plan_id)
    return _plan(request, visitor, found, plan)


def _plan(
    request: Request, visitor: Visitor, system: System, plan: Plan, *, problem: str = ""
) -> Response:
    options = plan.options
    wrong = outdated(system, plan)
    return show(
        request,
        "plan.html",
        visitor=visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        title=f"Plan {plan.plan_id} of {system.name}",
        system=system,
        plan=plan,
        options=options,
        problem=problem,
        outdated=wrong,
        **_foreseen(request, system, plan, is_valid=not wrong),
        wanted_query=urlencode(_pairs(system, options)),
        cli_same=f"stocktake backfill {system.name} --plan {plan.plan_id}",
        api_same=f"/api/v1/plans/{plan.plan_id}",
    )


def _pairs(system: System, options: PlanOptions) -> list[tuple[str, str]]:
    """Return plan options as fields of the builder; datasets no longer declared are left out."""
    known = {one.name for one in system.datasets}
    told = (
        *(("dataset", name) for name in options.datasets if name in known),
        *(("state", state.value) for state in options.states),
        *(("only", text) for text in options.only if read_chosen(text).dataset in {"", *known}),
        ("since", options.since),
        ("until", options.until),
        ("order", options.order),
        ("sample", options.sample),
        ("max_requests", options.max_requests),
        ("until_target", options.until_target),
    )
    return [(name, str(value)) for name, value in told if value]


@router.get("/s/{system}/plans/{plan_id}/change")
def plan_change(request: Request, system: str, plan_id: int, visitor: Viewer) -> Response:
    """Tell what changed since the plan was made, by planning the same anew."""
    found, plan = _kept(request, system, plan_id)
    now, wrong = plan, outdated(found, plan)
    if not wrong:
        now = make_and_save(site_of(request).workspace, found, plan.options, save=False)
    return show(
        request,
        "plan_change.html",
        visitor=visitor,
        title=f"Plan {plan_id}: what changed since",
        system=found,
        plan=plan,
        outdated=wrong,
        changes=plan_changes(found, plan, now),
        now_requests=now.requests,
    )


@router.post("/s/{system}/plans/{plan_id}/approve")
def approve(request: Request, system: str, plan_id: int, visitor: Operator) -> Response:
    """Approve a plan; the first approval stays."""
    found, _ = _kept(request, system, plan_id)
    approve_plan(site_of(request).workspace, plan_id, by=visitor.name)
    note(request, visitor, "plan.approve", subject=f"plan {plan_id}")
    return go(f"/s/{found.name}/plans/{plan_id}")


@router.post("/s/{system}/plans/{plan_id}/start")
def start(
    request: Request,
    system: str,
    plan_id: int,
    visitor: Operator,
    confirm: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Queue the plan for workers; where a rate is assumed, the sources' names must be typed."""
    found, plan = _kept(request, system, plan_id)
    assumed = assumed_sources(plan)
    if confirm.replace(",", " ").split() != assumed:
        problem = f"Type {' '.join(assumed)} to start: the rate of that source is assumed."
        return _plan(request, visitor, found, plan, problem=problem)
    work = backfill_work(plan.options, plan_id=plan_id)
    return go(f"/runs/{start_work(request, visitor, found, work)}")


@router.post("/s/{system}/plans/{plan_id}/sample")
def start_sample(
    request: Request,
    system: str,
    plan_id: int,
    visitor: Operator,
    days: Annotated[int, Form(ge=1, le=366)] = 7,
) -> Response:
    """Queue only the newest days of the plan."""
    found, plan = _kept(request, system, plan_id)
    work = backfill_work(dataclasses.replace(plan.options, sample=days))
    return go(f"/runs/{start_work(request, visitor, found, work)}")


def start_work(request: Request, visitor: Visitor, system: System, work: Work) -> int:
    """Queue work in one transaction with its audit line, and return the run's number."""
    workspace = site_of(request).workspace
    now = workspace.clock()
    with workspace.database.connection() as conn:
        refuse_unapproved_work(workspace, conn, work)
        run_id = enqueue(conn, system, work, by=visitor.name, now=now)
        write_audit(
            conn,
            visitor.identity.actor,
            f"{work.kind}.start",
            subject=f"run {run_id}",
            now=now,
            details={"system": system.name, "options": dict(work.options)},
        )
    shared(request).recent.clear()
    return run_id


def _kept(request: Request, system: str, plan_id: int) -> tuple[System, Plan]:
    found = system_named(system)
    try:
        plan, _, _ = show_plan(site_of(request).workspace, plan_id)
    except UsageError as error:
        raise missing(error) from None
    if plan.system != found.name:
        raise not_found(f"Plan {plan_id} is of {plan.system}, not of {found.name}.")
    return found, plan
