"""Who may see a page: dependencies of routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from stocktake.access.roles import Role
from stocktake.api.identity import Identity, csrf_of, maybe_identity, require
from stocktake.web.site import Visitor

__all__ = ["Admin", "Anybody", "Keeper", "Landlord", "Operator", "Viewer", "Watcher"]


def _visitor(role: Role, *, of_installation: bool = False) -> object:
    allowed = require(role, of_installation=of_installation)

    async def visitor(request: Request) -> Visitor:
        return Visitor(await allowed(request), csrf_of(request))

    return Depends(visitor)


async def _anybody(request: Request) -> Visitor | None:
    found: Identity | None = await maybe_identity(request)
    return Visitor(found, csrf_of(request)) if found else None


Viewer = Annotated[Visitor, _visitor(Role.VIEWER)]
Operator = Annotated[Visitor, _visitor(Role.OPERATOR)]
Admin = Annotated[Visitor, _visitor(Role.ADMIN)]
"""Parameters of routes: who asks, and at least which role that takes."""

Watcher = Annotated[Visitor, _visitor(Role.VIEWER, of_installation=True)]
Keeper = Annotated[Visitor, _visitor(Role.OPERATOR, of_installation=True)]
Landlord = Annotated[Visitor, _visitor(Role.ADMIN, of_installation=True)]
"""The same where it concerns the whole installation: accounts of tenants are refused."""

Anybody = Annotated[Visitor | None, Depends(_anybody)]
"""The parameter of pages that nobody needs to be known for."""
