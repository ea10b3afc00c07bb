from uuid import uuid4

import pytest
from psycopg.conninfo import make_conninfo

from stocktake.store.database import Database
from stocktake.store.statistics import renew_statistics

SCHEMAS = ["stocktake"]


@pytest.fixture
def grown(database: Database) -> Database:
    """A database of which one table was just filled."""
    renew_statistics(database, SCHEMAS)
    with database.owner() as connection:
        connection.execute("create table filled as select generate_series(1, 20000) as number")
    return database


def times_analysed(database: Database, table: str) -> int:
    """By us: the server's own rounds are counted elsewhere."""
    with database.connection() as connection:
        row = connection.execute(
            "select analyze_count from pg_stat_user_tables where relid = %s::regclass", [table]
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_table_that_was_just_filled_is_known_to_the_planner(grown: Database) -> None:
    renewed = renew_statistics(grown, SCHEMAS)

    assert renewed == ["stocktake.filled"]
    assert times_analysed(grown, "stocktake.filled") == 1


def test_tables_that_did_not_grow_are_left_alone(grown: Database) -> None:
    renew_statistics(grown, SCHEMAS)

    assert renew_statistics(grown, SCHEMAS) == []


def test_other_schemas_are_left_alone(grown: Database) -> None:
    assert renew_statistics(grown, ["racing"]) == []


def test_an_account_that_may_not_act_as_the_owner_leaves_it_to_the_server(
    grown: Database,
) -> None:
    name = f"lodger_{uuid4().hex[:8]}"
    with grown.login() as connection:
        connection.execute(f"create role {name} login in role stocktake_app".encode())
    lodger = Database(make_conninfo(grown.url, user=name), application="tests")
    try:
        renew_statistics(lodger, SCHEMAS)
    finally:
        lodger.close()
        with grown.login() as connection:
            connection.execute(f"drop role {name}".encode())

    assert times_analysed(grown, "stocktake.filled") == 0
