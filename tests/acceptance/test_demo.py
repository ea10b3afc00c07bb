"""The demos as anybody starts them: a hole found, explained and filled, and nothing left to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from stocktake.store.cluster import LocalCluster
from stocktake.testing.database import temporary_home
from tests.acceptance.installation import PROGRAM


@pytest.mark.soak
@pytest.mark.parametrize("system", ["racing", "nba"])
def test_a_demo_ends_complete_and_its_third_run_has_nothing_to_do(system: str) -> None:
    folder = temporary_home()
    kept = {name: text for name, text in os.environ.items() if "STOCKTAKE" not in name}
    try:
        done = subprocess.run(
            [*PROGRAM, "--home", str(folder / "home"), "demo", system, "--json"],
            env=kept,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    finally:
        LocalCluster(folder / "home-demo", application="tests").stop()
        shutil.rmtree(folder, ignore_errors=True)

    told = json.loads(done.stdout)
    last = told["runs"][-1]
    assert told["gaps_before"] > 0
    assert [one["dataset"] for one in told["coverage"] if one["missing"]] == []
    assert (last["requests"], sum(rows["inserted"] for rows in last["rows"].values())) == (0, 0)
