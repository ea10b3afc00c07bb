"""Who did what, when, from where; lines are added and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import Connection

SQL = load_queries("stocktake.store", "sql/access.sql")


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something.

    Args:
        name: Of the account or key.
        via: ``session``, ``key`` or ``cli``.
        address: Where the request came from; empty for the command line.
    """

    name: str
    via: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of the audit, as stored."""

    audit_id: int
    at: datetime
    actor: str
    via: str
    address: str
    action: str
    subject: str
    details: Mapping[str, Any]


def write_audit(
    conn: Connection[Any],
    actor: Actor,
    action: str,
    *,
    subject: str,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a line in the caller's transaction: what is not committed was not done.

    Args:
        conn: Where.
        actor: Who.
        action: What, as a verb with its noun: ``user.add``, ``run.cancel``.
        subject: To whom or which.
        now: When.
        details: Anything else, without secrets.
    """
    conn.execute(
        SQL.write_audit,
        {
            "now": now,
            "actor": storable(actor.name),
            "via": actor.via,
            "address": actor.address,
            "action": action,
            "subject": storable(subject),
            "details": Jsonb(dict(details or {})),
        },
    )


def list_audit(
    conn: Connection[Any],
    *,
    limit: int,
    before: int | None = None,
    actor: str | None = None,
    action: str | None = None,
) -> list[AuditLine]:
    """Return lines below number ``before``, the newest first."""
    asked = {"before": before, "actor": actor, "action": action, "limit": limit}
    return [AuditLine(*row) for row in conn.execute(SQL.list_audit, asked).fetchall()]


def storable(text: str) -> str:
    """Return a text the database takes: neither NUL nor half a surrogate pair."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()
