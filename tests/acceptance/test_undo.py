"""Undo from the command line, killed on its way."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.installation import backfill

if TYPE_CHECKING:
    from datetime import date

    from tests.acceptance.installation import Installation


@pytest.mark.fault("C01")
def test_an_undo_that_is_killed_has_done_all_or_nothing_and_goes_on(
    installation: Installation, settled: date
) -> None:
    installation.run("count", "racing", "--json")  # what is shipped is loaded
    empty = installation.state()
    filled = installation.run(*backfill(settled, settled, "ra_race_results"))
    full = installation.state()
    undo = ("run", "undo", str(filled.document["run_id"]), "--json")

    for point in ("claimed", "rows_undone", "undo_before_commit"):
        assert installation.run(*undo, fail_at=point).code == -signal.SIGKILL
        assert installation.state().differences(full) == [], point
    for point in ("undone", "derive_merged"):
        assert installation.run(*undo, fail_at=point).code == -signal.SIGKILL
        assert installation.state().tables["ra_race_results"] == [], point
    done = installation.run(*undo)

    assert installation.state().differences(empty) == []
    kinds = [kind for _, kind, *_ in installation.rows("runs")]
    assert kinds.count("undo") == 1
    removed = {table: told["removed"] for table, told in done.document["tables"].items()}
    assert removed["ra_race_results"] == filled.document["rows"]["ra_race_results"]["inserted"]
