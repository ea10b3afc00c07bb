"""The local cluster: one PostgreSQL server per home folder, shared by every program that uses it.

The first program in starts the server, the last one out stops it. A server whose clients were all
killed is adopted by the next program, or stopped by its watchdog within a few seconds
(``docs/decisions/0002-local-cluster.md``).
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from stocktake.errors import ClusterError
from stocktake.store.account import Account, server_account
from stocktake.store.binaries import Binaries, find_binaries
from stocktake.store.clients import (
    LOCK_FILE,
    Client,
    FolderLock,
    Registration,
    living_clients,
    postmaster_pid,
    register,
    signal_stop,
    start_watchdog,
)
from stocktake.store.server import Server

__all__ = ["LocalCluster"]

STOPPED_MARK = "stopped"


class LocalCluster:
    """The server below one home folder.

    Use it as a context manager, or pair :meth:`acquire` with :meth:`release`.
    """

    def __init__(
        self, home: Path, *, pg_bin: Path | None = None, application: str = "stocktake"
    ) -> None:
        """Name the cluster; nothing is created or started yet.

        Args:
            home: The installation's folder.
            pg_bin: ``STOCKTAKE_PG_BIN``, or None to search.
            application: What this program is, shown by ``stocktake down``.
        """
        self.home = home.absolute()
        self._pg_bin = pg_bin
        self._application = application
        self._registration: Registration | None = None
        self._server: Server | None = None

    @property
    def pgdata(self) -> Path:
        """The data folder, which may not exist yet."""
        return self.home / "postgres" / "data"

    @property
    def upgraded_pgdata(self) -> Path:
        """Where an upgraded data folder waits for the old one to make room."""
        return self.pgdata.with_name("data.upgraded")

    @property
    def server(self) -> Server:
        """The server's folders and programs.

        Raises:
            ClusterError: No programs fit the data folder.
        """
        if self._server is None:
            self._server = Server(self.home / "postgres", self._binaries(), server_account())
        return self._server

    def acquire(self) -> None:
        """Join as a client; create and start the server if need be. Harmless when repeated.

        Raises:
            ClusterError: It could not be created or started, with the reason and what to do.
        """
        if self._registration is not None:
            return
        self._make_home()
        with FolderLock(self.home).held():
            (self.home / STOPPED_MARK).unlink(missing_ok=True)
            registration = register(self.home, self._application)
            try:
                self._ensure_running()
            except BaseException:
                registration.withdraw()
                raise
            self._registration = registration

    def release(self) -> None:
        """Leave; stop the server when nobody else uses it. Harmless when repeated."""
        if self._registration is None:
            return
        with FolderLock(self.home).held():
            self._registration.withdraw()
            self._registration = None
            if not living_clients(self.home):
                self._stop()

    def revive(self) -> None:
        """Start the server again if it died under us; programs call it before they connect.

        Raises:
            ClusterError: It was stopped on purpose (``stocktake down``), or does not start.
        """
        if self._registration is None or postmaster_pid(self.pgdata) is not None:
            return
        with FolderLock(self.home).held():
            if (self.home / STOPPED_MARK).exists():
                msg = f"The local cluster in {self.home} was stopped by 'stocktake down'."
                raise ClusterError(msg, hint="Start the command again; that starts the cluster.")
            self._ensure_running()

    def stop(self) -> tuple[Client, ...]:
        """Stop the server, whoever uses it; committed work is kept.

        Returns:
            The other programs that were using it; they get errors until started again.

        Raises:
            ClusterError: It did not stop.
        """
        if not self._has_lock:
            return ()
        with FolderLock(self.home).held():
            if self._registration is not None:
                self._registration.withdraw()
                self._registration = None
            users = living_clients(self.home)
            if users:
                (self.home / STOPPED_MARK).touch()
            self._stop()
            return users

    def clients(self) -> tuple[Client, ...]:
        """Return the programs that use the cluster now, oldest first, ourselves included."""
        if not self._has_lock:
            return ()
        with FolderLock(self.home).held():
            return living_clients(self.home)

    @property
    def _has_lock(self) -> bool:
        return (self.home / LOCK_FILE).exists()

    @property
    def is_running(self) -> bool:
        """Whether the server runs."""
        return postmaster_pid(self.pgdata) is not None

    def url(self, database: str = "stocktake") -> str:
        """Return the address of one database; the server need not run."""
        return self.server.url(database)

    def __enter__(self) -> Self:
        """Join as a client."""
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave."""
        self.release()

    def _binaries(self) -> Binaries:
        version = self.pgdata / "PG_VERSION"
        try:
            major = int(version.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return find_binaries(self._pg_bin)
        try:
            return find_binaries(self._pg_bin, major=major)
        except ClusterError as error:
            raise ClusterError(
                f"The data in {self.pgdata} belongs to PostgreSQL {major}. {error.message}",
                hint=f"Make PostgreSQL {major} available once more, then run 'stocktake db "
                "upgrade' to move to the newer version.",
            ) from error

    def _make_home(self) -> None:
        try:
            self.home.mkdir(mode=0o755, parents=True, exist_ok=True)
            FolderLock(self.home).create()
        except OSError as error:
            msg = f"The home folder {self.home} cannot be written: {error.strerror}."
            raise ClusterError(msg, hint="Choose another with --home or STOCKTAKE_HOME.") from error
        account = server_account()
        if not account.can_reach(self.home):
            raise _unreachable(self.home, account)

    def _ensure_running(self) -> None:
        if postmaster_pid(self.pgdata) is not None:
            return
        if self.upgraded_pgdata.exists() and not self.pgdata.exists():
            self.upgraded_pgdata.rename(self.pgdata)  # an upgrade was killed at its last step
        server = self.server.prepared()
        if not (self.pgdata / "PG_VERSION").exists():
            server.initialise()
        server.configure()
        server.start()
        self._server = server
        server_pid = postmaster_pid(self.pgdata)
        if server_pid is None:
            msg = f"PostgreSQL ended right after its start:\n{server.last_log_lines()}"
            raise ClusterError(msg, hint=f"Its log is in {server.logs}.")
        pg_ctl = str(server.binaries.program("pg_ctl"))
        start_watchdog(self.home, self.pgdata, pg_ctl, server_pid=server_pid)

    def _stop(self) -> None:
        if postmaster_pid(self.pgdata) is None:
            return
        if not signal_stop(self.pgdata, str(self.server.binaries.program("pg_ctl"))):
            msg = f"The local cluster in {self.home} did not stop within a minute."
            raise ClusterError(msg, hint="Look for long statements in its log, then try again.")


def _unreachable(home: Path, account: Account) -> ClusterError:
    return ClusterError(
        f"PostgreSQL does not run as root but as '{account.name}', and that account cannot enter "
        f"{home}.",
        hint="Use a home it can reach, such as the default /var/lib/stocktake (--home or "
        "STOCKTAKE_HOME), or run stocktake as an ordinary user.",
    )
