"""How often a login may be tried: 5 in 15 minutes for an account and address, then ever less."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.access.audit import SQL

if TYPE_CHECKING:
    from psycopg import Connection

WINDOW = timedelta(minutes=15)
LONGEST = timedelta(hours=4)
FORGOTTEN_AFTER = timedelta(hours=24)
PER_ACCOUNT, PER_ADDRESS = 5, 30
"""Tries in a window, of one account from one address, and of all accounts from one address."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Too many tries.

    Args:
        until: When the next one is let in.
    """

    until: datetime


def take_try(conn: Connection[Any], account: str, *, address: str, now: datetime) -> Blocked | None:
    """Count a login that is about to be tried; ``Blocked`` when it may not be.

    Commit before the password is compared, or tries at the same moment are not counted. A block
    ends after 15 minutes, and each further failure doubles it, up to four hours. Tries while
    blocked neither count nor lengthen it.
    """
    for name, most in (("", PER_ADDRESS), (account, PER_ACCOUNT)):
        told = {
            "account": name,
            "address": address,
            "most": most,
            "window": WINDOW,
            "longest": LONGEST,
            "forgotten_after": FORGOTTEN_AFTER,
            "now": now,
        }
        if conn.execute(SQL.take_try, told).fetchone() is None:
            where = {"account": name, "address": address}
            row = conn.execute(SQL.blocked_until, where).fetchone()
            return Blocked(row[0] if row and row[0] else now + WINDOW)
    return None


def forget_tries(conn: Connection[Any], account: str, *, address: str) -> None:
    """Begin anew after a login that succeeded."""
    conn.execute(SQL.forget_tries, {"account": account, "address": address})
    conn.execute(SQL.give_back_try, {"address": address})
