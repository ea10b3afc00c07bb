"""Passwords: argon2id, and the same time spent whether or not an account exists."""

from __future__ import annotations

import secrets
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from stocktake.errors import UsageError

LEAST = 12
MOST = 256
AT_ONCE = 2
"""Hashes computed at the same time: each takes 64 MiB of memory and a core."""

HASHER = PasswordHasher()
"""argon2id at the cost the library's makers advise: about 50 ms on an idle core."""
_TURN = BoundedSemaphore(AT_ONCE)


def require_password(password: str) -> None:
    """Refuse a password that is too short, too long, or one character over and over.

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


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_bytes(16))
