"""Every statement of the store, parsed by the real server."""

from stocktake.store.database import Database
from stocktake.store.queries import load_queries, parse_queries
from stocktake.testing.database import unprepared


def test_every_query_of_the_store_is_understood_by_the_server(database: Database) -> None:
    with database.owner() as connection:
        assert unprepared(connection, load_queries("stocktake.store", "sql/store.sql")) == {}


def test_a_query_that_names_no_existing_column_is_reported(database: Database) -> None:
    queries = parse_queries(
        "-- name: right\nselect kind from installation;\n"
        "-- name: wrong\nselect colour from installation where kind = %(kind)s;\n",
        place="here",
    )
    with database.owner() as connection:
        assert unprepared(connection, queries).keys() == {"wrong"}
