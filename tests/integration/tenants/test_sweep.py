"""Every path there is, asked for as somebody else's: what is foreign does not exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from fastapi.routing import APIRoute

from stocktake.access.roles import Role
from stocktake.access.tenants import change_tenant
from stocktake.run.watched import changed_runs
from stocktake.web.app import PAGES
from tests.integration.tenants.conftest import NOW, PASSWORD, TESTS, caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from tests.integration.tenants.conftest import Tenant, Town

NEVER = "999999999"
ROWS = {
    "run_id": "select max(run_id) from run",
    "plan_id": "select max(plan_id) from plan",
    "capture_id": "select max(capture_id) from capture",
    "duplicate_id": "select max(duplicate_id) from duplicate",
    "signoff_id": "select max(signoff_id) from signoff",
    "key_id": "select max(key_id) from api_key",
    "reject_id": "select max(reject_id) from reject",
    "alert_id": "select max(alert_id) from alert",
    "session_id": "select max(session_id) from session",
}
"""Numbers in paths, and where one of a tenant is found."""
SAME = {
    "system": "shows",
    "dataset": "plays",
    "gate": "none",
    "unit": "2026-02-03/web",
    "day": "2026-02-03",
    "key": "2026-02-03",
    "path": "titles",
    "token": "none-such",
    "check": "few_plays",
    "slug": "south",
}
"""Parts of paths that both tenants have alike, or nobody."""
NAMES = {
    "schedules": "shows.{canary}",
    "users": "{canary}.ann",
    "sources": "plays_files",
    "channels": "none",
    "checks": "few_plays",
    "gates": "none",
}
"""What ``{name}`` is, by the part of the path before it."""
QUERIES = {
    "/s/{system}/trace": "dataset=plays&key=play_id%3D{canary}-3",
    "/systems/{system}/trace/{dataset}": "key=play_id%3D{canary}-3",
    "/search": "q={canary}",
    "/audit": "actor={canary}.ann",
    "/settings/audit": "actor={canary}.ann",
}
BODIES: dict[str, dict[str, Any]] = {
    "/systems/{system}/accept": {"dataset": "plays", "unit": "2026-02-26/app", "reason": "mine"},
    "/systems/{system}/withdraw": {"dataset": "plays", "unit": "2026-02-25/app"},
    "/duplicates/{duplicate_id}/decide": {"decision": "kept"},
    "/users/{name}": {"role": "viewer"},
    "/users": {"name": "somebody"},
    "/users/invite": {"name": "somebody.else"},
    "/keys": {"name": "mine"},
    "/systems/{system}/backfill": {"plan": "{plan_id}"},
}
UNSWEPT = {
    "DELETE /api/v1/session": "it ends the session of the sweep itself",
    "POST /logout": "the same",
    "POST /settings/visit/end": "it only clears a cookie",
    "GET /events": "a stream without end: see the test of what it tells",
}


@pytest.fixture(scope="module")
def ids(town: Town) -> dict[str, str]:
    """Numbers of the south's rows."""
    with town.south.workspace.database.connection() as conn:
        found = {name: conn.execute(text.encode()).fetchone() for name, text in ROWS.items()}
    assert all(row and row[0] for row in found.values()), found
    return {name: str(row[0]) for name, row in found.items() if row}


def routes(town: Town) -> list[str]:
    """Return method and path of everything served."""
    document = town.app.openapi()
    found = [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if not path.startswith(("/api/v1/racing", "/api/v1/nba"))
    ]
    for route in (one for module in PAGES for one in module.router.routes):
        assert isinstance(route, APIRoute)
        found += [f"{method} {route.path}" for method in sorted(route.methods or ())]
    return [re.sub(r":path", "", one) for one in found]


def filled(path: str, *, canary: str, ids: dict[str, str]) -> str:
    """Return a path with its parts filled in; a part nobody knows fails the test."""

    def part(found: re.Match[str]) -> str:
        name = found[1]
        if name == "name":
            before = path[: found.start()].rstrip("/").rpartition("/")[2]
            return NAMES[before].format(canary=canary)
        if name == "play_id":
            return f"{canary}-3"
        return ids[name] if name in ids else SAME[name]

    asked = QUERIES.get(path.removeprefix("/api/v1"), "")
    made = re.sub(r"\{(\w+)\}", part, path)
    return f"{made}?{asked.format(canary=canary)}" if asked else made


def ask(client: TestClient, route: str, *, canary: str, ids: dict[str, str]) -> tuple[int, str]:
    """Ask for a route with somebody's parts; return status and text without what differs anyway."""
    method, _, path = route.partition(" ")
    place = filled(path, canary=canary, ids=ids)
    more: dict[str, Any] = {}
    if method != "GET" and path.startswith("/api/"):
        body = BODIES.get(path.removeprefix("/api/v1"), {})
        more["json"] = {
            key: int(ids["plan_id"]) if value == "{plan_id}" else value
            for key, value in body.items()
        }
    elif method != "GET":
        more["data"] = {"csrf_token": client.headers.get("X-CSRF-Token", ""), "reason": "x"}
    answer = client.request(method, place, **more)
    sent = [canary] if canary in place else []
    sent += [one for name, one in ids.items() if "{" + name + "}" in path]
    return answer.status_code, same(answer.text.replace(place, "*"), *sent)


def same(text: str, *own: str) -> str:
    """Return a text without what differs between two answers that say the same."""
    for word in own:
        text = re.sub(rf"\b{word}\b" if word.isdecimal() else word, "*", text)
    return re.sub(r"[0-9a-f]{16}|[\w-]{22,}|<!--[0-9a-f]*-->", "", text)


def clients(tenant: Tenant) -> Iterator[tuple[str, TestClient]]:
    """Yield everybody who may come in a tenant's name."""
    yield "browser", tenant.browser
    for role, program in tenant.programs.items():
        yield role.value, program


def stored(town: Town, tenant: Tenant) -> dict[str, Any]:
    """Return a fingerprint of every table's rows of a tenant."""
    with town.workspace.database.login() as conn:
        names = [
            name
            for (name,) in conn.execute(
                "select c.oid::regclass::text"
                "  from pg_class c join pg_attribute a on a.attrelid = c.oid"
                " where a.attname = 'tenant_id' and c.relkind in ('r', 'p')"
            )
        ]
        return {
            name: conn.execute(
                psycopg.sql.SQL(
                    "select count(*), md5(string_agg(one::text, ',' order by one::text))"
                    " from {} one where tenant_id = {}"
                ).format(psycopg.sql.SQL(name), psycopg.sql.Literal(tenant.tenant_id))
            ).fetchone()
            for name in names
        }


@pytest.mark.fault("S06")
def test_the_other_tenant_finds_nothing_at_any_path_and_changes_nothing(
    town: Town, ids: dict[str, str]
) -> None:
    north, south = town.north, town.south
    swept = [one for one in routes(town) if one not in UNSWEPT]
    mine = {
        one: south.browser.get(filled(one.partition(" ")[2], canary=south.canary, ids=ids)).text
        for one in swept
        if one.startswith("GET") and "events" not in one
    }
    tells = {one for one, text in mine.items() if south.canary in text}
    before = stored(town, south)
    never = dict.fromkeys(ids, NEVER)
    leaks, told_apart, broken = [], [], []
    for who, client in clients(north):
        for route in swept:
            foreign = ask(client, route, canary=south.canary, ids=ids)
            none = ask(client, route, canary="nobodyhere", ids=never)
            if foreign[0] >= 500:
                broken.append((who, route, foreign))
            if south.canary in foreign[1]:
                leaks.append((who, route, foreign))
            names_one = any("{" + name + "}" in route for name in (*ids, "name", "play_id"))
            alike = foreign == none if "/api/" in route else foreign[0] == none[0]
            if names_one and not alike:
                told_apart.append((who, route, foreign, none))

    assert leaks == []
    assert broken == []
    assert told_apart == []
    assert stored(town, south) == before
    assert len(tells) > 20, sorted(tells)


@pytest.mark.fault("S06")
def test_what_one_tenant_was_just_told_is_not_told_to_the_next(
    town: Town, ids: dict[str, str]
) -> None:
    reads = [one for one in routes(town) if one.startswith("GET") and one not in UNSWEPT]
    leaks = []
    for route in reads:
        if "events" in route:
            continue
        place = filled(route.partition(" ")[2], canary=town.south.canary, ids=ids)
        for one in (town.south, town.north):
            text = one.programs[Role.ADMIN].get(place).text
            other = town.north if one is town.south else town.south
            asked = place.replace(other.canary, "")
            if other.canary in text.replace(place, asked) and other.canary not in place:
                leaks.append((route, one.canary))

    assert leaks == []


@pytest.mark.fault("S06")
def test_the_installations_own_accounts_see_no_tenants_rows(
    town: Town, ids: dict[str, str]
) -> None:
    leaks = []
    for route in routes(town):
        if route.startswith("GET") and route not in UNSWEPT:
            status, text = ask(town.admin, route, canary=town.south.canary, ids=ids)
            if status >= 500 or town.south.canary in text or town.north.canary in text:
                leaks.append((route, status))

    assert leaks == []


@pytest.mark.fault("S06")
@pytest.mark.parametrize(
    "place", ["/s/racing", "/s/racing/gaps", "/s/racing/d/ra_races", "/api/v1/systems/racing/count"]
)
def test_a_system_without_tenants_is_to_a_tenant_as_one_that_is_not_installed(
    town: Town, place: str
) -> None:
    answers = [
        town.north.browser.get(place.replace("racing", name)) for name in ("racing", "rowing")
    ]

    assert [one.status_code for one in answers] == [404, 404]
    assert "nba" not in answers[0].text
    assert same(answers[0].text, "racing") == same(answers[1].text, "rowing")


@pytest.mark.fault("S06")
@pytest.mark.parametrize("place", ["/", "/search?q=plays", "/api/v1/systems", "/api/v1/status"])
def test_lists_of_systems_name_a_tenants_alone(town: Town, place: str) -> None:
    text = town.north.browser.get(place).text

    assert "shows" in text
    assert "/s/racing" not in text
    assert '"racing"' not in text


@pytest.mark.fault("S06")
@pytest.mark.parametrize("place", ["/api/v1/racing/races", "/api/v1/nba/gate"])
def test_paths_of_other_systems_are_not_there_for_a_tenant(town: Town, place: str) -> None:
    assert town.admin.get(place).status_code == 200
    assert town.north.browser.get(place).status_code == 404


@pytest.mark.fault("S06")
@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("GET", "/metrics"),
        ("GET", "/health"),
        ("GET", "/api/v1/systems/shows/sources"),
        ("POST", "/api/v1/sources/theracingapi/pause"),
        ("GET", "/s/shows/sources"),
    ],
)
def test_what_concerns_all_tenants_is_for_the_installations_accounts(
    town: Town, method: str, place: str
) -> None:
    assert town.north.browser.request(method, place, json={}).status_code == 403


@pytest.mark.fault("S06")
def test_the_stream_of_changes_tells_a_tenant_of_its_own_runs(town: Town) -> None:
    seen = {
        one.canary: {
            change.run_id for change in changed_runs(one.workspace, NOW.replace(year=2000))
        }
        for one in (town.north, town.south)
    }

    assert seen[town.north.canary]
    assert seen[town.south.canary]
    assert not seen[town.north.canary] & seen[town.south.canary]


@pytest.mark.fault("S06")
def test_the_same_idempotency_key_of_two_tenants_is_two_keys(town: Town) -> None:
    answers = [
        one.programs[Role.OPERATOR].post(
            "/api/v1/systems/shows/check", json={}, headers={"Idempotency-Key": "the same of both"}
        )
        for one in (town.north, town.south)
    ]

    assert {one.headers.get("idempotent-replayed") for one in answers} == {"true"}
    assert answers[0].json() != answers[1].json()


@pytest.mark.fault("S06")
def test_a_suspended_tenants_accounts_and_keys_let_nobody_in(town: Town) -> None:
    north = town.north

    def tried() -> list[int]:
        stranger = caller(town.app, address="127.0.0.7")
        known = {"name": f"{north.canary}.ann", "password": PASSWORD}
        return [
            stranger.post("/api/v1/session", json=known).status_code,
            north.programs[Role.VIEWER].get("/api/v1/runs").status_code,
            north.browser.get("/api/v1/runs").status_code,
        ]

    before = tried()
    _give(town, "suspended")
    during = tried()
    _give(town, "active")

    assert (before, during, tried()) == ([200] * 3, [401] * 3, [200] * 3)


def _give(town: Town, status: str) -> None:
    with town.workspace.database.connection() as conn:
        change_tenant(conn, "north", by=TESTS, now=NOW, status=status)
    town.app.state.identities.clear()


@pytest.mark.fault("S06")
def test_a_tenant_cannot_change_its_own_line(town: Town) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        town.north.workspace.database.connection() as conn,
    ):
        change_tenant(conn, "north", by=TESTS, now=NOW, tier="enterprise")


@pytest.mark.fault("S06")
def test_an_invitation_of_one_tenant_makes_an_account_of_that_tenant(town: Town) -> None:
    admin = town.north.programs[Role.ADMIN]
    token = admin.post("/api/v1/users/invite", json={"name": "canarynorth.new"}).json()["token"]
    stranger = caller(town.app, address="127.0.0.8")

    stranger.post("/api/v1/invitation", json={"token": token, "password": PASSWORD})

    assert (
        "canarynorth show" in stranger.get("/s/shows/titles", headers={"accept": "text/html"}).text
    )
    users = town.south.programs[Role.ADMIN].get("/api/v1/users").json()["items"]
    assert "canarynorth.new" not in {one["name"] for one in users}
