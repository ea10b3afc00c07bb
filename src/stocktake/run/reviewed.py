"""What people do about refused rows and about rows that share a key: tried first, then done."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from stocktake.errors import SourceChanged, StocktakeError, UsageError
from stocktake.fetch.answer import Answer
from stocktake.fetch.captures import read_answer, store_captures
from stocktake.load.duplicates import decide, find_duplicate, reopen, restore_decision
from stocktake.load.edits import Edit, note_edit
from stocktake.load.rehearsal import Rehearsal, rehearse
from stocktake.load.rejects import (
    RejectKind,
    captures_of_rejects,
    count_rejects,
    find_reject,
)
from stocktake.load.rows import Load, as_json
from stocktake.load.spots import with_row
from stocktake.model import Range
from stocktake.run.errands import Errand, Fetched
from stocktake.run.progress import silent
from stocktake.run.queue import replay_work
from stocktake.run.registry import find_system
from stocktake.run.reload import NO_PART, arrival, reload
from stocktake.run.replay import answers_of, replayed, way_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import psycopg

    from stocktake.load.duplicates import Choice, Duplicate
    from stocktake.load.rejects import StoredReject
    from stocktake.model import Capture, Dataset, Facet, Feed, Parsed, Request, RunReport, System
    from stocktake.run.batch import Prepared
    from stocktake.run.progress import Report
    from stocktake.run.queue import Work
    from stocktake.run.workspace import Workspace

MOST_REHEARSED = 100
"""Answers that are tried before all are loaded again."""
CACHING = frozenset({"etag", "last-modified"})


@dataclass(frozen=True, slots=True)
class Retrial:
    """What loading the answers of some rejects again would do.

    Args:
        answers: How many there are.
        tried: How many of them were tried.
        refused: Open rejects of this kind before.
        told: What loading the tried ones would do.
        left: Open rejects of this kind after it.
    """

    answers: int
    tried: int
    refused: int
    told: Rehearsal
    left: int


def rehearse_answer(workspace: Workspace, system: System, capture_id: int) -> Rehearsal:
    """Parse a stored answer again and tell what loading it would change; nothing is changed.

    Raises:
        UsageError: No such capture of this system, or nothing of it can be parsed.
    """
    return rehearsed(workspace, system, [stored_answer(workspace, system, capture_id)])


def load_again(workspace: Workspace, system: System, capture_id: int) -> RunReport:
    """Parse a stored answer again and load it, as a run of its own.

    Raises:
        UsageError: No such capture of this system, or nothing of it can be parsed.
        PlanRefused: The system is busy.
    """
    return load_answers(workspace, system, [stored_answer(workspace, system, capture_id)])


def rehearse_rejects(workspace: Workspace, system: System, kind: RejectKind) -> Retrial:
    """Parse the answers that hold rejects of a kind again and tell what loading them would change.

    Raises:
        UsageError: Nothing of such an answer can be parsed.
    """
    with workspace.database.connection() as conn:
        numbers = captures_of_rejects(conn, system.name, kind)
    tried = [stored_answer(workspace, system, number) for number in numbers[:MOST_REHEARSED]]
    counted: list[int] = []

    def look(conn: psycopg.Connection[Any]) -> None:
        counted.append(count_rejects(conn, system.name, kind))

    told = rehearsed(workspace, system, tried, before=look, after=look)
    return Retrial(len(numbers), len(tried), counted[0], told, counted[-1])


def retry_rejects(
    workspace: Workspace, system: System, kind: RejectKind, *, report: Report = silent
) -> RunReport:
    """Load the answers that hold rejects of a kind again, as a run of kind ``replay``.

    Raises:
        PlanRefused: The system is busy.
    """
    with workspace.database.connection() as conn:
        numbers = captures_of_rejects(conn, system.name, kind)
    found = answers_of(workspace, system, numbers)
    return reload(
        workspace,
        system,
        "replay",
        replayed(workspace, system, found, Range()),
        options={"datasets": list(kind.datasets), "captures": numbers},
        total=len(found),
        report=report,
    )


def rehearse_edit(workspace: Workspace, system: System, reject_id: int, *, text: str) -> Rehearsal:
    """Tell what loading a refused row would change if it had come as ``text``.

    Raises:
        UsageError: No such open reject, its answer does not hold it, or the text is no such row.
    """
    reject = _open_reject(workspace, system, reject_id)
    return rehearsed(workspace, system, [_edited(workspace, system, reject, text=text)])


def retry_edited(
    workspace: Workspace, system: System, reject_id: int, *, text: str, by: str, reason: str = ""
) -> RunReport:
    """Load a refused row as if it had come as ``text``, as a run of kind ``edit``.

    The answer is stored once more with that row in it, beside the original, with who changed what
    and why: that is where the row comes from then. Undoing the run takes all of it back.

    Raises:
        UsageError: As ``rehearse_edit``; or the row would be refused again.
        PlanRefused: The system is busy.
    """
    told = rehearse_edit(workspace, system, reject_id, text=text)
    if told.problem or told.rejects:
        again = told.problem or told.rejects[0].reason
        raise UsageError(f"The row would be refused again: {again}", hint="Change it further.")
    reject = _open_reject(workspace, system, reject_id)

    def note(conn: psycopg.Connection[Any], prepared: Prepared, _: Counter[Any]) -> None:
        for finding in prepared.findings:
            capture_id = finding.captures[0].capture_id
            assert capture_id is not None  # noqa: S101 -- what is merged was stored
            edit = Edit(reject.capture_id or 0, reject.position, reject.raw, text, by, reason)
            note_edit(conn, capture_id, edit, reject_id=reject_id, now=workspace.clock())

    return reload(
        workspace,
        system,
        "edit",
        [_edited(workspace, system, reject, text=text)],
        options={"reject": reject_id, "by": by, "reason": reason},
        total=1,
        report=silent,
        told=note,
    )


def rehearse_duplicate(
    workspace: Workspace, system: System, duplicate_id: int, choice: Choice, *, by: str
) -> Rehearsal:
    """Tell what a decision about two rows with one key would change; nothing is changed.

    Raises:
        UsageError: No such open pair, or the choice does not fit it.
    """
    pair = find_pair(workspace, system, duplicate_id)
    now = workspace.clock()

    def settle(conn: psycopg.Connection[Any]) -> None:
        decide(conn, duplicate_id, choice, by=by, now=now)

    answers = [_answer_of(workspace, system, pair)] if choice.changes_row else []
    return rehearsed(workspace, system, answers, before=settle)


def settle_duplicate(
    workspace: Workspace, system: System, duplicate_id: int, choice: Choice, *, by: str
) -> RunReport | None:
    """Decide about two rows with one key; return the run that changed the row, if one was needed.

    The decision stays: whenever an answer brings the same two rows again, it holds. Where the row
    changes, the answer that brought both is loaded again.

    Raises:
        UsageError: No such open pair, or the choice does not fit it.
        PlanRefused: The row would change, and the system is busy: nothing is decided then.
    """
    pair = find_pair(workspace, system, duplicate_id)
    answers = [_answer_of(workspace, system, pair)] if choice.changes_row else []
    with workspace.database.connection() as conn:
        decide(conn, duplicate_id, choice, by=by, now=workspace.clock())
    if not answers:
        return None
    try:
        return load_answers(workspace, system, answers, duplicate=duplicate_id)
    except StocktakeError:
        with workspace.database.connection() as conn:
            reopen(conn, duplicate_id)
        raise


def reopen_duplicate(workspace: Workspace, system: System, duplicate_id: int) -> RunReport | None:
    """Take a decision back; where it had changed the row, the row is as it was without it.

    Raises:
        UsageError: Nothing was decided about it.
        PlanRefused: The system is busy: the decision stays then.
    """
    pair = find_pair(workspace, system, duplicate_id)
    answers = [_answer_of(workspace, system, pair)] if pair.from_other else []
    if not answers:
        with workspace.database.connection() as conn:
            reopen(conn, duplicate_id)
        return None
    with workspace.database.connection() as conn:
        reopen(conn, duplicate_id)
    try:
        return load_answers(workspace, system, answers, duplicate=duplicate_id)
    except StocktakeError:
        with workspace.database.connection() as conn:
            restore_decision(conn, pair)
        raise


def rehearsed(
    workspace: Workspace,
    system: System,
    answers: Sequence[Fetched],
    *,
    before: Callable[[psycopg.Connection[Any]], None] | None = None,
    after: Callable[[psycopg.Connection[Any]], None] | None = None,
) -> Rehearsal:
    """Load answers in a transaction that is taken back, and tell what that did."""
    with (
        workspace.database.connection() as conn,
        conn.transaction(force_rollback=True),
    ):
        if before is not None:
            before(conn)
        try:
            loads = [_load(conn, system, one) for one in answers]
        except SourceChanged as error:
            return Rehearsal({}, problem=error.message)
        told = rehearse(conn, system, loads, now=workspace.clock()) if loads else Rehearsal({})
        if after is not None:
            after(conn)
        return told


def _load(conn: psycopg.Connection[Any], system: System, fetched: Fetched) -> Load:
    """Store an answer if it is not, and parse it."""
    errand, answer = fetched.errand, fetched.answer
    captures: Sequence[Capture] = answer.captures
    if captures[0].capture_id is None:
        captures = store_captures(
            conn,
            captures,
            system=system.name,
            source=errand.source.name,
            endpoint=errand.feed.endpoint.name,
            run_id=None,
        )
    bodies = [page.body for page in captures]
    parsed = errand.feed.parse(bodies, errand.request, captures[0].fetched_at)
    return Load(errand.request, captures, parsed, answer.edits or captures[0].capture_id)


def load_answers(
    workspace: Workspace, system: System, answers: Sequence[Fetched], **options: Any
) -> RunReport:
    """Load stored answers again, as a run of kind ``replay``.

    Raises:
        PlanRefused: The system is busy.
    """
    numbers = [one.answer.captures[0].capture_id for one in answers]
    return reload(
        workspace,
        system,
        "replay",
        answers,
        options={"captures": numbers, **options},
        total=len(answers),
        report=silent,
    )


def stored_answer(workspace: Workspace, system: System, capture_id: int) -> Fetched:
    """Return a stored answer as if it had just arrived."""
    with workspace.database.connection() as conn:
        pages = read_answer(conn, capture_id)
    if not pages:
        raise UsageError(f"There is no capture {capture_id}.")
    if any(page.flaw for page in pages):
        flaw = next(page.flaw for page in pages if page.flaw)
        raise UsageError(f"Capture {capture_id} is evidence only: {flaw}.")
    request = pages[0].request
    source, feed = way_of(system, request.feed)
    return arrival(source, feed, request, pages)


def _open_reject(workspace: Workspace, system: System, reject_id: int) -> StoredReject:
    with workspace.database.connection() as conn:
        told = find_reject(conn, reject_id)
    if told.system != system.name:
        raise UsageError(f"Reject {reject_id} is of {told.system}, not of {system.name}.")
    if told.resolution:
        raise UsageError(
            f"Reject {reject_id} is {told.resolution} already"
            + (f", by {told.by}." if told.by else "."),
            hint=f"stocktake rejects {system.name}",
        )
    if told.reject.capture_id is None:
        raise UsageError(f"Reject {reject_id} came without a capture: nothing can be loaded again.")
    return told.reject


def find_pair(workspace: Workspace, system: System, duplicate_id: int) -> Duplicate:
    """Return two rows with one key.

    Raises:
        UsageError: There are none of this number, or they are another system's.
    """
    with workspace.database.connection() as conn:
        pair, owner = find_duplicate(conn, duplicate_id)
    if owner != system.name:
        raise UsageError(f"Duplicate {duplicate_id} is of {owner}, not of {system.name}.")
    return pair


def _answer_of(workspace: Workspace, system: System, pair: Duplicate) -> Fetched:
    if pair.capture_id is None:
        raise UsageError(f"Duplicate {pair.duplicate_id} came without a capture.")
    return stored_answer(workspace, system, pair.capture_id)


def _edited(workspace: Workspace, system: System, reject: StoredReject, *, text: str) -> Fetched:
    """Return the answer of a refused row with another one in its place.

    A row that its parser refused is changed in the bytes; one that the table refused is changed
    after the bytes are parsed.
    """
    if text.strip() == reject.raw.strip():
        raise UsageError("Nothing was changed.", hint="Edit the row's text, or dismiss the reject.")
    original = stored_answer(workspace, system, reject.capture_id or 0)
    errand, pages = original.errand, original.answer.captures
    bodies = with_row(
        [page.body for page in pages], position=reject.position, raw=reject.raw, text=text
    )
    feed = errand.feed
    if bodies is None:
        bodies = [page.body for page in pages]
        feed = dataclasses.replace(feed, parse=_substituting(system, feed, reject, text=text))
    captures = tuple(_page(page, body) for page, body in zip(pages, bodies, strict=True))
    changed = Errand(NO_PART, errand.source, feed, errand.request, ())
    return Fetched(changed, Answer(errand.request, captures, edits=pages[0].capture_id))


def _page(page: Capture, body: bytes) -> Capture:
    """Return an edited page: a moment younger than the original, so that it is the latest."""
    return dataclasses.replace(
        page,
        body=body,
        sha256=hashlib.sha256(body).digest(),
        fetched_at=page.fetched_at + timedelta(microseconds=1),
        headers={name: told for name, told in page.headers.items() if name not in CACHING},
        capture_id=None,
    )


def _substituting(
    system: System, feed: Feed, reject: StoredReject, *, text: str
) -> Callable[[Sequence[bytes], Request, datetime], Parsed]:
    """Return a parser that gives the edited row where it gave the one that was refused."""

    def parse(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
        parsed = feed.parse(bodies, request, fetched_at)
        for dataset, facet in _facets(system, reject.dataset):
            rows = parsed.rows.get(facet.row, [])
            for at, row in enumerate(rows):
                if as_json(dict(zip(facet.columns, row, strict=True))) == reject.raw:
                    rows[at] = _typed(dataset, facet, text)
                    return parsed
        raise UsageError(
            f"Reject {reject.reject_id}: its answer does not hold that row any more.",
            hint="Retry it as it came: the parser has changed since.",
        )

    return parse


def _facets(system: System, name: str) -> list[tuple[Dataset, Facet]]:
    dataset = system.dataset(name)
    return [(dataset, facet) for facet in dataset.facets]


def _typed(dataset: Dataset, facet: Facet, text: str) -> tuple[Any, ...]:
    """Return a row of a facet from JSON of its columns."""
    try:
        told = json.loads(text)
        unknown = sorted(set(told) - set(facet.columns))
        if unknown:
            raise UsageError(f"{dataset.name} has no column {', '.join(unknown)}.")
        values = [told.get(name) for name in facet.columns]
        row: tuple[Any, ...] = msgspec.convert(values, facet.row, strict=False)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"That is no row of {dataset.name}: {error}.", hint="Keep it one JSON object."
        ) from None
    return row


def home_of_reject(workspace: Workspace, reject_id: int) -> System:
    """Return the system of a reject.

    Raises:
        UsageError: There is none of this number.
    """
    with workspace.database.connection() as conn:
        return find_system(find_reject(conn, reject_id).system)


def home_of_duplicate(workspace: Workspace, duplicate_id: int) -> System:
    """Return the system of two rows with one key.

    Raises:
        UsageError: There are none of this number.
    """
    with workspace.database.connection() as conn:
        return find_system(find_duplicate(conn, duplicate_id)[1])


def retry_work(workspace: Workspace, system: System, kind: RejectKind) -> Work:
    """Return the work of ``retry_rejects``, for workers.

    Raises:
        UsageError: No reject of this kind is open.
    """
    with workspace.database.connection() as conn:
        numbers = captures_of_rejects(conn, system.name, kind)
    if not numbers:
        raise UsageError("No reject of this kind is open.", hint=f"stocktake rejects {system.name}")
    return replay_work(kind.datasets, captures=numbers)
