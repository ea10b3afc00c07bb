"""The scripted server does what the faults say, judged by a client on the other end."""

import gzip
import http.client
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime

import pytest

from stocktake.testing import (
    Fault,
    FaultRules,
    Reply,
    RequestLog,
    Route,
    SandboxServer,
)
from stocktake.testing.faults import UnknownFaultError

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BODY = json.dumps({"rows": list(range(200))}).encode()


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    route = Route("/rows", lambda _asked: Reply(body=BODY))
    with SandboxServer([route], clock=lambda: NOW) as running:
        yield running


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes


def ask(
    server: SandboxServer, path: str = "/rows", *, timeout: float = 5, **headers: str
) -> Answer:
    host = server.base_url.removeprefix("http://")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection(host, timeout=timeout)) as connection:
        connection.request("GET", path, headers={"Connection": "close"} | sent)
        with connection.getresponse() as response:
            return Answer(response.status, response.headers, response.read())


def call(server: SandboxServer, method: str, path: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(server.base_url + path, data=body, method=method)
    with urllib.request.urlopen(request, timeout=5) as response:
        answer: bytes = response.read()
    return answer


def test_a_route_answers() -> None:
    with SandboxServer([Route("/a/{name}", lambda asked: Reply.of_json(asked.parts))]) as server:
        assert json.loads(ask(server, "/a/b").body) == {"name": "b"}


def test_an_unknown_path_is_not_found(server: SandboxServer) -> None:
    response = ask(server, "/nothing")

    assert (response.status, response.body) == (404, b'{"detail":"Not Found"}')


def test_repeated_parameters_arrive_in_order() -> None:
    with SandboxServer([Route("/q", lambda asked: Reply.of_json(asked.query))]) as server:
        answer = json.loads(ask(server, "/q?region=gb&region=ire&limit=1").body)

    assert answer == [["region", "gb"], ["region", "ire"], ["limit", "1"]]


def test_a_wrong_login_is_refused() -> None:
    with SandboxServer([Route("/a", lambda _asked: Reply())], login=("u", "p")) as server:
        assert ask(server, "/a", Authorization="Basic eDp5").status == 401


def test_the_right_login_is_admitted() -> None:
    with SandboxServer([Route("/a", lambda _asked: Reply())], login=("u", "p")) as server:
        assert ask(server, "/a", Authorization="Basic dTpw").status == 200


def test_requests_are_logged(server: SandboxServer) -> None:
    ask(server, "/rows?a=1")
    [entry] = server.requests

    assert (entry.endpoint, entry.target, entry.status) == ("/rows", "/rows?a=1", 200)


def test_more_than_the_limit_in_a_second_is_refused() -> None:
    with SandboxServer([Route("/a", lambda _asked: Reply(), per_second=2)]) as server:
        statuses = [ask(server, "/a").status for _ in range(3)]

    assert statuses == [200, 200, 429]


def test_refused_requests_are_counted_too() -> None:
    with SandboxServer([Route("/a", lambda _asked: Reply(), per_second=2)]) as server:
        for _ in range(4):
            ask(server, "/a")

        assert server.per_second("/a") == 4


def test_the_limit_can_be_multiplied() -> None:
    with SandboxServer([Route("/a", lambda _asked: Reply(), per_second=1)]) as server:
        server.limit_factor = 3
        statuses = [ask(server, "/a").status for _ in range(4)]

    assert statuses == [200, 200, 200, 429]


def test_routes_of_one_gate_share_a_limit() -> None:
    routes = [
        Route(path, lambda _asked: Reply(), per_second=2, gate="host") for path in ("/a", "/b")
    ]
    with SandboxServer(routes) as server:
        statuses = [ask(server, path).status for path in ("/a", "/b", "/b")]

        assert statuses == [200, 200, 429]
        assert (server.per_second("/b"), server.per_second("host")) == (2, 3)


def test_evenly_spaced_requests_at_the_limit_are_admitted() -> None:
    log = RequestLog()

    assert [log.admit("/a", at / 5, per_second=5) for at in range(50)] == [0.0] * 50


def test_a_window_does_not_hold_its_own_end() -> None:
    log = RequestLog()
    for at_seconds in (0.0, 0.5, 1.0, 1.5, 1.6):
        log.arrive("/a", at_seconds)

    assert log.per_second("/a") == 3


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
@pytest.mark.fault("H10")
def test_a_status_fault_answers_with_that_status(server: SandboxServer, status: int) -> None:
    server.rules.add([Fault(str(status))])

    assert ask(server).status == status


@pytest.mark.parametrize("value", ["7", "-1", "99999999", "soon"])
@pytest.mark.fault("H09")
def test_retry_after_is_sent_as_given(server: SandboxServer, value: str) -> None:
    server.rules.add([Fault("429", value=value)])

    assert ask(server).headers["Retry-After"] == value


@pytest.mark.fault("H09")
def test_retry_after_can_be_missing(server: SandboxServer) -> None:
    server.rules.add([Fault("429")])

    assert "Retry-After" not in ask(server).headers


@pytest.mark.fault("H09")
def test_retry_after_can_be_a_date(server: SandboxServer) -> None:
    server.rules.add([Fault("429", value="http-date:30")])
    at = parsedate_to_datetime(ask(server).headers["Retry-After"])

    assert at == NOW + timedelta(seconds=30)


@pytest.mark.parametrize("sent", [1, 40, 100])
@pytest.mark.fault("H02")
def test_a_reset_cuts_the_connection_after_some_bytes(server: SandboxServer, sent: int) -> None:
    server.rules.add([Fault("reset", value=sent)])

    received, reset = _raw(server)
    assert (len(received), reset) == (sent, True)


@pytest.mark.fault("H02")
def test_a_reset_can_come_before_the_first_byte(server: SandboxServer) -> None:
    server.rules.add([Fault("reset")])

    assert _raw(server) == (b"", True)


def _raw(server: SandboxServer) -> tuple[bytes, bool]:
    """Return what came over a bare connection and whether it ended in a reset."""
    host, port = server.base_url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /rows HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        try:
            while block := connection.recv(1 << 16):
                received += block
        except ConnectionResetError:
            return received, True
    return received, False


@pytest.mark.fault("H03")
def test_a_truncated_body_is_shorter_than_promised(server: SandboxServer) -> None:
    server.rules.add([Fault("truncated")])

    with pytest.raises(http.client.IncompleteRead):
        ask(server)


@pytest.mark.fault("H03")
def test_extra_bytes_follow_the_body(server: SandboxServer) -> None:
    server.rules.add([Fault("extra_bytes", value=9)])
    received, _ = _raw(server)

    assert received.endswith(BODY + b"x" * 9)


@pytest.mark.fault("H04")
def test_bad_gzip_has_a_wrong_checksum(server: SandboxServer) -> None:
    server.rules.add([Fault("bad_gzip")])

    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(ask(server).body)


@pytest.mark.fault("H04")
def test_truncated_gzip_ends_early(server: SandboxServer) -> None:
    server.rules.add([Fault("truncated_gzip")])

    with pytest.raises(EOFError):
        gzip.decompress(ask(server).body)


@pytest.mark.fault("H05")
def test_a_gzip_bomb_is_small_on_the_wire_and_large_unpacked(server: SandboxServer) -> None:
    server.rules.add([Fault("gzip_bomb", value=8)])
    body = ask(server).body

    assert len(body) < 20_000
    assert len(zlib.decompress(body, 31)) == (8 << 20) + 2


@pytest.mark.fault("H06")
def test_a_slow_body_comes_byte_by_byte(server: SandboxServer) -> None:
    server.rules.add([Fault("slow_body", value=0.0005)])
    started = time.monotonic()

    assert ask(server).body == BODY
    assert time.monotonic() - started > len(BODY) * 0.0005


@pytest.mark.parametrize("kind", ["timeout", "stall"])
@pytest.mark.fault("H06")
def test_an_answer_that_never_comes(server: SandboxServer, kind: str) -> None:
    server.rules.add([Fault(kind)])

    with pytest.raises(TimeoutError):
        ask(server, timeout=0.2)


@pytest.mark.fault("H07")
def test_an_endless_body_goes_on(server: SandboxServer) -> None:
    server.rules.add([Fault("endless_body")])
    host, port = server.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /rows HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        received = 0
        while received < 3 << 20:
            received += len(connection.recv(1 << 20))

    assert received >= 3 << 20


@pytest.mark.fault("H08")
def test_large_headers_are_too_large(server: SandboxServer) -> None:
    server.rules.add([Fault("large_headers")])

    with pytest.raises(http.client.LineTooLong):
        ask(server)


@pytest.mark.fault("H05")
def test_an_oversized_body_is_as_large_as_told(server: SandboxServer) -> None:
    server.rules.add([Fault("oversized", value=4)])

    assert len(ask(server).body) == (4 << 20) + 2


@pytest.mark.parametrize(
    ("kind", "body"), [("empty_object", b"{}"), ("empty_body", b""), ("null", b"null")]
)
@pytest.mark.fault("H11")
def test_an_empty_answer_is_a_200(server: SandboxServer, kind: str, body: bytes) -> None:
    server.rules.add([Fault(kind)])
    response = ask(server)

    assert (response.status, response.body) == (200, body)


@pytest.mark.fault("H11")
def test_a_page_of_html_is_a_200(server: SandboxServer) -> None:
    server.rules.add([Fault("html")])

    assert ask(server).headers["Content-Type"].startswith("text/html")


@pytest.mark.fault("H14")
def test_a_redirect_loop_points_at_itself(server: SandboxServer) -> None:
    server.rules.add([Fault("redirect_loop")])

    assert ask(server, "/rows?a=1").headers["Location"] == "/rows?a=1"


@pytest.mark.fault("H14")
def test_a_redirect_can_leave_the_host(server: SandboxServer) -> None:
    server.rules.add([Fault("redirect_host", value="http://10.0.0.1/")])

    assert ask(server).headers["Location"] == "http://10.0.0.1/"


@pytest.mark.fault("H22")
def test_the_servers_clock_can_drift(server: SandboxServer) -> None:
    server.rules.add([Fault("clock_drift", value=-3600)])
    sent = parsedate_to_datetime(ask(server).headers["Date"])

    assert sent == NOW - timedelta(hours=1)


def test_a_slow_answer_is_late_and_whole(server: SandboxServer) -> None:
    server.rules.add([Fault("slow", value=0.15)])
    started = time.monotonic()

    assert ask(server).body == BODY
    assert time.monotonic() - started >= 0.15


@pytest.mark.fault("H19")
def test_an_unchanged_body_is_answered_with_304() -> None:
    with SandboxServer([Route("/a", lambda _asked: Reply(body=BODY))], etags=True) as server:
        tag = ask(server, "/a").headers["ETag"]

        assert ask(server, "/a", if_none_match=tag).status == 304


def test_a_fault_strikes_a_number_of_times(server: SandboxServer) -> None:
    server.rules.add([Fault("503", times=2)])

    assert [ask(server).status for _ in range(3)] == [503, 503, 200]


def test_a_fault_can_wait(server: SandboxServer) -> None:
    server.rules.add([Fault("401", after=2)])

    assert [ask(server).status for _ in range(3)] == [200, 200, 401]


def test_a_fault_strikes_only_what_it_matches(server: SandboxServer) -> None:
    server.rules.add([Fault("500", match="day=2024-05-01")])

    assert ask(server, "/rows?day=2024-05-01").status == 500
    assert ask(server, "/rows?day=2024-05-02").status == 200


def test_a_fault_of_another_endpoint_does_not_strike(server: SandboxServer) -> None:
    server.rules.add([Fault("500", endpoint="/others")])

    assert ask(server).status == 200


def test_a_rate_strikes_its_share() -> None:
    rules = FaultRules([Fault("500", rate=0.2)])
    struck = sum(rules.transport("/a", "/a") is not None for _ in range(2_000))

    assert 320 <= struck <= 480


def test_a_unit_that_was_hit_stays_hit() -> None:
    rules = FaultRules([Fault("thin", rate=0.5)], kinds={"thin"})
    units = [f"2024-05-{day:02}" for day in range(1, 32)]
    once = [rules.content("thin", (unit,), endpoint="/a") is not None for unit in units]
    again = [rules.content("thin", (unit,), endpoint="/a") is not None for unit in units]

    assert once == again
    assert 0 < sum(once) < len(units)


def test_times_are_counted_per_unit() -> None:
    rules = FaultRules([Fault("thin", times=1)], kinds={"thin"})
    struck = [rules.content("thin", (unit,), endpoint="/a") is not None for unit in "abab"]

    assert struck == [True, True, False, False]


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(UnknownFaultError, match="no_such"):
        FaultRules([Fault("no_such")])


def test_faults_can_be_posted(server: SandboxServer) -> None:
    call(server, "POST", "/_sandbox/faults", b'[{"kind":"503","times":1}]')

    assert [ask(server).status for _ in range(2)] == [503, 200]


def test_faults_can_be_dropped(server: SandboxServer) -> None:
    server.rules.add([Fault("503")])
    call(server, "DELETE", "/_sandbox/faults")

    assert ask(server).status == 200


def test_posting_an_unknown_fault_is_refused(server: SandboxServer) -> None:
    with pytest.raises(urllib.error.HTTPError, match="422"):
        call(server, "POST", "/_sandbox/faults", b'[{"kind":"no_such"}]')


def test_statistics_count_requests_by_endpoint(server: SandboxServer) -> None:
    for _ in range(3):
        ask(server)
    stats = json.loads(call(server, "GET", "/_sandbox/stats"))

    assert stats["endpoints"]["/rows"] == {"requests": 3, "max_per_second": 3}


def test_a_script_plays_its_replies_and_repeats_the_last() -> None:
    script = {"/a": [Reply(500), Reply(body=b"1"), Reply(body=b"2")]}
    with SandboxServer.scripted(script) as server:
        answers = [ask(server, "/a") for _ in range(4)]

        assert [answer.body for answer in answers] == [b"", b"1", b"2", b"2"]


def test_a_fault_in_a_script_spoils_the_reply_behind_it() -> None:
    with SandboxServer.scripted({"/a": [Fault("truncated"), Reply(body=BODY)]}) as server:
        with pytest.raises(http.client.IncompleteRead):
            ask(server, "/a")

        assert ask(server, "/a").body == BODY


def test_a_second_server_has_its_own_port(server: SandboxServer) -> None:
    with SandboxServer([]) as other:
        assert other.base_url != server.base_url


def test_it_serves_until_it_is_told_to_stop() -> None:
    text = (
        "from stocktake.testing import SandboxServer, Reply, Route\n"
        "import threading, time\n"
        "server = SandboxServer([Route('/a', lambda asked: Reply(body=b'1'))])\n"
        "def tell():\n"
        "    while not server.base_url: time.sleep(0.01)\n"
        "    print(server.base_url, flush=True)\n"
        "threading.Thread(target=tell, daemon=True).start()\n"
        "server.serve_forever()\n"
    )
    command = [sys.executable, "-c", text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        with urllib.request.urlopen(address + "/a", timeout=5) as response:
            answer = response.read()
        server.terminate()

    assert (answer, server.returncode) == (b"1", 0)
