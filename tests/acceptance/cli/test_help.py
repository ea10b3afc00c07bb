"""Help is there at once: it imports nothing that only the commands need."""

import subprocess
import sys

import pytest

from stocktake.cli.commands import COMMANDS

HELP = """
import sys
from stocktake.cli.main import main
sys.argv = ["stocktake", *sys.argv[1:]]
try:
    main()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""
HEAVY = {"rich", "pygments", "markdown_it", "msgspec", "psycopg", "aiohttp", "structlog"}


def said(*arguments: str) -> tuple[str, set[str]]:
    """Return what help says, and the packages it imported."""
    done = subprocess.run(
        [sys.executable, "-c", HELP, *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout, set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--json", "--help"]])
def test_help_imports_neither_rich_nor_the_engine(arguments: list[str]) -> None:
    text, imported = said(*arguments)

    assert text.startswith("Usage: stocktake")
    assert imported & HEAVY == set()


def test_help_lists_every_command_below_its_heading() -> None:
    text, _ = said("--help")

    listed = {
        line.split()[0]: heading
        for block in text.split("\n\n")
        for heading, *lines in [block.splitlines()]
        for line in lines
    }
    wanted = {command.name or "": f"{command.rich_help_panel}:" for command in COMMANDS}
    assert {name: listed.get(name) for name in wanted} == wanted
