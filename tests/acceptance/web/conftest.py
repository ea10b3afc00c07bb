"""One world of pages for all tests of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.web.world import World, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from stocktake.store.cluster import LocalCluster


@pytest.fixture(scope="session")
def world(
    cluster: LocalCluster, today: date, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A filled installation with its pages served."""
    with opened(cluster, today, tmp_path_factory.mktemp("pages")) as found:
        yield found
