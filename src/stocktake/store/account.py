"""The account that runs the local server: PostgreSQL refuses to run as root."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stocktake.errors import ClusterError

__all__ = ["Account", "server_account"]

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server's programs.

    Attributes:
        name: Account name, for people.
        uid: User number, or None when programs simply run as we do.
        gid: Group number, or None likewise.
    """

    name: str
    uid: int | None = None
    gid: int | None = None

    def run(
        self, arguments: Sequence[str | Path], *, cwd: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this account and return its exit code and texts.

        The program gets a session of its own, so Ctrl-C in our terminal does not reach what it
        starts, and a C locale, so its messages can be searched.
        """
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PG", "LC_", "LANG"))
        }
        return subprocess.run(
            [str(argument) for argument in arguments],
            check=False,
            cwd=cwd,
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            user=self.uid,
            group=self.gid,
            extra_groups=[] if self.uid is not None else None,
        )

    def make_folder(self, folder: Path, *, mode: int = 0o700) -> None:
        """Create ``folder`` if need be and give it to this account with ``mode``."""
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)
        with contextlib.suppress(PermissionError):
            folder.chmod(mode)

    def can_reach(self, folder: Path) -> bool:
        """Tell whether this account can enter ``folder``, tried rather than computed."""
        if self.uid is None:
            return os.access(folder, os.X_OK)
        answer = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
            check=False,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self.uid,
            group=self.gid,
            extra_groups=[],
        )
        return answer.returncode == 0

    def can_run(self, program: Path) -> bool:
        """Tell whether this account can start ``program``, tried with ``--version``."""
        if self.uid is None:
            return True
        try:
            return self.run([program, "--version"], cwd=Path("/")).returncode == 0
        except PermissionError:
            return False


def server_account() -> Account:
    """Return who shall run the server: ourselves, or as root ``postgres``, else ``nobody``.

    Raises:
        ClusterError: We are root and neither account exists.
    """
    if sys.platform == "win32":
        return Account(os.environ.get("USERNAME", "the current user"))
    import pwd  # noqa: PLC0415 - does not exist on Windows

    if os.geteuid() != 0:
        return Account(os.environ.get("USER", str(os.geteuid())))
    for name in _CANDIDATES:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    msg = "PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody'."
    raise ClusterError(
        msg, hint="Run stocktake as an ordinary user, add one of them, or give --database-url."
    )
