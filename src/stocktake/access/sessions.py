"""Sessions live in the database; a browser holds only a random token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stocktake.access.audit import SQL, storable
from stocktake.access.roles import Role

if TYPE_CHECKING:
    from psycopg import Connection

LONGEST_IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
HALF_FOR = timedelta(minutes=10)
"""How long somebody who gave the right password may look for the second factor."""
NOTED_AFTER = timedelta(minutes=1)
"""How old the noted last use of a session or key may be: a request a second is not a write each."""
MOST_AGENT = 200
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """An open session and whose it is.

    Args:
        session_id: Its number; the token is known to the browser alone.
        user_id: The account's number.
        name: The account's name.
        role: What the account may do now.
        seen_at: Last use noted.
        tenant_id: Whose account it is; ``None`` for the installation's.
        created_at: When it began.
    """

    session_id: int
    user_id: int
    name: str
    role: Role
    seen_at: datetime
    tenant_id: UUID | None
    created_at: datetime

    @property
    def ends_at(self) -> datetime:
        """When it ends if it is not used again."""
        return min(self.seen_at + LONGEST_IDLE, self.created_at + LONGEST)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session as its user sees it in a list."""

    session_id: int
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime


def begin_session(
    conn: Connection[Any],
    user_id: int,
    *,
    address: str,
    agent: str,
    now: datetime,
    is_half: bool = False,
) -> str:
    """Begin a session with a token of its own and return the token, which is stored as a hash.

    A half one lets nobody in: its account's second factor is still to come.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    conn.execute(
        SQL.begin_session,
        {
            "token_hash": _digest(token),
            "user_id": user_id,
            "address": address,
            "agent": storable(agent)[:MOST_AGENT],
            "is_half": is_half,
            "now": now,
        },
    )
    return token


def find_session(
    conn: Connection[Any], token: str, *, now: datetime, is_half: bool = False
) -> Session | None:
    """Return the session of a token and note its use; ``None`` when it ended or never was.

    It ends 12 hours after its last use, 7 days after its begin, when it is revoked, when its
    account is shut or gets another role, and when its tenant is suspended. A half one ends after
    ten minutes. The rest of the transaction sees the rows of the session's tenant.
    """
    known = {"token_hash": _digest(token)}
    conn.execute(SQL.enter_session, known)
    limits = (
        {"idle_since": now - HALF_FOR, "begun_since": now - HALF_FOR} if is_half else _limits(now)
    )
    row = conn.execute(SQL.find_session, {**known, **limits, "is_half": is_half}).fetchone()
    if row is None:
        return None
    found = Session(row[0], row[1], row[2], Role(row[3]), *row[4:])
    if now - found.seen_at > NOTED_AFTER:
        conn.execute(SQL.touch_session, {"session_id": found.session_id, "now": now})
        found = replace(found, seen_at=now)
    return found


def end_session(conn: Connection[Any], session_id: int, *, user_id: int, now: datetime) -> bool:
    """End one session of a user; false when it is not theirs, or had ended."""
    told = {"session_id": session_id, "user_id": user_id, "now": now}
    return conn.execute(SQL.end_session, told).fetchone() is not None


def list_sessions(conn: Connection[Any], user_id: int, *, now: datetime) -> list[SessionLine]:
    """Return a user's open sessions, the latest used first."""
    rows = conn.execute(SQL.list_sessions, {"user_id": user_id, **_limits(now)}).fetchall()
    return [SessionLine(*row) for row in rows]


def csrf_token(token: str) -> str:
    """Return the token that a session's forms carry: made from the session's, not the reverse."""
    return hmac.new(token.encode(), b"stocktake csrf", hashlib.sha256).hexdigest()


def is_csrf_token(token: str, given: str) -> bool:
    """Return whether ``given`` is the forms' token of the session, in constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), given.encode("utf-8", "replace"))


def _limits(now: datetime) -> dict[str, datetime]:
    return {"idle_since": now - LONGEST_IDLE, "begun_since": now - LONGEST}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
