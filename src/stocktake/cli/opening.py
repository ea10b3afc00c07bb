"""Opening the installation for a command; apart, so that ``--help`` does not import the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.access.tenants import find_tenant
from stocktake.observe.logs import configure_logs
from stocktake.observe.traces import start_tracing
from stocktake.run.workspace import open_workspace
from stocktake.store.database import POOL_SIZE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stocktake.run.workspace import Workspace
    from stocktake.settings import Settings


def opened(
    settings: Settings, application: str, *, pool_size: int = POOL_SIZE
) -> AbstractContextManager[Workspace]:
    """Open the installation for a command named ``application``."""
    return open_workspace(settings, application=f"stocktake {application}", pool_size=pool_size)


def seen_by(workspace: Workspace, slug: str) -> Workspace:
    """Return the installation as a tenant sees it.

    Raises:
        UsageError: There is no such tenant.
    """
    with workspace.database.connection() as conn:
        return workspace.of(find_tenant(conn, slug).tenant_id)


def log_as_told(settings: Settings) -> None:
    """Send logs where and how the settings say."""
    configure_logs(level=settings.log_level, style=settings.log_format, secrets=settings.secrets())
    start_tracing()
