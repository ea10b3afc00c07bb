"""Connections to one database, as the application or as the owner of its tables."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import Identifier
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from stocktake.errors import DatabaseUnavailable, StoreError
from stocktake.settings import Settings
from stocktake.store.binaries import MAJORS
from stocktake.store.cluster import LocalCluster
from stocktake.store.migrate import ENGINE, Component
from stocktake.store.migrate import migrate as run_migrations
from stocktake.store.owner import owner_name
from stocktake.store.queries import load_queries

__all__ = ["Database", "open_database", "tenant"]

DATABASE_NAME = "stocktake"
POOL_SIZE = 10
CONNECT_SECONDS = 10
BORROW_SECONDS = 30.0
PROBE_SECONDS = 2.0
"""After so long without a connection it is asked whether the server is there at all."""
_SESSION = "-c search_path={schemas} -c timezone=UTC -c datestyle=ISO"
_QUERIES = load_queries("stocktake.store", "sql/store.sql")


class Database:
    """A pool of connections to one database.

    Connections act as the role ``stocktake_app``, which owns nothing and is subject to row-level
    security, with ``stocktake`` first on the search path and UTC as time zone. Rows are tuples.
    """

    def __init__(
        self,
        url: str,
        *,
        application: str,
        cluster: LocalCluster | None = None,
        pool_size: int = POOL_SIZE,
    ) -> None:
        """Name the database; the first connection opens the pool.

        Args:
            url: ``postgresql://`` address.
            application: Shown in ``pg_stat_activity``, followed by host and process, and by
                ``stocktake down``.
            cluster: The local cluster behind ``url``, started again should it die.
            pool_size: Most connections at once, 1 to 100.
        """
        self.url = url
        self._application = application
        self._cluster = cluster
        self._pool_size = pool_size
        self._pool: ConnectionPool[Connection[tuple[Any, ...]]] | None = None
        self._opening = threading.Lock()  # two threads may come first

    @contextmanager
    def connection(self) -> Iterator[Connection[tuple[Any, ...]]]:
        """Borrow a connection: committed at the end of the block, rolled back on an error.

        Raises:
            DatabaseUnavailable: None could be had within 30 seconds.
        """
        pool = self._opened()
        try:
            connection = self._borrowed(pool)
        except PoolTimeout as error:
            msg = f"All {self._pool_size} connections were busy for {BORROW_SECONDS:g} seconds."
            raise DatabaseUnavailable(msg, hint="Look for a blocked statement.") from error
        try:
            with connection:
                yield connection
        finally:
            with suppress(PoolClosed):
                pool.putconn(connection)

    def of(self, tenant_id: UUID) -> "Database":
        """Return the same database as one tenant sees it; connections come from this one's pool.

        Every transaction of ``connection()`` begins with the tenant's rows in sight and no others.
        """
        return _TenantsDatabase(self, tenant_id)

    def _borrowed(
        self, pool: ConnectionPool[Connection[tuple[Any, ...]]]
    ) -> Connection[tuple[Any, ...]]:
        try:
            return pool.getconn(timeout=PROBE_SECONDS)
        except PoolTimeout:
            with self.login():  # says at once when nobody is there, where the pool would wait on
                pass
            return pool.getconn(timeout=BORROW_SECONDS - PROBE_SECONDS)

    @contextmanager
    def owner(self) -> Iterator[Connection[tuple[Any, ...]]]:
        """Open a connection as ``stocktake_owner``, for DDL; one transaction, like the pool's.

        Raises:
            DatabaseUnavailable: It cannot be reached.
        """
        with self.login() as connection:
            connection.execute(_QUERIES.become_owner)
            connection.autocommit = False
            with connection:
                yield connection

    @contextmanager
    def login(self) -> Iterator[Connection[tuple[Any, ...]]]:
        """Open a connection as the account of the address itself, in autocommit mode.

        Raises:
            DatabaseUnavailable: It cannot be reached, with the reason and what to do.
        """
        try:
            connection = psycopg.connect(self._conninfo(), autocommit=True)
        except psycopg.OperationalError as error:
            raise _unavailable(self.url, error) from error
        try:
            yield connection
        finally:
            connection.close()

    async def async_connect(self) -> AsyncConnection[tuple[Any, ...]]:
        """Open an asynchronous connection in autocommit mode; the caller closes it.

        Raises:
            DatabaseUnavailable: It cannot be reached.
        """
        try:
            connection = await AsyncConnection.connect(self._conninfo(), autocommit=True)
        except psycopg.OperationalError as error:
            raise _unavailable(self.url, error) from error
        await connection.execute(_QUERIES.become_app)
        return connection

    def close(self) -> None:
        """Close the pool; borrowed connections end when they are given back."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _opened(self) -> ConnectionPool[Connection[tuple[Any, ...]]]:
        with self._opening:
            if self._pool is None:
                with self.login():  # refuses at once, with a reason, where a pool would retry
                    pass
                self._pool = ConnectionPool(
                    self._conninfo,
                    min_size=1,
                    max_size=self._pool_size,
                    open=True,
                    # When borrowed, not when given back: that is done by a thread of the pool, and
                    # whoever comes meanwhile gets another connection, whose caches are cold.
                    check=_become_app,
                    configure=_become_app,
                    name=self._application,
                )
                with suppress(PoolTimeout):  # whoever does not wait makes it open a second one
                    self._pool.wait(CONNECT_SECONDS)
            return self._pool

    def _conninfo(self) -> str:
        return self.conninfo()

    def conninfo(self, *, first_schema: str = "") -> str:
        """Return how to connect; the local cluster is started again if it died.

        Args:
            first_schema: Looked into before ``stocktake``, for a library with a schema of its own.

        Raises:
            DatabaseUnavailable: The address makes no sense.
            ClusterError: The local cluster was stopped, or does not start.
        """
        if self._cluster is not None:
            self._cluster.revive()
        try:
            given = conninfo_to_dict(self.url)
        except psycopg.ProgrammingError as error:
            raise DatabaseUnavailable(
                "The database address is not one PostgreSQL understands.",
                hint="Write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE.",
            ) from error
        schemas = ",".join(filter(None, (first_schema, "stocktake", "public")))
        session = _SESSION.format(schemas=schemas)
        options = f"{given.get('options') or ''} {session}".strip()
        timeout = given.get("connect_timeout") or CONNECT_SECONDS
        return make_conninfo(
            self.url,
            options=options,
            application_name=f"{self._application} {owner_name()}",
            connect_timeout=timeout,
        )


class _TenantsDatabase(Database):
    """A database of which one tenant's rows are seen; the pool is the whole one's."""

    def __init__(self, whole: Database, tenant_id: UUID) -> None:
        super().__init__(
            whole.url,
            application=whole._application,  # noqa: SLF001 -- of its own kind
            cluster=whole._cluster,  # noqa: SLF001 -- of its own kind
        )
        self._whole, self._tenant = whole, tenant_id

    @contextmanager
    def connection(self) -> Iterator[Connection[tuple[Any, ...]]]:
        with self._whole.connection() as connection:
            tenant(connection, self._tenant)
            yield connection

    def of(self, tenant_id: UUID) -> Database:
        return self._whole.of(tenant_id)

    def close(self) -> None:
        """Leave the pool to the whole database."""


@contextmanager
def open_database(
    settings: Settings,
    *,
    application: str,
    migrate: bool = True,
    components: Sequence[Component] = (ENGINE,),
    pool_size: int = POOL_SIZE,
) -> Iterator[Database]:
    """Open the installation's database: the address in ``settings``, else the local cluster.

    The local cluster and its database are created when they do not exist, and the cluster is
    left (and stopped, when nobody else uses it) at the end of the block.

    Args:
        settings: Where the database is.
        application: What this program is, such as ``stocktake serve``.
        migrate: Apply pending migrations of ``components`` first.
        components: The engine, and the systems whose tables are wanted.
        pool_size: Most connections at once.

    Raises:
        DatabaseUnavailable: It cannot be reached.
        ClusterError: The local cluster could not be started.
        MigrationError: A migration failed, or was changed after it was applied.
    """
    if settings.database_url is not None:
        url = settings.database_url.reveal()
        database = Database(url, application=application, pool_size=pool_size)
        with _closing(database):
            _require_version(database)
            if migrate:
                run_migrations(database, components)
            yield database
        return
    with LocalCluster(settings.home, pg_bin=settings.pg_bin, application=application) as cluster:
        _create_database(cluster)
        database = Database(
            cluster.url(DATABASE_NAME),
            application=application,
            cluster=cluster,
            pool_size=pool_size,
        )
        with _closing(database):
            if migrate:
                run_migrations(database, components)
            yield database


def tenant(connection: Connection[Any], tenant_id: UUID | str | None) -> None:
    """Show ``connection`` only the rows of this tenant until its transaction ends.

    None shows no tenant's rows. Outside a transaction it would be forgotten at once.

    Raises:
        StoreError: The connection is in autocommit mode and outside a transaction.
    """
    idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    if connection.autocommit and idle:
        msg = "A tenant can only be set inside a transaction."
        raise StoreError(msg)
    connection.execute(_QUERIES.set_tenant, {"tenant": str(tenant_id or "")})


@contextmanager
def _closing(database: Database) -> Iterator[None]:
    try:
        yield
    finally:
        database.close()


def _become_app(connection: Connection[Any]) -> None:
    connection.autocommit = True  # one round trip instead of three
    connection.execute(_QUERIES.become_app)
    connection.autocommit = False


def _create_database(cluster: LocalCluster) -> None:
    maintenance = Database(cluster.url("postgres"), application="stocktake", cluster=cluster)
    with maintenance.login() as connection:
        row = connection.execute(_QUERIES.database_exists, {"name": DATABASE_NAME}).fetchone()
        if row == (False,):
            statement = _QUERIES.create_database.format(name=Identifier(DATABASE_NAME))
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(statement)


def _require_version(database: Database) -> None:
    with database.login() as connection:
        major = connection.info.server_version // 10_000
    if major < MAJORS[0]:
        msg = f"The server runs PostgreSQL {major}; Stocktake needs {MAJORS[0]} to {MAJORS[-1]}."
        raise DatabaseUnavailable(msg, hint="Upgrade it, or leave --database-url out.")


def _unavailable(url: str, error: psycopg.OperationalError) -> DatabaseUnavailable:
    given = conninfo_to_dict(url)
    where = f"{given.get('host') or 'the local socket'}, database {given.get('dbname')!r}"
    text = str(error).strip()
    for mark, (what, hint) in _REASONS.items():
        if mark in text:
            return DatabaseUnavailable(f"{what} ({where}, user {given.get('user')!r}).", hint=hint)
    last_line = text.splitlines()[-1].strip() if text else type(error).__name__
    return DatabaseUnavailable(
        f"The database at {where} cannot be reached: {last_line}",
        hint="Check that the server runs and that --database-url is right; without one, the "
        "local cluster is used.",
    )


_REASONS = {
    "password authentication failed": (
        "The database refused the password",
        "Correct STOCKTAKE_DATABASE_URL; keep the password in a file with database_url_file.",
    ),
    "no password supplied": (
        "The database wants a password and none was given",
        "Add it to STOCKTAKE_DATABASE_URL, or use a ~/.pgpass file.",
    ),
    "pg_hba.conf": (
        "The database does not accept connections from here for this user",
        "Ask its administrator for an entry in pg_hba.conf.",
    ),
    "too many clients": (
        "The database has no free connection",
        "Stop other programs that use it, or raise its max_connections.",
    ),
    "remaining connection slots": (
        "The database has no free connection",
        "Stop other programs that use it, or raise its max_connections.",
    ),
    'database "': (
        "That database does not exist",
        "Create it first (createdb), or correct STOCKTAKE_DATABASE_URL.",
    ),
    'role "': (
        "That user does not exist in the database",
        "Create it first (createuser), or correct STOCKTAKE_DATABASE_URL.",
    ),
}
