"""Takes a detached run one step on: plan it, cut its next wave into chunks, derive, end it.

Every step begins from what the database says and ends in one transaction, so that any worker can
take the next one, and a worker that died over one is replaced by another that does it anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import structlog
from psycopg.types.json import Jsonb

from stocktake.count.coverage import count
from stocktake.errors import UsageError
from stocktake.model import PlanOptions, State
from stocktake.observe.failpoints import reach
from stocktake.plan.saved import load_plan, options_in, save_plan
from stocktake.run import chunks
from stocktake.run import claim as claims
from stocktake.run.aftermath import tell_standing
from stocktake.run.again import again
from stocktake.run.approved import refuse_outdated, refuse_unapproved
from stocktake.run.claim import CHUNKS
from stocktake.run.derived import Deriving, derive_all
from stocktake.run.ending import Ending
from stocktake.run.planned import asked_range, plan_for, require_space
from stocktake.run.registry import find_datasets, find_system
from stocktake.run.steps import call_next, put_back
from stocktake.run.supply import Supply
from stocktake.run.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import psycopg

    from stocktake.model import Plan, System
    from stocktake.run.steps import Step
    from stocktake.run.workspace import Workspace

LOG = structlog.get_logger(__name__)

MOST_NAMED = 3
ASK_AGAIN_SECONDS = 600.0
"""When what nobody could be asked for (a quota used up, an endpoint at rest) is tried again."""


class Conductor:
    """One step of one run."""

    def __init__(self, workspace: Workspace, step: Step, *, limits: Mapping[str, int]) -> None:
        """Take it on.

        Args:
            workspace: Where.
            step: The run, taken up.
            limits: Chunks at once of sources that say so.
        """
        self._workspace = workspace
        self._step = step
        self._claim = step.claim
        self._limits = limits
        self._system: System = find_system(step.system)

    def conduct(self) -> None:
        """Do what comes next.

        Raises:
            LeaseLost: Somebody else does, or the run was stopped.
            StocktakeError: It cannot be done.
        """
        if self._step.kind in VERBS:
            outcome = VERBS[self._step.kind](self._workspace, self._system, self._step)
            again(lambda: self._end(outcome.units, outcome.message, result=outcome.result))
            return
        if self._claim.plan_id is None:
            again(self._make_plan)
        plan = again(self._load_plan)
        supply = Supply(
            self._workspace,
            self._system,
            self._claim.run_id,
            plan,
            looks_again=plan.options.refetch or self._step.kind == "sync",
        )
        if self._send_out(supply):
            return
        reach("before_derive")
        self._log("derived tables")
        work = Deriving(options=plan.options)
        units = derive_all(self._workspace, self._system, self._claim, work=work)
        unasked = again(self._unasked)
        if unasked:
            again(lambda: self._wait_for(unasked))
            return
        after = again(lambda: self._coverage(plan.options))
        reach("before_finish")
        again(lambda: self._end(units, _summary(after), after=after))
        if self._step.kind == "sync":
            chosen = find_datasets(self._system, plan.options.datasets)
            tell_standing(self._workspace, self._system, chosen)

    def _make_plan(self) -> None:
        step, now = self._step, self._workspace.clock()
        options = self._options(now)
        with self._workspace.database.connection() as conn:
            claims.hold(conn, self._claim, requests=0, now=now)
            if step.kind == "sync":
                claims.supersede(conn, step.system, "sync", now=now, but=self._claim.run_id)
            plan = plan_for(
                conn,
                self._workspace,
                self._system,
                options,
                now=now,
                due_only=step.kind == "sync",
            )
            require_space(self._workspace, plan)
            if step.kind != "sync":
                refuse_unapproved(self._workspace, conn, plan)
            plan_id = save_plan(conn, plan)
            facts = {"plan_id": plan_id, "run_id": self._claim.run_id, "fence": self._claim.fence}
            conn.execute(CHUNKS.keep_plan, facts)
            units = sum(part.units for part in plan.parts if part.kind == "fetch")
            text = f"plan {plan_id}: {units:,} units, {plan.requests:,} requests"
            claims.write_log(conn, self._claim.run_id, text, level="info", now=now)
        self._claim = replace(self._claim, plan_id=plan_id)
        reach("planned")

    def _options(self, now: datetime) -> PlanOptions:
        asked = self._step.options
        if self._step.kind != "sync":
            return options_in(asked)
        today = now.astimezone(ZoneInfo(self._system.zone)).date()
        since = today - timedelta(days=asked["days"])
        return PlanOptions(datasets=tuple(asked["datasets"]), since=since)

    def _load_plan(self) -> Plan:
        assert self._claim.plan_id is not None  # noqa: S101 -- made before
        with self._workspace.database.connection() as conn:
            plan = load_plan(conn, self._claim.plan_id)
            if plan.system != self._system.name:
                raise UsageError(
                    f"plan {plan.plan_id} is of {plan.system}, not of {self._system.name}."
                )
            if not self._step.coverage:
                if self._step.options.get("plan") is not None:
                    refuse_outdated(self._system, plan)
                    refuse_unapproved(self._workspace, conn, plan)
                before = self._coverage(plan.options)
                self._keep({name: {"before": kept} for name, kept in before.items()}, conn)
        return plan

    def _keep(self, coverage: Mapping[str, Any], conn: psycopg.Connection) -> None:
        facts = {"coverage": Jsonb(coverage), "run_id": self._claim.run_id}
        conn.execute(CHUNKS.keep_coverage, {**facts, "fence": self._claim.fence})
        self._step = replace(self._step, coverage=coverage)

    def _send_out(self, supply: Supply) -> bool:
        """Cut the next wave that has anything left; return whether there was one."""
        parts = [
            (number, part) for number, part in enumerate(supply.plan.parts) if part.kind == "fetch"
        ]
        for wave in sorted({part.wave for _, part in parts}):
            if self._step.wave is not None and wave <= self._step.wave:
                continue
            shares: list[tuple[int, str, list[chunks.Cut]]] = []
            for number, part in parts:
                if part.wave != wave:
                    continue
                source, feed = self._system.feed(part.feed)
                left = supply.left(number, part)
                at_once = chunks.requests_at_once(self._workspace, feed, source.name)
                cuts = list(chunks.cut(supply, number, part, left=left, size=at_once))
                shares.append((number, source.name, cuts))
            if any(cuts for _, _, cuts in shares):
                label = next(part.label for _, part in parts if part.wave == wave)
                again(lambda: self._release(wave, shares, label))  # noqa: B023 -- called at once
                reach("chunks_cut")
                return True
        return False

    def _release(
        self, wave: int, shares: list[tuple[int, str, list[chunks.Cut]]], label: str
    ) -> None:
        now, run_id = self._workspace.clock(), self._claim.run_id
        with self._workspace.database.connection() as conn:
            claims.hold(conn, self._claim, requests=0, now=now)
            for number, source, cuts in shares:
                chunks.add_chunks(
                    conn,
                    cuts,
                    run_id=run_id,
                    part=number,
                    wave=wave,
                    source=source,
                    priority=self._step.priority,
                    is_again=self._claim.resumed,
                )
            several = [share for _, _, cuts in shares for share in cuts]
            text = (
                f"{label}: {sum(share.units for share in several):,} units in "
                f"{len(several):,} chunks"
            )
            claims.write_log(conn, run_id, text, level="info", now=now)
            facts = {"run_id": run_id, "wave": wave, "fence": self._claim.fence}
            conn.execute(CHUNKS.release_run, facts)
            chunks.dispatch(conn, self._limits)

    def _unasked(self) -> int:
        """Return how many units nobody could be asked for: a quota used up, a circuit open."""
        with self._workspace.database.connection() as conn:
            facts = {"run_id": self._claim.run_id}
            row = conn.execute(CHUNKS.unasked_units, facts).fetchone()
        return int(row[0]) if row else 0

    def _wait_for(self, units: int) -> None:
        now = self._workspace.clock()
        minutes = ASK_AGAIN_SECONDS / 60
        with self._workspace.database.connection() as conn:
            claims.hold(conn, self._claim, requests=0, now=now)
            put_back(
                conn,
                self._claim.run_id,
                message=f"{units:,} units could not be asked for; goes on in {minutes:g} minutes",
                pause_seconds=ASK_AGAIN_SECONDS,
                now=now,
            )
            call_next(conn, self._step.system)

    def _coverage(self, options: PlanOptions) -> dict[str, dict[str, int | None]]:
        """Count what is held of what was asked for."""
        now = self._workspace.clock()
        with self._workspace.database.connection() as conn:
            counted = count(
                conn,
                self._system,
                find_datasets(self._system, options.datasets),
                now=now,
                window=asked_range(self._system, options, now=now),
                lifted=self._workspace.lifted(self._system),
            )
        return {
            one.dataset: {"expected": one.expected, "held": one.held, "missing": one.missing}
            for one in counted
        }

    def _log(self, text: str) -> None:
        now = self._workspace.clock()
        with self._workspace.database.connection() as conn:
            claims.write_log(conn, self._claim.run_id, text, level="info", now=now)

    def _end(
        self,
        units: Mapping[State, int],
        message: str,
        *,
        after: Mapping[str, Any] | None = None,
        result: Any = None,
    ) -> None:
        now, run_id = self._workspace.clock(), self._claim.run_id
        with self._workspace.database.connection() as conn:
            claims.hold(conn, self._claim, requests=0, now=now)
            row = conn.execute(CHUNKS.sums_of_chunks, {"run_id": run_id}).fetchone()
            assert row is not None  # noqa: S101 -- an aggregate gives a row
            sums: Counter[State] = Counter({State(name): n for name, n in row[1].items()})
            sums.update(units)
            conn.execute(CHUNKS.fold_chunks, {"run_id": run_id})
            if after is not None:
                before = self._step.coverage
                self._keep(
                    {name: {**before.get(name, {}), "after": kept} for name, kept in after.items()},
                    conn,
                )
            if result is not None:
                facts = {"result": Jsonb(result), "run_id": run_id, "fence": self._claim.fence}
                conn.execute(CHUNKS.keep_result, facts)
            notes = Counter({text: int(times) for text, times in row[2].items()})
            for text, times in notes.most_common():
                line = f"{text} ({times:,} times)" if times > 1 else text
                claims.write_log(conn, run_id, line, level="note", now=now)
            claims.write_log(conn, run_id, f"done: {message}", level="info", now=now)
            seconds = (now - self._step.started_at).total_seconds()
            ending = Ending("done", sums, seconds, message=message)
            claims.finish(conn, self._claim, ending, now=now)
            call_next(conn, self._step.system)


def _summary(after: Mapping[str, Mapping[str, int | None]]) -> str:
    """Say whether what was asked for is there, not whether the queue is empty."""
    missing = {name: kept["missing"] or 0 for name, kept in after.items()}
    lacking = {name: units for name, units in missing.items() if units}
    if not lacking:
        return "everything asked for is held"
    worst = sorted(lacking.items(), key=lambda item: -item[1])
    named = ", ".join(f"{units:,} of {name}" for name, units in worst[:MOST_NAMED])
    others = len(worst) - MOST_NAMED
    more = f" and of {others} more datasets" if others > 0 else ""
    return f"still missing: {named}{more}"
