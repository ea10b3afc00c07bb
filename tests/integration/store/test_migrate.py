import difflib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from stocktake.errors import MigrationError
from stocktake.store.binaries import find_binaries
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database
from stocktake.store.migrate import ENGINE, Component, Drift, migrate, rollback, verify
from stocktake.testing.database import temporary_database


@pytest.fixture
def bare(cluster: LocalCluster) -> Iterator[Database]:
    """A database nothing was migrated in."""
    with temporary_database(cluster, components=()) as fresh:
        yield fresh


def write(folder: Path, *, up: str, down: str = "select 1;", number: int = 1) -> Component:
    (folder / f"{number:04}_step.up.sql").write_text(up, encoding="utf-8")
    (folder / f"{number:04}_step.down.sql").write_text(down, encoding="utf-8")
    return Component("garden", folder)


def garden(folder: Path) -> Component:
    return write(
        folder,
        up="create schema garden; create table plant (name text primary key);",
        down="drop schema garden cascade;",
    )


def schema_dump(database: Database) -> list[str]:
    dump = subprocess.run(
        [find_binaries().program("pg_dump"), "--schema-only", f"--dbname={database.url}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestr"))]


def difference(before: list[str], after: list[str]) -> list[str]:
    return list(difflib.unified_diff(before, after, lineterm="", n=0))


def test_a_second_migrate_has_nothing_to_do(database: Database) -> None:
    assert migrate(database, (ENGINE,)) == ()


def test_up_down_up_gives_an_identical_schema(bare: Database) -> None:
    empty = schema_dump(bare)
    migrate(bare, (ENGINE,))
    first = schema_dump(bare)
    rollback(bare, ENGINE, to=0)
    emptied = schema_dump(bare)
    migrate(bare, (ENGINE,))
    second = schema_dump(bare)

    assert difference(empty, emptied) == []
    assert difference(first, second) == []


def test_every_single_migration_can_be_taken_back(bare: Database) -> None:
    migrate(bare, (ENGINE,))

    for number in range(len(ENGINE.migrations) - 1, 0, -1):
        rollback(bare, ENGINE, to=number)
        assert [drift for drift in verify(bare, (ENGINE,)) if drift.problem != "pending"] == []


def test_taking_everything_back_leaves_the_roles_other_databases_use(
    bare: Database, database: Database
) -> None:
    migrate(bare, (ENGINE,))
    rollback(bare, ENGINE, to=0)

    with database.connection() as connection:
        assert connection.execute("select current_user").fetchone() == ("stocktake_app",)


def test_the_engine_cannot_go_before_its_systems(bare: Database, tmp_path: Path) -> None:
    migrate(bare, (ENGINE, garden(tmp_path)))

    with pytest.raises(MigrationError, match="before its systems do"):
        rollback(bare, ENGINE, to=0)


def test_a_system_works_in_a_schema_of_its_own(database: Database, tmp_path: Path) -> None:
    migrate(database, (ENGINE, garden(tmp_path)))

    with database.connection() as connection:
        connection.execute("insert into garden.plant values ('rose')")
        assert connection.execute("select name from garden.plant").fetchall() == [("rose",)]


def test_a_file_changed_after_it_was_applied_is_refused(database: Database, tmp_path: Path) -> None:
    migrate(database, (ENGINE, garden(tmp_path)))
    changed = write(tmp_path, up="create schema garden;", down="drop schema garden cascade;")

    with pytest.raises(MigrationError, match="0001_step of garden was changed after") as caught:
        migrate(database, (ENGINE, changed))

    assert "new migration" in (caught.value.hint or "")


def test_a_changed_file_is_named_by_verify(database: Database, tmp_path: Path) -> None:
    migrate(database, (ENGINE, garden(tmp_path)))
    changed = write(tmp_path, up="create schema garden;")

    assert verify(database, (changed,)) == (Drift("garden", "0001_step", "changed file"),)


def test_line_endings_are_no_change(tmp_path: Path) -> None:
    first = garden(tmp_path).migrations[0].checksum
    path = tmp_path / "0001_step.up.sql"
    path.write_bytes(path.read_bytes().replace(b"; ", b";\n"))
    unix = Component("garden", tmp_path).migrations[0].checksum
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert Component("garden", tmp_path).migrations[0].checksum == unix != first


def test_what_was_changed_by_hand_is_named_by_verify(database: Database, tmp_path: Path) -> None:
    component = garden(tmp_path)
    migrate(database, (ENGINE, component))
    with database.owner() as connection:
        connection.execute("alter table garden.plant add height integer")
        connection.execute("alter table garden.plant alter name type varchar(9)")
        connection.execute("create table garden.weed ()")

    assert verify(database, (ENGINE, component)) == (
        Drift("garden", "column plant.height", "added"),
        Drift("garden", "column plant.name", "changed"),
        Drift("garden", "relation weed", "added"),
    )


def test_a_migrated_database_has_no_drift(database: Database) -> None:
    assert verify(database, (ENGINE,)) == ()


def test_a_migration_the_code_does_not_know_is_named_and_tolerated(
    database: Database, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    garden(newer)
    migrate(database, (ENGINE, write(newer, up="create table garden.tree ();", number=2)))
    older = tmp_path / "older"
    older.mkdir()
    component = garden(older)

    assert migrate(database, (ENGINE, component)) == ()
    assert verify(database, (component,)) == (Drift("garden", "0002_step", "unknown"),)


@pytest.mark.fault("C09")
def test_a_failing_file_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    broken = write(tmp_path, up="create schema garden; create table garden.plant (); select 1/0;")

    with pytest.raises(MigrationError, match="0001_step of garden failed going up: division"):
        migrate(database, (ENGINE, broken))

    with database.login() as connection:
        assert connection.execute("select to_regnamespace('garden')").fetchone() == (None,)


@pytest.mark.fault("C09")
def test_a_program_killed_in_a_migration_leaves_nothing_behind(
    database: Database, tmp_path: Path
) -> None:
    slow = write(tmp_path, up="create schema garden; select pg_sleep(60);", down="select 1;")
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from stocktake.store.database import Database\n"
        "from stocktake.store.migrate import Component, migrate\n"
        "migrate(Database(sys.argv[1], application='doomed'), "
        "[Component('garden', Path(sys.argv[2]))])\n"
    )
    doomed = subprocess.Popen([sys.executable, "-c", script, database.url, str(tmp_path)])
    with database.login() as connection:
        sleeping = (
            "select count(*) from pg_stat_activity where application_name like 'doomed %' "
            "and wait_event = 'PgSleep' and datname = current_database()"
        )
        deadline = time.monotonic() + 20
        while connection.execute(sleeping).fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    doomed.send_signal(signal.SIGKILL)
    doomed.wait()

    assert verify(database, (ENGINE, slow)) == (Drift("garden", "0001_step", "pending"),)
    assert len(migrate(database, (ENGINE, garden(tmp_path)))) == 1


@pytest.mark.fault("C09")
def test_a_table_in_use_makes_a_migration_give_up_and_change_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[migrate.__module__], "LOCK_WAIT", "50ms")
    with database.connection() as reader:
        reader.execute("select kind from installation")
        blocked = write(tmp_path, up="drop table stocktake.installation cascade;")

        with pytest.raises(MigrationError, match="waited 50ms for a table in use"):
            migrate(database, (ENGINE, blocked))


def test_programs_that_migrate_at_once_apply_each_file_once(bare: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(migrate, bare, (ENGINE,)) for _ in range(4)]
        steps = [step for each in done for step in each.result()]

    assert [step.migration.number for step in steps] == [
        migration.number for migration in ENGINE.migrations
    ]


def test_databases_of_one_server_can_be_migrated_at_once(home: Path) -> None:
    names = ("one", "two", "three")
    with LocalCluster(home) as cluster:
        with Database(cluster.url("postgres"), application="test").login() as connection:
            for name in names:
                connection.execute(f"create database {name}".encode())
        databases = [Database(cluster.url(name), application="test") for name in names]
        with ThreadPoolExecutor(3) as threads:
            done = list(threads.map(lambda each: migrate(each, (ENGINE,)), databases))

    assert [len(steps) for steps in done] == [len(ENGINE.migrations)] * 3


@pytest.mark.parametrize(
    "files",
    [
        ["0001_a.up.sql"],
        ["0002_a.up.sql", "0002_a.down.sql"],
        ["0001_a.up.sql", "0001_a.down.sql", "0001_b.up.sql", "0001_b.down.sql"],
    ],
)
def test_files_that_make_no_sequence_are_refused(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / name).touch()

    with pytest.raises(MigrationError, match="Migrations of garden"):
        _ = Component("garden", tmp_path).migrations


def test_a_login_that_may_not_create_roles_is_told_what_to_ask_for(home: Path) -> None:
    with LocalCluster(home) as cluster:
        with Database(cluster.url("postgres"), application="test").login() as connection:
            connection.execute("create role guest login")
            connection.execute("create database theirs owner guest")
        guest = psycopg.conninfo.make_conninfo(cluster.url("theirs"), user="guest")

        with pytest.raises(MigrationError, match="'guest' may not create the roles") as caught:
            migrate(Database(guest, application="test"), (ENGINE,))

        hint = caught.value.hint or ""
        asked = hint[hint.index("create role") :]
        with Database(cluster.url("theirs"), application="test").login() as connection:
            connection.execute(asked.encode())
        assert migrate(Database(guest, application="test"), (ENGINE,))


def test_a_login_that_may_create_roles_needs_no_superuser(home: Path) -> None:
    with LocalCluster(home) as cluster:
        with Database(cluster.url("postgres"), application="test").login() as connection:
            connection.execute("create role guest login createrole")
            connection.execute("create database theirs owner guest")
        guest = psycopg.conninfo.make_conninfo(cluster.url("theirs"), user="guest")
        database = Database(guest, application="test")

        assert len(migrate(database, (ENGINE,))) == len(ENGINE.migrations)
        with database.connection() as connection:
            assert connection.execute("select current_user").fetchone() == ("stocktake_app",)
        database.close()
