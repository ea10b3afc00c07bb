from datetime import UTC, datetime, timedelta
from pathlib import Path

from stocktake.settings import Secret, Settings
from stocktake.store.database import Database
from stocktake.store.doctor import Finding, examine
from stocktake.store.installation import init


def now() -> datetime:
    return datetime.now(UTC)


def statuses(findings: tuple[Finding, ...]) -> dict[str, str]:
    return {finding.name: finding.status for finding in findings}


def test_a_new_home_lacks_only_its_cluster_and_stays_empty(empty_home: Path) -> None:
    found = statuses(examine(Settings(home=empty_home), now=now()))

    assert found == {"programs": "pass", "home": "pass", "disk": "pass", "cluster": "warn"}
    assert list(empty_home.iterdir()) == []


def test_a_sound_installation_passes(settings: Settings, database: Database) -> None:
    init(database, "sandbox")

    found = statuses(examine(settings, now=now()))

    # The tests' own cluster does not wait for its disk.
    assert found == {
        "server": "pass",
        "clock": "pass",
        "durability": "warn",
        "schema": "pass",
        "installation": "pass",
    }


def test_whatever_does_not_pass_says_what_to_do(settings: Settings) -> None:
    found = examine(settings, now=now() + timedelta(minutes=5))

    assert {each.name for each in found if each.status != "pass"} == {
        "clock",
        "durability",
        "installation",
    }
    assert all(each.hint for each in found if each.status != "pass")


def test_a_table_changed_by_hand_fails(settings: Settings, database: Database) -> None:
    with database.owner() as connection:
        connection.execute("alter table installation add colour text")

    found = {finding.name: finding for finding in examine(settings, now=now())}

    assert found["schema"].status == "fail"
    assert "column installation.colour: added" in found["schema"].message


def test_a_server_that_is_not_there_fails(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=Secret("postgresql://u@127.0.0.1:1/d"))

    assert statuses(examine(settings, now=now())) == {"connection": "fail"}


def test_a_home_others_can_enter_fails(home: Path) -> None:
    (home / "postgres" / "data").chmod(0o755)

    assert statuses(examine(Settings(home=home), now=now()))["home"] == "fail"


def test_secrets_others_can_read_are_warned_of(settings: Settings) -> None:
    path = settings.home / "stocktake.toml"
    path.write_text("", encoding="utf-8")
    path.chmod(0o644)

    found = statuses(examine(settings, now=now()))
    path.unlink()

    assert found["secrecy"] == "warn"
