"""Every page over HTTP: landmarks, roles, links, headers, escapes, errors; no browser needed."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import html5lib
import httpx2
import pytest

from stocktake.web.assets import Assets
from tests.acceptance.web.world import NASTY, PASSWORD, Outline

if TYPE_CHECKING:
    from tests.acceptance.web.world import Crawl, World

VIEWER_PAGES = (
    *("/", "/runs", "/schedules", "/search?q=races", "/settings/profile", "/help/glossary"),
    *("/help/components", "/docs/api", "/storage", "/settings/quotas", "/settings/sessions"),
    *("/s/racing/trend", "/s/racing/d/ra_races?colour=coverage&as_of=2026-01-01"),
    *("/s/racing/d/ra_races/range?since=2026-01-01", "/schedules/racing.horses"),
    "/s/racing/checks/ra_races_coverage",
    "/settings/password",
    *("/s/racing", "/s/racing/gaps", "/s/racing/plans", "/s/racing/plans/new"),
    *("/s/racing/sources", "/s/racing/sources/theracingapi", "/s/racing/rates"),
    "/s/racing/checks",
    *("/s/racing/rejects", "/s/racing/duplicates", "/s/racing/trace", "/s/racing/signoff"),
    *("/s/racing/d/ra_races", "/s/racing/d/ra_races?view=table", "/s/racing/months"),
    *("/s/racing/years", "/s/racing/leaders?min_runs=1", "/s/racing/gates/statistics"),
    *("/s/nba/seasons", "/s/nba/models", "/s/nba/days", "/s/nba/cascade", "/s/nba/players"),
    *("/s/racing/d/ra_mst_horses", "/s/racing/d/ra_mst_sires", "/runs/1", "/s/racing/captures/1"),
)
ADMIN_PAGES = (
    *("/settings/users", "/settings/tenants", "/settings/keys", "/settings/audit"),
    *("/settings/flags", "/settings/integrations"),
)
MOST_CRAWLED = 90
MOST_SCRIPT_BYTES, MOST_STYLE_BYTES = 15_000, 12_000
"""Compressed."""


def faults_of(page: str) -> list[str]:
    """Return what the standard calls an error in a page."""
    reader = html5lib.HTMLParser(strict=False)
    reader.parse(page)
    return [f"{place}: {code} {told}" for place, code, told in reader.errors]


@pytest.mark.parametrize("path", [*VIEWER_PAGES, *ADMIN_PAGES])
def test_a_page_has_its_landmarks_and_one_heading(world: World, path: str) -> None:
    answer = world.client("ann").get(path)

    outline = Outline(answer.text)
    assert answer.status_code == 200
    assert outline.tags.count("h1") == 1
    assert {"main", "header", "nav", "title"} <= set(outline.tags)
    assert len(outline.ids) == len(set(outline.ids))
    assert "{{" not in answer.text


@pytest.mark.parametrize("path", VIEWER_PAGES)
def test_a_viewer_sees_the_page(world: World, path: str) -> None:
    assert world.client("vera").get(path).status_code == 200


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_a_page_for_admins_is_closed_to_operators(world: World, path: str) -> None:
    answer = world.client("olaf").get(path)

    assert answer.status_code == 403
    assert "admin" in answer.text


@pytest.mark.parametrize("path", ["/", "/s/racing/gaps?state=missing", *ADMIN_PAGES])
def test_a_stranger_is_led_to_the_login_and_back(world: World, path: str) -> None:
    with httpx2.Client(base_url=world.url, headers={"accept": "text/html"}) as stranger:
        answer = stranger.get(path)
        form = stranger.get(answer.headers["location"])
        back = re.search(
            r'action="/login"><input type="hidden" name="back" value="([^"]*)"', form.text
        )
        assert back
        fields = {"name": "ann", "password": PASSWORD, "back": unescape(back[1])}
        entered = stranger.post("/login", data=fields)

    assert answer.status_code == 303
    assert entered.headers["location"] == path


def test_a_wrong_password_keeps_the_name_and_says_nothing_more(world: World) -> None:
    answer = httpx2.post(
        f"{world.url}/login",
        data={"name": "nobody", "password": "wrong"},
        headers={"accept": "text/html"},
    )

    assert answer.status_code == 401
    assert 'value="nobody"' in answer.text
    assert "name or the password" in answer.text


def test_the_login_leads_only_to_own_paths(world: World) -> None:
    fields = {"name": "vera", "password": PASSWORD, "back": "//evil.example/"}

    assert httpx2.post(f"{world.url}/login", data=fields).headers["location"] == "/"


@pytest.mark.parametrize("path", ["/", "/s/racing/d/ra_races", "/nowhere"])
def test_a_page_forbids_inline_script_and_other_hosts(world: World, path: str) -> None:
    answer = world.client("ann").get(path)

    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    for tag, name, value in Outline(answer.text).attributes:
        assert name != "style", tag
        assert not name.startswith("on"), (tag, name)
        assert not (name == "nonce" and value != nonce[1])


def test_pages_change_nothing_without_the_token_of_the_session(world: World) -> None:
    answer = world.client("ann").post("/s/racing/sources/theracingapi/pause", data={"reason": "x"})

    assert answer.status_code == 403


def test_every_link_of_every_page_leads_somewhere(pages: Crawl) -> None:
    assert not pages.broken, "\n".join(pages.broken)
    assert {"/runs", "/schedules", "/s/nba", "/s/racing/signoff"} <= set(pages.found)


def test_every_page_is_valid_html(pages: Crawl) -> None:
    wrong = []
    for path, text in pages.texts.items():
        wrong += [f"{path} {fault}" for fault in faults_of(text)]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/runs/x", "/s/racing/gaps?since=2026-02-30", "/login"]
)
def test_a_page_that_refuses_is_valid_html(world: World, path: str) -> None:
    answer = httpx2.get(world.url + path, headers={"accept": "text/html"}, follow_redirects=True)
    refused = world.client("ann").get(path, follow_redirects=True)

    assert [fault for one in (answer, refused) for fault in faults_of(one.text)] == []


def test_our_script_and_style_are_small(world: World) -> None:
    sizes = Assets().sizes()
    own = {name: size for name, size in sizes.items() if not name.startswith("vendor/")}

    assert sum(size for name, size in own.items() if name.endswith(".js")) <= MOST_SCRIPT_BYTES
    assert sum(size for name, size in own.items() if name.endswith(".css")) <= MOST_STYLE_BYTES


def test_a_fragment_is_only_the_part_asked_for(world: World) -> None:
    headers = {"hx-request": "true", "hx-request-type": "partial", "hx-target": "div#gap-list"}

    answer = world.client("ann").get("/s/racing/gaps?dataset=ra_races", headers=headers)

    assert "<html" not in answer.text
    assert "ra_races" in answer.text
    assert "HX-Target" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/nowhere", 404, "no such page"),
        ("/s/rowing", 404, "rowing"),
        ("/s/racing/d/ra_boats", 404, "ra_boats"),
        ("/s/racing/d/ra_races/u/2026-02-30/gb", 404, "not a day"),
        ("/runs/999999", 404, "999999"),
        ("/runs/x", 422, "does not fit"),
        ("/s/racing/captures/999999", 404, "999999"),
        ("/s/racing/plans/999999", 404, "999999"),
        ("/s/racing/gaps?since=2026-02-30", 422, "not a day"),
        ("/s/racing/gaps?state=purple", 422, "purple"),
        ("/s/racing/trace?dataset=ra_races&key=race_id=none", 404, "no row"),
        ("/schedules?cron=often", 422, "often"),
        ("/s/racing/checks/none_such", 404, "none_such"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(
    world: World, path: str, status: int, says: str
) -> None:
    answer = world.client("ann").get(path)

    assert answer.status_code == status
    assert says in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("text", [NASTY, "\u202edrow", "'\"><svg/onload=1>{{7*7}}" + "x" * 300])
@pytest.mark.parametrize(
    "path",
    [
        *("/search?q=", "/s/racing/gaps?dataset=", "/s/racing/gaps?state=", "/runs?state="),
        *("/s/racing/trace?dataset=ra_races&key=race_id=", "/s/racing/d/", "/schedules?cron="),
        *("/s/racing/plans/new?since=", "/login?next=/", "/s/racing/d/ra_races?since="),
    ],
)
def test_what_is_typed_comes_back_escaped(world: World, path: str, text: str) -> None:
    answer = world.client("ann").get(path + str(httpx2.QueryParams({"": text}))[1:])

    assert answer.status_code < 500
    assert "<img src=x" not in answer.text
    assert "<svg/onload" not in answer.text
    assert "onload=1>49" not in answer.text


def test_the_figures_of_a_page_are_those_of_the_api(world: World) -> None:
    client = world.client("ann")
    told = client.get("/api/v1/systems/racing/count").json()

    page = client.get("/s/racing/d/ra_races").text
    (races,) = [one for one in told["datasets"] if one["dataset"] == "ra_races"]
    assert f"{races['missing']:,}" in page
    assert f"{races['expected']:,}" in page
    assert f"{races['held']:,}" in page


def test_a_tile_has_a_byte_per_cell_and_is_sent_once(world: World) -> None:
    client = world.client("ann")
    first = client.get("/s/racing/d/ra_races/tile.bin")
    described = httpx2.Response(200, text=first.headers["x-tile"]).json()

    again = client.get(
        "/s/racing/d/ra_races/tile.bin", headers={"if-none-match": first.headers["etag"]}
    )

    assert len(first.content) == described["rows"] * described["width"]
    assert again.status_code == 304
    assert again.content == b""


def test_static_files_are_compressed_and_kept_for_ever(world: World) -> None:
    page = httpx2.get(f"{world.url}/login", headers={"accept": "text/html"}).text
    sheet = re.search(r'href="(/static/app\.[0-9a-f]+\.css)"', page)
    assert sheet

    answer = httpx2.get(world.url + sheet[1], headers={"accept-encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]


def test_a_page_is_compressed_to_a_length_that_tells_nothing(world: World) -> None:
    client = world.client("vera")

    answers = [client.get("/help/components") for _ in range(8)]

    assert {one.headers["content-encoding"] for one in answers} == {"gzip"}
    assert len({one.headers["content-length"] for one in answers}) > 1


def test_a_gap_is_accepted_with_a_reason_and_withdrawn(world: World) -> None:
    unit = f"/s/racing/d/ra_races/u/{world.since.replace(year=2016)}/gb"

    refused = world.post("olaf", f"{unit}/accept", reason=" ", until="2030-02-30")
    accepted = world.post("olaf", f"{unit}/accept", reason=NASTY)
    page = world.client("olaf").get(unit).text
    withdrawn = world.post("olaf", f"{unit}/withdraw")

    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert "Not a day of the calendar" in refused.text
    assert accepted.status_code == 303
    assert "accepted" in page
    assert "<img src=x" not in page
    assert withdrawn.status_code == 303
    assert "missing" in world.client("olaf").get(unit).text


def test_a_viewer_cannot_accept_a_gap(world: World) -> None:
    unit = f"/s/racing/d/ra_races/u/{world.since.replace(year=2017)}/gb"

    assert world.post("vera", f"{unit}/accept", reason="why not").status_code == 403


def test_a_source_is_paused_and_resumed_by_its_page(world: World) -> None:
    here = "/s/racing/sources/theracingapi"

    world.post("olaf", f"{here}/pause", reason="new contract")
    paused = world.client("vera").get(here).text
    world.post("olaf", f"{here}/resume")

    assert "<strong>Paused:</strong> new contract" in paused
    assert "<strong>Paused:</strong>" not in world.client("vera").get(here).text


def test_a_plan_with_wrong_fields_is_shown_again_with_what_was_typed(world: World) -> None:
    answer = world.post("olaf", "/s/racing/plans", since="2026-02-30", sample="-1", dataset="x")

    assert answer.status_code == 422
    assert 'value="2026-02-30"' in answer.text
    assert 'value="-1"' in answer.text
    assert "aria-describedby" in answer.text


def test_the_theme_is_kept_and_leads_back(world: World) -> None:
    answer = world.post("vera", "/settings/theme", theme="dark", back="/runs")

    assert answer.headers["location"] == "/runs"
    assert 'data-theme="dark"' in world.client("vera").get("/runs").text
    world.post("vera", "/settings/theme", theme="auto", back="/")


def test_a_link_lets_in_once(world: World) -> None:
    path = world.entrance.path
    first = httpx2.get(world.url + path, headers={"accept": "text/html"})
    second = httpx2.get(world.url + path, headers={"accept": "text/html"})

    assert first.headers["location"] == "/"
    assert "stocktake" in first.cookies
    assert second.headers["location"] == "/login"


def test_a_key_is_shown_once(world: World) -> None:
    made = world.post("ann", "/settings/keys", name="nightly", role="viewer", days="30")
    key = re.search(r"<code>(stk_[^<]+)</code>", made.text)
    assert key

    assert key[1] not in world.client("ann").get("/settings/keys").text
    answer = httpx2.get(f"{world.url}/api/v1/runs", headers={"x-api-key": key[1]})
    assert answer.status_code == 200


def test_an_invited_person_chooses_a_password(world: World) -> None:
    made = world.post("ann", "/settings/users", name="ivy", role="viewer")
    link = re.search(r"<code>([^<]+/invitation/[^<]+)</code>", made.text)
    assert link

    weak = httpx2.post(link[1], data={"password": "short"}, headers={"accept": "text/html"})
    entered = httpx2.post(link[1], data={"password": PASSWORD}, headers={"accept": "text/html"})

    assert weak.status_code == 422
    assert entered.headers["location"] == "/"
