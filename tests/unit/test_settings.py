from pathlib import Path

import pytest

from stocktake.errors import ConfigurationError
from stocktake.settings import Secret, Settings, default_home, load_settings


def write(home: Path, text: str) -> Path:
    (home / "stocktake.toml").write_text(text, encoding="utf-8")
    return home


def test_without_a_file_or_environment_everything_has_its_default(tmp_path: Path) -> None:
    assert load_settings({}, home=tmp_path) == Settings(home=tmp_path)


def test_the_home_comes_from_the_environment(tmp_path: Path) -> None:
    assert load_settings({"STOCKTAKE_HOME": str(tmp_path)}).home == tmp_path


def test_the_home_of_an_ordinary_user_follows_the_desktop_standard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sys.platform", "linux")

    assert default_home({"HOME": "/h"}) == Path("/h/.local/share/stocktake")
    assert default_home({"HOME": "/h", "XDG_DATA_HOME": "/x"}) == Path("/x/stocktake")


def test_the_home_of_root_is_one_the_server_account_can_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.platform", "linux")

    assert default_home({"HOME": "/anywhere"}) == Path("/var/lib/stocktake")


def test_the_environment_wins_over_the_file_and_an_argument_over_both(tmp_path: Path) -> None:
    write(tmp_path, 'database_url = "postgresql://file/x"\nlog_level = "debug"')
    env = {"STOCKTAKE_DATABASE_URL": "postgresql://env/x", "STOCKTAKE_LOG_LEVEL": "error"}

    from_file = load_settings({}, home=tmp_path)
    from_env = load_settings(env, home=tmp_path)
    given = load_settings(env, home=tmp_path, database_url="postgresql://argument/x")

    assert [each.database_url for each in (from_file, from_env, given)] == [
        Secret("postgresql://file/x"),
        Secret("postgresql://env/x"),
        Secret("postgresql://argument/x"),
    ]
    assert (from_file.log_level, from_env.log_level) == ("debug", "error")


def test_the_database_address_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:p@h/d\n", encoding="utf-8")
    env = {"STOCKTAKE_DATABASE_URL_FILE": str(tmp_path / "url")}

    assert load_settings(env, home=tmp_path).database_url == Secret("postgresql://u:p@h/d")


def test_unknown_settings_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, 'colour = "red"\nlog_level = "info"\nspeed = 3')

    with pytest.raises(ConfigurationError, match="unknown settings: colour, speed"):
        load_settings({}, home=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "log_level = 3",
        'log_level = "loud"',
        'log_format = "xml"',
        "not toml",
        "sources = 3",
        "[sources.a]\nb = [1, 2]",
        "[sources]\na = 1",
    ],
)
def test_an_ill_formed_file_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)

    with pytest.raises(ConfigurationError):
        load_settings({}, home=tmp_path)


def test_a_source_gets_its_own_table(tmp_path: Path) -> None:
    write(tmp_path, '[sources.theracingapi]\nuser = "u"\nhistorical_results = true\nlimit = 5')

    source = load_settings({}, home=tmp_path).source("theracingapi")

    assert dict(source) == {"user": "u", "historical_results": True, "limit": 5}


def test_a_source_without_settings_is_empty(tmp_path: Path) -> None:
    assert dict(load_settings({}, home=tmp_path).source("nobody")) == {}


def test_the_environment_overrides_a_source_setting(tmp_path: Path) -> None:
    write(tmp_path, '[sources.the-racing-api]\nuser = "u"')
    env = {"STOCKTAKE_SOURCE_THE_RACING_API_USER": "v"}

    assert load_settings(env, home=tmp_path).source("the-racing-api")["user"] == "v"


def test_a_password_in_a_file_arrives_as_a_secret_without_its_newline(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("hunter2\n", encoding="utf-8")
    env = {"STOCKTAKE_SOURCE_X_PASSWORD_FILE": str(tmp_path / "p")}

    assert dict(load_settings(env, home=tmp_path).source("x")) == {"password": Secret("hunter2")}


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, '[sources.x]\npassword_file = "/nowhere/p"')

    with pytest.raises(ConfigurationError, match=r"sources\.x\.password_file: /nowhere/p"):
        load_settings({}, home=tmp_path).source("x")


@pytest.mark.fault("S12")
def test_a_secret_never_shows_itself(tmp_path: Path) -> None:
    write(tmp_path, 'database_url = "postgresql://u:canary@h/d"\n[sources.x]\napi_key = "canary"')
    env = {"STOCKTAKE_SOURCE_X_PASSWORD": "canary"}

    settings = load_settings(env, home=tmp_path)
    source = settings.source("x")

    shown = f"{settings!r} {settings} {source} {settings.database_url} {source['api_key']:>9}"
    assert "canary" not in shown
