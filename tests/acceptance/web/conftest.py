"""One world of pages and one browser for all tests of a session."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.acceptance.web.world import PASSWORD, Crawl, World, chromium, crawl, opened, vacant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from playwright.sync_api import Browser, BrowserContext, Page

    from stocktake.store.cluster import LocalCluster

PATIENCE = 60_000
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def world(
    cluster: LocalCluster, today: date, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A filled installation with its pages served."""
    with opened(cluster, today, tmp_path_factory.mktemp("pages")) as found:
        yield found


@pytest.fixture(scope="session")
def pages(world: World) -> Crawl:
    """Every kind of page, as an admin sees it."""
    return crawl(world.client("ann"), beginning=("/", f"/s/racing/d/ra_races/u/{world.broken}/gb"))


@pytest.fixture(scope="session")
def empty(
    cluster: LocalCluster, today: date, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """An installation that holds nothing, its pages served, nobody at work."""
    with vacant(cluster, today, tmp_path_factory.mktemp("vacant")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's browser; one per file, for its loop stops others in this thread."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium, or set STOCKTAKE_CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Open pages as somebody; at the end no other host was asked and no policy broken."""
    with _visits(browser, request) as of:
        yield of


@pytest.fixture(scope="module")
def visiting(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """As ``visit``, for what is looked at once for several tests."""
    with _visits(browser, request) as of:
        yield of


@contextlib.contextmanager
def _visits(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []
    foreign: list[str] = []
    broken: list[str] = []

    def watched(page: Page) -> None:
        page.on("request", lambda asked: foreign.extend(_foreign(asked.url)))
        page.on("pageerror", lambda error: broken.append(f"{page.url}: {error}"))
        page.on("console", lambda said: broken.extend(_violations(page.url, said.text)))

    def of(name: str = "", *, at: str = "", **options: object) -> Page:
        url = at or request.getfixturevalue("world").url
        context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        context.on("page", watched)
        contexts.append(context)
        page = context.new_page()
        if name:
            sign_in(page, name)
        return page

    yield of
    for context in contexts:
        context.close()
    assert not foreign
    assert not broken


def sign_in(page: Page, name: str) -> None:
    """Sign in as a person does."""
    page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def _foreign(address: str) -> list[str]:
    return [] if urlsplit(address).hostname in {"127.0.0.1", None} else [address]


def _violations(address: str, text: str) -> list[str]:
    is_one = "Content Security Policy" in text or "hx-csp" in text
    return [f"{address}: {text}"] if is_one else []
