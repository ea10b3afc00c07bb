"""Rows that were refused, and rows that share a key: listed, tried, decided."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from stocktake.access.audit import storable
from stocktake.api.answers import Cursor, Limit, answer
from stocktake.api.asked import MOST_TEXT, Name, Names, Number, TheDatasets, TheSystem
from stocktake.api.forms import Duplicates, PairGroups, RejectGroups, Rejects
from stocktake.api.idempotency import OnceRoute
from stocktake.api.identity import Installation, Operator, Viewer
from stocktake.api.noted import note
from stocktake.api.problems import depending_on_state, named_in_path
from stocktake.api.recent import served, served_page
from stocktake.api.shapes import Asked, Operation
from stocktake.api.work import STARTED, start_work
from stocktake.load.duplicates import Choice, Decision, PairKind
from stocktake.load.rejects import RejectKind
from stocktake.model import RunReport, System
from stocktake.run.decided import dismiss_rejects, list_duplicates, list_rejects, reject_groups
from stocktake.run.documents import (
    pair_json,
    rehearsal_json,
    retrial_json,
    settled_json,
    trial_json,
)
from stocktake.run.explained import show_capture
from stocktake.run.paired import (
    pair_groups,
    pair_sittings,
    rehearse_together,
    reopen_together,
    settle_together,
)
from stocktake.run.registry import find_datasets, find_system
from stocktake.run.reviewed import (
    home_of_duplicate,
    home_of_reject,
    rehearse_answer,
    rehearse_duplicate,
    rehearse_edit,
    rehearse_rejects,
    reopen_duplicate,
    retry_edited,
    retry_work,
    settle_duplicate,
)

router = APIRouter(tags=["decide"], route_class=OnceRoute)
MOST_ROW = 70_000
Reason = Annotated[str, Field(max_length=MOST_TEXT)]


def pairs_of(
    datasets: TheDatasets,
    differing: Annotated[
        list[Name] | None, Query(description="Those that differ in exactly these columns.")
    ] = None,
    alike: Annotated[
        float, Query(ge=0, le=1, description="Those of which this share of the columns is equal.")
    ] = 0.0,
) -> PairKind:
    """Return which pairs a query asks for."""
    columns = tuple(storable(one) for one in differing or ())
    return PairKind(tuple(one.name for one in datasets), columns, alike)


ThePairs = Annotated[PairKind, Depends(pairs_of)]


class KindAsked(Asked):
    """Which open rejects: all unless something is named."""

    datasets: Names = []
    code: Name | None = None
    shape: Annotated[str, Field(max_length=MOST_TEXT, description="As groups tell it.")] | None = (
        None
    )

    def kind(self, system: System) -> RejectKind:
        """Return it with the datasets' own names."""
        chosen = find_datasets(system, self.datasets) if self.datasets else ()
        return RejectKind(tuple(one.name for one in chosen), self.code, self.shape)


class DismissAsked(KindAsked):
    """Which open rejects are left out for good, and why."""

    reason: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]


class DismissOneAsked(Asked):
    """Why a row is left out for good."""

    reason: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]


class EditAsked(Asked):
    """What a refused row should have been."""

    text: Annotated[str, Field(max_length=MOST_ROW, description="The row as it is to be read.")]
    reason: Reason = ""


class DecideAsked(Asked):
    """Which of two rows with one key holds."""

    decision: Decision
    from_other: Annotated[list[Name], Field(max_length=500)] = []

    @property
    def choice(self) -> Choice:
        """It as the engine takes it."""
        return Choice(self.decision, tuple(self.from_other))


class TogetherAsked(DecideAsked):
    """How the open pairs of a kind are decided: all of the system unless something is named."""

    datasets: Names = []
    differing: Annotated[list[Name], Field(max_length=500)] = []
    alike: Annotated[float, Field(ge=0, le=1)] = 0.0

    def kind(self, system: System) -> PairKind:
        """Return which pairs are meant, with the datasets' own names."""
        chosen = find_datasets(system, self.datasets) if self.datasets else ()
        names = tuple(one.name for one in chosen)
        return PairKind(names, tuple(storable(one) for one in self.differing), self.alike)


class ReopenAsked(Asked):
    """When the pairs were decided, as the list of groups tells it."""

    at: AwareDatetime


@router.get("/systems/{system}/rejects", response_model=Rejects, summary="Rejected rows")
async def rejects(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    datasets: TheDatasets,
    code: Annotated[str | None, Query(max_length=MOST_TEXT)] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List rows that failed validation, the newest first, with capture, position and reason."""
    kind = RejectKind(tuple(one.name for one in datasets), code)

    def rows(most: int, before: int | None) -> list[Any]:
        return list(list_rejects(workspace, system, kind, limit=most, before=before))

    return await served_page(
        request, rows, lambda one: one.reject_id, limit=limit, cursor=cursor, system=system.name
    )


@router.get(
    "/systems/{system}/rejects/groups", response_model=RejectGroups, summary="Rejects by reason"
)
async def groups(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    datasets: TheDatasets,
) -> Response:
    """Count open rejects by dataset, code and reason, this week and the week before."""

    def told() -> dict[str, Any]:
        found = reject_groups(workspace, system, datasets)
        return {"system": system.name, "groups": found}

    return await served(request, told)


@router.post("/systems/{system}/rejects/preview", summary="What a retry of rejects would change")
def retry_preview(
    _: Operator, workspace: Installation, system: TheSystem, asked: KindAsked
) -> Response:
    """Parse the answers that hold them again, and tell what would load now; nothing is changed."""
    return answer(retrial_json(rehearse_rejects(workspace, system, asked.kind(system))))


@router.post(
    "/systems/{system}/rejects/retry",
    status_code=202,
    response_model=Operation,
    responses=STARTED,
    summary="Retry rejects",
)
def retry(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: KindAsked,
) -> Response:
    """Queue the loading of the answers that hold them, after a parser was corrected."""
    with depending_on_state():
        work = retry_work(workspace, system, asked.kind(system))
    return start_work(request, workspace, who, system=system, work=work)


@router.post("/systems/{system}/rejects/dismiss", summary="Dismiss rejects")
def dismiss(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: DismissAsked,
) -> Response:
    """End open rejects of a kind with a reason; loading their answers again keeps them so."""
    kind, reason = asked.kind(system), storable(asked.reason)
    count = dismiss_rejects(workspace, system, kind, by=who.name, reason=reason)
    note(request, who, "reject.dismiss", subject=f"{count} of {system.name}")
    return answer({"dismissed": count})


@router.post("/rejects/{reject_id}/dismiss", summary="Dismiss a reject")
def dismiss_one(
    request: Request,
    who: Operator,
    workspace: Installation,
    reject_id: Number,
    asked: DismissOneAsked,
) -> Response:
    """End one open reject with a reason."""
    with named_in_path():
        home = home_of_reject(workspace, reject_id)
    with depending_on_state():
        dismiss_rejects(workspace, home, reject_id, by=who.name, reason=storable(asked.reason))
    note(request, who, "reject.dismiss", subject=f"reject {reject_id}")
    return answer({"dismissed": 1})


@router.post("/rejects/{reject_id}/edit/preview", summary="What an edited row would change")
def edit_preview(
    _: Operator, workspace: Installation, reject_id: Number, asked: EditAsked
) -> Response:
    """Parse a refused row's answer with the edited row in it; nothing is changed."""
    with named_in_path():
        home = home_of_reject(workspace, reject_id)
    return answer(rehearsal_json(rehearse_edit(workspace, home, reject_id, text=asked.text)))


@router.post("/rejects/{reject_id}/edit", summary="Load an edited row")
def edit(
    request: Request,
    who: Operator,
    workspace: Installation,
    reject_id: Number,
    asked: EditAsked,
) -> Response:
    """Load a refused row as it should have been; the original stays, and who changed what."""
    with named_in_path():
        home = home_of_reject(workspace, reject_id)
    reason = storable(asked.reason)
    done = retry_edited(workspace, home, reject_id, text=asked.text, by=who.name, reason=reason)
    note(request, who, "reject.edit", subject=f"reject {reject_id}")
    return answer({"reject_id": reject_id, **_done(done)})


@router.get("/systems/{system}/duplicates", response_model=Duplicates, summary="Duplicates")
async def duplicates(
    request: Request,
    _: Viewer,
    workspace: Installation,
    system: TheSystem,
    kind: ThePairs,
    state: Annotated[
        Literal["open", "decided"], Query(description="Those that wait, or those decided.")
    ] = "open",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """List undecided keys that came with different values: which row was kept, which was not."""
    wanted = "open" if state == "open" else None

    def rows(most: int, before: int | None) -> list[Any]:
        found = list_duplicates(workspace, system, kind, limit=most, before=before, state=wanted)
        return [pair_json(one) for one in found]

    def number(one: Any) -> Any:
        return one["duplicate_id"]

    return await served_page(request, rows, number, limit=limit, cursor=cursor, system=system.name)


@router.get(
    "/systems/{system}/duplicates/groups", response_model=PairGroups, summary="Duplicates alike"
)
async def alike_pairs(
    request: Request, _: Viewer, workspace: Installation, system: TheSystem, kind: ThePairs
) -> Response:
    """Count open pairs by the columns they differ in, and list what was decided together."""

    def told() -> dict[str, Any]:
        groups = pair_groups(workspace, system, kind)
        sittings = pair_sittings(workspace, system)
        return {"system": system.name, "groups": groups, "sittings": sittings}

    return await served(request, told)


@router.post(
    "/systems/{system}/duplicates/preview", summary="What deciding several pairs would change"
)
def together_preview(
    who: Operator, workspace: Installation, system: TheSystem, asked: TogetherAsked
) -> Response:
    """Tell what deciding all open pairs of a kind alike would change; nothing is changed."""
    kind = asked.kind(system)
    with depending_on_state():
        told = rehearse_together(workspace, system, kind, asked.choice, by=who.name)
    return answer(trial_json(told))


@router.post("/systems/{system}/duplicates/decide", summary="Decide several pairs")
def decide_together(
    request: Request,
    who: Operator,
    workspace: Installation,
    system: TheSystem,
    asked: TogetherAsked,
) -> Response:
    """Decide all open pairs of a kind alike; `at` names them for taking it back."""
    kind = asked.kind(system)
    with depending_on_state():
        done = settle_together(workspace, system, kind, asked.choice, by=who.name)
    note(request, who, "duplicate.decide", subject=f"{done.pairs} of {system.name}")
    return answer({"decision": asked.decision, **settled_json(done)})


@router.post("/systems/{system}/duplicates/reopen", summary="Take several decisions back")
def reopen_pairs(
    request: Request, who: Operator, workspace: Installation, system: TheSystem, asked: ReopenAsked
) -> Response:
    """Open pairs again that were decided together; rows they had changed are what they were."""
    with depending_on_state():
        done = reopen_together(workspace, system, asked.at)
    note(request, who, "duplicate.reopen", subject=f"{done.pairs} of {system.name}")
    return answer({"decision": "open", **settled_json(done)})


@router.post("/duplicates/{duplicate_id}/preview", summary="What a decision would change")
def decide_preview(
    who: Operator, workspace: Installation, duplicate_id: Number, asked: DecideAsked
) -> Response:
    """Tell what deciding would change in the tables; nothing is changed."""
    with named_in_path():
        home = home_of_duplicate(workspace, duplicate_id)
    told = rehearse_duplicate(workspace, home, duplicate_id, asked.choice, by=who.name)
    return answer(rehearsal_json(told))


@router.post("/duplicates/{duplicate_id}/decide", summary="Decide a duplicate")
def decide(
    request: Request,
    who: Operator,
    workspace: Installation,
    duplicate_id: Number,
    asked: DecideAsked,
) -> Response:
    """Decide which row holds, or merge both column by column; the decision stays."""
    with named_in_path():
        home = home_of_duplicate(workspace, duplicate_id)
    with depending_on_state():
        done = settle_duplicate(workspace, home, duplicate_id, asked.choice, by=who.name)
    note(request, who, "duplicate.decide", subject=f"duplicate {duplicate_id}")
    return answer({"duplicate_id": duplicate_id, "decision": asked.decision, **_done(done)})


@router.post("/duplicates/{duplicate_id}/reopen", summary="Take a decision back")
def reopen(
    request: Request, who: Operator, workspace: Installation, duplicate_id: Number
) -> Response:
    """Make a decided pair an open one again; a row it had changed is what it was."""
    with named_in_path():
        home = home_of_duplicate(workspace, duplicate_id)
    with depending_on_state():
        done = reopen_duplicate(workspace, home, duplicate_id)
    note(request, who, "duplicate.reopen", subject=f"duplicate {duplicate_id}")
    return answer({"duplicate_id": duplicate_id, "decision": "open", **_done(done)})


@router.post("/captures/{capture_id}/parse", summary="Parse a capture again")
def parse(_: Operator, workspace: Installation, capture_id: Number) -> Response:
    """Tell what loading a stored answer again would change; nothing is changed."""
    with named_in_path():
        home = find_system(show_capture(workspace, capture_id).system)
    return answer(rehearsal_json(rehearse_answer(workspace, home, capture_id)))


def _done(done: RunReport | None) -> dict[str, Any]:
    if done is None:
        return {"run_id": None, "rows": {}}
    return {"run_id": done.run_id, "rows": done.rows}
