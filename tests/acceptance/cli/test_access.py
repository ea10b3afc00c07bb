"""Users, keys and the server from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.cli.command import installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster


@pytest.fixture(autouse=True)
def fresh(cluster: LocalCluster) -> Iterator[None]:
    """An installation of the test's own."""
    with installation(cluster):
        yield
