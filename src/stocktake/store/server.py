"""Create, configure and start one PostgreSQL server; who may and when is ``cluster``'s part."""

import hashlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from stocktake.errors import ClusterError
from stocktake.store.account import Account
from stocktake.store.binaries import Binaries
from stocktake.store.clients import forget_foreign_pid

__all__ = ["Server"]

SUPERUSER = "stocktake"
PORT = 5432
SOCKET_PATH_LIMIT = 100
"""Bytes; the systems allow 104 to 108 for the whole path of a socket."""
FREE_BYTES_NEEDED = 200 * 1024 * 1024
LOGS_KEPT = 5
LOG_LINES_SHOWN = 12
ORPHANS_SECONDS = 20.0
"""Longest wait for the sessions of a killed server to notice and end."""
_CONF = """\
# Written by Stocktake at every start. Put your own settings into {local}; they win.
{transport}
port = {port}
max_connections = 100
shared_buffers = 128MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
fsync = on
synchronous_commit = on
full_page_writes = on
jit = off
client_connection_check_interval = 2s
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_directory = '{logs}'
log_filename = 'server-%Y%m%d-%H%M%S.log'
log_rotation_age = 0
log_rotation_size = 10MB
log_line_prefix = '%m [%p] %a '
log_checkpoints = off
log_min_messages = warning
{include}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """The folders, programs and account of one local server.

    Attributes:
        folder: ``HOME/postgres``: everything the server's account owns.
        binaries: The programs; :meth:`prepared` makes sure the account can run them.
        account: Who runs it.
    """

    folder: Path
    binaries: Binaries
    account: Account

    @property
    def pgdata(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        """The folder of the server's own log files."""
        return self.folder / "log"

    @property
    def local_conf(self) -> Path:
        """The user's own settings, included last."""
        return self.folder / "local.conf"

    @property
    def socket_folder(self) -> Path:
        """Where the socket lives: below the folder, or in /tmp when that path is too long."""
        near = self.folder / "run"
        if len(os.fsencode(near / f".s.PGSQL.{PORT}")) < SOCKET_PATH_LIMIT:
            return near
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir() if sys.platform == "darwin" else "/tmp") / (  # noqa: S108
            f"stocktake-{name}"
        )

    def url(self, database: str) -> str:
        """Return the address of one database of this server."""
        if sys.platform == "win32":
            password = quote((self.folder / "password").read_text(encoding="utf-8").strip())
            port = (self.folder / "port").read_text(encoding="utf-8").strip()
            return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/{quote(database)}"
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={host}&port={PORT}"

    def initialise(self) -> None:
        """Create the data folder; nothing half-made stays behind when this fails or is killed.

        Raises:
            ClusterError: The disk is too full, or ``initdb`` failed.
        """
        self.account.make_folder(self.folder)
        if shutil.disk_usage(self.folder).free < FREE_BYTES_NEEDED:
            raise _disk_full(self.folder)
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        command: list[str | Path] = [
            self.binaries.program("initdb"),
            *("--pgdata", fresh, "--username", SUPERUSER, "--encoding", "UTF8"),
            *("--data-checksums", "--no-instructions", *self._authentication()),
        ]
        answer = self.account.run([*command, *self._locale("C.UTF-8")], cwd=self.folder)
        if answer.returncode and "invalid locale" in answer.stdout:
            shutil.rmtree(fresh, ignore_errors=True)
            answer = self.account.run([*command, *self._locale("C")], cwd=self.folder)
        if answer.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise _explained(f"initdb failed in {self.folder}", answer.stdout, self.folder)
        fresh.rename(self.pgdata)

    def configure(self) -> None:
        """Write ``postgresql.conf``; the socket folder follows a home that was moved."""
        self._make_socket_folder()
        self.account.make_folder(self.logs)
        for old in sorted(self.logs.glob("server-*.log"))[:-LOGS_KEPT]:
            old.unlink(missing_ok=True)
        text = _CONF.format(
            local=_quoted(self.local_conf),
            logs=_quoted(self.logs),
            port=self._port(),
            transport=self._transport(),
            include=f"include '{_quoted(self.local_conf)}'" if self.local_conf.exists() else "",
        )
        path = self.pgdata / "postgresql.conf"
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")  # in place: owner and mode stay

    def start(self) -> None:
        """Start the server and wait until it accepts connections; it repairs itself if needed.

        Raises:
            ClusterError: It did not start; the message ends with its last log lines.
        """
        forget_foreign_pid(self.pgdata)
        for leftover in self.socket_folder.glob(f".s.PGSQL.{PORT}*"):
            leftover.unlink(missing_ok=True)  # a dead server's; nobody else uses this folder
        deadline = time.monotonic() + ORPHANS_SECONDS
        while self._pg_ctl_start():
            lines = self.last_log_lines()
            if "pre-existing shared memory" not in lines or time.monotonic() > deadline:
                raise _explained(f"PostgreSQL did not start in {self.pgdata}", lines, self.folder)
            time.sleep(0.1)  # sessions of a killed server are still ending

    def _pg_ctl_start(self) -> int:
        start_log = self.logs / "start.log"
        start_log.unlink(missing_ok=True)
        command: list[str | Path] = [self.binaries.program("pg_ctl"), "start", "-s", "-w"]
        answer = self.account.run(
            [*command, "-t", "600", "-D", self.pgdata, "-l", start_log], cwd=self.folder
        )
        return answer.returncode

    def last_log_lines(self) -> str:
        """Return what the server said last, oldest line first; empty when it said nothing."""
        start_log = self.logs / "start.log"
        began = start_log.stat().st_mtime_ns if start_log.exists() else 0
        newest = sorted(self.logs.glob("server-*.log"))[-1:]
        # An older file belongs to an earlier start: this one ended before it got to its own.
        told = [path for path in newest if path.stat().st_mtime_ns >= began]
        lines: list[str] = []
        for path in (start_log, *told):
            if path.exists():
                text = path.read_text(encoding="utf-8", errors="replace")
                lines += [line for line in text.splitlines() if line.strip()]
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def prepared(self) -> "Server":
        """Return this server with programs its account can run, copied near the data if need be."""
        if self.account.can_run(self.binaries.program("postgres")):
            return self
        root = self.binaries.folder.parent
        target = self.folder / "binaries" / self.binaries.version / root.parent.name
        if not (target / root.name).exists():
            self.account.make_folder(self.folder)
            fresh = target.with_name(f"{target.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(root, fresh / root.name, symlinks=True)
            fresh.rename(target)
            libraries = root.parent.with_name(f"{root.parent.name}.libs")
            if libraries.is_dir():  # a wheel's shared libraries, found by relative path
                shutil.copytree(libraries, target.with_name(libraries.name), dirs_exist_ok=True)
            _open_for_reading(self.folder / "binaries")
            self._give(self.folder / "binaries")
        copied = Binaries(
            target / root.name / self.binaries.folder.name,
            self.binaries.version,
            f"{self.binaries.origin}, copied",
        )
        return Server(self.folder, copied, self.account)

    def _give(self, folder: Path) -> None:
        if self.account.uid is None or self.account.gid is None:
            return
        for parent, _, names in os.walk(folder):
            os.chown(parent, self.account.uid, self.account.gid)
            for name in names:
                os.chown(
                    Path(parent) / name,
                    self.account.uid,
                    self.account.gid,
                    follow_symlinks=False,
                )

    def _locale(self, locale: str) -> list[str]:
        if self.binaries.major >= 17 and locale != "C":  # noqa: PLR2004 - first with a builtin C.UTF-8
            return ["--locale-provider=builtin", f"--builtin-locale={locale}", "--locale=C"]
        return [f"--locale={locale}"]

    def _authentication(self) -> list[str]:
        if sys.platform != "win32":
            # Whoever can enter the socket folder (0700) is the owner; there is no TCP.
            return ["--auth-local=trust", "--auth-host=reject"]
        password = self.folder / "password"
        password.write_text(secrets.token_urlsafe(32), encoding="utf-8")
        return ["--auth=scram-sha-256", f"--pwfile={password}"]

    def _transport(self) -> str:
        if sys.platform == "win32":
            return "listen_addresses = '127.0.0.1'"
        return (
            "listen_addresses = ''\n"
            f"unix_socket_directories = '{_quoted(self.socket_folder)}'\n"
            "unix_socket_permissions = 0700"
        )

    def _port(self) -> int:
        if sys.platform != "win32":
            return PORT
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        (self.folder / "port").write_text(str(port), encoding="utf-8")
        return port

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        owner = os.geteuid() if self.account.uid is None else self.account.uid
        if folder.is_symlink() or (folder.exists() and folder.stat().st_uid not in {owner, 0}):
            msg = f"{folder}, where the database's socket belongs, is somebody else's."
            raise ClusterError(msg, hint="Remove it, or use a home with a shorter path.")
        self.account.make_folder(folder)


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "/").replace("'", "''")


def _open_for_reading(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in names:
            path = Path(parent) / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444)


def _disk_full(folder: Path) -> ClusterError:
    free = shutil.disk_usage(folder).free // (1024 * 1024)
    return ClusterError(
        f"The disk that holds {folder} is full ({free} MB free).",
        hint="Make room (200 MB at least) or choose another --home; nothing committed was lost.",
    )


def _explained(what: str, output: str, folder: Path) -> ClusterError:
    if "No space left on device" in output:
        return _disk_full(folder)
    return ClusterError(
        f"{what}. It said:\n{output.strip()}",
        hint="'stocktake doctor' checks what the local cluster needs; the server's log is in "
        f"{folder / 'log'}.",
    )
