"""Every route times every role: who is let in is written down here, and a new route must be too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stocktake.access.roles import Role
from stocktake.run.registry import installed_systems

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.integration.api.conftest import Served

ANYBODY, SOMEBODY = "anybody", "somebody"
ROLES: dict[str, Role | str] = {
    "GET /alerts": Role.VIEWER,
    "GET /alerts/history": Role.VIEWER,
    "POST /alerts/retry": Role.OPERATOR,
    "POST /alerts/{alert_id}/mute": Role.OPERATOR,
    "GET /audit": Role.ADMIN,
    "GET /captures/{capture_id}": Role.VIEWER,
    "GET /captures/{capture_id}/bytes": Role.VIEWER,
    "GET /channels": Role.VIEWER,
    "POST /channels/{name}/test": Role.OPERATOR,
    "POST /captures/{capture_id}/parse": Role.OPERATOR,
    "POST /duplicates/{duplicate_id}/decide": Role.OPERATOR,
    "POST /systems/{system}/give-up": Role.OPERATOR,
    "POST /duplicates/{duplicate_id}/preview": Role.OPERATOR,
    "POST /duplicates/{duplicate_id}/reopen": Role.OPERATOR,
    "POST /rejects/{reject_id}/dismiss": Role.OPERATOR,
    "POST /rejects/{reject_id}/edit": Role.OPERATOR,
    "POST /rejects/{reject_id}/edit/preview": Role.OPERATOR,
    "POST /systems/{system}/rejects/dismiss": Role.OPERATOR,
    "POST /systems/{system}/rejects/preview": Role.OPERATOR,
    "POST /systems/{system}/rejects/retry": Role.OPERATOR,
    "GET /systems/{system}/rejects/groups": Role.VIEWER,
    "POST /invitation": ANYBODY,
    "GET /keys": Role.ADMIN,
    "POST /keys": Role.ADMIN,
    "DELETE /keys/{key_id}": Role.ADMIN,
    "GET /operations": Role.VIEWER,
    "GET /operations/{run_id}": Role.VIEWER,
    "GET /operations/{run_id}/events": Role.VIEWER,
    "GET /plans": Role.VIEWER,
    "GET /plans/{plan_id}": Role.VIEWER,
    "POST /plans/{plan_id}/approve": Role.OPERATOR,
    "GET /runs": Role.VIEWER,
    "GET /runs/{run_id}": Role.VIEWER,
    "POST /runs/{run_id}/cancel": Role.OPERATOR,
    "GET /runs/{run_id}/failures": Role.VIEWER,
    "GET /runs/{run_id}/log": Role.VIEWER,
    "POST /runs/{run_id}/pause": Role.OPERATOR,
    "POST /runs/{run_id}/resume": Role.OPERATOR,
    "GET /runs/{run_id}/undo": Role.VIEWER,
    "POST /runs/{run_id}/undo": Role.OPERATOR,
    "GET /schedules": Role.VIEWER,
    "GET /schedules/next": Role.VIEWER,
    "DELETE /schedules/{name}": Role.OPERATOR,
    "POST /schedules/{name}/change": Role.OPERATOR,
    "POST /schedules/{name}/disable": Role.OPERATOR,
    "POST /schedules/{name}/enable": Role.OPERATOR,
    "GET /schedules/{name}/history": Role.VIEWER,
    "GET /schedules/{name}/next": Role.VIEWER,
    "POST /schedules/{name}/run": Role.OPERATOR,
    "GET /session": SOMEBODY,
    "POST /session": ANYBODY,
    "DELETE /session": SOMEBODY,
    "GET /session/all": SOMEBODY,
    "DELETE /session/all/{session_id}": SOMEBODY,
    "POST /session/password": SOMEBODY,
    "POST /setup": ANYBODY,
    "GET /signoffs/{signoff_id}": Role.VIEWER,
    "POST /sources/{name}/pause": Role.OPERATOR,
    "POST /sources/{name}/resume": Role.OPERATOR,
    "POST /sources/{name}/verify": Role.OPERATOR,
    "GET /status": Role.VIEWER,
    "GET /systems": Role.VIEWER,
    "POST /systems/{system}/accept": Role.OPERATOR,
    "POST /systems/{system}/accept/range": Role.OPERATOR,
    "POST /systems/{system}/ask": Role.OPERATOR,
    "POST /systems/{system}/backfill": Role.OPERATOR,
    "POST /systems/{system}/check": Role.OPERATOR,
    "GET /systems/{system}/checks": Role.VIEWER,
    "GET /systems/{system}/count": Role.VIEWER,
    "POST /systems/{system}/derive": Role.OPERATOR,
    "GET /systems/{system}/duplicates": Role.VIEWER,
    "GET /systems/{system}/duplicates/groups": Role.VIEWER,
    "POST /systems/{system}/duplicates/decide": Role.OPERATOR,
    "POST /systems/{system}/duplicates/preview": Role.OPERATOR,
    "POST /systems/{system}/duplicates/reopen": Role.OPERATOR,
    "GET /systems/{system}/export/{dataset}": Role.VIEWER,
    "GET /systems/{system}/gaps": Role.VIEWER,
    "GET /systems/{system}/gates/{gate}": Role.VIEWER,
    "POST /systems/{system}/load/{dataset}": Role.OPERATOR,
    "POST /systems/{system}/plans": Role.OPERATOR,
    "POST /systems/{system}/plans/preview": Role.VIEWER,
    "POST /systems/{system}/recount": Role.OPERATOR,
    "GET /systems/{system}/rejects": Role.VIEWER,
    "POST /systems/{system}/replay": Role.OPERATOR,
    "GET /systems/{system}/report": Role.VIEWER,
    "POST /systems/{system}/schedules": Role.OPERATOR,
    "GET /systems/{system}/signoffs": Role.VIEWER,
    "POST /systems/{system}/signoffs": Role.OPERATOR,
    "GET /systems/{system}/sources": Role.VIEWER,
    "GET /systems/{system}/status": Role.VIEWER,
    "POST /systems/{system}/sync": Role.OPERATOR,
    "GET /systems/{system}/trace/{dataset}": Role.VIEWER,
    "POST /systems/{system}/train": Role.OPERATOR,
    "POST /systems/{system}/verify": Role.OPERATOR,
    "GET /systems/{system}/why/{dataset}/{unit}": Role.VIEWER,
    "POST /systems/{system}/withdraw": Role.OPERATOR,
    "POST /systems/{system}/withdraw/range": Role.OPERATOR,
    "POST /session/factor": SOMEBODY,
    "POST /session/factor/confirm": SOMEBODY,
    "POST /session/factor/remove": SOMEBODY,
    "GET /tenants": Role.ADMIN,
    "POST /tenants": Role.ADMIN,
    "PATCH /tenants/{slug}": Role.ADMIN,
    "DELETE /users/{name}/factor": Role.ADMIN,
    "GET /users": Role.ADMIN,
    "POST /users": Role.ADMIN,
    "POST /users/invite": Role.ADMIN,
    "PATCH /users/{name}": Role.ADMIN,
    "POST /users/{name}/invite": Role.ADMIN,
}
# What systems declare is open to everybody who may read.
ROLES |= {
    f"GET /{system.name}/{view.path}": Role.VIEWER
    for system in installed_systems().values()
    for view in system.views
}
PARTS = {"system": "racing", "dataset": "ra_races", "unit": "2024-03-05", "name": "nobody"}
NEVER = "999999999"


def routes(client: TestClient) -> set[str]:
    document = client.get("/api/v1/openapi.json").json()
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in document["paths"].items()
        for method in methods
    }


def asked(client: TestClient, route: str) -> Any:
    method, _, path = route.partition(" ")
    for part in [text.partition("}")[0] for text in path.split("{")[1:]]:
        path = path.replace("{" + part + "}", PARTS.get(part, NEVER))
    return client.request(method, f"/api/v1{path}")


def test_every_route_has_its_role_written_down(shared_served: Served) -> None:
    assert routes(shared_served.caller()) == set(ROLES)


@pytest.mark.fault("S06")
@pytest.mark.parametrize("route", sorted(ROLES))
def test_nobody_is_let_in(shared_served: Served, route: str) -> None:
    answer = asked(shared_served.caller(), route)

    if ROLES[route] == ANYBODY:
        assert answer.status_code == 422  # it asks for a body, not for who asks
    else:
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.fault("S06")
@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_let_in_exactly_where_it_may_be(shared_served: Served, role: Role) -> None:
    program = shared_served.with_key(role)
    allowed = {route: asked(program, route).status_code not in {401, 403} for route in ROLES}
    expected = {
        route: not isinstance(needed, Role) or role.covers(needed)
        for route, needed in ROLES.items()
    }
    expected["POST /session/password"] = True  # it asks for a body first
    expected["POST /session/factor"] = False  # keys have none

    assert allowed == expected


@pytest.mark.fault("S06")
@pytest.mark.parametrize("scopes", [("read",), ("write",), ("etl:write",)])
def test_a_key_cut_down_to_scopes_may_do_only_those(
    shared_served: Served, scopes: tuple[str, ...]
) -> None:
    program = shared_served.with_key(Role.ADMIN, scopes=scopes)
    needs = {Role.VIEWER: "read", Role.OPERATOR: "write", Role.ADMIN: "admin"}
    wrong = [
        route
        for route, needed in ROLES.items()
        if isinstance(needed, Role)
        and (asked(program, route).status_code == 403) == (needs[needed] in scopes)
    ]

    assert wrong == []


def test_what_a_refusal_says_names_the_role_that_would_do(shared_served: Served) -> None:
    told = shared_served.with_key(Role.VIEWER).get("/api/v1/users").json()

    assert (told["status"], told["code"], told["needed_role"]) == (403, "forbidden", "admin")


def test_a_revoked_key_is_refused_at_once(served: Served) -> None:
    admin = served.with_key(Role.ADMIN)
    made = admin.post("/api/v1/keys", json={"name": "ci"}).json()
    program = served.caller()
    program.headers["X-API-Key"] = made["key"]
    assert program.get("/api/v1/systems").status_code == 200

    admin.delete(f"/api/v1/keys/{made['key_id']}")

    assert program.get("/api/v1/systems").status_code == 401


def test_an_expired_key_is_refused(served: Served) -> None:
    admin = served.with_key(Role.ADMIN)
    program = served.caller()
    program.headers["X-API-Key"] = admin.post(
        "/api/v1/keys", json={"name": "ci", "days": 1}
    ).json()["key"]
    assert program.get("/api/v1/systems").status_code == 200

    served.clock.move(days=1)

    assert program.get("/api/v1/systems").status_code == 401


def test_a_key_says_when_it_was_last_used(served: Served) -> None:
    admin = served.with_key(Role.ADMIN)

    (told,) = admin.get("/api/v1/keys").json()["items"]

    assert told["last_used_at"] == served.clock().isoformat().replace("+00:00", "Z")


def test_neither_lists_nor_the_database_tell_a_keys_secret(served: Served) -> None:
    admin = served.with_key(Role.ADMIN)
    secret = admin.headers["Authorization"].rpartition("_")[2]
    with served.workspace.database.connection() as conn:
        stored = repr(conn.execute("select * from api_key").fetchall())

    assert secret not in admin.get("/api/v1/keys").text
    assert secret not in stored


def test_the_only_admin_cannot_be_shut_out(served: Served) -> None:
    admin = served.logged_in("ann", Role.ADMIN)

    answers = [
        admin.patch("/api/v1/users/ann", json=change).status_code
        for change in ({"role": "viewer"}, {"is_active": False})
    ]

    assert answers == [409, 409]


@pytest.mark.fault("S10")
def test_a_member_nobody_asked_for_is_refused_not_assigned(served: Served) -> None:
    admin = served.with_key(Role.ADMIN)
    admin.post("/api/v1/users", json={"name": "ann"})

    answer = admin.patch("/api/v1/users/ann", json={"user_id": 1, "password_hash": "x"})

    assert answer.status_code == 422
    assert {one["code"] for one in answer.json()["errors"]} == {"extra_forbidden"}


def test_what_an_admin_does_is_in_the_audit(served: Served) -> None:
    admin = served.logged_in("ann", Role.ADMIN)
    admin.post("/api/v1/users", json={"name": "bob", "role": "operator"})

    (line,) = admin.get("/api/v1/audit", params={"action": "user.add", "actor": "ann"}).json()[
        "items"
    ]

    assert (line["subject"], line["via"], line["address"]) == ("bob", "session", "127.0.0.1")
    assert line["details"] == {"role": "operator"}


def test_the_audit_cannot_be_changed_by_the_application(served: Served) -> None:
    with (
        pytest.raises(Exception, match="permission denied"),
        served.workspace.database.connection() as conn,
    ):
        conn.execute("delete from audit")
