"""What somebody may do: three roles, each of which may do what the one before it may."""

from __future__ import annotations

from enum import StrEnum

from stocktake.errors import UsageError


class Role(StrEnum):
    """A viewer reads, an operator also starts and decides, an admin also lets people in."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: Role) -> bool:
        """Return whether this role may do what ``needed`` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


READ, WRITE, ADMIN = "read", "write", "admin"
SCOPES = (READ, WRITE, ADMIN)
"""What an API key may be cut down to; systems may know further ones (``etl:write``)."""


def role_of(word: str) -> Role:
    """Return a role by its word.

    Raises:
        UsageError: There is no such role.
    """
    try:
        return Role(word)
    except ValueError:
        raise UsageError(f"there is no role {word!r}.", hint=f"Roles: {', '.join(Role)}.") from None
