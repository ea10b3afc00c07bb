"""Duplicates: two rows with one key side by side, merged field by field, kept or told apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import FormData

from stocktake.api.problems import depending_on_state, not_found
from stocktake.errors import StocktakeError, UsageError
from stocktake.load.duplicates import Choice, Decision, PairKind
from stocktake.load.rehearsal import Rehearsal
from stocktake.model import System
from stocktake.run.decided import list_duplicates
from stocktake.run.paired import (
    Trial,
    pair_groups,
    pair_sittings,
    rehearse_together,
    reopen_together,
    settle_together,
)
from stocktake.run.reviewed import (
    find_pair,
    home_of_duplicate,
    rehearse_duplicate,
    reopen_duplicate,
    settle_duplicate,
)
from stocktake.web.access import Operator, Viewer
from stocktake.web.naming import dataset_named, missing, system_named
from stocktake.web.noted import note
from stocktake.web.site import Visitor, go, show, site_of

if TYPE_CHECKING:
    from stocktake.load.duplicates import PairGroup

router = APIRouter()
SHOWN = 20
DECISIONS = get_args(Decision)
UNPROCESSABLE = 422
CHANGED = "It came again with other values since you looked. This is how it is now."


@dataclass(frozen=True, slots=True)
class Looked:
    """What somebody looks at: which pairs, and from where on.

    Attributes:
        kind: Which pairs.
        state: ``open``, or anything else for those decided.
        before: Only those with a smaller number; 0 for all.
    """

    kind: PairKind
    state: str = "open"
    before: int = 0

    @property
    def is_narrow(self) -> bool:
        """Whether columns or a score narrow it, beside the dataset."""
        return bool(self.kind.differing or self.kind.alike)

    @property
    def query(self) -> str:
        """It as the query of an address."""
        return urlencode(self.fields)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """It as fields of a form."""
        kind = self.kind
        told = [("dataset", name) for name in kind.datasets]
        told += [("differs", name) for name in kind.differing]
        told += [("alike", f"{kind.alike:g}")] if kind.alike else []
        return [*told, ("state", self.state)] if self.state != "open" else told


def kind_of(system: System, dataset: str, differs: list[str], alike: str) -> PairKind:
    """Return which pairs an address or a form means; a score is a share from 0 to 1.

    Raises:
        Problem: There is no such dataset.
        UsageError: That is no score.
    """
    names = (dataset_named(system, dataset).name,) if dataset else ()
    try:
        share = float(alike or 0)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"{alike!r} is no score.", hint="A share from 0 to 1, such as 0.9.")
    return PairKind(names, tuple(differs), share)


@router.get("/s/{system}/duplicates")
def duplicates_page(
    request: Request,
    system: str,
    visitor: Viewer,
    *,
    dataset: str = "",
    differs: Annotated[list[str] | None, Query()] = None,
    alike: str = "",
    state: str = "open",
    before: int = 0,
) -> Response:
    """List keys that came twice with different values, side by side, and what they differ in."""
    found = system_named(system)
    looked = Looked(kind_of(found, dataset, differs or [], alike), state, before)
    return _page(request, visitor, found, looked)


@dataclass(frozen=True, slots=True)
class Tried:
    """A decision about several pairs that was only tried.

    Attributes:
        told: What it would change; ``None`` when it cannot be.
    """

    choice: Choice
    told: Trial | None
    problem: str = ""


def _page(
    request: Request,
    visitor: Visitor,
    system: System,
    looked: Looked,
    *,
    tried: tuple[int, Choice, Rehearsal | None, str] | None = None,
    together: Tried | None = None,
) -> Response:
    workspace = site_of(request).workspace
    is_open = looked.state == "open"
    listed = list_duplicates(
        workspace,
        system,
        looked.kind,
        limit=SHOWN + 1,
        before=looked.before or None,
        state="open" if is_open else None,
    )
    groups = pair_groups(workspace, system, looked.kind) if is_open else []
    older = listed[SHOWN - 1].duplicate_id if len(listed) > SHOWN else 0
    here = f"/s/{system.name}/duplicates"
    wrong = (tried and tried[3]) or (together and together.problem)
    return show(
        request,
        "duplicates.html",
        visitor=visitor,
        status=UNPROCESSABLE if wrong else 200,
        title=f"Duplicates of {system.name}",
        system=system,
        duplicates=listed[:SHOWN],
        following=_following([one.duplicate_id for one in listed[:SHOWN]]),
        is_open=is_open,
        looked=looked,
        groups=groups,
        group_links=[f"{here}?{Looked(_kind(one)).query}" for one in groups],
        total=sum(one.count for one in groups),
        sittings=[] if is_open else pair_sittings(workspace, system),
        tried=tried,
        together=together,
        older=f"{here}?{looked.query}&before={older}" if older else "",
        cli_same=f"stocktake duplicates {system.name} {' '.join(looked.kind.datasets)}".strip(),
        api_same=f"/api/v1/systems/{system.name}/duplicates",
    )


def _kind(group: PairGroup) -> PairKind:
    return PairKind((group.dataset,), tuple(group.differing))


def _following(numbers: list[int]) -> dict[int, int]:
    """Return which pair comes to hand once one is decided: the next, of the last the one before."""
    after = [*numbers[1:], *numbers[-2:-1]]
    return dict(zip(numbers, after, strict=False))


@router.post("/s/{system}/duplicates/together")
async def decide_together(request: Request, system: str, visitor: Operator) -> Response:
    """Decide all open pairs of a kind alike."""
    told = await request.form()
    return cast(
        "Response",
        await run_in_threadpool(_together, request, system, visitor, told, is_trial=False),
    )


@router.post("/s/{system}/duplicates/together/preview")
async def preview_together(request: Request, system: str, visitor: Operator) -> Response:
    """Show in numbers what deciding all open pairs of a kind would change."""
    told = await request.form()
    return cast(
        "Response",
        await run_in_threadpool(_together, request, system, visitor, told, is_trial=True),
    )


@router.post("/s/{system}/duplicates/together/reopen")
def reopen_all(
    request: Request, system: str, visitor: Operator, at: Annotated[datetime, Form()]
) -> Response:
    """Take back what was decided together."""
    found = system_named(system)
    if at.tzinfo is None:
        raise UsageError(f"{at} names no zone.", hint="An instant such as 2024-03-31T06:00:00Z.")
    with depending_on_state():
        done = reopen_together(site_of(request).workspace, found, at)
    note(request, visitor, "duplicate.reopen", subject=f"{done.pairs} of {found.name}")
    return go(f"/s/{found.name}/duplicates")


@router.post("/s/{system}/duplicates/{duplicate_id}")
async def decide(request: Request, system: str, duplicate_id: int, visitor: Operator) -> Response:
    """Decide about a pair; where the row changes, its answer is loaded again."""
    told = await request.form()
    return cast(
        "Response",
        await run_in_threadpool(_decide, request, system, duplicate_id, visitor, told),
    )


@router.post("/s/{system}/duplicates/{duplicate_id}/preview")
async def preview(request: Request, system: str, duplicate_id: int, visitor: Operator) -> Response:
    """Show what a merge would change in the tables."""
    told = await request.form()
    return cast(
        "Response",
        await run_in_threadpool(_preview, request, system, duplicate_id, visitor, told),
    )


@router.post("/s/{system}/duplicates/{duplicate_id}/reopen")
def reopen(request: Request, system: str, duplicate_id: int, visitor: Operator) -> Response:
    """Take a decision back."""
    found = _home(request, system, duplicate_id)
    with depending_on_state():
        reopen_duplicate(site_of(request).workspace, found, duplicate_id)
    note(request, visitor, "duplicate.reopen", subject=f"duplicate {duplicate_id}")
    return go(f"/s/{found.name}/duplicates")


def read_choice(told: FormData) -> Choice:
    """Return a decision from a form: a merge takes the fields whose other value was picked."""
    decision = str(told.get("decision", "merged"))
    if decision not in DECISIONS:
        raise UsageError(f"{decision!r} is no decision.", hint=", ".join(DECISIONS))
    taken = tuple(
        name.removeprefix("take.")
        for name, value in told.multi_items()
        if name.startswith("take.") and value == "other"
    )
    if decision == "merged" and not taken:
        return Choice("kept")
    return Choice(cast("Decision", decision), taken if decision == "merged" else ())


def _together(
    request: Request, system: str, visitor: Visitor, told: FormData, *, is_trial: bool
) -> Response:
    found = system_named(system)
    looked = Looked(_looked_kind(found, told))
    workspace, choice = site_of(request).workspace, read_choice(told)
    try:
        if is_trial:
            trial = rehearse_together(workspace, found, looked.kind, choice, by=visitor.name)
            tried = Tried(choice, trial)
            return _page(request, visitor, found, looked, together=tried)
        done = settle_together(workspace, found, looked.kind, choice, by=visitor.name)
    except StocktakeError as error:
        problem = Tried(choice, None, f"{error.message} {error.hint or ''}".strip())
        return _page(request, visitor, found, looked, together=problem)
    note(request, visitor, "duplicate.decide", subject=f"{done.pairs} of {found.name}")
    return go(f"/s/{found.name}/duplicates?state=decided")


def _decide(
    request: Request, system: str, duplicate_id: int, visitor: Visitor, told: FormData
) -> Response:
    found = _home(request, system, duplicate_id)
    choice = read_choice(told)
    workspace = site_of(request).workspace
    seen = str(told.get("seen", ""))
    if seen and seen != find_pair(workspace, found, duplicate_id).at.isoformat():
        changed: Any = (duplicate_id, choice, None, CHANGED)
        return _page(request, visitor, found, Looked(_looked_kind(found, told)), tried=changed)
    with depending_on_state():
        settle_duplicate(workspace, found, duplicate_id, choice, by=visitor.name)
    note(request, visitor, "duplicate.decide", subject=f"duplicate {duplicate_id}")
    query = Looked(_looked_kind(found, told)).query
    following = str(told.get("next", ""))
    anchor = f"#pair-{following}" if following.isdecimal() else ""
    return go(f"/s/{found.name}/duplicates?{query}{anchor}")


def _looked_kind(system: System, told: FormData) -> PairKind:
    """Return which pairs were looked at when one of them was decided."""
    names = [str(one) for one in told.getlist("differs")]
    return kind_of(system, str(told.get("dataset", "")), names, str(told.get("alike", "")))


def _preview(
    request: Request, system: str, duplicate_id: int, visitor: Visitor, told: FormData
) -> Response:
    found = _home(request, system, duplicate_id)
    choice, seen, problem = read_choice(told), None, ""
    try:
        seen = rehearse_duplicate(
            site_of(request).workspace, found, duplicate_id, choice, by=visitor.name
        )
    except StocktakeError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
    tried: Any = (duplicate_id, choice, seen, problem)
    return _page(request, visitor, found, Looked(_looked_kind(found, told)), tried=tried)


def _home(request: Request, system: str, duplicate_id: int) -> System:
    found = system_named(system)
    try:
        home = home_of_duplicate(site_of(request).workspace, duplicate_id)
    except UsageError as error:
        raise missing(error) from None
    if home.name != found.name:
        raise not_found(f"{found.name} has no duplicate {duplicate_id}.")
    return found
