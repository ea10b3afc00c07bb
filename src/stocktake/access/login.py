"""Logging in: counted, in constant time, and refused with one text whatever was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stocktake.access.audit import SQL, Actor, storable, write_audit
from stocktake.access.factors import passes
from stocktake.access.passwords import MOST, matches
from stocktake.access.roles import Role
from stocktake.access.sessions import begin_session, end_session, find_session
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
class Halfway:
    """The password was right; the code of the second factor is still to come.

    Args:
        token: Of a session that lets nobody in; ``finish_login`` takes it with the code.
    """

    token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A login that did not: no such account, another password or code, or an account that is shut.

    Which of them is told nobody.
    """


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks to come in: where from, and with what program."""

    address: str
    agent: str = ""


def log_in(
    database: Database, name: str, password: str, *, visitor: Visitor, now: datetime, code: str = ""
) -> Entered | Halfway | Refused | Blocked:
    """Begin a session for a name and password, and a code where the account asks for one.

    The try is committed before the password is compared, so tries at the same moment are all
    counted. An unknown name costs the same time as a known one.
    """
    account = _account(name)
    with database.connection() as conn:
        conn.execute(SQL.enter_account, {"name": account})
        blocked = take_try(conn, account, address=visitor.address, now=now)
        row = conn.execute(SQL.find_user, {"name": account}).fetchone()
    if blocked is not None:
        return blocked
    is_right = matches(row[4] if row else None, password[: MOST + 1])
    with database.connection() as conn:
        conn.execute(SQL.enter_account, {"name": account})
        if not (is_right and row and row[3]):
            return _refused(conn, account, visitor=visitor, now=now)
        if row[6] and not code:
            return Halfway(
                begin_session(
                    conn,
                    row[0],
                    address=visitor.address,
                    agent=visitor.agent,
                    now=now,
                    is_half=True,
                )
            )
        if row[6] and not passes(conn, row[0], code, now=now):
            return _refused(conn, account, visitor=visitor, now=now)
        return _enter(conn, row, visitor=visitor, now=now)


def finish_login(
    database: Database, token: str, code: str, *, visitor: Visitor, now: datetime
) -> Entered | Refused | Blocked:
    """Begin the session of somebody who gave the right password, by the code; counted like it."""
    with database.connection() as conn:
        half = find_session(conn, token, now=now, is_half=True)
        if half is None:
            return Refused()
        blocked = take_try(conn, half.name, address=visitor.address, now=now)
    if blocked is not None:
        return blocked
    with database.connection() as conn:
        conn.execute(SQL.enter_account, {"name": half.name})
        if not passes(conn, half.user_id, code, now=now):
            return _refused(conn, half.name, visitor=visitor, now=now)
        end_session(conn, half.session_id, user_id=half.user_id, now=now)
        row = (half.user_id, half.name, half.role)
        return _enter(conn, row, visitor=visitor, now=now)


def _refused(conn: Any, account: str, *, visitor: Visitor, now: datetime) -> Refused:
    actor = Actor(account, "session", visitor.address)
    write_audit(conn, actor, "login.refused", subject=account, now=now)
    return Refused()


def _enter(conn: Any, row: tuple[Any, ...], *, visitor: Visitor, now: datetime) -> Entered:
    forget_tries(conn, row[1], address=visitor.address)
    token = begin_session(conn, row[0], address=visitor.address, agent=visitor.agent, now=now)
    conn.execute(SQL.note_login, {"user_id": row[0], "now": now})
    actor = Actor(row[1], "session", visitor.address)
    write_audit(conn, actor, "login", subject=row[1], now=now)
    return Entered(token, row[1], Role(row[2]))


def _account(name: str) -> str:
    """Return the name tries are counted under; what cannot be an account is counted too."""
    try:
        return user_name(name)
    except UsageError:
        return storable(name.strip().lower())[:120]
