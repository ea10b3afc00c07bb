"""The tutorial and the worked example of a system run as they are written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stocktake.testing.database import temporary_database
from tests.acceptance.cli.command import installation, stocktake
from tests.systems.racing.test_hkjc import full_card, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from stocktake.store.cluster import LocalCluster

DOCS = Path(__file__).parents[3] / "docs"


def console_steps(page: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a page's console blocks, with the lines shown below it."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            yield command, [line for line in shown if line.strip()]


def squeezed(text: str) -> str:
    return " ".join(text.split())


def absent(shown: list[str], out: str) -> list[str]:
    """The lines of a page that a command did not print; columns may be wider."""
    printed = {squeezed(line) for line in out.splitlines()}
    return [line for line in shown if squeezed(line) not in printed]


def test_the_tutorial_prints_what_it_shows(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = {}
    with installation(cluster, tmp_path, kind="sandbox"):
        monkeypatch.setenv("COLUMNS", "100")
        for command, shown in console_steps("tutorial/first-history.md"):
            program, *arguments = shlex.split(command)
            said = stocktake(*arguments)
            assert program == "stocktake"
            if lines := absent(shown, said.out):
                wrong[command] = (lines, said.out, said.err)

    assert wrong == {}


def files_of_the_example(folder: Path) -> None:
    """Write the package of the page, and what an installer would note about it."""
    text = (DOCS / "howto/add-a-system.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    up, down, count = (body for kind, body in blocks if kind == "sql")
    (module,) = (body for kind, body in blocks if kind == "python")
    (sample,) = (body for kind, body in blocks if kind == "csv")
    (entry,) = (body for kind, body in blocks if kind == "toml")
    assert entry.splitlines()[1] == 'rainfall = "rainfall:system"'
    for name, content in {
        "rainfall/migrations/0001_tables.up.sql": up,
        "rainfall/migrations/0001_tables.down.sql": down,
        "rainfall/count.sql": count,
        "rainfall/__init__.py": module,
        "rainfall-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: rainfall\nVersion: 1\n",
        "rainfall-1.dist-info/entry_points.txt": (
            "[stocktake.systems]\nrainfall = rainfall:system\n"
        ),
        "week.csv": sample,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def test_the_worked_example_of_a_system_runs(cluster: LocalCluster, tmp_path: Path) -> None:
    files_of_the_example(tmp_path)
    wrong = {}
    with temporary_database(cluster) as database:
        environment = {
            **os.environ,
            "COLUMNS": "100",
            "PYTHONPATH": str(tmp_path),
            "STOCKTAKE_DATABASE_URL": database.url,
            "STOCKTAKE_HOME": str(tmp_path),
        }
        for command, shown in console_steps("howto/add-a-system.md"):
            done = subprocess.run(
                [sys.executable, "-c", "from stocktake.cli.main import main; main()",
                 *shlex.split(command)[1:]],
                capture_output=True, check=False, cwd=tmp_path, env=environment, text=True,
                timeout=60,
            )  # fmt: skip
            if lines := absent(shown, done.stdout):
                wrong[command] = (lines, done.stdout, done.stderr)

    assert wrong == {}


def test_the_page_on_undo_prints_what_it_shows(cluster: LocalCluster, tmp_path: Path) -> None:
    file = tmp_path / "results_2025-03-02.csv"
    file.write_bytes(written(full_card()))
    wrong = {}
    with installation(cluster, tmp_path, kind="real"):
        stocktake("load", "racing", "ra_race_results", file, "--source", "hkjc")
        for command, shown in console_steps("howto/undo-a-run.md"):
            _, *arguments = shlex.split(command)
            said = stocktake(*arguments)
            if said.code or absent(shown, said.out):
                wrong[command] = (shown, said.out, said.err)

    assert wrong == {}
