import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stocktake.errors import ClusterError, LoadError, StoreError, UsageError
from stocktake.store.backup import backup, restore, table_sums
from stocktake.store.binaries import Binaries, find_binaries
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database
from stocktake.store.installation import init, read_installation
from stocktake.store.migrate import ENGINE, migrate, verify
from stocktake.store.upgrade import upgrade
from stocktake.testing.database import temporary_database


@pytest.fixture
def fresh(cluster: LocalCluster) -> Iterator[Database]:
    """An empty database to restore into."""
    with temporary_database(cluster, components=()) as empty:
        yield empty


@pytest.fixture
def older() -> Binaries:
    """Another major version of PostgreSQL on this machine."""
    newest = find_binaries().major
    for major in range(newest - 1, 14, -1):
        try:
            return find_binaries(major=major)
        except ClusterError:
            continue
    pytest.skip("only one version of PostgreSQL is installed")


def fill(database: Database, rows: int) -> None:
    with database.owner() as connection:
        connection.execute("create table plant (number bigint primary key, name text, seen date)")
        connection.execute(
            "insert into plant select n, repeat('ü', n %% 7), date '2020-01-01' + n %% 900 "
            "from generate_series(1, %s) n",
            (rows,),
        )


@pytest.mark.fault("C10")
def test_a_restored_database_equals_the_one_that_was_backed_up(
    database: Database, fresh: Database, tmp_path: Path
) -> None:
    fill(database, 5_000)
    init(database, "real")

    made = backup(database, tmp_path / "one.dump")
    restored = restore(made.path, fresh)

    assert restored == made
    assert made.tables["stocktake.plant"].row_count == 5_000
    assert read_installation(fresh) == read_installation(database)
    assert verify(fresh, (ENGINE,))[-1].thing == "relation plant"


@pytest.mark.fault("C10")
def test_a_backup_under_load_is_one_moment(
    database: Database, fresh: Database, tmp_path: Path
) -> None:
    fill(database, 1_000)
    enough = threading.Event()

    def keep_writing() -> None:
        number = 1_000_000
        while not enough.is_set():
            number += 1
            with database.connection() as connection:
                connection.execute("insert into plant values (%s, 'x', '2024-01-01')", (number,))
                connection.execute("delete from plant where number = %s", (number - 50,))

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        made = backup(database, tmp_path / "one.dump")
    finally:
        enough.set()
        writer.join()

    assert restore(made.path, fresh).tables == made.tables
    with database.login() as connection:
        assert table_sums(connection) != made.tables


def test_a_restored_row_that_differs_is_noticed(
    database: Database, fresh: Database, tmp_path: Path
) -> None:
    fill(database, 10)
    made = backup(database, tmp_path / "one.dump")
    sums = tmp_path / "one.dump.sums.json"
    wanted = str(made.tables["stocktake.plant"].checksum)
    sums.write_text(sums.read_text(encoding="utf-8").replace(wanted, "1"), encoding="utf-8")

    with pytest.raises(StoreError, match=r"differ from it: stocktake\.plant"):
        restore(made.path, fresh)


def test_a_dump_cut_short_restores_nothing(
    database: Database, fresh: Database, tmp_path: Path
) -> None:
    fill(database, 5_000)
    made = backup(database, tmp_path / "one.dump")
    os.truncate(made.path, made.byte_count // 2)

    with pytest.raises(StoreError, match="pg_restore failed"):
        restore(made.path, fresh)

    with fresh.login() as connection:
        assert table_sums(connection) == {}


def test_a_file_that_is_no_dump_is_refused(fresh: Database, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader", encoding="utf-8")

    with pytest.raises(LoadError, match="is not a backup"):
        restore(path, fresh)


def test_a_database_in_use_is_not_restored_over(database: Database, tmp_path: Path) -> None:
    made = backup(database, tmp_path / "one.dump")

    with pytest.raises(UsageError, match="already holds an installation"):
        restore(made.path, database)


@pytest.mark.fault("C05")
@pytest.mark.fault("C08")
def test_a_backup_onto_a_full_disk_leaves_the_earlier_one(
    database: Database, tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    version = f"echo 'postgres (PostgreSQL) {find_binaries().version}'"
    full = (
        "for each; do :; done; echo half > \"${each#--file=}\"; echo 'No space left on device' >&2"
    )
    for name in ("postgres", "initdb", "pg_ctl", "pg_dump"):
        program = programs / name
        body = f"{full}; exit 1" if name == "pg_dump" else version
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
    path = tmp_path / "one.dump"
    path.write_bytes(b"earlier")

    with pytest.raises(StoreError, match="No space left") as caught:
        backup(database, path, pg_bin=programs)

    assert "Make room" in (caught.value.hint or "")
    assert path.read_bytes() == b"earlier"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bin", "one.dump"]


def test_an_upgrade_moves_every_row_to_the_newer_version(empty_home: Path, older: Binaries) -> None:
    with LocalCluster(empty_home, pg_bin=older.folder) as cluster:
        with Database(cluster.url("postgres"), application="test").login() as connection:
            connection.execute("create database stocktake")
        database = Database(cluster.url(), application="test", cluster=cluster)
        migrate(database, (ENGINE,))
        fill(database, 100)
        with database.login() as connection:
            before = table_sums(connection)

    done = upgrade(empty_home)

    assert (done.before, done.after) == (older.major, find_binaries().major)
    assert done.kept is not None
    assert (done.kept / "PG_VERSION").read_text(encoding="utf-8").strip() == str(older.major)
    with (
        LocalCluster(empty_home) as cluster,
        Database(cluster.url(), application="test").login() as connection,
    ):
        assert connection.info.server_version // 10_000 == done.after
        assert table_sums(connection) == before


def test_an_upgrade_of_the_newest_version_does_nothing(home: Path) -> None:
    done = upgrade(home)

    assert (done.before, done.kept) == (done.after, None)


def test_a_cluster_in_use_is_not_upgraded(empty_home: Path, older: Binaries) -> None:
    with (
        LocalCluster(empty_home, pg_bin=older.folder, application="stocktake serve"),
        pytest.raises(ClusterError, match="in use: stocktake serve"),
    ):
        upgrade(empty_home)


def test_an_upgrade_killed_between_its_renames_is_finished_by_the_next_start(home: Path) -> None:
    folder = home / "postgres"
    (folder / "data").rename(folder / "data.upgraded")

    with LocalCluster(home) as cluster:
        assert cluster.is_running
    assert not (folder / "data.upgraded").exists()
