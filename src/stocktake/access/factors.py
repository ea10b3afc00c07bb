"""A second factor of logins: codes of half a minute (TOTP, RFC 6238), and codes that count once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stocktake.access.audit import SQL, Actor, write_audit
from stocktake.errors import UsageError

if TYPE_CHECKING:
    from psycopg import Connection

STEP_SECONDS, DIGITS = 30, 6
DRIFT = 1
"""How many half minutes a telephone's clock may be ahead or behind."""
SECRET_BYTES = 20
RECOVERY_CODES, RECOVERY_LENGTH = 10, 12
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Offered:
    """A secret for an authenticator program; it counts once a first code was right.

    Args:
        secret: In base 32, to be typed.
        address: As ``otpauth:`` address, to be scanned.
    """

    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class Factor:
    """A user's second factor.

    Args:
        confirmed_at: Since when it is asked for; ``None`` while its first code is awaited.
        recovery_left: How many recovery codes were not used yet.
    """

    confirmed_at: datetime | None
    recovery_left: int


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a half minute, counted from 1970."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    place = digest[-1] & 0x0F
    number = int.from_bytes(digest[place : place + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def offer_factor(conn: Connection[Any], user_id: int, name: str, *, now: datetime) -> Offered:
    """Make a secret for a user who has no second factor yet.

    Raises:
        UsageError: There is one already.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    told = {"user_id": user_id, "secret": secret, "now": now}
    if conn.execute(SQL.put_factor, told).fetchone() is None:
        raise UsageError("there is a second factor already.", hint="Remove it first.")
    return _offered(secret, name)


def offered_factor(conn: Connection[Any], user_id: int, name: str) -> Offered | None:
    """Return the secret whose first code is awaited; ``None`` for none, or one that counts."""
    row = conn.execute(SQL.find_factor, {"user_id": user_id}).fetchone()
    if row is None or row[1] is not None:
        return None
    return _offered(bytes(row[0]), name)


def confirm_factor(
    conn: Connection[Any], user_id: int, code: str, *, by: Actor, now: datetime
) -> tuple[str, ...] | None:
    """Ask for the second factor from now on, and return its recovery codes, shown once.

    ``None`` when the code is not right, or no secret awaits one.
    """
    row = conn.execute(SQL.find_factor, {"user_id": user_id}).fetchone()
    if row is None or row[1] is not None or not _is_code(conn, user_id, row, code, now=now):
        return None
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    told = {"user_id": user_id, "recovery": [_digest(one) for one in codes], "now": now}
    conn.execute(SQL.confirm_factor, told)
    write_audit(conn, by, "factor.add", subject=by.name, now=now)
    return codes


def passes(conn: Connection[Any], user_id: int, text: str, *, now: datetime) -> bool:
    """Return whether a code of now, or a recovery code, is the user's; either counts once."""
    row = conn.execute(SQL.find_factor, {"user_id": user_id}).fetchone()
    if row is None or row[1] is None:
        return False
    if _is_code(conn, user_id, row, text, now=now):
        return True
    told = {"user_id": user_id, "code": _digest(text)}
    return conn.execute(SQL.use_recovery, told).fetchone() is not None


def factor_of(conn: Connection[Any], user_id: int) -> Factor | None:
    """Return a user's second factor; ``None`` when the password alone is enough."""
    row = conn.execute(SQL.find_factor, {"user_id": user_id}).fetchone()
    return Factor(row[1], row[3]) if row else None


def remove_factor(
    conn: Connection[Any], user_id: int, name: str, *, by: Actor, now: datetime
) -> None:
    """Let the password alone be enough again; nothing when it is.

    Args:
        conn: Where.
        user_id: Of the account.
        name: Of the account, for the audit.
        by: Who.
        now: When.
    """
    if conn.execute(SQL.remove_factor, {"user_id": user_id}).fetchone() is not None:
        write_audit(conn, by, "factor.remove", subject=name, now=now)


def _is_code(
    conn: Connection[Any], user_id: int, row: tuple[Any, ...], text: str, *, now: datetime
) -> bool:
    """Return whether a text is the code of about now, and let it count no more."""
    given = "".join(text.split()).encode("utf-8", "replace")
    here = int(now.timestamp()) // STEP_SECONDS
    fitting = [
        step
        for step in range(here - DRIFT, here + DRIFT + 1)
        if hmac.compare_digest(code_at(bytes(row[0]), step).encode(), given)
    ]
    if not fitting:
        return False
    told = {"user_id": user_id, "step": fitting[-1]}
    return conn.execute(SQL.use_step, told).fetchone() is not None


def _offered(secret: bytes, name: str) -> Offered:
    text = base64.b32encode(secret).decode()
    label = quote(f"Stocktake:{name}", safe="")
    return Offered(text, f"otpauth://totp/{label}?secret={text}&issuer=Stocktake")


def _recovery_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(RECOVERY_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, RECOVERY_LENGTH, 4))


def _digest(text: str) -> bytes:
    plain = "".join(text.split()).replace("-", "").lower()
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()
