"""Fetch the third-party script of the pages from npm into ``static/vendor``.

``python -m tools.vendor`` installs the packages of ``npm/package-lock.json`` below ``.venv/npm``,
compares every file that is served with its sum in ``vendor.toml``, and copies it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from stocktake.web.vendor import FOLDER, HERE, vendor_files
from tools.source import ROOT

__all__ = ["fetch", "is_complete", "main", "npm_command"]

PLACE = ROOT / ".venv" / "npm"
AXE = PLACE / "node_modules" / "axe-core" / "axe.min.js"


def is_complete() -> bool:
    """Return whether everything is there already and fits."""
    return AXE.is_file() and all(
        (FOLDER / file.name).is_file() and file.fits((FOLDER / file.name).read_bytes())
        for file in vendor_files()
    )


def npm_command() -> list[str] | None:
    """Return how to call npm: that of the wheel, else the machine's; ``None`` without either."""
    own = Path(sys.executable).with_name("npm")
    found = str(own) if own.is_file() else shutil.which("npm")
    return [found] if found else None


def fetch() -> None:
    """Install the locked packages and copy the files that are served.

    Raises:
        SystemExit: npm is missing or failed, or a file is not the one we know.
    """
    npm = npm_command()
    if npm is None:
        sys.exit("the pages need script from npm, and there is no npm: run ./do setup")
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / "npm" / name, PLACE / name)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    done = subprocess.run(
        [*npm, "ci", *options],
        cwd=PLACE,
        env={**os.environ, "npm_config_loglevel": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"npm could not fetch the script of the pages:\n{done.stdout}{done.stderr}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file in vendor_files():
        content = (PLACE / "node_modules" / file.package / file.path).read_bytes()
        if not file.fits(content):
            sys.exit(f"{file.package} {file.path} is not the file of vendor.toml")
        (FOLDER / file.name).write_bytes(content)


def main() -> None:
    """Fetch what is missing; nothing is asked of npm when all is there."""
    if not is_complete():
        fetch()


if __name__ == "__main__":
    main()
