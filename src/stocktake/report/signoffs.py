"""Sign-offs as they are kept: written once, never changed."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from stocktake.model import Item, ItemLine, Severity, SignOff
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from psycopg import Connection

QUERIES = load_queries("stocktake.store", "sql/report.sql")


def store_signoff(conn: Connection[Any], signed: SignOff) -> SignOff:
    """Keep a sign-off and return it with its number."""
    row = conn.execute(
        QUERIES.add_signoff,
        {
            "system": signed.system,
            "since": signed.since,
            "until": signed.until,
            "signed_by": signed.by,
            "signed_at": signed.at,
        },
    ).fetchone()
    if row is None:
        raise LookupError("an insert gave no number")
    lines = [
        {
            "signoff_id": row[0],
            "place": place,
            "name": item.name,
            "title": item.title,
            "kind": item.kind,
            "severity": item.severity.value,
            "value": item.value,
            "threshold": item.threshold,
            "detail": item.detail,
            "lines": Jsonb([asdict(line) for line in item.lines]),
            "waived": item.waived,
        }
        for place, item in enumerate(signed.items, start=1)
    ]
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES.add_signoff_item, lines)
    return replace(signed, signoff_id=row[0])


def read_signoffs(
    conn: Connection[Any], *, system: str | None = None, signoff_id: int | None = None
) -> list[SignOff]:
    """Return sign-offs with their items, newest first."""
    found = conn.execute(
        QUERIES.list_signoffs, {"system": system, "signoff_id": signoff_id}
    ).fetchall()
    return [
        SignOff(name, since, until, _items(conn, number), by, at, number)
        for number, name, since, until, by, at in found
    ]


def _items(conn: Connection[Any], signoff_id: int) -> tuple[Item, ...]:
    return tuple(
        Item(
            name,
            title,
            kind,
            Severity(severity),
            value,
            threshold,
            detail,
            [ItemLine(**{**line, "severity": Severity(line["severity"])}) for line in lines],
            waived=waived,
        )
        for name, title, kind, severity, value, threshold, detail, lines, waived in conn.execute(
            QUERIES.signoff_items, {"signoff_id": signoff_id}
        )
    )
