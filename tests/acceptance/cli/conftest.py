"""The command line as a user calls it, on a database of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.cli.main import main
from stocktake.run.workspace import components
from stocktake.testing.database import temporary_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stocktake.store.cluster import LocalCluster


@dataclass(frozen=True, slots=True)
class Said:
    """What one call printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout, which must be one JSON document."""
        return json.loads(self.out)





@pytest.fixture
def address(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[str]:
    """The address of a fresh, migrated database that the commands of this test use."""
    with temporary_database(cluster, components=components()) as database:
        monkeypatch.setenv("STOCKTAKE_DATABASE_URL", database.url)
        monkeypatch.setenv("STOCKTAKE_HOME", str(tmp_path))
        monkeypatch.setenv("COLUMNS", "140")
        monkeypatch.setenv("STOCKTAKE_SOURCE_THERACINGAPI_RATE_FACTOR", "40")
        yield database.url


@pytest.fixture
def stocktake(
    address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Call the command line in this process: ``stocktake("count", "racing")``."""
    del address

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["stocktake", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capfd.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def elsewhere(address: str) -> Callable[..., Said]:
    """Call the command line in a process of its own."""
    del address

    def call(*arguments: str, **environment: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "stocktake.cli", *arguments],
            capture_output=True,
            check=False,
            env={**os.environ, **environment},
            text=True,
            timeout=120,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return call
