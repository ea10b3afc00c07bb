"""Faults of the network and of servers, each sent by a real loopback server."""

from __future__ import annotations

import asyncio
import gzip
import resource
import zlib
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
import zstandard

from stocktake.fetch.answer import Known
from stocktake.model import Endpoint, Request, State
from tests.integration.fetch.vendor import (
    ENDPOINT,
    FEED,
    NOW,
    OK,
    REQUEST,
    Vendor,
    as_json,
    closed_after,
    drip,
    feed_of,
    fetched,
    letter_by_letter,
    reply,
    reset_after,
    scene,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.store.database import Database

BODY = b'{"results": [' + b", ".join(b'{"race": "%d"}' % number for number in range(400)) + b"]}"
HASTY = feed_of(Endpoint("results", per_second=1000.0, timeout_seconds=0.2))
SMALL = feed_of(Endpoint("results", per_second=1000.0, timeout_seconds=2.0, max_bytes=1 << 16))


def packed(raw: bytes, encoding: str) -> bytes:
    return as_json(raw, Content_Encoding=encoding)


@pytest.mark.fault("H01")
def test_a_refused_connection_is_retried_without_spending_the_quota(database: Database) -> None:
    feed = feed_of(Endpoint("results", per_second=1000.0, per_day=100))

    async def work() -> tuple[State | None, int, list[float]]:
        async with scene(database, OK) as stage:
            await stage.vendor.__aexit__()
            answer = await stage.fetch(feed)
            assert answer.failure is not None
            assert answer.failure.reason == "connection refused or unreachable (5 tries)"
            return answer.failure.state, len(answer.attempts), stage.delays

    state, attempts, delays = asyncio.run(work())

    assert (state, attempts, gate_column(database, "quota_used")) == (State.FAILED, 5, 0)
    assert [low <= delay < 3 * low for low, delay in zip((0.5, 1, 2, 4), delays, strict=True)] == [
        True
    ] * 4


def gate_column(database: Database, column: str) -> object:
    with database.connection() as connection:
        row = connection.execute(f"select {column} from gate").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.fault("H01")
def test_a_host_name_that_does_not_resolve_is_a_failed_unit(database: Database) -> None:
    async def work() -> str:
        async with scene(database, OK, base_url="http://no-such-host.invalid") as stage:
            answer = await stage.fetch()
            assert answer.failure is not None
            return answer.failure.reason

    assert asyncio.run(work()) == "host name cannot be resolved (5 tries)"


@pytest.mark.fault("H02")
@pytest.mark.parametrize("kept", [0, 1, len(BODY) // 2, len(BODY) - 1])
def test_a_body_broken_by_a_reset_is_discarded_and_asked_again(
    database: Database, kept: int
) -> None:
    whole = as_json(BODY)
    broken = whole[: len(whole) - len(BODY) + kept]

    answer, seen = fetched(database, reset_after(broken), whole)

    assert [capture.body for capture in answer.captures] == [BODY]
    assert (len(seen), answer.evidence) == (2, ())


@pytest.mark.fault("H02")
def test_a_reset_before_any_byte_is_asked_again(database: Database) -> None:
    answer, _ = fetched(database, reset_after(b""), OK)

    assert answer.failure is None


@pytest.mark.fault("H03")
def test_a_body_shorter_than_its_content_length_is_cut_short(database: Database) -> None:
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}"

    answer, seen = fetched(database, closed_after(short), OK)

    assert answer.attempts[0].reason == "answer cut short after 2 bytes"
    assert (len(seen), answer.captures[0].body) == (2, b'{"total": 1}')


@pytest.mark.fault("H03")
def test_bytes_beyond_the_content_length_never_reach_the_next_answer(database: Database) -> None:
    long = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]HTTP/1.1 200 OK\r\n\r\n{"evil": 1}'

    async def work() -> list[bytes]:
        async with scene(database, long, OK) as stage:
            answers = [await stage.fetch(), await stage.fetch()]
            return [answer.captures[0].body for answer in answers]

    assert asyncio.run(work()) == [b"[]", b'{"total": 1}']


GZIP = gzip.compress(BODY)
RAW_DEFLATE = zlib.compress(BODY)[2:-4]
ZSTD = zstandard.compress(BODY)


@pytest.mark.fault("H04")
@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        pytest.param(GZIP, "gzip", id="gzip"),
        pytest.param(GZIP, "GZip", id="gzip in capitals"),
        pytest.param(gzip.compress(BODY[:99]) + gzip.compress(BODY[99:]), "gzip", id="members"),
        pytest.param(zlib.compress(BODY), "deflate", id="zlib"),
        pytest.param(RAW_DEFLATE, "deflate", id="raw deflate"),
        pytest.param(ZSTD, "zstd", id="zstd"),
        pytest.param(zstandard.compress(BODY[:99]) + zstandard.compress(BODY[99:]), "zstd"),
        pytest.param(BODY, "identity", id="identity"),
    ],
)
def test_a_sound_encoding_is_undone(database: Database, raw: bytes, encoding: str) -> None:
    answer, _ = fetched(database, packed(raw, encoding))

    assert answer.captures[0].body == BODY


@pytest.mark.fault("H04")
@pytest.mark.parametrize(
    ("raw", "encoding", "reason"),
    [
        pytest.param(GZIP[:-8] + bytes(4) + GZIP[-4:], "gzip", "damaged gzip body", id="CRC"),
        pytest.param(GZIP + b"junk", "gzip", "4 bytes after the end of the gzip body", id="junk"),
        pytest.param(
            gzip.compress(GZIP), "gzip", "body compressed more often than its headers say"
        ),
        pytest.param(GZIP, "", "body compressed more often than its headers say", id="unsaid"),
        pytest.param(BODY, "gzip", "damaged gzip body", id="not gzip at all"),
        pytest.param(b"", "gzip", "gzip body cut short", id="nothing"),
        pytest.param(BODY, "br", "content encoding 'br', which was not asked for", id="br"),
        pytest.param(GZIP, "gzip, gzip", "content encoding 'gzip, gzip', which was not asked for"),
        pytest.param(
            zlib.compress(BODY) + b"x",
            "deflate",
            "1 bytes after the end of the deflate body",
            id="deflate junk",
        ),
        pytest.param(RAW_DEFLATE[:-5], "deflate", "deflate body cut short", id="deflate cut"),
        pytest.param(ZSTD + b"junk", "zstd", "4 bytes after the end of the zstd body"),
        pytest.param(b"\0" + ZSTD, "zstd", "damaged zstd body", id="not zstd"),
    ],
)
def test_a_damaged_encoding_is_kept_as_evidence_and_asked_again(
    database: Database, raw: bytes, encoding: str, reason: str
) -> None:
    answer, _ = fetched(database, packed(raw, encoding), OK)

    assert [attempt.reason for attempt in answer.attempts] == [reason]
    assert [(page.body, page.flaw) for page in answer.evidence] == ([(raw, reason)] if raw else [])
    assert [page.body for page in answer.captures] == [b'{"total": 1}']


@pytest.mark.fault("H04")
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_compressed_body_cut_anywhere_is_never_used(database: Database, encoding: str) -> None:
    whole = GZIP if encoding == "gzip" else ZSTD

    async def work() -> list[bool]:
        cuts = [packed(whole[: len(whole) * tenth // 10], encoding) for tenth in range(10)]
        async with scene(database, *cuts, OK) as stage:
            answers = [await stage.fetch() for _ in range(2)]
            return [bool(answer.captures[0].flaw) for answer in answers]

    assert asyncio.run(work()) == [True, True]


@pytest.mark.fault("H05")
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_stops_at_the_limit_of_decoded_bytes(database: Database, encoding: str) -> None:
    bomb = packed(_bomb(encoding, 1 << 30), encoding)
    before = peak_kilobytes(reset=True)

    answer, _ = fetched(database, bomb, OK)

    assert answer.attempts[0].reason == "body larger than 67108864 bytes"
    assert peak_kilobytes() - before < 100 * 1024


def peak_kilobytes(*, reset: bool = False) -> int:
    """Return the most memory this process held, since the last reset where the system can."""
    marks = Path("/proc/self/clear_refs")
    if not marks.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if reset:
        marks.write_text("5")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def _bomb(encoding: str, size: int) -> bytes:
    zeros = bytes(1 << 20)
    if encoding == "zstd":
        frame = zstandard.ZstdCompressor(level=1).compressobj()
        return b"".join([*(frame.compress(zeros) for _ in range(size >> 20)), frame.flush()])
    window = zlib.MAX_WBITS | 16 if encoding == "gzip" else zlib.MAX_WBITS
    stream = zlib.compressobj(1, zlib.DEFLATED, window)
    return b"".join([*(stream.compress(zeros) for _ in range(size >> 20)), stream.flush()])


@pytest.mark.fault("H06")
@pytest.mark.parametrize(
    "slow",
    [
        pytest.param(letter_by_letter(OK, every_seconds=0.05), id="byte by byte"),
        pytest.param(
            drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", every_seconds=0.03), id="endless headers"
        ),
        pytest.param(
            drip(as_json(BODY)[:-10], b"", every_seconds=0.05), id="stalled before the end"
        ),
    ],
)
def test_the_total_deadline_ends_a_slow_answer(database: Database, slow: bytes) -> None:
    answer, seen = fetched(database, slow, OK, feed=HASTY)

    assert answer.attempts[0].reason == "no complete answer within 0.2 s"
    assert (answer.failure, len(seen)) == (None, 2)


@pytest.mark.fault("H06")
def test_other_requests_go_on_while_one_is_slow(database: Database) -> None:
    async def work() -> list[str]:
        slow = letter_by_letter(OK, every_seconds=0.05)
        async with scene(database, slow, OK) as stage:
            finished: list[str] = []

            async def one(name: str) -> None:
                await stage.fetch(HASTY)
                finished.append(name)

            async with asyncio.TaskGroup() as group:
                group.create_task(one("slow"))
                await asyncio.sleep(0.05)
                group.create_task(one("quick"))
            return finished

    assert asyncio.run(work()) == ["quick", "slow"]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.fault("H07")
@pytest.mark.parametrize(
    ("endless", "reason"),
    [
        pytest.param(
            drip(b"HTTP/1.1 200 OK\r\n\r\n", bytes(50_000), every_seconds=0),
            "body larger than 65536 bytes",
            id="without a length",
        ),
        pytest.param(
            drip(CHUNKED, b"4000\r\n" + bytes(0x4000) + b"\r\n", every_seconds=0),
            "body larger than 65536 bytes",
            id="chunks without end",
        ),
        pytest.param(
            closed_after(CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n"),
            "answer is not valid HTTP",
            id="chunk size is no number",
        ),
        pytest.param(
            closed_after(CHUNKED + b"ff\r\nhello\r\n0\r\n\r\n"),
            "answer cut short after 12 bytes",
            id="chunk size too large",
        ),
    ],
)
def test_an_endless_or_lying_body_ends_at_the_limit(
    database: Database, endless: bytes, reason: str
) -> None:
    answer, _ = fetched(database, endless, OK, feed=SMALL)

    assert [attempt.reason for attempt in answer.attempts] == [reason]


@pytest.mark.fault("H08")
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", id="a long header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10_000 + b"\r\n", id="10,000 headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nB\x00d: \x01\r\n\r\n", id="bad bytes"),
        pytest.param(b"HTTP/1.1 two-hundred OK\r\n\r\n", id="status is no number"),
        pytest.param(b"hello, this is not HTTP\r\n\r\n", id="not HTTP"),
    ],
)
def test_an_answer_that_is_not_http_is_asked_again_and_then_given_up(
    database: Database, broken: bytes
) -> None:
    answer, seen = fetched(database, closed_after(broken))

    assert answer.failure is not None
    assert answer.failure.reason == "answer is not valid HTTP (5 tries)"
    assert (answer.failure.state, len(seen)) == (State.FAILED, 5)


@pytest.mark.fault("H08")
def test_a_line_break_in_a_location_does_not_become_a_header(database: Database) -> None:
    moved = reply(302, Location="/x%0d%0aX-Injected:1")

    _, seen = fetched(database, moved, OK)

    assert seen[1].target == "/x%0d%0aX-Injected:1"
    assert "x-injected" not in seen[1].headers


@pytest.mark.fault("H10")
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_a_burst_of_server_errors_is_sat_out(database: Database, status: int) -> None:
    answer, seen = fetched(database, *[reply(status)] * 3, OK)

    assert answer.failure is None
    assert [attempt.status for attempt in answer.attempts] == [status] * 3
    assert len(seen) == 4


@pytest.mark.fault("H11")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty body where an answer is due"),
        (b" \r\n", "empty body where an answer is due"),
        (b"\xef\xbb\xbf", "empty body where an answer is due"),
        (
            b"<!DOCTYPE html><title>Log in</title>",
            "an HTML page where application/json is due: login or error page",
        ),
        (
            b"\n <html><body>Maintenance</body></html>",
            "an HTML page where application/json is due: login or error page",
        ),
    ],
)
def test_an_empty_or_html_body_is_refused_and_kept(
    database: Database, body: bytes, reason: str
) -> None:
    answer, seen = fetched(database, as_json(body))

    assert answer.failure is not None
    assert (answer.failure.state, answer.failure.reason) == (State.FAILED, reason)
    assert [(page.body, page.flaw) for page in answer.captures] == [(body, reason)]
    assert len(seen) == 1


@pytest.mark.fault("H11")
@pytest.mark.parametrize("body", [b"null", b"{}", b'{"error": "quota"}'])
def test_an_odd_json_body_is_left_to_the_parser(database: Database, body: bytes) -> None:
    answer, _ = fetched(database, as_json(body))

    assert (answer.failure, answer.captures[0].body) == (None, body)


def test_a_feed_of_html_pages_takes_html(database: Database) -> None:
    pages = feed_of(replace(ENDPOINT, media_type="text/html"))

    answer, seen = fetched(database, reply(200, b"<html></html>"), feed=pages)

    assert (answer.failure, seen[0].headers["accept"]) == (None, "text/html")


@pytest.mark.fault("H12")
@pytest.mark.parametrize("status", [404, 410, 204])
def test_a_unit_the_source_does_not_have_is_unrecoverable_with_proof(
    database: Database, status: int
) -> None:
    feed = replace(FEED, absent_statuses=frozenset({404, 410, 204}), absent_reason="no such horse")
    proof = b'{"detail":"Not Found"}' if status != 204 else b""

    answer, seen = fetched(database, reply(status, proof), feed=feed)

    assert answer.failure is not None
    assert answer.failure.state is State.UNRECOVERABLE
    assert answer.failure.reason == f"no such horse (HTTP {status})"
    assert answer.failure.next_try_at is not None
    assert answer.failure.next_try_at > NOW
    assert [(page.status, page.body) for page in answer.captures] == [(status, proof)]
    assert len(seen) == 1


@pytest.mark.fault("H12")
def test_a_404_that_proves_nothing_is_a_failure(database: Database) -> None:
    answer, seen = fetched(database, reply(404, b"Not Found"))

    assert answer.failure is not None
    assert (answer.failure.state, len(seen)) == (State.FAILED, 1)


def test_a_request_the_source_finds_wrong_is_not_repeated(database: Database) -> None:
    detail = b'{"detail":[{"loc":["query","name"],"msg":"field required"}]}'

    answer, seen = fetched(database, reply(422, detail))

    assert answer.failure is not None
    assert answer.failure.reason == f"HTTP 422: {detail.decode()}"
    assert (answer.failure.next_try_at, len(seen)) == (None, 1)


@pytest.mark.fault("H13")
@pytest.mark.parametrize("status", [401, 403])
def test_a_revoked_login_pauses_the_source_at_once(database: Database, status: int) -> None:
    async def work() -> tuple[list[bool], int]:
        async with scene(database, OK, reply(status)) as stage:
            assert (await stage.fetch()).failure is None
            answers = [await stage.fetch()]
            answers += await asyncio.gather(*(stage.fetch() for _ in range(20)))
            paused = [answer.failure.pauses_source for answer in answers if answer.failure]
            return paused, len(stage.vendor.seen)

    assert asyncio.run(work()) == ([True] * 21, 2)


@pytest.mark.fault("H18")
@pytest.mark.parametrize(
    ("bodies", "reason", "requests"),
    [
        pytest.param([b"[1]", b"[2]", b"[2]"], "page 3 repeats page 2", 3, id="last page for ever"),
        pytest.param([b"[1]", b"[2]", b"[1]"], "page 3 repeats page 1", 3, id="A to B to A"),
        pytest.param([b"[1]", b"[1]"], "page 2 repeats page 1", 2, id="next is the same page"),
    ],
)
def test_pages_that_go_in_circles_end_the_request(
    database: Database, bodies: list[bytes], reason: str, requests: int
) -> None:
    feed = replace(FEED, next_page=always_another)

    answer, seen = fetched(database, *map(as_json, bodies), feed=feed)

    assert answer.failure is not None
    assert (answer.failure.reason, len(seen)) == (reason, requests)
    assert [page.body for page in answer.captures] == bodies
    assert all(page.flaw for page in answer.captures)


def always_another(latest: Request, bodies: Sequence[bytes]) -> Request | None:
    return replace(latest, params=(("skip", str(len(bodies))),))


def until_three(latest: Request, bodies: Sequence[bytes]) -> Request | None:
    return always_another(latest, bodies) if len(bodies) < 3 else None


@pytest.mark.fault("H18")
def test_pages_arrive_in_order(database: Database) -> None:
    feed = replace(FEED, next_page=until_three)

    answer, seen = fetched(database, *map(as_json, (b"[1]", b"[2]", b"[3]")), feed=feed)

    assert [(page.page, page.body) for page in answer.captures] == [
        (0, b"[1]"),
        (1, b"[2]"),
        (2, b"[3]"),
    ]
    assert [request.target for request in seen] == [
        "/results?date=2024-05-01",
        "/results?skip=1",
        "/results?skip=2",
    ]


@pytest.mark.fault("H18")
def test_a_page_that_cannot_be_had_leaves_nothing_to_parse(database: Database) -> None:
    feed = replace(FEED, next_page=until_three)

    answer, _ = fetched(database, as_json(b"[1]"), reply(500), feed=feed)

    assert answer.failure is not None
    assert [bool(page.flaw) for page in answer.captures] == [True, True]


KNOWN = Known(7, (b"x" * 32,), etag='W/"abc"', last_modified="Fri, 01 Jan 2100 00:00:00 GMT")


@pytest.mark.fault("H19")
def test_an_answer_that_has_not_changed_is_not_sent_again(database: Database) -> None:
    answer, seen = fetched(database, reply(304), known=KNOWN)

    assert (answer.unchanged, answer.captures, answer.failure) == (True, (), None)
    assert seen[0].headers["if-none-match"] == 'W/"abc"'
    assert seen[0].headers["if-modified-since"] == "Fri, 01 Jan 2100 00:00:00 GMT"


@pytest.mark.fault("H19")
def test_a_304_without_a_stored_body_is_fetched_in_full(database: Database) -> None:
    answer, seen = fetched(database, reply(304), OK)

    assert [page.body for page in answer.captures] == [b'{"total": 1}']
    assert seen[1].headers["cache-control"] == "no-cache"


@pytest.mark.fault("H19")
def test_a_304_that_never_ends_is_a_failure_and_not_an_unchanged_unit(database: Database) -> None:
    answer, _ = fetched(database, reply(304))

    assert (answer.unchanged, answer.failure is not None) == (False, True)


@pytest.mark.fault("H19")
def test_a_server_that_never_says_304_is_recognised_by_the_same_bytes(database: Database) -> None:
    async def work() -> list[bool]:
        async with scene(database, OK, OK, as_json(b"[]")) as stage:
            first = await stage.fetch()
            known = Known(1, tuple(page.sha256 for page in first.captures))
            answers = [await stage.fetch(known=known) for _ in range(2)]
            return [answer.unchanged for answer in answers]

    assert asyncio.run(work()) == [True, False]


@pytest.mark.fault("H19")
def test_an_answer_of_several_pages_is_never_taken_for_unchanged_by_its_first(
    database: Database,
) -> None:
    feed = replace(FEED, next_page=until_three)
    known = replace(KNOWN, page_hashes=(b"x" * 32, b"y" * 32))

    answer, seen = fetched(
        database, *map(as_json, (b"[1]", b"[2]", b"[3]")), feed=feed, known=known
    )

    assert "if-none-match" not in seen[0].headers
    assert (answer.unchanged, len(answer.captures)) == (False, 3)


@pytest.mark.fault("H14")
def test_credentials_do_not_follow_a_redirect_to_another_port(database: Database) -> None:
    async def work() -> tuple[str, int]:
        async with Vendor([OK]) as other:
            moved = reply(302, Location=f"{other.base_url}/stolen")
            async with scene(database, moved, auth="bearer", token="open-sesame") as stage:
                answer = await stage.fetch()
                assert answer.failure is not None
                return answer.failure.reason, len(other.seen)

    assert asyncio.run(work()) == ("vendor: 127.0.0.1 is not a public address.", 0)


@pytest.mark.fault("H14")
def test_a_redirect_within_the_source_is_followed_with_credentials(database: Database) -> None:
    async def work() -> list[str]:
        moved = reply(302, Location="/moved?x=1")
        async with scene(database, moved, OK, auth="bearer", token="open-sesame") as stage:
            answer = await stage.fetch()
            assert (answer.failure, answer.requests) == (None, 2)
            return [f"{seen.target} {seen.headers['authorization']}" for seen in stage.vendor.seen]

    assert asyncio.run(work()) == [
        "/results?date=2024-05-01 Bearer open-sesame",
        "/moved?x=1 Bearer open-sesame",
    ]


@pytest.mark.fault("H14")
def test_redirects_end_after_five_hops(database: Database) -> None:
    answer, seen = fetched(database, reply(302, Location="/again"))

    assert answer.failure is not None
    assert answer.failure.reason == "vendor: more than 5 redirects."
    assert (len(seen), answer.requests) == (6, 6)


def test_the_request_is_the_one_the_plan_named(database: Database) -> None:
    request = replace(REQUEST, params=(("region", "gb"), ("region", "ire"), ("q", "a b&c")))

    async def work() -> str:
        async with scene(database, OK) as stage:
            await stage.fetch(request=request)
            return stage.targets[0]

    assert asyncio.run(work()) == "/results?region=gb&region=ire&q=a%20b%26c"


POOL = (
    OK,
    reply(500),
    reply(502, b"<html>Bad gateway</html>"),
    reply(429, Retry_After="1"),
    reply(429),
    reply(304),
    reply(302, Location="/elsewhere"),
    packed(GZIP[:-9], "gzip"),
    packed(BODY, "br"),
    packed(gzip.compress(b'{"total": 1}'), "gzip"),
    reset_after(b""),
    reset_after(as_json(BODY)[:-1]),
    closed_after(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}"),
    closed_after(b"nonsense\r\n\r\n"),
)


@pytest.mark.fault("H02")
@pytest.mark.fault("H10")
@pytest.mark.parametrize("seed", range(40))
def test_any_mix_of_faults_ends_in_the_right_body_or_in_a_failure(
    database: Database, seed: int
) -> None:
    replies = Random(seed).choices(POOL, k=8)

    answer, seen = fetched(database, *replies, OK)

    assert [page.body for page in answer.captures if not page.flaw] == (
        [] if answer.failure else [b'{"total": 1}']
    )
    assert answer.requests == len(seen)
    assert gate_column(database, "requests") == len(seen)
