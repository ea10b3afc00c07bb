"""What all requests share, whichever application inside the server answers them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fastapi import Request

if TYPE_CHECKING:
    from uuid import UUID

    from stocktake.api.events import Looks
    from stocktake.api.identity import KnownIdentities
    from stocktake.api.recent import RecentAnswers
    from stocktake.run.workspace import Workspace

SCOPE = "stocktake"
MOST_TENANTS = 500
"""Whose recent answers are kept at the same time."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all requests share.

    Args:
        workspace: What is served: the installation, or what one tenant sees of it.
        identities: Who was let in a moment ago.
        recent: Answers given a moment ago.
        looks: Runs somebody listens to.
        is_behind_https: Whether browsers reach the server by HTTPS.
        tenants: The same per tenant: no answer and no look is shared between two.
    """

    workspace: Workspace
    identities: KnownIdentities
    recent: RecentAnswers
    looks: Looks
    is_behind_https: bool
    tenants: dict[UUID, Shared] = field(default_factory=dict)

    def of(self, tenant_id: UUID | None) -> Shared:
        """Return what the requests of one tenant share; this for the installation's own."""
        if tenant_id is None:
            return self
        if tenant_id not in self.tenants:
            if len(self.tenants) >= MOST_TENANTS:
                self.tenants.clear()
            self.tenants[tenant_id] = replace(
                self,
                workspace=self.workspace.of(tenant_id),
                recent=self.recent.another(),
                looks=type(self.looks)(),
            )
        return self.tenants[tenant_id]


def shared(request: Request) -> Shared:
    """Return what the requests of the caller's tenant share; pages beside the API have it too."""
    found = request.scope[SCOPE]
    assert isinstance(found, Shared)  # noqa: S101 -- the guard put it there
    identity = getattr(request.state, "identity", None)
    return found.of(identity.tenant_id if identity else None)
