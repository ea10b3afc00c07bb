"""Users, keys and the server from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.cli.command import installation, stocktake
from tests.acceptance.installation import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster


@pytest.fixture(autouse=True, scope="module")
def fresh(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An installation that these tests share."""
    with installation(cluster, tmp_path_factory.mktemp("home"), kind="sandbox") as address:
        yield address


def listed(what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stocktake(what, "list", "--json").json[what]
    return found


def test_init_made_an_admin_and_a_second_one_makes_none() -> None:
    assert stocktake("init", "--sandbox", "--json").json["login"] is None
    assert [one["role"] for one in listed("users") if one["name"] == "admin"] == ["admin"]


def test_a_user_is_added_with_a_password_shown_once() -> None:
    made = stocktake("users", "add", "Ann", "--role", "operator", "--json").json

    assert (made["name"], made["role"], len(made["password"])) == ("ann", "operator", 27)
    assert made["password"] not in stocktake("users", "list").out


def test_a_name_that_is_taken_is_refused() -> None:
    stocktake("users", "add", "bob")

    said = stocktake("users", "add", "bob")

    assert said.code == 2
    assert "there is a user 'bob' already" in said.err


def test_a_role_that_does_not_exist_is_refused() -> None:
    said = stocktake("users", "add", "carl", "--role", "king")

    assert said.code == 2
    assert "viewer, operator, admin" in said.err


def test_the_only_admin_stays_one() -> None:
    assert stocktake("users", "role", "admin", "viewer").code == 2
    assert stocktake("users", "deactivate", "admin").code == 2


def test_a_user_is_shut_out_and_let_in_again() -> None:
    stocktake("users", "add", "dora")
    states = []
    for verb in ("deactivate", "activate"):
        stocktake("users", verb, "dora")
        states += [one["is_active"] for one in listed("users") if one["name"] == "dora"]

    assert states == [False, True]


def test_a_key_is_shown_once_and_revoked() -> None:
    made = stocktake("keys", "add", "ci", "--scope", "read", "--days", "30", "--json").json
    stocktake("keys", "revoke", made["key_id"])

    (line,) = [one for one in listed("keys") if one["key_id"] == made["key_id"]]
    assert made["key"].startswith(f"stk_{line['prefix']}_")
    assert (line["scopes"], line["revoked_at"] is None) == (["read"], False)
    assert stocktake("keys", "revoke", made["key_id"]).code == 2
    assert stocktake("keys", "revoke", 999).code == 2


def test_an_invitation_gives_a_token_instead_of_a_password() -> None:
    made = stocktake("users", "add", "eve", "--invite", "--json").json

    assert set(made) == {"name", "role", "token"}
    assert [one["is_invited"] for one in listed("users") if one["name"] == "eve"] == [True]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_server_says_where_it_is_answers_and_ends_when_told(tmp_path: Path) -> None:
    key = stocktake("keys", "add", "served", "--json").json["key"]
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*PROGRAM, "serve", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ,
        ) as served,
    ):
        try:
            assert served.stdout is not None
            text = b""
            while not text.endswith(b"}\n"):
                line = served.stdout.readline()
                assert line, log.read_text()
                text += line
            told = json.loads(text)
            asked = urllib.request.Request(
                f"{told['api']}/systems", headers={"Authorization": f"Bearer {key}"}
            )
            with urllib.request.urlopen(asked, timeout=30) as answer:
                systems = json.load(answer)["systems"]
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"{told['api']}/systems", timeout=30)
        finally:
            served.send_signal(signal.SIGTERM)
            code = served.wait(30)

    assert {one["system"] for one in systems} >= {"racing", "nba"}
    assert told["login"] is None
    assert code == 0


def test_a_port_that_is_none_is_refused() -> None:
    assert stocktake("serve", "--port", "70000").code == 2
