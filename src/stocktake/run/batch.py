"""One batch: captures stored, pages parsed, then everything about its units in one transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from stocktake.count.record import record
from stocktake.count.unchanged import confirmed
from stocktake.errors import SourceChanged
from stocktake.fetch.captures import (
    known_body,
    mark_loaded,
    name_units,
    read_answer,
    store_captures,
)
from stocktake.fetch.sources import pause_source, record_attempts
from stocktake.fetch.usage import record_tries, record_yield
from stocktake.load.merge import KeyCache, Load, merge
from stocktake.model import State, UnitOutcome
from stocktake.observe.failpoints import reach
from stocktake.observe.traces import span
from stocktake.plan.saved import check_off
from stocktake.run import claim as claims
from stocktake.run.again import again
from stocktake.run.withdrawn import withdraw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from stocktake.fetch.answer import Answer, Failure, Try
    from stocktake.fetch.usage import Place
    from stocktake.model import Capture, System
    from stocktake.run.claim import Claim
    from stocktake.run.errands import Errand, Fetched
    from stocktake.run.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one errand, before it is written.

    ``was_asked`` is false when nothing was learned of the units (source paused, quota used up):
    they stay as they are and in the plan.
    """

    errand: Errand
    captures: tuple[Capture, ...]
    load: Load | None
    outcomes: tuple[UnitOutcome, ...]
    requests: int
    was_asked: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch whose captures are stored and whose pages are parsed."""

    findings: tuple[Finding, ...]
    requests: int


@dataclass(frozen=True, slots=True)
class Paused:
    """The source that takes no more requests, why, and the HTTP status that said so, if one did."""

    source: str
    reason: str
    status: int | None


Told = Callable[["psycopg.Connection", Prepared, Counter[State]], None]


@dataclass(slots=True)
class Tally:
    """What all batches of a run did so far in this process."""

    units: Counter[State] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    requests: int = 0
    failed: int = 0
    paused: Paused | None = None

    def note_lines(self) -> list[str]:
        """Return the parsers' notes, most frequent first, each with its count."""
        return [
            f"{text} ({count:,} times)" if count > 1 else text
            for text, count in self.notes.most_common()
        ]


class BatchLoader:
    """The pump's loader for one run of one system. Each method runs in one thread at a time."""

    def __init__(
        self,
        workspace: Workspace,
        system: System,
        claim: Claim,
        *,
        known: KeyCache | None = None,
        told: Told | None = None,
    ) -> None:
        """Load for ``claim``; a transaction the database aborts is repeated.

        Args:
            workspace: Where.
            system: Of which.
            claim: The right to write.
            known: Keys that earlier batches of the same run told; nobody else uses it meanwhile.
            told: Called in each batch's transaction with the batch and its units per state.
        """
        self._workspace = workspace
        self._database = workspace.database
        self._system = system
        self._claim = claim
        self._known = known or KeyCache()
        self._told = told
        self.tally = Tally()

    def prepare(self, batch: Sequence[Fetched]) -> Prepared:
        """Store the captures in a transaction of their own, then parse them."""
        reach("before_capture")
        with span("capture", answers=len(batch)):
            stored = again(lambda: self._store(batch))
        reach("captured")
        with span("parse", answers=len(batch)):
            findings = tuple(map(self._find, batch, *stored))
        reach("parsed")
        return Prepared(findings, sum(fetched.answer.requests for fetched in batch))

    def commit(self, prepared: Prepared) -> None:
        """Write the batch in one transaction, again if the database had to abort it."""
        with span("merge", answers=len(prepared.findings)) as note:
            units = again(lambda: self._write(prepared), undone=self._known.discard)
            note("units", units.total())
        self._known.publish()
        reach("keys_published")
        self.tally.units.update(units)
        self.tally.requests += prepared.requests
        self.tally.failed += sum(
            outcome.state in (State.FAILED, State.BLOCKED)
            for finding in prepared.findings
            for outcome in finding.outcomes
        )
        reach("batch_done")

    def _store(
        self, batch: Sequence[Fetched]
    ) -> tuple[list[tuple[Capture, ...]], list[list[UnitOutcome] | None]]:
        """Return per answer its captures, stored, and what stays true of it if it is unchanged."""
        with self._database.connection() as conn:
            claims.look(conn, self._claim)
            for fetched in batch:
                self._note(conn, fetched)
            found = self._captured(conn, batch), self._confirmed(conn, batch)
            record_tries(conn, _tries(batch), day=self._workspace.clock().date())
            return found

    def _note(self, conn: psycopg.Connection, fetched: Fetched) -> None:
        """Keep what went wrong on the way to an answer."""
        errand, answer = fetched.errand, fetched.answer
        if answer.attempts:
            record_attempts(
                conn,
                self._system.name,
                answer.attempts,
                units=errand.request.units,
                run_id=self._claim.run_id,
            )
        if answer.failure is not None and answer.failure.pauses_source:
            self._pause(conn, errand.source.name, answer.failure)
        self._keep(conn, errand, answer.evidence)

    def _captured(
        self, conn: psycopg.Connection, batch: Sequence[Fetched]
    ) -> list[tuple[Capture, ...]]:
        """Return the captures of each answer; those of one endpoint are stored together."""
        captured = [fetched.answer.captures for fetched in batch]
        places = defaultdict(list)
        for at, fetched in enumerate(batch):
            if any(capture.capture_id is None for capture in captured[at]):
                errand = fetched.errand
                places[errand.source.name, errand.feed.endpoint.name].append(at)
        for together in places.values():
            pages = [page for at in together for page in captured[at]]
            stored = iter(self._keep(conn, batch[together[0]].errand, pages))
            for at in together:
                captured[at] = tuple(islice(stored, len(captured[at])))
        return captured

    def _keep(
        self, conn: psycopg.Connection, errand: Errand, captures: Sequence[Capture]
    ) -> list[Capture]:
        return store_captures(
            conn,
            captures,
            system=self._system.name,
            source=errand.source.name,
            endpoint=errand.feed.endpoint.name,
            run_id=self._claim.run_id,
        )

    def _confirmed(
        self, conn: psycopg.Connection, batch: Sequence[Fetched]
    ) -> list[list[UnitOutcome] | None]:
        """Return what stays true of the units of each unchanged answer, if that is all."""
        unchanged = defaultdict(list)
        for at, fetched in enumerate(batch):
            if fetched.answer.unchanged and fetched.answer.failure is None:
                unchanged[fetched.errand.feed.name].append(at)
        found: list[list[UnitOutcome] | None] = [None] * len(batch)
        for together in unchanged.values():
            feed = batch[together[0]].errand.feed
            asked = [batch[at].errand.request.units for at in together]
            kept = confirmed(conn, self._system, feed, asked)
            for at, outcomes in zip(together, kept, strict=True):
                found[at] = outcomes
        return found

    def _pause(self, conn: psycopg.Connection, source: str, failure: Failure) -> None:
        if failure.status is not None:  # otherwise it was found paused
            pause_source(
                conn,
                source,
                reason=failure.reason,
                by=f"run {self._claim.run_id}",
                now=self._workspace.clock(),
            )
        if self.tally.paused is None or failure.status is not None:
            self.tally.paused = Paused(source, failure.reason, failure.status)

    def _find(
        self,
        fetched: Fetched,
        captures: tuple[Capture, ...],
        kept: list[UnitOutcome] | None,
    ) -> Finding:
        """Return what an answer tells; one whose ``kept`` says all is not parsed."""
        errand, answer = fetched.errand, fetched.answer
        units = errand.request.units
        failure = answer.failure
        if failure is not None:
            # A paused source says nothing about its units: they stay as they are and in the plan.
            was_asked = failure.state is not State.MISSING and not failure.pauses_source
            told = tuple(
                UnitOutcome(key, failure.state, failure.reason, next_try_at=failure.next_try_at)
                for key in units
            )
            return Finding(
                errand, captures, None, told if was_asked else (), answer.requests, was_asked
            )
        if kept is not None:
            return Finding(errand, captures, None, tuple(kept), answer.requests)
        if answer.unchanged:
            captures = captures or again(partial(self._stored_answer, fetched))
        bodies = [capture.body for capture in captures]
        try:
            fetched_at = self._workspace.clock() if answer.unchanged else captures[0].fetched_at
            parsed = errand.feed.parse(bodies, errand.request, fetched_at)
        except SourceChanged as error:
            numbers = ", ".join(str(capture.capture_id) for capture in captures)
            reason = f"{error.message} (capture {numbers})"
            outcomes = tuple(UnitOutcome(key, State.FAILED, reason) for key in units)
            if not units:  # a file names its units itself; this one names none
                self.tally.units[State.FAILED] += 1
                self.tally.notes[reason] += 1
            return Finding(errand, captures, None, outcomes, answer.requests)
        self.tally.notes.update(parsed.notes)
        # Stored and parsed: nobody needs the bytes while the batch waits for its transaction.
        light = tuple(replace(capture, body=b"") for capture in captures)
        load = Load(errand.request, light, parsed, _retold(answer, captures))
        return Finding(errand, light, load, tuple(parsed.outcomes), answer.requests)

    def _stored_answer(self, fetched: Fetched) -> tuple[Capture, ...]:
        """Return the pages that a 304 spoke of: they are read as if they had come again."""
        with self._database.connection() as conn:
            known = known_body(conn, self._system.name, fetched.errand.request)
            return () if known is None else tuple(read_answer(conn, known.capture_id))

    def _write(self, prepared: Prepared) -> Counter[State]:
        now = self._workspace.clock()
        units: Counter[State] = Counter()
        loads = [finding.load for finding in prepared.findings if finding.load is not None]
        reach("before_merge")
        with self._database.connection() as conn:
            claims.hold(conn, self._claim, requests=prepared.requests, now=now)
            merged = merge(
                conn, self._system, loads, run_id=self._claim.run_id, now=now, known=self._known
            )
            reach("merged")
            noted = withdraw(conn, self._system, loads, run_id=self._claim.run_id, now=now)
            for feed, outcomes in _by_feed(prepared.findings).items():
                units.update(
                    record(
                        conn,
                        self._system,
                        feed,
                        outcomes,
                        values=merged.values,
                        days=merged.days,
                        run_id=self._claim.run_id,
                        now=now,
                    )
                )
            reach("recorded")
            for (part, series), ordinals in _done(prepared.findings).items():
                check_off(conn, self._claim.run_id, part, series, ordinals)
            reach("checkpointed")
            mark_loaded(conn, _capture_ids(prepared.findings))
            _name_units(conn, prepared.findings)
            if self._told is not None:
                self._told(conn, prepared, units)
            record_yield(conn, _yield(prepared.findings), day=now.date())
            reach("before_commit")
        reach("after_commit")
        self.tally.notes.update(noted)
        self.tally.rows += sum(counts.read for counts in merged.rows.values())
        return units


def _retold(answer: Answer, captures: Sequence[Capture]) -> int | None:
    """Return the capture whose rejects an answer tells anew; ``None`` for one just fetched."""
    is_stored = answer.unchanged or answer.captures[0].capture_id is not None
    return answer.edits or (captures[0].capture_id if is_stored else None)


def _tries(batch: Sequence[Fetched]) -> Mapping[Place, list[Try]]:
    tries: dict[Place, list[Try]] = defaultdict(list)
    for fetched in batch:
        errand = fetched.errand
        tries[errand.source.name, errand.feed.endpoint.name].extend(fetched.answer.tries)
    return tries


def _yield(findings: Sequence[Finding]) -> Mapping[Place, int]:
    rows: Counter[Place] = Counter()
    for finding in findings:
        if finding.load is not None and finding.requests:
            place = finding.errand.source.name, finding.errand.feed.endpoint.name
            rows[place] += sum(map(len, finding.load.parsed.rows.values()))
    return rows


def _name_units(conn: psycopg.Connection, findings: Sequence[Finding]) -> None:
    """Let captures of files name the units found in them, so that `why` finds the captures."""
    for finding in findings:
        if not finding.errand.request.units and finding.outcomes:
            for capture_id in _capture_ids([finding]):
                name_units(conn, capture_id, (outcome.key for outcome in finding.outcomes))


def _by_feed(findings: Sequence[Finding]) -> Mapping[str, list[UnitOutcome]]:
    outcomes: dict[str, list[UnitOutcome]] = defaultdict(list)
    for finding in findings:
        outcomes[finding.errand.feed.name].extend(finding.outcomes)
    return outcomes


def units_done(prepared: Prepared) -> tuple[int, int]:
    """Return how many units of the plan a batch checks off, and how many were not asked for."""
    sizes = [(len(one.errand.marks), one.was_asked) for one in prepared.findings]
    done = sum(units for units, was_asked in sizes if was_asked)
    return done, sum(units for units, _ in sizes) - done


def _done(findings: Sequence[Finding]) -> Mapping[tuple[int, tuple[str, ...]], list[int]]:
    done: dict[tuple[int, tuple[str, ...]], list[int]] = defaultdict(list)
    for finding in findings:
        if finding.was_asked:
            for series, ordinal in finding.errand.marks:
                done[finding.errand.part, series].append(ordinal)
    return done


def _capture_ids(findings: Sequence[Finding]) -> list[int]:
    return [
        capture.capture_id
        for finding in findings
        for capture in finding.captures
        if capture.capture_id is not None
    ]
