"""Logging in: counted, in constant time, and refused with one text whatever was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stocktake.access.audit import SQL, Actor, storable, write_audit
from stocktake.access.passwords import MOST, matches
from stocktake.access.roles import Role
from stocktake.access.sessions import begin_session
from stocktake.access.tries import Blocked, forget_tries, take_try
from stocktake.access.users import user_name
from stocktake.errors import UsageError

if TYPE_CHECKING:
    from stocktake.store.database import Database


@dataclass(frozen=True, slots=True)
class Entered:
    """A login that succeeded.

    Args:
        token: Of the new session, for the cookie.
        name: The account's.
        role: What it may do.
    """

    token: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Refused:
    """A login that did not: no such account, another password, or an account that is shut.

    Which of them is told nobody.
    """


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks to come in: where from, and with what program."""

    address: str
    agent: str = ""


def log_in(
    database: Database, name: str, password: str, *, visitor: Visitor, now: datetime
) -> Entered | Refused | Blocked:
    """Begin a session for a name and password.

    The try is committed before the password is compared, so tries at the same moment are all
    counted. An unknown name costs the same time as a known one.
    """
    account = _account(name)
    with database.connection() as conn:
        blocked = take_try(conn, account, address=visitor.address, now=now)
        row = conn.execute(SQL.find_user, {"name": account}).fetchone()
    actor = Actor(account, "session", visitor.address)
    if blocked is not None:
        return blocked
    is_right = matches(row[4] if row else None, password[: MOST + 1])
    with database.connection() as conn:
        if not (is_right and row and row[3]):
            write_audit(conn, actor, "login.refused", subject=account, now=now)
            return Refused()
        return _enter(conn, row, actor=actor, visitor=visitor, now=now)


def _enter(
    conn: Any, row: tuple[Any, ...], *, actor: Actor, visitor: Visitor, now: datetime
) -> Entered:
    forget_tries(conn, row[1], address=visitor.address)
    token = begin_session(conn, row[0], address=visitor.address, agent=visitor.agent, now=now)
    conn.execute(SQL.note_login, {"user_id": row[0], "now": now})
    write_audit(conn, actor, "login", subject=row[1], now=now)
    return Entered(token, row[1], Role(row[2]))


def _account(name: str) -> str:
    """Return the name tries are counted under; what cannot be an account is counted too."""
    try:
        return user_name(name)
    except UsageError:
        return storable(name.strip().lower())[:120]
