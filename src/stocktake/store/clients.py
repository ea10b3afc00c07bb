"""Who uses a local cluster, and the watchdog that stops it when nobody does.

Each client keeps a lock on a file of its own below ``clients/``. The operating system drops the
lock when the program ends, however it ends, so a killed client never looks alive and a reused
process number never looks like one.

The watchdog is this file run as a program (``python -I clients.py HOME SERVER_PID …``); it must
import the standard library only, to start at once and stay small.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

__all__ = [
    "Client",
    "FolderLock",
    "Registration",
    "living_clients",
    "postmaster_pid",
    "register",
    "signal_stop",
    "start_watchdog",
]

LOCK_FILE = "cluster.lock"
CLIENTS_FOLDER = "clients"
WATCH_EVERY_SECONDS = 1.0
NO_PROCESS = 2_147_483_646
"""A process number that cannot exist; see :func:`forget_foreign_pid`."""


@dataclass(frozen=True, slots=True)
class Client:
    """One program that uses the cluster.

    Attributes:
        pid: Its process number.
        application: What it is, such as ``stocktake serve``.
        since: When it began, seconds since 1970.
    """

    pid: int
    application: str
    since: float


class Registration:
    """A client's own place in the registry, held until :meth:`withdraw`."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        """Take over the open, locked ``file`` at ``path``."""
        self._path = path
        self._file = file

    def withdraw(self) -> None:
        """Give the place up; harmless when repeated."""
        if not self._file.closed:
            self._path.unlink(missing_ok=True)
            self._file.close()


class FolderLock:
    """The lock under which a cluster is created, started, stopped, joined and left."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is locked yet."""
        self._path = folder / LOCK_FILE

    def create(self) -> None:
        """Make the lock's file if need be; the folder must exist."""
        self._path.touch()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the lock, then hold it inside the ``with`` block.

        Raises:
            FileNotFoundError: There is no lock, so there is no cluster.
        """
        with self._path.open("r+", encoding="utf-8") as file:
            _lock(file)
            yield


def register(home: Path, application: str) -> Registration:
    """Enter this program as a client; call it under the :class:`FolderLock`."""
    folder = home / CLIENTS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{os.getpid()}-{time.monotonic_ns()}.json"
    file = path.open("x", encoding="utf-8")
    _try_lock(file)
    json.dump({"pid": os.getpid(), "application": application}, file)
    file.flush()
    return Registration(path, file)


def living_clients(home: Path) -> tuple[Client, ...]:
    """Return the clients that still run, oldest first; forget those that do not.

    Call it under the :class:`FolderLock`.
    """
    living: list[Client] = []
    for path in (home / CLIENTS_FOLDER).glob("*.json"):
        try:
            with path.open("r+", encoding="utf-8") as file:
                if _try_lock(file):
                    path.unlink(missing_ok=True)
                    continue
                since = os.fstat(file.fileno()).st_mtime
                living.append(Client(**json.load(file), since=since))
        except (FileNotFoundError, ValueError, TypeError):
            continue
    return tuple(sorted(living, key=lambda client: client.since))


def postmaster_pid(pgdata: Path) -> int | None:
    """Return the process number of the server that runs on ``pgdata``, or None.

    A number in ``postmaster.pid`` counts only when that process lives and serves this folder:
    after a restart of the machine or container another program may have got the same number.
    """
    pid = _written_pid(pgdata)
    return pid if pid is not None and _serves(pid, pgdata) else None


def forget_foreign_pid(pgdata: Path) -> None:
    """Make PostgreSQL ignore a dead or foreign process number in ``postmaster.pid``.

    The number is replaced by an impossible one; the rest of the file stays, since PostgreSQL
    uses it to notice server processes that outlived a killed postmaster.
    """
    pid = _written_pid(pgdata)
    if pid is None or pid == NO_PROCESS or _serves(pid, pgdata):
        return
    path = pgdata / "postmaster.pid"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    with path.open("r+", encoding="utf-8") as file:  # in place: owner and mode stay
        file.write(f"{NO_PROCESS}\n" + "".join(lines[1:]))
        file.truncate()


def signal_stop(pgdata: Path, pg_ctl: str, *, seconds: float = 60.0) -> bool:
    """Stop the server on ``pgdata`` (fast: sessions end, everything committed is kept).

    Returns:
        Whether no server runs any more.
    """
    pid = postmaster_pid(pgdata)
    if pid is None:
        return True
    if sys.platform == "win32":
        subprocess.run([pg_ctl, "stop", "-D", str(pgdata), "-m", "fast"], check=False)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + seconds
    while postmaster_pid(pgdata) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def start_watchdog(home: Path, pgdata: Path, pg_ctl: str, *, server_pid: int) -> None:
    """Start the detached program that stops this server after its last client vanished."""
    arguments = [sys.executable, "-I", "-S", __file__, str(home), str(pgdata), pg_ctl]
    # Started through a program that ends at once, so that no client has to wait for its end.
    launcher = [sys.executable, "-I", "-S", __file__, "--detach", *arguments, str(server_pid)]
    subprocess.run(
        launcher,
        check=False,
        cwd="/" if sys.platform != "win32" else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def watch(home: Path, pgdata: Path, pg_ctl: str, server_pid: int) -> None:
    """Wait until no client is left, stop the server, end; end too when the server is another."""
    while True:
        time.sleep(WATCH_EVERY_SECONDS)
        if postmaster_pid(pgdata) != server_pid:
            return
        try:
            with FolderLock(home).held():
                if postmaster_pid(pgdata) != server_pid:
                    return
                if not living_clients(home):
                    signal_stop(pgdata, pg_ctl)
                    return
        except FileNotFoundError:  # the whole home was removed
            return


def _written_pid(pgdata: Path) -> int | None:
    try:
        first = (pgdata / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
        return abs(int(first))
    except (FileNotFoundError, ValueError):
        return None


def _serves(pid: int, pgdata: Path) -> bool:
    command = _command_line(pid)
    return "postgres" in command and str(pgdata) in command


def _command_line(pid: int) -> str:
    """Return how a process was started; empty for a dead one and for a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        return raw.replace(b"\0", b" ").decode(errors="replace")
    if sys.platform == "win32":
        query = ["tasklist", "/FI", f"PID eq {pid}", "/FO", "CSV", "/NH"]
    else:
        query = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        while not _try_lock(file):
            time.sleep(0.05)

    def _try_lock(file: IO[str]) -> bool:
        file.seek(1 << 30)  # beyond the text: on Windows a locked range cannot be read
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


if __name__ == "__main__":
    if sys.argv[1] == "--detach":
        subprocess.Popen(sys.argv[2:], start_new_session=True)
    else:
        watch(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
