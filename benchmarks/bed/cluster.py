"""A local cluster for a benchmark, set up as every installation's, waiting for the disk."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stocktake.store.cluster import LocalCluster
from stocktake.testing.database import temporary_home

__all__ = ["Cluster", "running_cluster"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server.

    Attributes:
        number: Of the program, for its CPU.
    """

    local: LocalCluster
    number: int

    @property
    def url(self) -> str:
        """Address of the maintenance database."""
        return self.local.url("postgres")


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
