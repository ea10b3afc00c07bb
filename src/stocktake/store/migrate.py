"""Plain numbered SQL, up and down, per component, with a ledger.

``engine`` keeps its files in ``store/migrations``; each system has a folder ``migrations`` of its
own and works in the PostgreSQL schema that bears its name. Every file runs as ``stocktake_owner``
in one transaction with its line in the ledger: a program killed half-way leaves nothing behind.
Unqualified names are the component's own schema first, then ``stocktake``.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.abc import Traversable
from importlib.resources import files
from typing import Any, NoReturn, Protocol

import psycopg
from psycopg import Connection
from psycopg.types.json import Jsonb

from stocktake.errors import MigrationError
from stocktake.store import queue_schema
from stocktake.store.queries import load_queries

__all__ = ["ENGINE", "Applied", "Component", "Drift", "Migration", "migrate", "rollback", "verify"]

LOCK_WAIT = "5s"
"""Longest wait for a lock on a table that is in use."""
TURN_WAIT = "60s"
"""Longest wait while another program migrates the same database."""
_FILE = re.compile(r"^(\d{4})_([a-z0-9_]+)\.(up|down)\.sql$")
_QUERIES = load_queries("stocktake.store", "sql/store.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of one component.

    Attributes:
        number: 1, 2, 3, … without holes.
        name: What it does, from the file's name.
        up: SQL that takes the step.
        down: SQL that takes it back.
    """

    number: int
    name: str
    up: str = field(repr=False)
    down: str = field(repr=False)

    @property
    def checksum(self) -> str:
        """SHA-256 over both files, in hexadecimal; line endings do not count."""
        return hashlib.sha256(f"{self.up}\0{self.down}".encode()).hexdigest()

    def __str__(self) -> str:
        """Return the file name without ending."""
        return f"{self.number:04}_{self.name}"


@dataclass(frozen=True)
class Component:
    """A group of migrations with one number sequence.

    Attributes:
        name: ``engine``, or the system's name.
        folder: Where ``NNNN_name.up.sql`` and ``.down.sql`` are.
    """

    name: str
    folder: Traversable

    @classmethod
    def of_package(cls, name: str, package: str) -> "Component":
        """Return the component whose files are in the folder ``migrations`` of ``package``."""
        return cls(name, files(package) / "migrations")

    @property
    def schema(self) -> str:
        """The PostgreSQL schema it works in."""
        return "stocktake" if self.name == "engine" else self.name

    @cached_property
    def migrations(self) -> tuple[Migration, ...]:
        """Every migration, in order.

        Raises:
            MigrationError: A hole or repeat in the numbers, or a file without its other half.
        """
        halves: dict[tuple[int, str], dict[str, str]] = {}
        for file in self.folder.iterdir() if self.folder.is_dir() else ():
            if match := _FILE.match(file.name):
                text = file.read_text(encoding="utf-8").replace("\r\n", "\n")
                halves.setdefault((int(match[1]), match[2]), {})[match[3]] = text
        found = sorted(halves)
        if [number for number, _ in found] != list(range(1, len(found) + 1)):
            self._refuse("numbers must run 0001, 0002, … without hole or repeat", found)
        if incomplete := [key for key in found if len(halves[key]) != len(("up", "down"))]:
            self._refuse("each needs an .up.sql and a .down.sql", incomplete)
        return tuple(Migration(*key, halves[key]["up"], halves[key]["down"]) for key in found)

    def _refuse(self, rule: str, keys: Sequence[tuple[int, str]]) -> NoReturn:
        names = ", ".join(f"{number:04}_{name}" for number, name in keys)
        msg = f"Migrations of {self.name}: {rule} (found {names})."
        raise MigrationError(msg)


ENGINE = Component.of_package("engine", "stocktake.store")


@dataclass(frozen=True, slots=True)
class Applied:
    """One migration that was taken or taken back.

    Attributes:
        component: Whose it is.
        migration: Which one.
        seconds: How long its SQL took.
    """

    component: str
    migration: Migration
    seconds: float


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between code, ledger and database.

    Attributes:
        component: Where.
        thing: A migration, or an object such as ``column unit.state``.
        problem: ``pending``, ``unknown``, ``changed file``, ``missing``, ``added`` or ``changed``.
    """

    component: str
    thing: str
    problem: str


class HasLogin(Protocol):
    """What migrations need of a :class:`~stocktake.store.database.Database`."""

    def login(self) -> AbstractContextManager[Connection[Any]]:
        """Open a connection in autocommit mode."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the ledger."""

    name: str
    checksum: str
    catalog: Mapping[str, str]


def migrate(database: HasLogin, components: Sequence[Component]) -> tuple[Applied, ...]:
    """Apply what is pending, engine first as ordered by ``components``; empty when nothing is.

    Raises:
        MigrationError: A file failed, waited too long for a lock, or was changed after it was
            applied. Files before it stay applied; it left nothing behind.
    """
    with database.login() as connection:
        if not _pending(components, _ledger(connection)):
            if queue_schema.is_outdated(connection):
                _bring_up_queue(connection)
            return ()
        _take_turn(connection)
        try:
            connection.execute(_QUERIES.create_roles)
        except psycopg.errors.InsufficientPrivilege as error:
            raise _roles_refused(connection, error) from error
        connection.execute(_QUERIES.become_owner)
        # Asked again: another program may have migrated while we waited for our turn.
        applied = tuple(
            _step(connection, component, migration, direction="up")
            for component, migration in _pending(components, _ledger(connection))
        )
        queue_schema.bring_up(connection)
        return applied


def _bring_up_queue(connection: Connection[Any]) -> None:
    """Upgrade the queue's schema when nothing else is pending: its package is a newer one now."""
    _take_turn(connection)
    connection.execute(_QUERIES.become_owner)
    queue_schema.bring_up(connection)


def rollback(database: HasLogin, component: Component, *, to: int) -> tuple[Applied, ...]:
    """Take back every migration of ``component`` above number ``to``; 0 takes back all.

    Rows in tables that are dropped are lost: back up first.

    Raises:
        MigrationError: A file failed, or the applied file is not the one at hand.
    """
    with database.login() as connection:
        _take_turn(connection)
        ledger = _ledger(connection)
        _pending((component,), ledger)
        if not ledger:
            return ()
        others = {name for name, _ in ledger} - {component.name}
        if component.name == "engine" and to == 0 and others:
            msg = f"The engine cannot go before its systems do ({', '.join(sorted(others))})."
            raise MigrationError(msg, hint="Roll the systems back to 0 first.")
        connection.execute(_QUERIES.become_owner)
        undone = [
            _step(connection, component, migration, direction="down")
            for migration in reversed(component.migrations)
            if migration.number > to and (component.name, migration.number) in ledger
        ]
        if not _ledger(connection):
            connection.execute(_QUERIES.become_login)
            connection.execute(_QUERIES.drop_roles)
        return tuple(undone)


def verify(database: HasLogin, components: Sequence[Component]) -> tuple[Drift, ...]:
    """Compare the files, the ledger and the database's catalog; empty when they agree."""
    drifts: list[Drift] = []
    with database.login() as connection:
        ledger = _ledger(connection)
        for component in components:
            known = {migration.number: migration for migration in component.migrations}
            applied = {
                number: entry for (name, number), entry in ledger.items() if name == component.name
            }
            for number in sorted(known.keys() | applied.keys()):
                if problem := _compare(known.get(number), applied.get(number)):
                    thing = known.get(number) or f"{number:04}_{applied[number].name}"
                    drifts.append(Drift(component.name, str(thing), problem))
            if applied:
                then = applied[max(applied)].catalog
                drifts += _catalog_drifts(component, then, _catalog(connection, component))
    return tuple(drifts)


def _compare(migration: Migration | None, entry: _Entry | None) -> str | None:
    if migration is None:
        return "unknown"
    if entry is None:
        return "pending"
    return None if entry.checksum == migration.checksum else "changed file"


def _catalog_drifts(
    component: Component, then: Mapping[str, str], now: Mapping[str, str]
) -> list[Drift]:
    problems = {
        thing: "missing" if thing not in now else "added" if thing not in then else "changed"
        for thing in sorted(then.keys() | now.keys())
        if then.get(thing) != now.get(thing)
    }
    return [Drift(component.name, thing, problem) for thing, problem in problems.items()]


def _ledger(connection: Connection[Any]) -> dict[tuple[str, int], _Entry]:
    if connection.execute(_QUERIES.has_ledger).fetchone() == (False,):
        return {}
    return {
        (component, number): _Entry(name, checksum, catalog)
        for component, number, name, checksum, _, _, catalog in connection.execute(
            _QUERIES.applied_migrations
        )
    }


def _pending(
    components: Sequence[Component], ledger: Mapping[tuple[str, int], _Entry]
) -> list[tuple[Component, Migration]]:
    pending: list[tuple[Component, Migration]] = []
    for component in components:
        for migration in component.migrations:
            entry = ledger.get((component.name, migration.number))
            if entry is None:
                pending.append((component, migration))
            elif entry.checksum != migration.checksum:
                msg = f"Migration {migration} of {component.name} was changed after it was applied."
                raise MigrationError(
                    msg, hint="Put the file back as it was and write a new migration instead."
                )
    return pending


def _take_turn(connection: Connection[Any]) -> None:
    try:
        with connection.transaction():
            connection.execute(_QUERIES.set_lock_timeout, {"wait": TURN_WAIT})
            connection.execute(_QUERIES.lock_migrations)
    except psycopg.errors.LockNotAvailable as error:
        msg = f"Another program has been migrating this database for {TURN_WAIT}."
        raise MigrationError(msg, hint="Wait until it is done, then try again.") from error


def _step(
    connection: Connection[Any], component: Component, migration: Migration, *, direction: str
) -> Applied:
    upward = direction == "up"
    started = time.perf_counter()
    try:
        with connection.transaction():
            connection.execute(_QUERIES.set_lock_timeout, {"wait": LOCK_WAIT})
            schemas = ", ".join(dict.fromkeys((component.schema, "stocktake", "public")))
            connection.execute(_QUERIES.set_search_path, {"schemas": schemas})
            connection.execute((migration.up if upward else migration.down).encode())
            seconds = time.perf_counter() - started
            facts = {"component": component.name, "number": migration.number}
            if upward:
                connection.execute(
                    _QUERIES.record_migration,
                    facts
                    | {
                        "name": migration.name,
                        "checksum": migration.checksum,
                        "seconds": seconds,
                        "catalog": Jsonb(_catalog(connection, component)),
                    },
                )
            elif connection.execute(_QUERIES.has_ledger).fetchone() == (True,):
                connection.execute(_QUERIES.forget_migration, facts)
    except psycopg.errors.LockNotAvailable as error:
        msg = f"Migration {migration} of {component.name} waited {LOCK_WAIT} for a table in use."
        raise MigrationError(
            msg, hint="Nothing was changed. Stop long runs, then 'stocktake db migrate'."
        ) from error
    except psycopg.Error as error:
        msg = f"Migration {migration} of {component.name} failed going {direction}: {error}"
        raise MigrationError(
            msg.strip(), hint="Nothing of it was kept; earlier ones are."
        ) from error
    return Applied(component.name, migration, seconds)


def _catalog(connection: Connection[Any], component: Component) -> Mapping[str, str]:
    with connection.transaction():
        # Definitions are printed with or without their schema, depending on the search path.
        connection.execute(_QUERIES.set_search_path, {"schemas": "pg_catalog"})
        row = connection.execute(
            _QUERIES.catalog_fingerprint, {"schema": component.schema}
        ).fetchone()
    return row[0] if row else {}


def _roles_refused(connection: Connection[Any], error: psycopg.Error) -> MigrationError:
    user = connection.info.user
    return MigrationError(
        f"The database user {user!r} may not create the roles Stocktake needs: {error}".strip(),
        hint="Let an administrator run once: create role stocktake_owner nologin; create role "
        f"stocktake_app nologin; grant stocktake_owner, stocktake_app to {user}; grant create on "
        f"database {connection.info.dbname} to stocktake_owner, {user} with grant option;",
    )
