"""What every command works in: settings, database, and the sandbox that stands in for sources."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from stocktake.errors import ConfigurationError
from stocktake.run.clock import Clock, system_clock
from stocktake.run.registry import installed_systems
from stocktake.store.bodies import agree
from stocktake.store.database import POOL_SIZE, open_database
from stocktake.store.installation import init, read_installation
from stocktake.store.migrate import ENGINE, Component
from stocktake.store.trouble import TROUBLE, explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from stocktake.model import Source, System
    from stocktake.settings import Settings
    from stocktake.store.database import Database

TRUE_TEXTS = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Workspace:
    """An open installation.

    Args:
        settings: As read.
        database: Open, migrated.
        kind: ``sandbox`` or ``real``.
        clock: Gives the present instant.
        tenant_id: Whose rows it sees; ``None`` for the installation's own.
    """

    settings: Settings
    database: Database
    kind: str
    clock: Clock = system_clock
    tenant_id: UUID | None = None

    def of(self, tenant_id: UUID) -> Workspace:
        """Return the same installation as one tenant sees it."""
        return replace(self, database=self.database.of(tenant_id), tenant_id=tenant_id)

    @property
    def systems(self) -> Mapping[str, System]:
        """The systems installed; of a tenant only those whose rows belong to tenants."""
        found = installed_systems()
        if self.tenant_id is None:
            return found
        return {name: system for name, system in found.items() if system.has_tenants}

    def lifted(self, system: System) -> frozenset[str]:
        """Return which settings of the system's sources that lift windows or enable feeds are true.

        A sandbox has every add-on unless a setting says otherwise; what is off by default is off
        in a sandbox too.
        """
        lifting = {
            feed.window.lifted_by
            for source, feed in system.feeds()
            if feed.window.lifted_by and self._is_lifted(source.name, feed.window.lifted_by)
        }
        enabling = {
            feed.enabled_by
            for source, feed in system.feeds()
            if feed.enabled_by and self._enables(source, feed.enabled_by)
        }
        return frozenset(lifting | enabling)

    def _is_lifted(self, source: str, setting: str) -> bool:
        if setting in self.settings.source(source):
            return self._is_true(source, setting)
        return self.kind == "sandbox"

    def _enables(self, source: Source, condition: str) -> bool:
        name, is_choice, values = condition.partition("=")
        if not is_choice:
            return self._is_true(source.name, name)
        chosen = self.settings.source(source.name).get(name, source.defaults.get(name, ""))
        return str(chosen).lower() in values.split("|")

    def _is_true(self, source: str, setting: str) -> bool:
        return str(self.settings.source(source).get(setting)).lower() in TRUE_TEXTS

    def enabled(self, system: System, source: Source) -> bool:
        """Return whether any feed of the source may be asked."""
        lifted = self.lifted(system)
        return any(feed.enabled_by in {"", *lifted} for feed in source.feeds)


@contextlib.contextmanager
def open_workspace(
    settings: Settings,
    *,
    application: str,
    clock: Clock = system_clock,
    pool_size: int = POOL_SIZE,
) -> Iterator[Workspace]:
    """Open the database, starting, creating and migrating the local one when needed.

    A database nobody initialised is for real rows, as ``stocktake init`` would make it.

    Raises:
        ConfigurationError: The setting ``captures_url`` says something else than the database.
    """
    with open_database(
        settings, application=application, components=components(), pool_size=pool_size
    ) as database:
        try:
            found = read_installation(database)
            installation = found or init(database, "real")
            agree(database, settings.captures_url, is_new=found is None)
            yield Workspace(settings, database, installation.kind, clock)
        except TROUBLE as error:
            raise explained(error) from error


def components() -> tuple[Component, ...]:
    """Return whose migrations belong to this installation: the engine's and every system's."""
    own = (Component.of_package(one.name, one.package) for one in installed_systems().values())
    return (ENGINE, *own)


RATE_FACTOR = "rate_factor"
"""Source setting of sandboxes: the declared limits are multiplied by it."""

SANDBOX_LOGIN = {"user": "sandbox", "password": "not-a-secret"}
"""Guards nothing: sandboxes listen on loopback and make everything up.

The password is none of the words their answers use: captures show stars in place of a secret.
"""


@contextlib.contextmanager
def reachable_sources(
    workspace: Workspace, system: System
) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Yield settings per source, with a sandbox server running when the database is a sandbox.

    In a sandbox database a source without a configured ``base_url`` is served by the system's own
    sandbox, in this process, on loopback. A real database uses the source's own address and needs
    its credentials.

    Raises:
        ConfigurationError: Credentials are missing, or a real database was pointed at loopback.
    """
    with contextlib.ExitStack() as stack:
        found = {
            source.name: dict(workspace.settings.source(source.name))
            for source in system.sources
            if source.feeds and workspace.enabled(system, source)
        }
        unserved = [name for name, own in found.items() if "base_url" not in own]
        if workspace.kind == "sandbox" and system.sandbox and unserved:
            factor = max(float(str(found[name].get(RATE_FACTOR) or 1)) for name in unserved)
            make = load_place(system.sandbox)
            server = stack.enter_context(make(until=workspace.clock().date(), rate_factor=factor))
            for name in unserved:
                found[name] = {**SANDBOX_LOGIN, **found[name], "base_url": server.base_url}
        for source in system.sources:
            if source.name in found:
                found[source.name].setdefault("base_url", source.base_url)
                _require_credentials(source, found[source.name])
        yield found


def load_place(place: str) -> Any:
    """Return the attribute that ``module:name`` of a declaration points to."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def lacking_credentials(source: Source, own: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the settings a source's login needs and does not have."""
    ways = {"basic": ("user", "password"), "bearer": ("token",), "key": ("token",)}
    return tuple(name for name in ways.get(source.auth, ()) if not own.get(name))


def _require_credentials(source: Source, own: Mapping[str, Any]) -> None:
    lacking = lacking_credentials(source, own)
    if lacking:
        prefix = f"STOCKTAKE_SOURCE_{source.name.upper()}_"
        raise ConfigurationError(
            f"{source.name} needs {' and '.join(lacking)}, which are not set.",
            hint="Set "
            + " and ".join(prefix + name.upper() for name in lacking)
            + f" (or {prefix}{lacking[-1].upper()}_FILE with a file's path), "
            "or try it without an account: stocktake init --sandbox in another --home.",
        )
