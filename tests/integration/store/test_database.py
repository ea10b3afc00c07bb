import asyncio
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from stocktake.errors import DatabaseUnavailable, StoreError
from stocktake.settings import Secret, Settings
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database, open_database, tenant
from stocktake.store.migrate import ENGINE
from stocktake.store.owner import owner_name
from stocktake.testing.database import temporary_database


def shown(database: Database, *names: str) -> tuple[object, ...]:
    with database.connection() as connection:
        found = [connection.execute(f"show {name}".encode()).fetchone() for name in names]
    return tuple(row[0] for row in found if row)


def test_a_connection_is_the_application_in_utc_on_our_schema(database: Database) -> None:
    assert shown(database, "role", "timezone", "search_path", "application_name") == (
        "stocktake_app",
        "UTC",
        "stocktake,public",
        f"tests {owner_name()}",
    )


def test_leaving_the_block_commits(database: Database) -> None:
    with database.owner() as connection:
        connection.execute("create table kept (number integer)")
    with database.connection() as connection:
        connection.execute("insert into kept values (1)")

    with database.connection() as connection:
        assert connection.execute("select number from kept").fetchall() == [(1,)]


def test_an_error_inside_the_block_rolls_back(database: Database) -> None:
    with database.owner() as connection:
        connection.execute("create table kept (number integer)")

    def insert_then_fail() -> None:
        with database.connection() as connection:
            connection.execute("insert into kept values (1)")
            connection.execute("select 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        insert_then_fail()

    with database.connection() as connection:
        assert connection.execute("select number from kept").fetchall() == []


def test_the_application_may_not_create_tables_in_our_schema(database: Database) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema stocktake"),
        database.connection() as connection,
    ):
        connection.execute("create table stocktake.mine (number integer)")


def test_the_application_may_not_change_the_ledger_of_migrations(database: Database) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="table migration"),
        database.connection() as connection,
    ):
        connection.execute("delete from migration")


@pytest.mark.fault("S07")
def test_what_a_borrower_set_is_gone_for_the_next(cluster: LocalCluster) -> None:
    with temporary_database(cluster, pool_size=1) as database:
        with database.connection() as connection:
            connection.execute("set search_path = public")
            connection.execute("set app.tenant_id = 'someone'")
            connection.execute("reset role")

        assert shown(database, "role", "search_path", "app.tenant_id") == (
            "stocktake_app",
            "stocktake,public",
            "",
        )


@pytest.mark.fault("S07")
def test_a_tenant_is_forgotten_at_the_end_of_the_transaction(cluster: LocalCluster) -> None:
    with temporary_database(cluster, pool_size=1) as database:
        for _ in range(500):
            someone = uuid4()
            with database.connection() as connection:
                tenant(connection, someone)
                assert connection.execute("show app.tenant_id").fetchone() == (str(someone),)

            assert shown(database, "app.tenant_id") == ("",)


def test_a_tenant_outside_a_transaction_is_refused(database: Database) -> None:
    with database.login() as connection, pytest.raises(StoreError, match="inside a transaction"):
        tenant(connection, uuid4())


async def _role_and_mode(database: Database) -> tuple[object, bool]:
    connection = await database.async_connect()
    async with connection:
        row = await (await connection.execute("select current_user")).fetchone()
        return row[0] if row else None, connection.autocommit


def test_an_asynchronous_connection_is_the_application_in_autocommit(database: Database) -> None:
    assert asyncio.run(_role_and_mode(database)) == ("stocktake_app", True)


@pytest.mark.fault("C03")
def test_the_pool_recovers_when_the_server_ends_its_sessions(database: Database) -> None:
    shown(database, "role")
    with database.login() as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )

    assert shown(database, "role") == ("stocktake_app",)


@pytest.mark.fault("C04")
def test_a_pool_whose_connections_are_all_busy_says_so(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stocktake.store.database.BORROW_SECONDS", 0.1)
    busy = pytest.raises(DatabaseUnavailable, match="All 1 connections were busy")
    with temporary_database(cluster, pool_size=1) as database, database.connection(), busy:
        shown(database, "role")


def test_an_address_nobody_listens_at_is_refused_at_once() -> None:
    database = Database("postgresql://u:canary@127.0.0.1:1/d", application="test")

    with pytest.raises(DatabaseUnavailable, match="cannot be reached") as caught:
        shown(database, "role")

    assert "canary" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"dbname": "nowhere"}, "That database does not exist"), ({"user": "nobody_here"}, "user")],
)
def test_a_wrong_address_says_what_is_wrong(
    cluster: LocalCluster, changed: dict[str, str], said: str
) -> None:
    address = make_conninfo(cluster.url("postgres"), **changed)

    with pytest.raises(DatabaseUnavailable, match=said):
        shown(Database(address, application="test"), "role")


def test_a_home_without_a_database_gets_one_migrated(home: Path) -> None:
    with (
        open_database(Settings(home=home), application="test") as database,
        database.connection() as connection,
    ):
        row = connection.execute(
            "select count(*) from migration where component = 'engine'"
        ).fetchone()

    assert row == (len(ENGINE.migrations),)


def test_an_address_in_the_settings_wins_over_the_home(
    database: Database, settings: Settings
) -> None:
    with open_database(settings, application="test") as opened:
        assert opened.url == database.url


def test_a_database_without_roles_can_be_opened_without_migrating(cluster: LocalCluster) -> None:
    with temporary_database(cluster, components=()) as bare:
        settings = Settings(home=cluster.home, database_url=Secret(bare.url))
        with (
            open_database(settings, application="test", migrate=False) as database,
            database.login() as connection,
        ):
            found = connection.execute("select to_regclass('stocktake.migration')").fetchone()

    assert found == (None,)
