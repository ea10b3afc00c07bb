"""Old rows of access go: sessions that ended, tries that are forgotten, answers nobody repeats."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.access.audit import SQL
from stocktake.access.sessions import LONGEST
from stocktake.access.tries import FORGOTTEN_AFTER

if TYPE_CHECKING:
    from psycopg import Connection

ANSWERS_KEPT_FOR = timedelta(hours=24)
"""How long the answer to an ``Idempotency-Key`` is given again."""


def tidy(conn: Connection[Any], *, now: datetime) -> None:
    """Remove what no request can need any more, of the tenant in sight; the audit stays."""
    conn.execute(SQL.forget_sessions, {"before": now - LONGEST})
    conn.execute(SQL.forget_old_tries, {"before": now - FORGOTTEN_AFTER, "now": now})
    conn.execute(SQL.forget_answers, {"before": now - ANSWERS_KEPT_FOR})
