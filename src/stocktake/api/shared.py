"""What all requests share, whichever application inside the server answers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request

if TYPE_CHECKING:
    from stocktake.api.events import Looks
    from stocktake.api.identity import KnownIdentities
    from stocktake.api.recent import RecentAnswers
    from stocktake.run.workspace import Workspace

SCOPE = "stocktake"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all requests share.

    Args:
        workspace: The installation that is served.
        identities: Who was let in a moment ago.
        recent: Answers given a moment ago.
        looks: Runs somebody listens to.
        is_behind_https: Whether browsers reach the server by HTTPS.
    """

    workspace: Workspace
    identities: KnownIdentities
    recent: RecentAnswers
    looks: Looks
    is_behind_https: bool


def shared(request: Request) -> Shared:
    """Return what all requests share; pages mounted beside the API have it too."""
    found = request.scope[SCOPE]
    assert isinstance(found, Shared)  # noqa: S101 -- the guard put it there
    return found
