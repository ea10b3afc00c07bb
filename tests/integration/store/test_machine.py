"""The same on every other PostgreSQL this machine has."""

from pathlib import Path

import pytest

from stocktake.settings import Settings, load_settings
from stocktake.store.binaries import Binaries, installed_binaries
from stocktake.store.database import open_database
from stocktake.store.migrate import ENGINE, migrate, rollback, verify

OTHERS = [found for found in installed_binaries() if "wheel" not in found.origin]


@pytest.mark.parametrize("binaries", OTHERS, ids=lambda found: found.version)
def test_the_engine_runs_on_the_machines_own_postgresql(
    empty_home: Path, binaries: Binaries
) -> None:
    settings: Settings = load_settings({"STOCKTAKE_PG_BIN": str(binaries.folder)}, home=empty_home)
    with open_database(settings, application="test") as database:
        with database.connection() as connection:
            assert connection.info.server_version // 10_000 == binaries.major
            assert connection.execute("select lower('É'), current_user").fetchone() == (
                "é",
                "stocktake_app",
            )
        rollback(database, ENGINE, to=0)
        assert len(migrate(database, (ENGINE,))) == len(ENGINE.migrations)
        assert verify(database, (ENGINE,)) == ()
