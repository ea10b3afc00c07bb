"""Fill what is not there: plans, and the work that workers do: 202 and an operation."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, File, Query, Request, UploadFile
from fastapi.responses import Response
from psycopg import Connection
from pydantic import Field

from stocktake.api.answers import Cursor, Limit, answer
from stocktake.api.asked import (
    MOST_NAME,
    DaysAsked,
    Name,
    Names,
    Number,
    PlanAsked,
    TheDataset,
    TheSystem,
)
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Installation, Operator, Viewer
from stocktake.api.noted import note
from stocktake.api.problems import named_in_path
from stocktake.api.recent import served, served_page
from stocktake.api.shapes import NUMBER, Asked, Operation, PlanDocument, Plans, SavedPlan
from stocktake.api.work import STARTED, start_by, start_work
from stocktake.model import Plan, System
from stocktake.plan.declared import outdated
from stocktake.run.approved import approval_needed, approve_plan
from stocktake.run.documents import plan_json
from stocktake.run.files import queue_files
from stocktake.run.foreseen import first_requests, leaves_missing
from stocktake.run.operations import PlanLine, list_plans, show_plan
from stocktake.run.planned import make_and_save
from stocktake.run.queue import (
    backfill_work,
    check_work,
    derive_work,
    replay_work,
    sync_work,
    train_work,
    verify_work,
)
from stocktake.run.registry import find_system
from stocktake.run.workspace import Workspace

router = APIRouter(tags=["fill"], route_class=OnceRoute)
MOST_FILES = 20
LEAST_SEED, MOST_SEED = 0, 2**31 - 1
Seed = Annotated[int, Field(ge=LEAST_SEED, le=MOST_SEED)]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Response])
Priority = Annotated[int, Field(ge=-100, le=100, description="The greater goes first.")]


class BackfillAsked(PlanAsked):
    """What to backfill: plan options, or a kept plan."""

    plan_id: Annotated[int, Field(ge=1, le=NUMBER)] | None = None
    priority: Priority = 0


class SyncAsked(Asked):
    """What to bring up to date."""

    datasets: Names = []
    days: Annotated[int, Field(ge=1, le=3_660)] = 14


class DeriveAsked(Asked):
    """What to recompute."""

    datasets: Names = []
    full: bool = False
    parameters: Annotated[dict[Name, int], Field(max_length=10)] = {}


class CheckAsked(DaysAsked):
    """Which promises to measure."""

    datasets: Names = []


class VerifyAsked(Asked):
    """How much to prove."""

    datasets: Names = []
    full: bool = False
    seed: Seed = 1


class TrainAsked(DaysAsked):
    """What to train."""

    target: Name = "points"
    seed: Seed = 42
    force: bool = False


def queues(verb: str, summary: str) -> Callable[[Endpoint], Endpoint]:
    """Make a function the one that queues a verb: 202 and an operation."""
    return router.post(
        f"/systems/{{system}}/{verb}",
        status_code=202,
        response_model=Operation,
        responses=STARTED,
        summary=summary,
    )


@router.post(
    "/systems/{system}/plans/preview", response_model=PlanDocument, summary="What it would cost"
)
def preview(
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    asked: PlanAsked,
) -> Response:
    """Plan without keeping it: units, requests, time at the allowed rates. Fetches nothing."""
    options = asked.options(workspace, system)
    made = make_and_save(workspace, system, options, save=False)
    return answer(_planned(workspace, system, made))


@router.post(
    "/systems/{system}/plans", status_code=201, response_model=PlanDocument, summary="Keep a plan"
)
def save(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: PlanAsked,
) -> Response:
    """Plan and keep it, to be approved and run later."""
    options = asked.options(workspace, system)
    made = make_and_save(workspace, system, options, save=True)
    note(request, who, "plan.save", subject=f"plan {made.plan_id}")
    return answer(
        _planned(workspace, system, made),
        status=201,
        headers={"Location": f"/api/v1/plans/{made.plan_id}"},
    )


@router.get("/plans", response_model=Plans, summary="Kept plans")
async def plans(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: Name | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List kept plans, the newest first."""

    def rows(most: int, before: int | None) -> list[PlanLine]:
        return list_plans(workspace, limit=most, system=system, before=before)

    return await served_page(request, rows, lambda line: line.plan_id, limit=limit, cursor=cursor)


@router.get("/plans/{plan_id}", response_model=SavedPlan, summary="A kept plan")
async def plan(
    request: Request,
    _: Viewer,
    workspace: Installation,
    plan_id: Number,
) -> Response:
    """Show a kept plan, and whether it was approved."""
    return await served(request, lambda: _saved(workspace, plan_id))


@router.post("/plans/{plan_id}/approve", response_model=SavedPlan, summary="Approve a plan")
def approve(
    request: Request,
    who: Operator,
    workspace: Installation,
    plan_id: Number,
) -> Response:
    """Approve a kept plan, once; a second approval changes nothing."""
    _saved(workspace, plan_id)
    approve_plan(workspace, plan_id, by=who.name)
    note(request, who, "plan.approve", subject=f"plan {plan_id}")
    return answer(_saved(workspace, plan_id))


def _planned(workspace: Workspace, system: System, made: Plan) -> dict[str, Any]:
    first = first_requests(workspace, system, made)
    return plan_json(made, first=first, leaves=leaves_missing(workspace, system, made))


def _saved(workspace: Workspace, plan_id: int) -> dict[str, Any]:
    with named_in_path():
        found, approved_at, approved_by = show_plan(workspace, plan_id)
    own = find_system(found.system)
    wrong = outdated(own, found)
    return {
        **(plan_json(found) if wrong else _planned(workspace, own, found)),
        "made_at": found.made_at,
        "approved_at": approved_at,
        "approved_by": approved_by,
        "approval_needed": approval_needed(workspace.settings, found) or None,
        "outdated": wrong,
    }


@queues("backfill", "Fill past gaps")
def backfill(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: BackfillAsked,
) -> Response:
    """Queue a backfill of what is missing, or of a kept plan."""
    work = backfill_work(asked.options(workspace, system), plan_id=asked.plan_id)
    return start_work(request, workspace, who, system=system, work=work, priority=asked.priority)


@queues("sync", "Bring recent days up to date")
def sync(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: SyncAsked,
) -> Response:
    """Queue a sync: what is new, what was not final, what is due for a re-check."""
    work = sync_work(asked.datasets, days=asked.days)
    return start_work(request, workspace, who, system=system, work=work)


@queues("replay", "Parse stored captures again")
def replay(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: CheckAsked,
) -> Response:
    """Queue the parsing of stored captures, after a parser changed; nothing is fetched."""
    work = replay_work(asked.datasets, window=asked.window(workspace, system))
    return start_work(request, workspace, who, system=system, work=work)


@queues("load/{dataset}", "Load files")
def load(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    dataset: TheDataset,
    files: Annotated[list[UploadFile], File(max_length=MOST_FILES, description="`.gz` too.")],
    source: Annotated[str, Query(max_length=MOST_NAME, description="File source.")] = "",
) -> Response:
    """Store files as they came and queue their loading: captured, parsed, merged like answers."""
    with tempfile.TemporaryDirectory(prefix="stocktake-load-") as folder:
        paths = [_kept(FilePath(folder), number, one) for number, one in enumerate(files)]

        def begin(conn: Connection[Any], now: datetime) -> int:
            return queue_files(conn, system, dataset, paths, source=source, by=who.name, now=now)

        return start_by(request, workspace, who, begin)


def _kept(folder: FilePath, number: int, given: UploadFile) -> FilePath:
    """Keep an uploaded file under its own name, as far as that is one, in a folder of its own."""
    own = folder / str(number)
    own.mkdir()
    name = re.sub(r"[^A-Za-z0-9._-]", "_", given.filename or "")[-MOST_NAME:].lstrip(".")
    kept = own / (name or "file")
    with kept.open("wb") as file:
        shutil.copyfileobj(given.file, file)
    return kept


@queues("derive", "Recompute derived datasets")
def derive(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: DeriveAsked,
) -> Response:
    """Queue the recomputation of what changed inputs touch; `full` recomputes every key."""
    work = derive_work(asked.datasets, full=asked.full, parameters=asked.parameters)
    return start_work(request, workspace, who, system=system, work=work)


@queues("check", "Measure every promise")
def check(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: CheckAsked,
) -> Response:
    """Queue the measuring of checks; `checks` shows the results."""
    work = check_work(asked.datasets, window=asked.window(workspace, system))
    return start_work(request, workspace, who, system=system, work=work)


@queues("verify", "Prove that tables, ledger and rows agree")
def verify(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: VerifyAsked,
) -> Response:
    """Queue the proof: a sample of derived keys, or every one, and every unit's rows."""
    work = verify_work(asked.datasets, full=asked.full, seed=asked.seed)
    return start_work(request, workspace, who, system=system, work=work)


@queues("train", "Train a model")
def train(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: TrainAsked,
) -> Response:
    """Queue the training of a model on derived features, judged on dates it never saw."""
    work = train_work(
        window=asked.window(workspace, system),
        target=asked.target,
        seed=asked.seed,
        is_forced=asked.force,
    )
    return start_work(request, workspace, who, system=system, work=work)
