"""An admin of the installation looks at pages as a tenant: told on each, noted in two audits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stocktake.access.roles import Role

if TYPE_CHECKING:
    from tests.integration.tenants.conftest import Town

BANNER = "You look at this as tenant"


def test_a_visit_is_told_on_every_page_until_it_ends(town: Town) -> None:
    admin = town.admin
    admin.post("/settings/tenants/north/visit")
    try:
        titles = admin.get("/s/shows/titles").text
        racing = admin.get("/s/racing").status_code
        landlords = admin.get("/settings/tenants").status_code
    finally:
        admin.post("/settings/visit/end")

    assert BANNER in titles
    assert "canarynorth show" in titles
    assert "canarysouth" not in titles
    assert (racing, landlords) == (404, 403)
    after = admin.get("/s/shows/titles").text
    assert BANNER not in after
    assert "canarynorth show" not in after


def test_a_visit_is_in_the_audit_of_both(town: Town) -> None:
    town.admin.post("/settings/tenants/south/visit")
    town.admin.post("/settings/visit/end")

    ours = town.admin.get("/api/v1/audit?action=tenant.visit").json()["items"]
    theirs = town.south.programs[Role.ADMIN].get("/api/v1/audit?action=tenant.visit").json()

    assert {"root"} == {one["actor"] for one in (*ours, *theirs["items"])}


@pytest.mark.fault("S06")
def test_nobody_else_visits_by_a_cookie_of_their_own(town: Town) -> None:
    north, south = town.north, town.south
    north.browser.cookies.set("stocktake-visit", f"south:{south.tenant_id}")
    try:
        text = north.browser.get("/s/shows/titles").text
    finally:
        north.browser.cookies.delete("stocktake-visit")

    assert BANNER not in text
    assert south.canary not in text


@pytest.mark.fault("S06")
@pytest.mark.parametrize("cookie", ["south:none", "south:", ":", "x"])
def test_a_visit_to_nowhere_is_none(town: Town, cookie: str) -> None:
    town.admin.cookies.set("stocktake-visit", cookie)
    try:
        answer = town.admin.get("/s/shows/titles")
    finally:
        town.admin.cookies.delete("stocktake-visit")

    assert answer.status_code == 200
    assert BANNER not in answer.text
