"""Kept plans start only while they are valid, and above a configured cost once approved."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from stocktake.errors import PlanRefused
from stocktake.plan.declared import outdated
from stocktake.plan.saved import approval, approve, load_plan, save_plan
from stocktake.run.registry import find_system

if TYPE_CHECKING:
    import psycopg

    from stocktake.model import Plan, System
    from stocktake.run.queue import Work
    from stocktake.run.workspace import Workspace
    from stocktake.settings import Settings

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Approval:
    """Whether a kept plan may start.

    Args:
        needed: Why it must be approved first, in words; empty when it need not be.
        at: When it was approved, ``None`` when it was not.
        by: By whom.
    """

    needed: str
    at: datetime | None = None
    by: str | None = None

    @property
    def obstacle(self) -> str:
        """Why it may not start now, in words; empty when it may."""
        return self.needed if self.at is None else ""


def approval_needed(settings: Settings, plan: Plan) -> str:
    """Return why a plan of this cost must be approved, in words; empty when it need not be."""
    most, hours = settings.approve_above_requests, settings.approve_above_hours
    if most is not None and plan.requests > most:
        return f"makes {plan.requests:,} requests, and above {most:,} somebody must approve it"
    if hours is not None and plan.seconds > hours * HOUR:
        return (
            f"takes {plan.seconds / HOUR:,.1f} hours at the allowed rates, and above {hours:g} "
            "somebody must approve it"
        )
    return ""


def approval_of(workspace: Workspace, plan: Plan) -> Approval:
    """Return whether a plan may start, and who approved it when."""
    needed = approval_needed(workspace.settings, plan)
    if plan.plan_id is None:
        return Approval(needed)
    with workspace.database.connection() as conn:
        told = approval(conn, plan.plan_id)
    return Approval(needed, *(told or ()))


def approve_plan(workspace: Workspace, plan_id: int, *, by: str) -> Approval:
    """Approve a kept plan; the first approval stays.

    Raises:
        UsageError: There is no such plan.
    """
    with workspace.database.connection() as conn:
        plan = load_plan(conn, plan_id)
        approve(conn, plan_id, by=by, now=workspace.clock())
    return approval_of(workspace, plan)


def refuse_unapproved(workspace: Workspace, conn: psycopg.Connection, plan: Plan) -> None:
    """Refuse to start a plan that needs an approval and has none; it is kept to get one.

    Raises:
        PlanRefused: It must be approved; the message says why and how.
    """
    needed = approval_needed(workspace.settings, plan)
    if not needed or (plan.plan_id is not None and approval(conn, plan.plan_id)):
        return
    plan_id = plan.plan_id
    if plan_id is None:
        with workspace.database.connection() as own:  # it stays when the caller's is rolled back
            plan_id = save_plan(own, dataclasses.replace(plan, made_at=workspace.clock()))
    raise PlanRefused(
        f"plan {plan_id} {needed}.",
        hint=f"stocktake plan approve {plan_id}, then "
        f"stocktake backfill {plan.system} --plan {plan_id}",
    )


def refuse_outdated(system: System, plan: Plan) -> None:
    """Refuse a kept plan whose units or feeds are declared otherwise since it was made.

    Raises:
        PlanRefused: It is no longer valid; the message says what changed.
    """
    reasons = outdated(system, plan)
    if reasons:
        raise PlanRefused(
            f"plan {plan.plan_id} is no longer valid: {'; '.join(reasons)}.",
            hint=f"stocktake plan {plan.system} --save makes one that is.",
        )


def refuse_unapproved_work(workspace: Workspace, conn: psycopg.Connection, work: Work) -> None:
    """Refuse to queue a kept plan that is no longer valid, or needs an approval and has none.

    Raises:
        PlanRefused: It must be made anew, or approved.
        UsageError: There is no such plan.
    """
    plan_id = work.options.get("plan")
    if plan_id is not None:
        plan = load_plan(conn, int(plan_id))
        refuse_outdated(find_system(plan.system), plan)
        refuse_unapproved(workspace, conn, plan)
