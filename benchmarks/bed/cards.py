"""Rendered racecards, a lean server for them and a cluster, all for one benchmark."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bed.cluster import Cluster, running_cluster
from benchmarks.bed.days import FIRST_DAY, Rendered, render
from benchmarks.bed.lean_server import LeanServer, lean_server
from benchmarks.bed.meter import Work

__all__ = ["CardsBed", "cards_bed"]


@dataclass(frozen=True, slots=True)
class CardsBed:
    """What contenders fetch from and write to."""

    cluster: Cluster
    server: LeanServer
    rendered: Rendered

    @property
    def urls(self) -> dict[str, str]:
        """Addresses as contenders take them."""
        return {"maintenance_url": self.cluster.url, "base_url": self.server.base_url}

    def work(self, days: int) -> Work:
        """Return the first days as work."""
        return {
            "first": str(FIRST_DAY),
            "days": days,
            "rows": self.rendered.rows(days),
            "servers": [self.cluster.number],
        }


@contextmanager
def cards_bed(days: int, *, etags: bool = False) -> Iterator[CardsBed]:
    """Render days of racecards and serve them beside a running cluster.

    Args:
        etags: Whether the server sends ETags.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rendered = render(folder, days)
        with running_cluster() as cluster, lean_server(folder, etags=etags) as server:
            yield CardsBed(cluster, server, rendered)
