"""Throw-away databases on a real PostgreSQL, made from a migrated template in milliseconds."""

import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import Connection
from psycopg.sql import Identifier

from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database
from stocktake.store.migrate import ENGINE, Component, migrate
from stocktake.store.queries import Queries, load_queries

__all__ = ["temporary_cluster", "temporary_database", "unprepared"]

_QUERIES = load_queries("stocktake.testing", "database.sql")
_PARAMETER = re.compile(r"%\(([a-z_0-9]+)\)s")
_PREPARABLE = re.compile(r"^\s*(select|insert|update|delete|merge|with|values)\b", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*")


@contextmanager
def temporary_cluster(
    home: Path | None = None, *, pg_bin: Path | None = None, application: str = "tests"
) -> Iterator[LocalCluster]:
    """Run a cluster that forgets: without waiting for the disk, and not for data you want kept.

    Args:
        home: Its folder, kept at the end so that several programs may share the cluster; None
            makes a folder of its own and removes it.
        pg_bin: Folder of PostgreSQL programs, or None to search.
        application: Shown among the cluster's clients.
    """
    folder = home or temporary_home()
    (folder / "postgres").mkdir(parents=True, exist_ok=True)
    conf = folder / "postgres" / "local.conf"
    if not conf.exists():
        fresh = conf.with_name(f"local.conf.{uuid4().hex}")
        fresh.write_text("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
        fresh.chmod(0o644)
        fresh.replace(conf)
    try:
        with LocalCluster(folder, pg_bin=pg_bin, application=application) as cluster:
            yield cluster
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_database(
    cluster: LocalCluster, *, components: Sequence[Component] = (ENGINE,), pool_size: int = 10
) -> Iterator[Database]:
    """Create a fresh database with ``components`` migrated; drop it at the end of the block.

    The first call for the same components migrates a template; later ones copy it.
    """
    template = _template(cluster, components)
    name = f"test_{uuid4().hex[:16]}"
    maintenance = Database(cluster.url("postgres"), application="tests", cluster=cluster)
    with maintenance.login() as connection:
        connection.execute(
            _QUERIES.create_from_template.format(
                name=Identifier(name), template=Identifier(template)
            )
        )
    database = Database(
        cluster.url(name), application="tests", cluster=cluster, pool_size=pool_size
    )
    try:
        yield database
    finally:
        database.close()
        with maintenance.login() as connection:
            connection.execute(_QUERIES.drop_database.format(name=Identifier(name)))


def temporary_home(name: str | None = None) -> Path:
    """Create a folder that the database's account can reach, which pytest's own are not for root.

    Args:
        name: Give programs that shall share the folder the same name; None makes a new one.
    """
    user = "" if sys.platform == "win32" else str(os.geteuid())
    folder = Path(tempfile.gettempdir()) / f"stocktake-test-{user}-{name or uuid4().hex[:12]}"
    folder.mkdir(exist_ok=True)
    if sys.platform != "win32":
        folder.chmod(0o755)
    return folder


def unprepared(
    connection: Connection[Any], queries: Queries, *, identifiers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Let the server parse every select, insert, update, delete, merge and with statement.

    Args:
        connection: A connection whose database has the tables; rolled back after each statement.
        queries: What to try. Statements of other kinds are passed over.
        identifiers: Names to put into ``{placeholders}``; dots separate schema and table.

    Returns:
        The server's complaint for each statement it refuses, by name; empty when all are good.
    """
    names = {key: Identifier(*value.split(".")) for key, value in (identifiers or {}).items()}
    complaints: dict[str, str] = {}
    for name, statement in queries.items():
        if not _PREPARABLE.match(_COMMENT.sub("", statement.as_string(connection))):
            continue
        try:
            filled = statement.format(**names) if names else statement
            text = _numbered(_COMMENT.sub("", filled.as_string(connection)))
            connection.execute(f'prepare "{name}" as {text}'.encode())
            connection.execute(_QUERIES.deallocate_all)
        except (psycopg.Error, KeyError, IndexError) as error:
            complaints[name] = str(error)
        finally:
            connection.rollback()
    return complaints


def _numbered(text: str) -> str:
    """Return a statement with ``$1`` for its first named parameter, ``$2`` for the next."""
    names = list(dict.fromkeys(_PARAMETER.findall(text)))
    for position, name in enumerate(names, start=1):
        text = text.replace(f"%({name})s", f"${position}")
    return text.replace("%%", "%").rstrip().rstrip(";")


def _template(cluster: LocalCluster, components: Sequence[Component]) -> str:
    steps = [f"{each.name} {step.checksum}" for each in components for step in each.migrations]
    name = "template_" + hashlib.sha256("\n".join(steps).encode()).hexdigest()[:16]
    maintenance = Database(cluster.url("postgres"), application="tests", cluster=cluster)
    with maintenance.login() as connection:
        row = connection.execute(_QUERIES.template_exists, {"name": name}).fetchone()
        if row == (True,):
            return name
        # One program makes it; the name appears only when it is complete.
        connection.execute(_QUERIES.lock_templates)
        if connection.execute(_QUERIES.template_exists, {"name": name}).fetchone() == (False,):
            draft = f"draft_{uuid4().hex[:16]}"
            connection.execute(_QUERIES.create_database.format(name=Identifier(draft)))
            migrate(Database(cluster.url(draft), application="tests"), components)
            connection.execute(
                _QUERIES.rename_database.format(name=Identifier(draft), new_name=Identifier(name))
            )
        connection.execute(_QUERIES.unlock_templates)
    return name
