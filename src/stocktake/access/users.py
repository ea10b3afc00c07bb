"""Accounts of people: made, invited, given roles, shut; one active admin always remains."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.access.audit import SQL, Actor, write_audit
from stocktake.access.passwords import generated_password, hashed, require_password
from stocktake.access.roles import Role
from stocktake.access.sessions import LONGEST, LONGEST_IDLE
from stocktake.errors import UsageError

if TYPE_CHECKING:
    from psycopg import Connection

INVITED_FOR = timedelta(days=7)
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,119}")


@dataclass(frozen=True, slots=True)
class User:
    """One account as lists show it.

    Args:
        user_id: Its number.
        name: What is typed at login, lower case.
        role: What it may do.
        is_active: Whether it may log in.
        is_invited: Whether it has no password yet.
        invite_until: When an open invitation ends.
        created_at: When it was made.
        created_by: By whom.
        last_login_at: When it last logged in.
        sessions: How many sessions are open.
    """

    user_id: int
    name: str
    role: Role
    is_active: bool
    is_invited: bool
    invite_until: datetime | None
    created_at: datetime
    created_by: str
    last_login_at: datetime | None
    sessions: int


@dataclass(frozen=True, slots=True)
class Login:
    """A name with the password made for it; shown once, stored nowhere."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """A token that lets its holder choose a password; shown once, stored as a hash.

    Args:
        name: Of the account.
        token: Part of the link.
        until: When it ends.
    """

    name: str
    token: str
    until: datetime


def user_name(text: str) -> str:
    """Return a name as it is stored.

    Raises:
        UsageError: It is not one an account can have.
    """
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{text[:80]!r} cannot be a user's name.",
            hint="1 to 120 letters a to z, digits, and . _ @ + -, such as ann or ann@example.org.",
        )
    return name


def has_users(conn: Connection[Any]) -> bool:
    """Return whether there is any account."""
    row = conn.execute(SQL.has_users).fetchone()
    return bool(row and row[0])


def list_users(conn: Connection[Any], *, now: datetime) -> list[User]:
    """Return every account by name."""
    since = {"idle_since": now - LONGEST_IDLE, "begun_since": now - LONGEST}
    return [
        User(row[0], row[1], Role(row[2]), *row[3:])
        for row in conn.execute(SQL.list_users, since).fetchall()
    ]


def add_user(
    conn: Connection[Any],
    name: str,
    *,
    role: Role,
    by: Actor,
    now: datetime,
    password: str = "",
) -> Login:
    """Make an account, with a generated password when none is given.

    Raises:
        UsageError: The name is taken or cannot be one, or the password is too weak.
    """
    if password:
        require_password(conn, password)
    login = Login(user_name(name), password or generated_password())
    _insert(conn, login.name, role=role, by=by, now=now, password_hash=hashed(login.password))
    return login


def invite_user(
    conn: Connection[Any], name: str, *, role: Role, by: Actor, now: datetime
) -> Invitation:
    """Make an account whose holder chooses the password, within seven days.

    Raises:
        UsageError: The name is taken or cannot be one.
    """
    invitation = Invitation(user_name(name), secrets.token_urlsafe(24), now + INVITED_FOR)
    _insert(conn, invitation.name, role=role, by=by, now=now, invitation=invitation)
    return invitation


def make_first_admin(
    conn: Connection[Any], *, by: Actor, now: datetime, name: str = "admin", password: str = ""
) -> Login | None:
    """Make the first account, an admin; ``None`` when there is one already.

    Raises:
        UsageError: The name cannot be one, or the password is too weak.
    """
    conn.execute(SQL.lock_first_user)
    if has_users(conn):
        return None
    return add_user(conn, name, role=Role.ADMIN, by=by, now=now, password=password)


def accept_invitation(
    conn: Connection[Any], token: str, *, password: str, address: str, now: datetime
) -> str | None:
    """Set the password of the account an invitation is for; ``None`` when it is not valid.

    Raises:
        UsageError: The password is too weak.
    """
    require_password(conn, password)
    known = {"invite_hash": digest(token)}
    conn.execute(SQL.enter_invitation, known)
    found = conn.execute(SQL.find_invitation, {**known, "now": now}).fetchone()
    if found is None:
        return None
    conn.execute(SQL.set_password, {"user_id": found[0], "password_hash": hashed(password)})
    by = Actor(found[1], "session", address)
    write_audit(conn, by, "user.accept_invitation", subject=found[1], now=now)
    return str(found[1])


def renew_invitation(conn: Connection[Any], name: str, *, by: Actor, now: datetime) -> Invitation:
    """Make a link by which a user can choose a password anew; the old password stays till then.

    Raises:
        UsageError: There is no such user.
    """
    user_id = find_user(conn, name)[0]
    made = Invitation(user_name(name), secrets.token_urlsafe(24), now + INVITED_FOR)
    told = {"user_id": user_id, "invite_hash": digest(made.token), "invite_until": made.until}
    conn.execute(SQL.set_invitation, told)
    write_audit(conn, by, "user.invite", subject=made.name, now=now)
    return made


def set_role(conn: Connection[Any], name: str, *, role: Role, by: Actor, now: datetime) -> None:
    """Give an account another role; all its sessions end, so none keeps rights it had.

    Raises:
        UsageError: There is no such user, or nobody else is an admin.
    """
    user_id = find_user(conn, name)[0]
    if role is not Role.ADMIN:
        _require_another_admin(conn, user_id, "lose the role")
    row = conn.execute(SQL.set_role, {"user_id": user_id, "role": role.value}).fetchone()
    if row and row[0] == role.value:
        return
    conn.execute(SQL.end_sessions, {"user_id": user_id, "but": None, "now": now})
    details = {"from": row[0] if row else None, "to": role.value}
    write_audit(conn, by, "user.role", subject=name, now=now, details=details)


def set_active(
    conn: Connection[Any], name: str, *, is_active: bool, by: Actor, now: datetime
) -> None:
    """Shut an account, which ends its sessions, or open it again.

    Raises:
        UsageError: There is no such user, or nobody else is an admin.
    """
    user_id = find_user(conn, name)[0]
    if not is_active:
        _require_another_admin(conn, user_id, "be deactivated")
        conn.execute(SQL.end_sessions, {"user_id": user_id, "but": None, "now": now})
    conn.execute(SQL.set_active, {"user_id": user_id, "is_active": is_active})
    action = "user.activate" if is_active else "user.deactivate"
    write_audit(conn, by, action, subject=name, now=now)


def set_password(
    conn: Connection[Any],
    name: str,
    *,
    password: str,
    by: Actor,
    now: datetime,
    keeps_session: int | None = None,
) -> None:
    """Set a password; sessions end, but the one that changed it.

    Raises:
        UsageError: There is no such user, or the password is too weak.
    """
    require_password(conn, password)
    user_id = find_user(conn, name)[0]
    conn.execute(SQL.set_password, {"user_id": user_id, "password_hash": hashed(password)})
    conn.execute(SQL.end_sessions, {"user_id": user_id, "but": keeps_session, "now": now})
    write_audit(conn, by, "user.password", subject=name, now=now)


def find_user(conn: Connection[Any], name: str) -> tuple[int, str, Role, bool, str | None]:
    """Return an account's number, name, role, whether it is active, and its password's hash.

    Raises:
        UsageError: There is none of this name.
    """
    row = conn.execute(SQL.find_user, {"name": user_name(name)}).fetchone()
    if row is None:
        raise UsageError(f"there is no user {name!r}.", hint="stocktake users list")
    return row[0], row[1], Role(row[2]), row[3], row[4]


def digest(token: str) -> bytes:
    """Return what is stored of a random token, which needs no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _insert(
    conn: Connection[Any],
    name: str,
    *,
    role: Role,
    by: Actor,
    now: datetime,
    password_hash: str | None = None,
    invitation: Invitation | None = None,
) -> None:
    told = {
        "name": name,
        "password_hash": password_hash,
        "role": role.value,
        "invite_hash": digest(invitation.token) if invitation else None,
        "invite_until": invitation.until if invitation else None,
        "by": by.name,
        "now": now,
    }
    if conn.execute(SQL.add_user, told).fetchone() is None:
        raise UsageError(f"there is a user {name!r} already.", hint="stocktake users list")
    write_audit(conn, by, "user.add", subject=name, now=now, details={"role": role.value})


def _require_another_admin(conn: Connection[Any], user_id: int, what: str) -> None:
    admins = [row[0] for row in conn.execute(SQL.lock_admins).fetchall()]
    if admins == [user_id]:
        raise UsageError(
            f"the only active admin cannot {what}.",
            hint="Make another admin first: stocktake users add NAME --role admin",
        )
