"""robots.txt of a scripted site: obeyed as RFC 9309 says, one copy for every program."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import ConfigurationError
from stocktake.fetch.fetcher import Fetcher
from stocktake.fetch.gate import RateGate
from stocktake.fetch.guard import Guard
from stocktake.fetch.robots import MOST_BYTES, RobotsState, robots_states
from stocktake.fetch.transport import AiohttpTransport
from stocktake.fetch.tries import Retries
from stocktake.model import Endpoint, Source, State
from stocktake.testing import Asked, Fault, Reply, Route, SandboxServer
from tests.integration.fetch.vendor import FEED, NOW, REQUEST, feed_of, move_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from stocktake.fetch.answer import Answer
    from stocktake.store.database import Database

ENDPOINT = Endpoint("pages", per_second=1000.0, timeout_seconds=0.5)
ROWS = Reply(body=b'{"total": 1}')
ALLOWS_ALL = "User-agent: *\nDisallow:\n"
FORBIDS = "User-agent: *\nDisallow: /private\n"
DAY = timedelta(hours=24)


def robots(text: str | bytes, **headers: str) -> Reply:
    body = text if isinstance(text, bytes) else text.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body=body, headers={"Content-Type": "text/plain", **named})


def site(*entries: Reply | Fault, **pages: Reply) -> SandboxServer:
    """Return a site with a robots.txt, and pages that answer unless told otherwise."""
    script: dict[str, Sequence[Reply | Fault]] = {"/robots.txt": entries}
    script |= {f"/{name}": [reply] for name, reply in pages.items()}
    script |= {"/{page}": [ROWS], "/private/{page}": [ROWS]}
    return SandboxServer.scripted(script)


@dataclass
class Clock:
    """The fetcher's clock, moved by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Visit:
    """A fetcher in front of a site; sleeps pass at once."""

    server: SandboxServer
    fetcher: Fetcher
    source: Source
    clock: Clock
    endpoint: Endpoint
    waits: list[float] = field(default_factory=list)

    async def ask(self, path: str = "results") -> Answer:
        request = replace(REQUEST, path=path, params=())
        feed = feed_of(self.endpoint)
        return await self.fetcher.fetch(self.source, feed, request=request)

    @property
    def targets(self) -> list[str]:
        return [entry.target for entry in self.server.requests]


@asynccontextmanager
async def visit(
    database: Database,
    server: SandboxServer,
    *,
    endpoint: Endpoint = ENDPOINT,
    agent: str = "Stocktake",
    **settings: str,
) -> AsyncIterator[Visit]:
    clock, waits = Clock(), list[float]()

    async def pass_at_once(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(min(seconds, 0.01))
        if seconds >= 0.05:
            await asyncio.to_thread(move_time, database, seconds)

    async def delay(seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.02))

    own = {"base_url": server.base_url, **settings}
    guard, gate = Guard({"vendor": own}), RateGate(database.async_connect, sleep=pass_at_once)
    async with AiohttpTransport(guard) as transport:
        fetcher = Fetcher(
            transport,
            gate,
            guard=guard,
            settings={"vendor": own},
            clock=clock,
            retries=Retries(random=Random(1), sleep=delay),
        )
        source = Source("vendor", feeds=(FEED,), robots_agent=agent)
        try:
            yield Visit(server, fetcher, source, clock, endpoint, waits)
        finally:
            await gate.close()


def asked(
    database: Database,
    server: SandboxServer,
    *paths: str,
    agent: str = "Stocktake",
    **settings: str,
) -> tuple[list[Answer], list[str]]:
    """Ask a site for pages in turn; return the answers and what it saw."""

    async def work() -> tuple[list[Answer], list[str]]:
        async with visit(database, server, endpoint=ENDPOINT, agent=agent, **settings) as here:
            return [await here.ask(path) for path in paths], here.targets

    with server:
        return asyncio.run(work())


def refusal(answer: Answer) -> str:
    assert answer.failure is not None
    assert answer.failure.state is State.FAILED
    return answer.failure.reason


def is_allowed(database: Database, server: SandboxServer, path: str = "private/1") -> bool:
    answers, targets = asked(database, server, path)
    is_sent = f"/{path}" in targets
    assert is_sent == (answers[0].failure is None)
    return is_sent


def told(database: Database) -> RobotsState:
    with database.connection() as conn:
        (one,) = robots_states(conn, {"vendor": "Stocktake"})
    return one


@pytest.mark.fault("H21")
def test_what_robots_txt_disallows_is_not_sent(database: Database) -> None:
    server = site(robots(FORBIDS))

    (answer,), targets = asked(database, server, "private/1")

    host = server.base_url.removeprefix("http://")
    said = f"robots.txt of {host} disallows /private/1 (fetched 2024-05-02 12:00 UTC)"
    assert (refusal(answer), targets) == (said, ["/robots.txt"])


@pytest.mark.fault("H21")
def test_a_disallowed_unit_is_tried_again_when_the_copy_expires(database: Database) -> None:
    (answer,), _ = asked(database, site(robots(FORBIDS)), "private/1")

    assert answer.failure is not None
    assert answer.failure.next_try_at == NOW + DAY


@pytest.mark.fault("H21")
def test_robots_txt_is_asked_for_once_and_first(database: Database) -> None:
    _, targets = asked(database, site(robots(FORBIDS)), "results", "cards", "private/1")

    assert targets == ["/robots.txt", "/results", "/cards"]


@pytest.mark.fault("H21")
@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        pytest.param("User-agent: stocktake\nDisallow: /private\n", False, id="ours"),
        pytest.param(
            "User-agent: *\nDisallow: /\n\nUser-agent: Stocktake\nDisallow: /other\n",
            True,
            id="ours before all",
        ),
        pytest.param(
            "User-agent: Stocktake\nDisallow: /private\n\nUser-agent: *\nDisallow:\n",
            False,
            id="ours after all",
        ),
        pytest.param("User-agent: Otherbot\nDisallow: /\n", True, id="no group of ours"),
        pytest.param("User-agent: Stock\nDisallow: /\n", True, id="one that ours begins with"),
        pytest.param("User-agent: Stocktake/1.0\nDisallow: /private\n", False, id="a version"),
        pytest.param(
            "User-agent: Stocktake\nDisallow: /a\n\nUser-agent: stocktake\nDisallow: /private\n",
            False,
            id="two groups of ours",
        ),
        pytest.param("", True, id="empty"),
        pytest.param("<html><body>Welcome</body></html>", True, id="a page"),
        pytest.param(
            "User-agent: *\nDisallow: /private\nAllow: /private/1\n", True, id="longer rule wins"
        ),
    ],
)
def test_the_group_of_our_token_holds_else_that_of_all(
    database: Database, text: str, *, allowed: bool
) -> None:
    assert is_allowed(database, site(robots(text))) is allowed


@pytest.mark.fault("H21")
@pytest.mark.parametrize(
    "entry",
    [
        *(pytest.param(Reply(status), id=str(status)) for status in (500, 502, 503, 304, 300)),
        *(pytest.param(Fault(kind), id=kind) for kind in ("reset", "timeout", "truncated")),
    ],
)
def test_a_robots_txt_that_cannot_be_had_forbids_everything(
    database: Database, entry: Reply | Fault
) -> None:
    entries = [entry] * 3 + [robots(ALLOWS_ALL)] if isinstance(entry, Fault) else [entry]
    (answer,), targets = asked(database, site(*entries), "results")

    assert "cannot be read, so nothing there may be asked" in refusal(answer)
    assert (answer.requests, set(targets)) == (3, {"/robots.txt"})


@pytest.mark.fault("H21")
def test_an_unreachable_robots_txt_is_asked_for_again_after_a_quarter_of_an_hour(
    database: Database,
) -> None:
    async def work() -> tuple[Answer, Answer]:
        async with visit(database, server) as here:
            before = await here.ask()
            here.clock.now += timedelta(minutes=15)
            return before, await here.ask()

    with site(*[Reply(503)] * 3, robots(ALLOWS_ALL)) as server:
        before, after = asyncio.run(work())

    assert before.failure is not None
    assert before.failure.next_try_at == NOW + timedelta(minutes=15)
    assert after.failure is None


@pytest.mark.fault("H21")
def test_one_bad_answer_for_robots_txt_costs_a_retry_only(database: Database) -> None:
    (answer,), targets = asked(database, site(Reply(500), robots(ALLOWS_ALL)), "results")

    assert answer.failure is None
    assert (targets, answer.requests) == (["/robots.txt", "/robots.txt", "/results"], 3)


@pytest.mark.fault("H21")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_an_absent_robots_txt_allows_everything(database: Database, status: int) -> None:
    assert is_allowed(database, site(Reply(status, b"User-agent: *\nDisallow: /")))


@pytest.mark.fault("H21")
def test_429_for_robots_txt_forbids_everything_and_holds_the_gate(database: Database) -> None:
    (answer,), targets = asked(database, site(Reply(429, headers={"Retry-After": "60"})), "results")

    assert "(HTTP 429, tried" in refusal(answer)
    assert targets == ["/robots.txt"] * 3
    with database.connection() as conn:
        row = conn.execute("select refusals, pause_reason from gate").fetchone()
    assert row == (3, "robots.txt: HTTP 429")


@pytest.mark.fault("H21")
def test_a_wait_longer_than_an_hour_is_kept(database: Database) -> None:
    (answer,), targets = asked(
        database, site(Reply(429, headers={"Retry-After": "7200"})), "results"
    )

    assert answer.failure is not None
    assert answer.failure.next_try_at == NOW + timedelta(hours=2)
    assert targets == ["/robots.txt"]


@pytest.mark.fault("H21")
@pytest.mark.parametrize(("hops", "allowed"), [(1, False), (5, False), (6, True)])
def test_five_redirects_are_followed_and_more_mean_that_there_is_none(
    database: Database, hops: int, *, allowed: bool
) -> None:
    onwards = [Reply(302, headers={"Location": f"/robots.txt?{n}"}) for n in range(hops)]

    assert is_allowed(database, site(*onwards, robots(FORBIDS))) is allowed


@pytest.mark.fault("H21")
@pytest.mark.parametrize("target", ["http://elsewhere.invalid/", "http://127.0.0.2/robots.txt"])
def test_a_robots_txt_at_a_host_that_may_not_be_asked_cannot_be_had(
    database: Database, target: str
) -> None:
    server = site(Reply(301, headers={"Location": target}))

    assert not is_allowed(database, server)


@pytest.mark.fault("H21")
@pytest.mark.parametrize(
    ("at", "allowed"),
    [(0, False), (500 * 1024, False), (MOST_BYTES + 1024, True)],
    ids=["at its start", "after 500 KiB", "past what is read"],
)
def test_at_least_500_kib_of_a_megabyte_are_read(
    database: Database, at: int, *, allowed: bool
) -> None:
    head, rule, line = b"User-agent: *\n", b"Disallow: /private\n", b"# " + b"x" * 97 + b"\n"
    before = line * ((at + 99) // 100)
    body = (head + before + rule + line * 10_486)[: 1 << 20]

    assert is_allowed(database, site(robots(body))) is allowed


@pytest.mark.fault("H21")
def test_a_rule_cut_in_two_is_no_rule(database: Database) -> None:
    # Cut where reading ends, the last line would say "Disallow: /".
    head, rule = b"User-agent: *\n", b"Disallow: /private\n"
    filling = b"#" * (MOST_BYTES - len(head) - len(b"Disallow: /") - 1) + b"\n"

    assert is_allowed(database, site(robots(head + filling + rule)), "results")


@pytest.mark.fault("H21")
@pytest.mark.parametrize(
    "body",
    [b"\xef\xbb\xbf" + FORBIDS.encode(), b"# \xff\xfe caf\xe9 \x00\n" + FORBIDS.encode()],
    ids=["byte order mark", "not UTF-8"],
)
def test_odd_bytes_hide_no_rule(database: Database, body: bytes) -> None:
    assert not is_allowed(database, site(robots(body)))


@pytest.mark.fault("H21")
@pytest.mark.parametrize(
    ("control", "life"),
    [
        pytest.param("", DAY, id="nothing said"),
        pytest.param("public, max-age=3600", timedelta(hours=1), id="an hour"),
        pytest.param("max-age=31536000", DAY, id="a year is a day"),
        pytest.param("max-age=1", timedelta(minutes=5), id="a second is five minutes"),
        pytest.param("no-store", timedelta(minutes=5), id="never"),
        pytest.param("s-maxage=60, max-age=7200", timedelta(hours=2), id="not ours"),
    ],
)
def test_a_copy_lives_as_long_as_its_answer_says_but_a_day_at_most(
    database: Database, control: str, life: timedelta
) -> None:
    headers = {"Cache_Control": control} if control else {}
    (answer,), _ = asked(database, site(robots(FORBIDS, **headers)), "private/1")

    assert answer.failure is not None
    assert answer.failure.next_try_at == NOW + life


@pytest.mark.fault("H21")
def test_a_change_amid_a_run_is_seen_once_the_copy_expires(database: Database) -> None:
    async def work() -> list[bool]:
        async with visit(database, server) as here:
            found = []
            for passed in (0, 599, 601, 86400 + 600):
                here.clock.now = NOW + timedelta(seconds=passed)
                found.append((await here.ask("private/1")).failure is None)
            return found

    replies = [robots(ALLOWS_ALL, Cache_Control="max-age=600"), robots(FORBIDS), robots(ALLOWS_ALL)]
    with site(*replies) as server:
        found = asyncio.run(work())

    assert found == [True, True, False, False]


@pytest.mark.fault("H21")
def test_a_good_copy_of_the_last_day_stands_in_for_one_that_cannot_be_had(
    database: Database,
) -> None:
    async def work() -> list[str]:
        async with visit(database, server) as here:
            found = []
            for passed in (timedelta(0), timedelta(hours=2), timedelta(hours=23, minutes=59), DAY):
                here.clock.now = NOW + passed
                answer = await here.ask()
                found.append(answer.failure.reason if answer.failure else "")
            return found

    with site(robots(FORBIDS, Cache_Control="max-age=3600"), Reply(500)) as server:
        *first, last = asyncio.run(work())

    assert first == ["", "", ""]
    assert "cannot be read" in last


@pytest.mark.fault("H21")
def test_programs_share_one_copy(database: Database) -> None:
    async def work() -> list[Answer]:
        async with visit(database, server) as here, visit(database, server) as there:
            asking = [here.ask("a"), there.ask("b"), here.ask("private/1"), there.ask("private/2")]
            return await asyncio.gather(*asking)

    with site(replace(robots(FORBIDS), fault=Fault("slow", value=0.3))) as server:
        answers = asyncio.run(work())
        targets = [entry.target for entry in server.requests]

    assert targets.count("/robots.txt") == 1
    assert [answer.failure is None for answer in answers] == [True, True, False, False]


@pytest.mark.fault("H21")
def test_whoever_died_asking_is_not_waited_for_for_ever(database: Database) -> None:
    server = site(robots(FORBIDS))
    with server:
        with database.connection() as conn:
            conn.execute(
                "insert into robots (source, origin, asked_until)"
                " values ('vendor', %s, clock_timestamp() + interval '0.3 s')",
                [server.base_url],
            )

        async def work() -> Answer:
            async with visit(database, server) as here:
                return await here.ask()

        answer = asyncio.run(work())

    assert answer.failure is None


@pytest.mark.fault("H21")
def test_a_paused_source_is_not_asked_for_its_robots_txt(database: Database) -> None:
    with database.connection() as conn:
        conn.execute(
            "insert into source_pause (source, at, reason, by) values ('vendor', now(), 'x', 'y')"
        )
    answers, targets = asked(database, site(robots(FORBIDS)), "results", "cards")

    assert [one.failure.state for one in answers if one.failure] == [State.MISSING] * 2
    assert targets == []


@pytest.mark.fault("H21")
def test_a_redirect_to_a_disallowed_path_is_not_followed(database: Database) -> None:
    moved = Reply(302, headers={"Location": "/private/2"})
    (answer,), targets = asked(database, site(robots(FORBIDS), moved=moved), "moved")

    assert "disallows /private/2" in refusal(answer)
    assert targets == ["/robots.txt", "/moved"]


@pytest.mark.parametrize(
    ("line", "spacing_us"),
    [
        ("Crawl-delay: 10", 10_000_000),
        ("Request-rate: 1/20s", 20_000_000),
        ("Crawl-delay: 0.1", 525_000),
        ("Crawl-delay: 1000000", 86_400_000_000),
        ("Crawl-delay: inf", 525_000),
        ("Crawl-delay: -3", 525_000),
        ("Crawl-delay: soon", 525_000),
    ],
)
@pytest.mark.fault("H21")
def test_a_delay_widens_the_gate_and_never_narrows_it(
    database: Database, line: str, spacing_us: int
) -> None:
    async def work() -> None:
        endpoint = replace(ENDPOINT, per_second=2.0)
        async with visit(database, server, endpoint=endpoint) as here:
            await here.ask()

    with site(robots(f"User-agent: *\n{line}\n")) as server:
        asyncio.run(work())

    with database.connection() as conn:
        row = conn.execute("select spacing_us from gate").fetchone()
    assert row == (spacing_us,)


def test_a_delay_wins_over_a_higher_limit_learned_before(database: Database) -> None:
    with database.connection() as conn:
        conn.execute(
            "insert into gate (source, endpoint, spacing_us, learned_per_second)"
            " values ('vendor', 'pages', 1050, 800)"
        )
    asked(database, site(robots("User-agent: *\nCrawl-delay: 10\n")), "results")

    with database.connection() as conn:
        row = conn.execute("select spacing_us, learned_per_second from gate").fetchone()
    assert row == (10_000_000, None)


def test_robots_txt_is_asked_for_by_name_and_without_credentials(database: Database) -> None:
    seen: list[Asked] = []

    def answer(request: Asked) -> Reply:
        seen.append(request)
        return robots(ALLOWS_ALL) if request.path == "/robots.txt" else ROWS

    async def work() -> None:
        async with visit(database, server, token="key-of-mine") as here:
            here.source = replace(here.source, auth="key")
            await here.ask()

    with SandboxServer([Route("/{page}", answer)]) as server:
        asyncio.run(work())

    first, second = seen
    assert first.headers["user-agent"].startswith("Stocktake/")
    assert ("authorization" in first.headers, "authorization" in second.headers) == (False, True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"user_agent": "Mozilla/5.0"}, "its User-Agent does not contain 'Stocktake'"),
        ({"robots_agent": "two words"}, "is no product token"),
    ],
)
def test_a_name_that_nobody_could_find_in_a_log_is_refused(
    database: Database, settings: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        asked(database, site(robots(ALLOWS_ALL)), "results", **settings)


@pytest.mark.parametrize(("agent", "setting"), [("", {}), ("Stocktake", {"robots_agent": ""})])
def test_a_source_that_names_nobody_asks_for_none(
    database: Database, agent: str, setting: dict[str, str]
) -> None:
    _, targets = asked(database, site(robots(FORBIDS)), "private/1", agent=agent, **setting)

    assert targets == ["/private/1"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            robots("User-agent: *\nDisallow: /a\nDisallow: /b # no\nCrawl-delay: 3\n"),
            "obeyed as Stocktake: 2 paths disallowed; 3 s between requests",
        ),
        (
            robots("User-agent: a\nUser-agent: STOCKTAKE\nDisallow: /\n\nUser-agent: *\nAllow: /"),
            "obeyed as Stocktake: 1 path disallowed",
        ),
        (
            Reply(404),
            "obeyed as Stocktake: there is none, everything may be asked (HTTP 404)",
        ),
        (
            Reply(500),
            "obeyed as Stocktake: cannot be read, so nothing may be asked (HTTP 500)",
        ),
    ],
)
def test_what_is_known_is_told(database: Database, entry: Reply, said: str) -> None:
    asked(database, site(entry), "results")

    known = told(database)
    assert (known.told, known.fetched_at) == (said, NOW)


def test_a_host_that_was_not_asked_yet_says_so(database: Database) -> None:
    assert told(database).told == "obeyed as Stocktake: not read yet"
