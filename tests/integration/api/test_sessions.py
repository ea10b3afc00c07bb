"""Logging in, the session's cookie and form token, ending sessions, the first start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from argon2 import PasswordHasher
from psycopg.sql import SQL, Identifier

from stocktake.access import passwords
from stocktake.access.roles import Role
from stocktake.access.tidied import tidy
from stocktake.access.users import set_role
from tests.integration.api.conftest import PASSWORD, TESTS, Served

if TYPE_CHECKING:
    from starlette.testclient import TestClient

SESSION = "/api/v1/session"


def password_tried(client: TestClient, name: str, password: str = "wrong " * 3) -> int:
    return client.post(SESSION, json={"name": name, "password": password}).status_code


def test_a_login_tells_who_came_in(served: Served) -> None:
    browser = served.logged_in("ann", Role.OPERATOR)

    told = browser.get(SESSION).json()

    assert (told["name"], told["role"], told["via"]) == ("ann", "operator", "session")


@pytest.mark.fault("S08")
def test_the_cookie_over_http_on_this_machine_is_plain_and_for_no_script(served: Served) -> None:
    served.user("ann")

    answer = served.caller().post(SESSION, json={"name": "ann", "password": PASSWORD})

    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith("stocktake=")
    assert set(flags) == {"HttpOnly", "Max-Age=604800", "Path=/", "SameSite=lax"}


@pytest.mark.fault("S08")
def test_the_cookie_over_https_belongs_to_this_host_alone(served: Served) -> None:
    served.user("ann")
    browser = served.caller(base_url="https://localhost")

    answer = browser.post(SESSION, json={"name": "ann", "password": PASSWORD})

    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-stocktake=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(flags)


@pytest.mark.fault("S08")
def test_no_session_begins_over_http_from_another_machine(served: Served) -> None:
    served.user("ann")
    browser = served.caller(address="203.0.113.9")

    answer = browser.post(SESSION, json={"name": "ann", "password": PASSWORD})

    assert (answer.status_code, answer.json()["code"]) == (403, "insecure")
    assert "set-cookie" not in answer.headers


@pytest.mark.fault("S08")
def test_a_login_does_not_keep_the_session_it_came_with(served: Served) -> None:
    browser = served.logged_in("ann")
    before = browser.cookies["stocktake"]

    browser.post(SESSION, json={"name": "ann", "password": PASSWORD})

    other = served.caller()
    other.cookies.set("stocktake", before)
    assert browser.cookies["stocktake"] != before
    assert other.get(SESSION).status_code == 401


@pytest.mark.fault("S08")
def test_a_token_chosen_by_somebody_else_is_never_a_session(served: Served) -> None:
    served.user("ann")
    browser = served.caller()
    browser.cookies.set("stocktake", "fixed-by-an-attacker")

    browser.post(SESSION, json={"name": "ann", "password": PASSWORD})

    planted = served.caller()
    planted.cookies.set("stocktake", "fixed-by-an-attacker")
    assert planted.get(SESSION).status_code == 401


@pytest.mark.fault("S08")
def test_a_logout_ends_the_session_on_the_server(served: Served) -> None:
    browser = served.logged_in("ann")
    token = browser.cookies["stocktake"]

    assert browser.delete(SESSION).status_code == 204

    other = served.caller()
    other.cookies.set("stocktake", token)
    assert other.get(SESSION).status_code == 401


@pytest.mark.fault("S08")
@pytest.mark.parametrize("token", ["", "x" * 64, None])
def test_an_unsafe_request_without_the_forms_token_is_refused(
    served: Served, token: str | None
) -> None:
    browser = served.logged_in("ann", Role.ADMIN)
    del browser.headers["X-CSRF-Token"]

    answer = browser.post(
        "/api/v1/keys", json={"name": "k"}, headers={"X-CSRF-Token": token} if token else {}
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


@pytest.mark.fault("S08")
def test_the_token_of_another_session_is_refused(served: Served) -> None:
    ann, bob = served.logged_in("ann", Role.ADMIN), served.logged_in("bob", Role.ADMIN)

    ann.headers["X-CSRF-Token"] = bob.headers["X-CSRF-Token"]

    assert ann.post("/api/v1/keys", json={"name": "k"}).json()["code"] == "csrf"


@pytest.mark.fault("S08")
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
    ],
)
def test_an_unsafe_request_of_another_site_is_refused(
    served: Served, headers: dict[str, str]
) -> None:
    served.user("ann")

    answer = served.caller().post(
        SESSION, json={"name": "ann", "password": PASSWORD}, headers=headers
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")


def test_a_request_of_our_own_pages_is_let_through(served: Served) -> None:
    browser = served.logged_in("ann", Role.ADMIN)

    answer = browser.post(
        "/api/v1/keys",
        json={"name": "k"},
        headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    )

    assert answer.status_code == 201


def test_a_key_needs_no_forms_token(served: Served) -> None:
    program = served.with_key(Role.ADMIN)

    assert program.post("/api/v1/keys", json={"name": "k"}).status_code == 201


@pytest.mark.fault("S08")
def test_a_key_and_a_cookie_together_are_refused(served: Served) -> None:
    browser = served.logged_in("ann", Role.ADMIN)
    key = served.with_key(Role.ADMIN).headers["Authorization"]

    answer = browser.get("/api/v1/systems", headers={"Authorization": key})

    assert (answer.status_code, answer.json()["code"]) == (400, "two_credentials")


@pytest.mark.fault("S08")
@pytest.mark.parametrize("query", ["key", "token", "api_key", "session"])
def test_a_credential_in_the_address_is_none(served: Served, query: str) -> None:
    text = served.with_key(Role.ADMIN).headers["Authorization"].removeprefix("Bearer ")

    assert served.caller().get(f"/api/v1/systems?{query}={text}").status_code == 401


@pytest.mark.fault("S08")
def test_an_unsigned_web_token_is_no_credential(served: Served) -> None:
    forged = "eyJhbGciOiJub25lIn0.eyJuYW1lIjoiYW5uIiwicm9sZSI6ImFkbWluIn0."

    answer = served.caller().get("/api/v1/systems", headers={"Authorization": f"Bearer {forged}"})

    assert answer.status_code == 401


def test_a_session_ends_twelve_hours_after_its_last_use(served: Served) -> None:
    browser = served.logged_in("ann")
    served.clock.move(hours=11)
    assert browser.get(SESSION).status_code == 200
    served.clock.move(hours=11, minutes=59)
    assert browser.get(SESSION).status_code == 200

    served.clock.move(hours=12, seconds=1)

    assert browser.get(SESSION).status_code == 401


def test_a_session_ends_after_seven_days_however_much_it_is_used(served: Served) -> None:
    browser = served.logged_in("ann")
    for _ in range(16):
        served.clock.move(hours=10)
        assert browser.get(SESSION).status_code == 200

    served.clock.move(hours=9)

    assert browser.get(SESSION).status_code == 401


def test_a_new_role_ends_the_sessions_of_the_old_one(served: Served) -> None:
    browser = served.logged_in("ann", Role.ADMIN)
    served.user("bob", Role.ADMIN)
    with served.workspace.database.connection() as conn:
        set_role(conn, "ann", role=Role.VIEWER, by=TESTS, now=served.clock())

    assert browser.get(SESSION).status_code == 401
    assert served.log_in("ann").get("/api/v1/users").status_code == 403


def test_a_shut_account_loses_its_sessions_and_cannot_come_back(served: Served) -> None:
    admin, ann = served.logged_in("root", Role.ADMIN), served.logged_in("ann")

    admin.patch("/api/v1/users/ann", json={"is_active": False})

    assert ann.get(SESSION).status_code == 401
    assert password_tried(served.caller(), "ann", PASSWORD) == 401


def test_a_session_can_be_ended_from_another_one(served: Served) -> None:
    laptop = served.logged_in("ann", agent="laptop")
    phone = served.log_in("ann", agent="phone")
    listed = laptop.get(f"{SESSION}/all").json()["items"]
    (lost,) = [one["session_id"] for one in listed if one["agent"] == "phone"]

    assert laptop.delete(f"{SESSION}/all/{lost}").status_code == 204

    assert phone.get(SESSION).status_code == 401
    assert [one["agent"] for one in laptop.get(f"{SESSION}/all").json()["items"]] == ["laptop"]


@pytest.mark.fault("S06")
def test_the_session_of_another_user_is_not_found(served: Served) -> None:
    ann, bob = served.logged_in("ann"), served.logged_in("bob")
    (his,) = bob.get(f"{SESSION}/all").json()["items"]

    foreign = ann.delete(f"{SESSION}/all/{his['session_id']}")
    absent = ann.delete(f"{SESSION}/all/999999")

    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert bob.get(SESSION).status_code == 200


def test_a_changed_password_ends_other_sessions_and_keeps_this_one(served: Served) -> None:
    here, there = served.logged_in("ann"), served.log_in("ann")
    old_token = here.cookies["stocktake"]

    answer = here.post(
        f"{SESSION}/password",
        json={"old_password": PASSWORD, "password": "another good sentence"},
    )

    assert answer.status_code == 200
    assert (here.get(SESSION).status_code, there.get(SESSION).status_code) == (200, 401)
    assert here.cookies["stocktake"] != old_token
    assert password_tried(served.caller(), "ann", PASSWORD) == 401


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa"])
def test_a_weak_password_is_refused(served: Served, password: str) -> None:
    browser = served.logged_in("ann")

    answer = browser.post(
        f"{SESSION}/password", json={"old_password": PASSWORD, "password": password}
    )

    assert answer.status_code == 422


@pytest.mark.fault("S09")
def test_the_sixth_try_in_a_quarter_of_an_hour_is_refused_even_with_the_right_password(
    served: Served,
) -> None:
    served.user("ann")
    caller = served.caller()
    assert [password_tried(caller, "ann") for _ in range(5)] == [401] * 5

    answer = caller.post(SESSION, json={"name": "ann", "password": PASSWORD})

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")


@pytest.mark.fault("S09")
def test_after_a_block_one_try_is_let_in_and_its_failure_doubles_the_block(served: Served) -> None:
    served.user("ann")
    caller = served.caller()
    for _ in range(5):
        password_tried(caller, "ann")
    served.clock.move(minutes=15, seconds=1)

    assert [password_tried(caller, "ann") for _ in range(2)] == [401, 429]

    served.clock.move(minutes=29)
    assert password_tried(caller, "ann") == 429
    served.clock.move(minutes=2)
    assert password_tried(caller, "ann", PASSWORD) == 200


@pytest.mark.fault("S09")
def test_a_success_begins_the_count_anew(served: Served) -> None:
    served.user("ann")
    caller = served.caller()
    for _ in range(4):
        password_tried(caller, "ann")
    assert password_tried(caller, "ann", PASSWORD) == 200

    assert [password_tried(caller, "ann") for _ in range(5)] == [401] * 5


@pytest.mark.fault("S09")
def test_one_address_cannot_try_many_accounts(served: Served) -> None:
    caller = served.caller()

    tried = [password_tried(caller, f"user{number}") for number in range(31)]

    assert tried == [401] * 30 + [429]


@pytest.mark.fault("S09")
def test_another_address_is_not_blocked_by_somebody_elses_tries(served: Served) -> None:
    served.user("ann")
    attacker = served.caller(base_url="https://localhost", address="203.0.113.9")
    for _ in range(6):
        password_tried(attacker, "ann")

    assert password_tried(served.caller(), "ann", PASSWORD) == 200


@pytest.mark.fault("S09")
def test_addresses_of_one_ipv6_network_count_as_one(served: Served) -> None:
    served.user("ann")
    tried = [
        password_tried(
            served.caller(base_url="https://localhost", address=f"2001:db8::{number:x}"), "ann"
        )
        for number in range(1, 7)
    ]

    assert tried == [401] * 5 + [429]


@pytest.mark.fault("S09")
def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(served: Served) -> None:
    served.user("ann")
    caller = served.caller()

    known = caller.post(SESSION, json={"name": "ann", "password": "wrong " * 3}).json()
    unknown = caller.post(SESSION, json={"name": "nobody", "password": "wrong " * 3}).json()

    del known["request_id"], unknown["request_id"]
    assert known == unknown


def test_the_first_account_is_made_once_and_logged_in(served: Served) -> None:
    browser = served.caller()

    first = browser.post("/api/v1/setup", json={"name": "ann", "password": PASSWORD})
    second = served.caller().post("/api/v1/setup", json={"name": "eve", "password": PASSWORD})

    assert (first.status_code, first.json()["role"]) == (201, "admin")
    assert browser.get(SESSION).status_code == 200
    assert second.status_code == 404


def test_nobody_from_elsewhere_can_make_the_first_account(served: Served) -> None:
    stranger = served.caller(base_url="https://localhost", address="203.0.113.9")

    answer = stranger.post("/api/v1/setup", json={"name": "eve", "password": PASSWORD})

    assert answer.status_code == 404


def test_an_invitation_lets_its_holder_choose_a_password_once(served: Served) -> None:
    admin = served.logged_in("root", Role.ADMIN)
    made = admin.post("/api/v1/users/invite", json={"name": "ann", "role": "operator"}).json()
    chosen = {"token": made["token"], "password": PASSWORD}

    first = served.caller().post("/api/v1/invitation", json=chosen)
    second = served.caller().post("/api/v1/invitation", json=chosen)

    assert (first.status_code, first.json()["role"]) == (200, "operator")
    assert second.status_code == 404


def test_an_invitation_ends_after_seven_days(served: Served) -> None:
    admin = served.with_key(Role.ADMIN)
    made = admin.post("/api/v1/users/invite", json={"name": "ann"}).json()
    served.clock.move(days=7, seconds=1)

    answer = served.caller().post(
        "/api/v1/invitation", json={"token": made["token"], "password": PASSWORD}
    )

    assert answer.status_code == 404


class CountingHasher(PasswordHasher):
    """Counts how often a password is compared."""

    compared = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        type(self).compared += 1
        return super().verify(hash, password)


@pytest.mark.fault("S09")
@pytest.mark.parametrize("name", ["ann", "nobody", "shut", "invited", "<not a name>"])
def test_every_login_costs_one_comparison(
    served: Served, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for known in ("ann", "shut"):
        served.user(known)
    admin = served.with_key(Role.ADMIN)
    admin.patch("/api/v1/users/shut", json={"is_active": False})
    admin.post("/api/v1/users/invite", json={"name": "invited"})
    counting = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", counting)
    monkeypatch.setattr(CountingHasher, "compared", 0)

    assert password_tried(served.caller(), name) == 401

    assert CountingHasher.compared == 1


@pytest.mark.fault("S12")
def test_no_secret_is_in_logs_audit_or_the_database(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = served.with_key(Role.ADMIN)
    made = admin.post("/api/v1/keys", json={"name": "ci"}).json()["key"]
    user = admin.post("/api/v1/users", json={"name": "ann"}).json()
    canary = "canary-password-7f3a91"
    served.caller().post(SESSION, json={"name": "ann", "password": canary})
    browser = served.caller()
    browser.post(SESSION, json={"name": "ann", "password": user["password"]})
    token = browser.cookies["stocktake"]
    browser.get(f"/api/v1/systems?token={canary}")
    secrets = [made.rpartition("_")[2], user["password"], canary, token]
    with served.workspace.database.connection() as conn:
        kept = [
            repr(conn.execute(SQL("select * from {}").format(Identifier(table))).fetchall())
            for table in ("audit", "api_key", "user_account", "session", "login_try", "idempotency")
        ]
    told = capsys.readouterr()

    assert "ann" in kept[0]
    assert [one for one in secrets if one in "".join((told.out, told.err, *kept))] == []


def test_old_sessions_tries_and_answers_go(served: Served) -> None:
    served.logged_in("ann").delete(SESSION)
    password_tried(served.caller(), "ann")
    operator = served.with_key(Role.OPERATOR)
    operator.post(
        "/api/v1/systems/racing/sync", json={"days": 1}, headers={"Idempotency-Key": "once"}
    )
    served.clock.move(days=8)
    with served.workspace.database.connection() as conn:
        tidy(conn, now=served.clock())
        left = [
            conn.execute(SQL("select count(*) from {}").format(Identifier(table))).fetchone()
            for table in ("session", "login_try", "idempotency")
        ]

    assert left == [(0,)] * 3
