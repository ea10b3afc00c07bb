import psycopg
import pytest

from stocktake.errors import UsageError
from stocktake.store.database import Database
from stocktake.store.installation import init, read_installation, require_kind


def test_a_database_is_for_one_kind_of_rows(database: Database) -> None:
    assert init(database, "sandbox").kind == "sandbox"
    assert read_installation(database) == require_kind(database, "sandbox")


def test_initialising_twice_changes_nothing(database: Database) -> None:
    assert init(database, "real") == init(database, "real")


def test_the_other_kind_is_refused_with_the_way_out(database: Database) -> None:
    init(database, "real")
    with database.connection() as connection:
        connection.execute("insert into body (sha256, bytes, content) values ('x', 1, 'x')")

    with pytest.raises(UsageError, match="holds real rows; sandbox rows may not") as caught:
        init(database, "sandbox")

    assert "stocktake init --sandbox" in (caught.value.hint or "")


def test_the_kind_may_change_while_nothing_was_fetched(database: Database) -> None:
    init(database, "real")

    assert init(database, "sandbox").kind == "sandbox"


def test_a_database_nobody_initialised_is_neither(database: Database) -> None:
    assert read_installation(database) is None
    with pytest.raises(UsageError, match="not yet initialised"):
        require_kind(database, "real")


def test_the_kind_never_changes(database: Database) -> None:
    init(database, "real")

    with (
        database.connection() as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("update installation set kind = 'sandbox'")
