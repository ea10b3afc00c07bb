"""API keys: ``stk_<prefix>_<secret>``; the prefix finds one, the secret is stored as a hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stocktake.access.audit import SQL, Actor, storable, write_audit
from stocktake.access.roles import SCOPES, Role
from stocktake.access.sessions import NOTED_AFTER
from stocktake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

_ALPHABET = string.ascii_letters + string.digits
_FORM = re.compile(r"stk_([A-Za-z0-9]{8})_([A-Za-z0-9]{32})")
_SCOPE = re.compile(r"[a-z]+(:[a-z]+)?")
MOST_NAME = 120


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as lists show it.

    Args:
        key_id: Its number.
        name: What it is for.
        prefix: The part of it that is no secret.
        role: What it may do at most.
        scopes: What it is cut down to; empty means all of its role.
        created_at: When it was made.
        created_by: By whom.
        expires_at: When it ends by itself; ``None`` never.
        last_used_at: Last use noted, to the minute.
        revoked_at: When it was ended.
    """

    key_id: int
    name: str
    prefix: str
    role: Role
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; ``text`` is what its holder sends, shown once, stored nowhere."""

    key_id: int
    text: str


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A valid key as a request carries it, and whose it is."""

    key_id: int
    name: str
    role: Role
    scopes: frozenset[str]
    tenant_id: UUID | None


def add_key(
    conn: Connection[Any],
    name: str,
    *,
    role: Role,
    by: Actor,
    now: datetime,
    scopes: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key.

    Raises:
        UsageError: No name, an ill-formed scope, or an end that is past.
    """
    given = storable(name.strip())
    if not 0 < len(given) <= MOST_NAME:
        raise UsageError(f"a key's name has 1 to {MOST_NAME} characters.")
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            known = ", ".join(SCOPES)
            raise UsageError(f"{scope[:80]!r} is no scope.", hint=f"Scopes: {known}.")
    if expires_at is not None and expires_at <= now:
        raise UsageError("a key cannot have expired before it is made.")
    prefix, secret = _random(8), _random(32)
    row = conn.execute(
        SQL.add_key,
        {
            "name": given,
            "prefix": prefix,
            "secret_hash": _digest(secret),
            "role": role.value,
            "scopes": sorted(set(scopes)),
            "by": by.name,
            "now": now,
            "expires_at": expires_at,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 -- an insert that returns
    details = {"name": given, "role": role.value, "scopes": sorted(set(scopes))}
    write_audit(conn, by, "key.add", subject=prefix, now=now, details=details)
    return NewKey(row[0], f"stk_{prefix}_{secret}")


def find_key(conn: Connection[Any], text: str, *, now: datetime) -> KeyUse | None:
    """Return a key as it is sent and note its use; ``None`` when it is not, or no more, valid.

    The rest of the transaction sees the rows of the key's tenant.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    conn.execute(SQL.enter_key, {"prefix": form[1]})
    row = conn.execute(SQL.find_key, {"prefix": form[1], "now": now}).fetchone()
    if row is None or not hmac.compare_digest(_digest(form[2]), bytes(row[2])):
        return None
    if row[5] is None or now - row[5] > NOTED_AFTER:
        conn.execute(SQL.touch_key, {"key_id": row[0], "now": now})
    return KeyUse(row[0], row[1], Role(row[3]), frozenset(row[4]), row[6])


def list_keys(conn: Connection[Any]) -> list[ApiKey]:
    """Return every key, the newest first; ended ones too."""
    return [
        ApiKey(row[0], row[1], row[2], Role(row[3]), tuple(row[4]), *row[5:])
        for row in conn.execute(SQL.list_keys).fetchall()
    ]


def revoke_key(conn: Connection[Any], key_id: int, *, by: Actor, now: datetime) -> None:
    """End a key for good.

    Raises:
        UsageError: There is none of this number, or it was revoked already.
    """
    row = conn.execute(SQL.revoke_key, {"key_id": key_id, "now": now}).fetchone()
    if row is None:
        there = conn.execute(SQL.key_exists, {"key_id": key_id}).fetchone()
        ended = bool(there and there[0])
        problem = f"key {key_id} was revoked already." if ended else f"there is no key {key_id}."
        raise UsageError(problem, hint="stocktake keys list")
    write_audit(conn, by, "key.revoke", subject=str(key_id), now=now, details={"name": row[0]})


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
