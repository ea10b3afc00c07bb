"""Passwords: argon2id, and the same time spent whether or not an account exists."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from stocktake.access.audit import SQL
from stocktake.errors import UsageError

if TYPE_CHECKING:
    from psycopg import Connection

LEAST = 12
MOST = 256
AT_ONCE = 2
"""Hashes computed at the same time: each takes 64 MiB of memory and a core."""

HASHER = PasswordHasher()
"""argon2id at the cost the library's makers advise: about 50 ms on an idle core."""
_TURN = BoundedSemaphore(AT_ONCE)
_SHA1 = re.compile(r"([0-9A-Fa-f]{40})(:\d+)?$")
LINES_AT_ONCE = 10_000


def require_password(conn: Connection[Any], password: str) -> None:
    """Refuse a password that is too short, too long, repeats itself, or is known to everybody.

    Lists of passwords known to everybody are taken in by ``stocktake users breached FILE``.

    Raises:
        UsageError: Why it is refused.
    """
    if not LEAST <= len(password) <= MOST:
        raise UsageError(
            f"a password has {LEAST} to {MOST} characters, not {len(password)}.",
            hint="A sentence of four or five words is a good one.",
        )
    if len(set(password)) < LEAST // 3:
        raise UsageError("that password repeats a few characters.", hint="Mix words, or more.")
    row = conn.execute(SQL.is_breached, {"sha1": _sha1(password)}).fetchone()
    if row == (True,):
        raise UsageError(
            "that password is on a list of those that attackers try first.",
            hint="A sentence of four or five words of your own is a good one.",
        )


def take_in_breached(conn: Connection[Any], lines: Iterable[str]) -> int:
    """Add passwords that everybody knows to those nobody may choose; return how many lines came.

    Args:
        conn: Where.
        lines: A password each, or its SHA-1 in hexadecimal with or without ``:`` and a count, as
            published lists have it.
    """
    taken = 0
    found: list[bytes] = []
    for line in lines:
        text = line.rstrip("\r\n")
        hexadecimal = _SHA1.match(text)
        found.append(bytes.fromhex(hexadecimal[1]) if hexadecimal else _sha1(text))
        if len(found) == LINES_AT_ONCE:
            conn.execute(SQL.add_breached, {"sha1s": found})
            taken, found = taken + len(found), []
    conn.execute(SQL.add_breached, {"sha1s": found})
    return taken + len(found)


def hashed(password: str) -> str:
    """Return what is stored of a password."""
    with _TURN:
        return HASHER.hash(_storable(password))


def matches(stored: str | None, password: str) -> bool:
    """Return whether ``password`` is the one; as long for an account that has none or is not."""
    nobodys = _nobodys()  # made before it is known whether it is needed
    with _TURN:
        try:
            HASHER.verify(stored or nobodys, _storable(password))
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def generated_password() -> str:
    """Return a password of nearly 120 random bits, easy to copy by hand."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(6)) for _ in range(4))


def _storable(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _sha1(password: str) -> bytes:
    return hashlib.sha1(_storable(password), usedforsecurity=False).digest()


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_bytes(16))
