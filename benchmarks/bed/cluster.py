"""A local cluster for a benchmark, set up as every installation's, waiting for the disk."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from stocktake.store.cluster import LocalCluster
from stocktake.testing.database import temporary_home

__all__ = ["Cluster", "fresh_database", "running_cluster"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server.

    Attributes:
        number: Of the program, for its CPU.
    """

    local: LocalCluster
    number: int

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return self.local.url(database)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run a cluster in a folder of its own, which is removed at the end."""
    home = temporary_home()
    try:
        with LocalCluster(home, application="benchmark") as local:
            first_line = (local.pgdata / "postmaster.pid").read_text("utf-8").split()[0]
            yield Cluster(local, int(first_line))
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def fresh_database(cluster_url: str) -> Iterator[str]:
    """Create an empty database beside the one named and yield its address; drop it at the end.

    Args:
        cluster_url: Address of the maintenance database ``postgres``.
    """
    name = f"bench_{uuid4().hex[:12]}"
    with psycopg.connect(cluster_url, autocommit=True) as conn:
        conn.execute(SQL("create database {}").format(Identifier(name)))
        try:
            yield cluster_url.replace("/postgres?", f"/{name}?", 1)
        finally:
            conn.execute(SQL("drop database {} with (force)").format(Identifier(name)))
            conn.execute("checkpoint")
