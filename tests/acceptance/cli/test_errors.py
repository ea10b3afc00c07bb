"""A user's mistake gets a sentence, a way out and the contract's exit code; never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.cli.command import installation, stocktake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster

DAY_HINT = "Write it as YYYY-MM-DD, such as 2024-03-31."
UNITS_HINT = "stocktake gaps lists units of ra_races as they are written."

MISTAKES = [
    ("count rcing", "no system 'rcing' is installed.", "Installed: nba, racing."),
    ("count", "missing argument 'system'.", "stocktake count --help shows what it takes."),
    ("cuont", "no such command 'cuont'.", "stocktake --help shows what it takes."),
    ("count racing --since 2024-13-01", "--since '2024-13-01' is not a day.", DAY_HINT),
    ("count racing --until 31.12.2024", "--until '31.12.2024' is not a day.", DAY_HINT),
    (
        "count racing --since 2024-02-01 --until 2024-01-01",
        "--since 2024-02-01 is after --until 2024-01-01.",
        "Did you mean --since 2024-01-01 --until 2024-02-01?",
    ),
    (
        "count racing --as-of yesterday",
        "--as-of 'yesterday' is not an instant.",
        "Write a day (2024-03-31) or an instant (2024-03-31T06:00Z).",
    ),
    (
        "gaps racing --state lost",
        "'lost' is no unit state.",
        ("States: complete, thin, empty, stale, missing, failed, blocked, unrecoverable, "
        "not_expected, accepted, future, surplus."),
    ),
    (
        "plan racing --order random",
        "--order 'random' does not exist.",
        "Orders: newest, oldest, priority, value.",
    ),
    ("plan racing --sample 0", "--sample must be at least 1, not 0.", None),
    (
        "why racing ra_races 2019-03-05",
        "a unit of ra_races has 2 parts, not 1: '2019-03-05'.",
        UNITS_HINT,
    ),
    (
        "why racing ra_races 2019-03-05/gb/x",
        "a unit of ra_races has 2 parts, not 3: '2019-03-05/gb/x'.",
        UNITS_HINT,
    ),
    (
        "why racing ra_races 2019-02-30/gb",
        "'2019-02-30' is not a day, which a unit of ra_races begins with.",
        DAY_HINT,
    ),
    (
        "why racing ra_races 2019-03-05/fr",
        "'fr' is not a value of ra_races.",
        "Values: gb, ire, hk.",
    ),
    (
        "trace racing ra_races id=1",
        "a row of ra_races is named by race_id.",
        "stocktake trace racing ra_races race_id=…",
    ),
    ("capture show 9", "There is no capture 9.", "why and trace name the captures of a unit."),
    ("run show 9", "there is no run 9.", "stocktake runs lists them."),
    ("run resume 9", "there is no run 9.", "stocktake runs lists them."),
    ("run pause 9", "there is no run 9.", "stocktake runs lists them."),
    ("run cancel 9", "there is no run 9.", "stocktake runs lists them."),
    (
        "run show nine",
        ("invalid value for 'ID': Input should be a valid integer, unable to parse string as an "
        "integer."),
        "stocktake run show --help shows what it takes.",
    ),
    (
        "backfill racing --plan 9",
        "there is no plan 9.",
        "stocktake plan SYSTEM --save makes one.",
    ),
    (
        "load racing ra_race_results /no/such.csv",
        "/no/such.csv: there is no such file.",
        "Check the path.",
    ),
    (
        "load racing ra_mst_horses x.csv --source nope",
        "no file source of that name holds ra_mst_horses.",
        "Name one with --source: hkjc, hkjc_index, hkjc_fixtures, bookmakers, coordinates.",
    ),
    (
        "sources pause nope",
        "there is no source 'nope'.",
        "Sources: balldontlie, cdn, stats, theracingapi.",
    ),
    ("sources verify", "name the source.", "Sources: balldontlie, cdn, stats, theracingapi."),
    (
        "accept racing ra_races 2019-03-05/gb",
        "an accepted gap needs a reason and a name.",
        "Add --reason '…' --by '…', and --until YYYY-MM-DD if it should expire.",
    ),
    ("db rollback nope --to 0", "no component 'nope'.", "Components: engine, nba, racing."),
    (
        "db restore /no/such.backup",
        "/no/such.backup is not a backup.",
        "Give a file that 'stocktake db backup' wrote.",
    ),
    (
        "export racing ra_races --out x --format xml",
        "--format 'xml' does not exist.",
        "Formats: csv, jsonl.",
    ),
    (
        "schedule next",
        "name a schedule or give --cron, one of the two.",
        "stocktake schedule list; or: stocktake schedule next --cron '30 2 * * *'",
    ),
    (
        "schedule next --cron often",
        "'often' is not a cron expression.",
        "It has 1 field. Five fields: minute hour day month weekday, such as '30 2 * * *'.",
    ),
    (
        "schedule next --cron 0_1_*_*_* --zone Mars/Olympus",
        "there is no time zone 'Mars/Olympus'.",
        "IANA names, such as Europe/London or UTC.",
    ),
    ("demo nope", "no system 'nope' is installed.", "Installed: nba, racing."),
    (
        "demo racing",
        "the demo makes a local database of its own.",
        "Leave --database-url and STOCKTAKE_DATABASE_URL away.",
    ),
    (
        "sandbox racing --scale huge",
        "racing has no scale 'huge'.",
        "full is what every sandbox knows.",
    ),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _installation(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One database for all: a refused command changes nothing."""
    with installation(cluster, tmp_path_factory.mktemp("home"), kind="real") as address:
        yield address


@pytest.mark.parametrize(("command", "message", "hint"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_answered_with_a_sentence(
    command: str, message: str, hint: str | None
) -> None:
    said = stocktake(*(word.replace("_*", " *") for word in command.split()), "--json")

    assert (said.code, said.json["error"]["message"], said.json["error"]["hint"]) == (
        2,
        message,
        hint,
    )


def test_an_unknown_dataset_lists_the_known_ones() -> None:
    said = stocktake("count", "racing", "horses", "--json")

    error = said.json["error"]
    assert (said.code, error["message"]) == (2, "racing has no dataset 'horses'.")
    assert error["hint"].startswith("Datasets: ra_mst_regions, ra_mst_courses,")


def test_people_read_the_error_on_stderr_and_nothing_on_stdout() -> None:
    said = stocktake("count", "rcing")

    assert (said.out, said.err) == (
        "",
        "error: no system 'rcing' is installed.\nnext:  Installed: nba, racing.\n",
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "The database address is not one PostgreSQL understands."),
        (
            "postgresql://nobody@127.0.0.1:1/x",
            (
                "The database at 127.0.0.1, database 'x' cannot be reached: "
                "Is the server running on that host and accepting TCP/IP connections?"
            ),
        ),
    ],
)
def test_a_wrong_database_address_is_said_with_exit_3(url: str, message: str) -> None:
    said = stocktake("count", "racing", "--database-url", url, "--json")

    assert (said.code, said.json["error"]["message"]) == (3, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('colour = "red"', "{file}: unknown settings: colour."),
        (
            'log_level = "loud"',
            "log_level is 'loud'; it must be one of auto, debug, info, warning, error.",
        ),
        ("a = ", "{file} cannot be read: Invalid value (at end of document)."),
    ],
)  # fmt: skip
def test_a_bad_settings_file_is_said_with_exit_3(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "stocktake.toml"
    file.write_text(text, encoding="utf-8")

    said = stocktake("count", "racing", "--home", str(tmp_path), "--json")

    assert (said.code, said.json["error"]["message"]) == (3, message.format(file=file))


def test_a_folder_that_does_not_exist_is_said_with_exit_3(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "races.csv"

    said = stocktake("export", "racing", "ra_races", "--out", str(path), "--json")

    assert (said.code, said.json["error"]["message"]) == (
        3,
        f"{path}.partial: No such file or directory.",
    )


def test_a_row_that_is_not_there_is_said() -> None:
    said = stocktake("trace", "racing", "ra_races", "race_id=rac_1", "--json")

    assert (said.code, said.json["error"]["message"]) == (2, "ra_races has no row race_id=rac_1.")


def test_a_real_database_without_credentials_says_how_to_set_them() -> None:
    said = stocktake("backfill", "racing", "--sample", "1", "--json")

    assert (said.code, said.json["error"]) == (
        3,
        {
            "kind": "ConfigurationError",
            "message": "theracingapi needs user and password, which are not set.",
            "hint": "Set STOCKTAKE_SOURCE_THERACINGAPI_USER and "
            "STOCKTAKE_SOURCE_THERACINGAPI_PASSWORD (or "
            "STOCKTAKE_SOURCE_THERACINGAPI_PASSWORD_FILE with a file's path), or try it without "
            "an account: stocktake init --sandbox in another --home.",
        },
    )
