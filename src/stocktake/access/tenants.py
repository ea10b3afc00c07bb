"""Tenants: organisations that share an installation and never see each other's rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stocktake.access.audit import SQL, Actor, storable, write_audit
from stocktake.errors import UsageError

if TYPE_CHECKING:
    from psycopg import Connection

Tier = Literal["free", "starter", "professional", "enterprise"]
Status = Literal["active", "suspended", "cancelled"]
TIERS: tuple[str, ...] = get_args(Tier)
STATUSES: tuple[str, ...] = get_args(Status)
MOST_NAME = 200
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation.

    Args:
        tenant_id: Of every row that belongs to it.
        slug: What it is called in commands and addresses.
        name: What people call it.
        tier: What it subscribed to.
        status: Accounts and keys of a tenant that is not active let nobody in.
        zone: IANA zone in which its days are told.
        currency: ISO code its money is told in.
        created_at: When it was made.
        created_by: By whom.
    """

    tenant_id: UUID
    slug: str
    name: str
    tier: Tier
    status: Status
    zone: str
    currency: str
    created_at: datetime
    created_by: str


def add_tenant(
    conn: Connection[Any],
    slug: str,
    *,
    by: Actor,
    now: datetime,
    name: str = "",
    zone: str = "UTC",
) -> Tenant:
    """Make a tenant, active and of the tier ``free``.

    Raises:
        UsageError: The short name is taken or cannot be one, or there is no such zone.
    """
    if not _SLUG.fullmatch(slug):
        raise UsageError(
            f"{slug[:80]!r} cannot be a tenant's short name.",
            hint="1 to 63 letters a to z, digits and -, such as north-radio.",
        )
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"there is no time zone {zone[:80]!r}.") from None
    told = {
        "slug": slug,
        "name": storable(name.strip())[:MOST_NAME] or slug,
        "zone": zone,
        "by": by.name,
        "now": now,
    }
    if conn.execute(SQL.add_tenant, told).fetchone() is None:
        raise UsageError(f"there is a tenant {slug!r} already.", hint="stocktake tenants list")
    write_audit(conn, by, "tenant.add", subject=slug, now=now)
    return find_tenant(conn, slug)


def list_tenants(conn: Connection[Any]) -> list[Tenant]:
    """Return every tenant by its short name; a tenant sees itself alone."""
    return [Tenant(*row) for row in conn.execute(SQL.list_tenants).fetchall()]


def find_tenant(conn: Connection[Any], slug: str) -> Tenant:
    """Return a tenant by its short name.

    Raises:
        UsageError: There is none.
    """
    row = conn.execute(SQL.find_tenant, {"slug": storable(slug)}).fetchone()
    if row is None:
        raise UsageError(f"there is no tenant {slug[:80]!r}.", hint="stocktake tenants list")
    return Tenant(*row)


def change_tenant(
    conn: Connection[Any],
    slug: str,
    *,
    by: Actor,
    now: datetime,
    tier: str | None = None,
    status: str | None = None,
) -> Tenant:
    """Give a tenant another tier or status; what is ``None`` stays.

    Raises:
        UsageError: There is no such tenant, tier or status.
    """
    for word, known in ((tier, TIERS), (status, STATUSES)):
        if word is not None and word not in known:
            raise UsageError(f"{word[:80]!r} is none of {', '.join(known)}.")
    found = find_tenant(conn, slug)
    told = {"tenant_id": found.tenant_id, "tier": tier, "status": status, "now": now}
    conn.execute(SQL.change_tenant, told)
    details = {name: word for name, word in (("tier", tier), ("status", status)) if word}
    write_audit(conn, by, "tenant.change", subject=slug, now=now, details=details)
    return find_tenant(conn, slug)
