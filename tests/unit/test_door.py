"""./do and the pinned packages behind it."""

import re
import subprocess
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.source import ROOT


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return [Requirement(line) for line in [*lines, *project["build-system"]["requires"]]]


def pinned() -> dict[str, list[str]]:
    """Package to the versions pinned with at least one hash; several where markers differ."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for name, version in re.findall(
        r"^(\S+)==(\S+)[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE
    ):
        found.setdefault(canonicalize_name(name.partition("[")[0]), []).append(version)
    return found


def test_everything_declared_is_pinned_with_hashes_as_declared() -> None:
    pins = pinned()
    unpinned = [
        str(requirement)
        for requirement in requirements()
        if not (versions := pins.get(canonicalize_name(requirement.name)))
        or not all(requirement.specifier.contains(version) for version in versions)
    ]

    assert unpinned == [], "run ./do lock and commit constraints.txt"


def test_an_unknown_command_explains_itself_on_stderr() -> None:
    answer = subprocess.run(["sh", ROOT / "do", "fly"], capture_output=True, text=True, check=False)

    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "unknown command 'fly'" in answer.stderr


def test_help_needs_no_environment() -> None:
    answer = subprocess.run(
        ["/bin/sh", ROOT / "do", "help"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "usage: ./do COMMAND" in answer.stdout
