"""Move a local cluster to a newer major version of PostgreSQL, by dump and restore."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from psycopg.sql import Identifier

from stocktake.errors import ClusterError
from stocktake.store.backup import backup, restore
from stocktake.store.binaries import find_binaries
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database
from stocktake.store.queries import load_queries

__all__ = ["Upgrade", "upgrade"]

_QUERIES = load_queries("stocktake.store", "sql/store.sql")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A finished upgrade.

    Attributes:
        before: Major version the data had.
        after: Major version it has now; equal to ``before`` when there was nothing to do.
        kept: The old data folder, yours to delete; None when there was nothing to do.
    """

    before: int
    after: int
    kept: Path | None


def upgrade(home: Path, *, pg_bin: Path | None = None) -> Upgrade:
    """Move the cluster below ``home`` to the newest PostgreSQL at hand, or to ``pg_bin``.

    Every table is compared with its copy before the new data folder takes the old one's place;
    until then the old one is only read. The old programs must still be installed.

    Raises:
        ClusterError: Nothing to upgrade, others are using it, or the target is older.
        StoreError: Dump, restore or comparison failed; the old data is as it was.
    """
    old = LocalCluster(home, application="stocktake db upgrade")
    version = old.pgdata / "PG_VERSION"
    if not version.exists():
        msg = f"There is no local cluster in {home}."
        raise ClusterError(msg, hint="'stocktake init' makes one with the newest version.")
    before, target = int(version.read_text(encoding="utf-8")), find_binaries(pg_bin)
    if target.major == before:
        return Upgrade(before, before, None)
    if target.major < before:
        msg = f"The data belongs to PostgreSQL {before}, which is newer than {target.version}."
        raise ClusterError(msg, hint="PostgreSQL cannot go back; keep the newer programs.")
    workshop = old.home / "upgrade"
    shutil.rmtree(workshop, ignore_errors=True)
    with old:
        if len(old.clients()) > 1:
            others = ", ".join(f"{user.application} ({user.pid})" for user in old.clients()[:-1])
            msg = f"The cluster is in use: {others}."
            raise ClusterError(msg, hint="Stop these programs first.")
        workshop.mkdir(mode=0o755)
        with LocalCluster(workshop, pg_bin=target.folder, application="upgrade") as new:
            for name in _database_names(old):
                _copy(name, old, new)
    return Upgrade(before, target.major, _swap(old, new))


def _database_names(cluster: LocalCluster) -> list[str]:
    database = Database(cluster.url("postgres"), application="upgrade")
    with database.login() as connection:
        return [row[0] for row in connection.execute(_QUERIES.database_names)]


def _copy(name: str, old: LocalCluster, new: LocalCluster) -> None:
    dumps = new.home / "dumps"
    dumps.mkdir(mode=0o700, exist_ok=True)
    programs = new.server.binaries.folder
    dump = backup(
        Database(old.url(name), application="upgrade"), dumps / f"{name}.dump", pg_bin=programs
    )
    with Database(new.url("postgres"), application="upgrade").login() as connection:
        connection.execute(_QUERIES.create_database.format(name=Identifier(name)))
    restore(dump.path, Database(new.url(name), application="upgrade"), pg_bin=programs)


def _swap(old: LocalCluster, new: LocalCluster) -> Path:
    before = (old.pgdata / "PG_VERSION").read_text(encoding="utf-8").strip()
    kept = old.pgdata.with_name(f"data-{before}")
    number = 1
    while kept.exists():
        number += 1
        kept = old.pgdata.with_name(f"data-{before}-{number}")
    # In this order a kill at any point leaves either folder for the next start to take up.
    new.pgdata.rename(old.upgraded_pgdata)
    old.pgdata.rename(kept)
    old.upgraded_pgdata.rename(old.pgdata)
    shutil.rmtree(new.home)
    return kept
