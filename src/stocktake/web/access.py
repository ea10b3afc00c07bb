"""Who may see a page: dependencies of routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from stocktake.access.roles import Role
from stocktake.api.identity import Identity, csrf_of, maybe_identity, require
from stocktake.web.site import Visitor

__all__ = ["Admin", "Anybody", "Operator", "Viewer"]


def _visitor(role: Role) -> object:
    allowed = require(role)

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

Anybody = Annotated[Visitor | None, Depends(_anybody)]
"""The parameter of pages that nobody needs to be known for."""
