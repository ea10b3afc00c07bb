"""The command line, called in this process as a user calls it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.cli.main import main
from stocktake.run.workspace import components
from stocktake.testing.database import temporary_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def stocktake(*arguments: object) -> Said:
    """Call the command line: ``stocktake("count", "racing")``."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["stocktake", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
    code = stopped.value.code
    assert isinstance(code, int)
    return Said(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def installation(cluster: LocalCluster, home: Path, *, kind: str) -> Iterator[str]:
    """Give the commands a fresh, migrated database; yield its address."""
    with (
        temporary_database(cluster, components=components()) as database,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("STOCKTAKE_DATABASE_URL", database.url)
        patch.setenv("STOCKTAKE_HOME", str(home))
        patch.setenv("COLUMNS", "140")
        patch.setenv("STOCKTAKE_SOURCE_THERACINGAPI_RATE_FACTOR", "40")
        made = stocktake("init", *(["--sandbox"] if kind == "sandbox" else []), "--quiet")
        assert made.code == 0, made.err
        yield database.url
