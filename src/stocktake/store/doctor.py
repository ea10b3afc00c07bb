"""Examine what an installation needs; nothing is created, started or changed for good."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from stocktake.errors import StocktakeError
from stocktake.settings import SETTINGS_FILE, Settings
from stocktake.store.account import server_account
from stocktake.store.binaries import MAJORS, find_binaries
from stocktake.store.bodies import agree, read_place
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database, open_database
from stocktake.store.installation import read_installation
from stocktake.store.migrate import ENGINE, Component, verify
from stocktake.store.queries import load_queries

__all__ = ["Finding", "examine"]

Status = Literal["pass", "warn", "fail"]
GIGABYTE = 1024**3
LEAST_FREE_BYTES = 200 * 1024**2
LOW_FREE_BYTES = 2 * GIGABYTE
SKEW_WARN_SECONDS = 2.0
SKEW_FAIL_SECONDS = 60.0
_QUERIES = load_queries("stocktake.store", "sql/store.sql")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined.

    Attributes:
        name: What was examined, one word.
        status: ``pass``, ``warn`` (works, but look at it) or ``fail`` (does not work).
        message: What was found.
        hint: What to do about it; None when it passed.
    """

    name: str
    status: Status
    message: str
    hint: str | None = None


def examine(
    settings: Settings, *, now: datetime, components: Sequence[Component] = (ENGINE,)
) -> tuple[Finding, ...]:
    """Examine the installation; every finding is returned, whatever else failed.

    Args:
        settings: The installation.
        now: This machine's time, to compare with the server's.
        components: Whose migrations shall be there.
    """
    found = list(_secrecy(settings))
    if settings.database_url is None:
        local: tuple[Callable[[Settings], Finding], ...] = (_programs, _home, _disk, _cluster)
        found += [_tried(each.__name__.strip("_"), each, settings) for each in local]
        if not LocalCluster(settings.home).pgdata.exists():
            return tuple(found)
    try:
        with open_database(settings, application="stocktake doctor", migrate=False) as database:
            found += _server(database, now)
            found += _schema(database, components)
            if all(finding.status == "pass" for finding in found if finding.name == "schema"):
                found += _bodies(database, settings)
    except StocktakeError as error:
        found.append(Finding("connection", "fail", error.message, error.hint))
    return tuple(found)


def _tried(name: str, examined: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return examined(settings)
    except StocktakeError as error:
        return Finding(name, "fail", error.message, error.hint)
    except OSError as error:
        return Finding(name, "fail", str(error), "Check the folder and its owner.")


def _secrecy(settings: Settings) -> Iterator[Finding]:
    path = settings.home / SETTINGS_FILE
    if sys.platform != "win32" and path.exists() and path.stat().st_mode & 0o044:
        yield Finding(
            "secrecy",
            "warn",
            f"Other accounts can read {path}.",
            f"chmod 600 {path}, or keep secrets in files of their own (password_file).",
        )


def _programs(settings: Settings) -> Finding:
    found = find_binaries(settings.pg_bin)
    return Finding("programs", "pass", f"PostgreSQL {found.version} from {found.origin}.")


def _home(settings: Settings) -> Finding:
    home = settings.home
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    account = server_account()
    if not os.access(existing, os.W_OK):
        return Finding("home", "fail", f"{existing} cannot be written.", "Choose another --home.")
    if not account.can_reach(existing):
        return Finding(
            "home",
            "fail",
            f"The account {account.name!r}, which runs the server, cannot enter {existing}.",
            "Choose a home it can reach (--home), such as the default /var/lib/stocktake.",
        )
    pgdata = LocalCluster(home).pgdata
    if sys.platform != "win32" and pgdata.exists() and pgdata.stat().st_mode & 0o077:
        return Finding("home", "fail", f"Others can enter {pgdata}.", f"chmod 700 {pgdata}")
    return Finding("home", "pass", f"{home}; the server runs as {account.name!r}.")


def _disk(settings: Settings) -> Finding:
    folder = next(each for each in (settings.home, *settings.home.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    status: Status = "pass"
    if free < LOW_FREE_BYTES:
        status = "fail" if free < LEAST_FREE_BYTES else "warn"
    hint = None if status == "pass" else "Make room, or move --home to a larger disk."
    return Finding("disk", status, f"{free / GIGABYTE:.1f} GB free below {folder}.", hint)


def _cluster(settings: Settings) -> Finding:
    cluster = LocalCluster(settings.home, pg_bin=settings.pg_bin)
    if not cluster.pgdata.exists():
        return Finding(
            "cluster", "warn", "The local cluster does not exist yet.", "Run 'stocktake init'."
        )
    users = ", ".join(f"{user.application} ({user.pid})" for user in cluster.clients())
    state = f"runs, used by {users or 'nobody'}" if cluster.is_running else "is stopped"
    version = cluster.server.binaries.version
    return Finding("cluster", "pass", f"The local cluster (PostgreSQL {version}) {state}.")


def _server(database: Database, now: datetime) -> Iterator[Finding]:
    with database.login() as connection:
        version = connection.info.parameter_status("server_version") or "?"
        known = connection.info.server_version // 10_000 in MAJORS
        row = connection.execute(_QUERIES.server_facts).fetchone()
    yield Finding(
        "server",
        "pass" if known else "warn",
        f"PostgreSQL {version} answers.",
        None if known else f"Stocktake is tested with {MAJORS[0]} to {MAJORS[-1]}.",
    )
    if row is None:
        return
    server_now, is_durable, app_bypasses = row
    skew = abs((server_now - now).total_seconds())
    status: Status = "pass"
    if skew > SKEW_WARN_SECONDS:
        status = "fail" if skew > SKEW_FAIL_SECONDS else "warn"
    hint = None if status == "pass" else "Set both clocks by NTP; schedules use this machine's."
    yield Finding("clock", status, f"The server's clock differs by {skew:.1f} s.", hint)
    if not is_durable:
        yield Finding(
            "durability",
            "warn",
            "The server does not wait for its disk: a power cut can lose committed rows.",
            "Set fsync, synchronous_commit and full_page_writes to on.",
        )
    if app_bypasses:
        yield Finding(
            "roles",
            "fail",
            "The role stocktake_app may bypass row-level security: tenants see each other.",
            "As an administrator: alter role stocktake_app nosuperuser nobypassrls;",
        )


def _bodies(database: Database, settings: Settings) -> Iterator[Finding]:
    """Try the store of captures, where there is one."""
    try:
        agree(database, settings.captures_url)
        with database.connection() as connection:
            place = read_place(connection)
        if place is None:
            return
        place.objects.probe()
    except StocktakeError as error:
        yield Finding("captures", "fail", error.message, error.hint)
        return
    use = "new captures go there" if place.is_used else "new captures go into the database"
    text = f"{place.url} can be written, read and deleted from; {use}."
    yield Finding("captures", "pass", text)


def _schema(database: Database, components: Sequence[Component]) -> Iterator[Finding]:
    drifts = verify(database, components)
    pending = [drift for drift in drifts if drift.problem == "pending"]
    others = [drift for drift in drifts if drift.problem != "pending"]
    if others:
        text = "; ".join(f"{each.component} {each.thing}: {each.problem}" for each in others[:5])
        yield Finding(
            "schema",
            "fail",
            f"{len(others)} differences between migrations and database: {text}.",
            "Undo what was changed by hand, or restore a backup; 'stocktake db verify' lists all.",
        )
    if pending:
        text = f"{len(pending)} migrations are pending."
        yield Finding("schema", "warn", text, "Run 'stocktake db migrate'.")
        return
    if not others:
        yield Finding("schema", "pass", "Every migration is applied and nothing differs.")
    installation = read_installation(database)
    if installation is None:
        yield Finding(
            "installation", "warn", "The database was not initialised.", "Run 'stocktake init'."
        )
    else:
        yield Finding("installation", "pass", f"The database holds {installation.kind} rows.")
