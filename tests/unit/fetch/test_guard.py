"""Addresses that may be asked, and all the ways to spell one that may not."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import ConfigurationError, RequestRefused
from stocktake.fetch.exchange import _next_hop
from stocktake.fetch.guard import Guard, Origin, request_url
from stocktake.fetch.transport import AiohttpTransport, Response
from stocktake.model import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE = "https://api.example.org/v1"

CIRCLED = {ord(str(digit)): chr(ord("\N{CIRCLED DIGIT ONE}") + digit - 1) for digit in range(1, 10)}
CIRCLED[ord("0")] = "\N{CIRCLED DIGIT ZERO}"
FULLWIDTH = {ord(str(digit)): chr(ord("\N{FULLWIDTH DIGIT ZERO}") + digit) for digit in range(10)}


def spellings(address: str) -> list[str]:
    """Return ways to write an IPv4 address that one program or another understands."""
    number = int(IPv4Address(address))
    first, *middle, last = address.split(".")
    high, low = number >> 16, number & 0xFFFF
    return [
        address,
        f"{address}.",
        f"{first}.{int(middle[0]) << 16 | int(middle[1]) << 8 | int(last)}",
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(f"0{int(part):o}" for part in address.split(".")),
        ".".join(hex(int(part)) for part in address.split(".")),
        address.translate(CIRCLED),
        address.translate(FULLWIDTH),
        address.replace(".", "\N{IDEOGRAPHIC FULL STOP}"),
        f"[::ffff:{address}]",
        f"[::ffff:{high:x}:{low:x}]",
        f"[::{high:x}:{low:x}]",
        f"[64:ff9b::{high:x}:{low:x}]",
        f"[2002:{high:x}:{low:x}::]",
        f"[2001:0:{high:x}:{low:x}::]",
        f"user:word@{address}",
        f"example.org@{address}",
        f"{address}#@example.org",
        f"{address}\\@example.org",
        f"{address}%00.example.org",
        f"\n{address}",
        f"{address}:80",
    ]


SPECIAL = ["127.0.0.1", "10.11.12.13", "169.254.169.254", "192.168.1.2"]
# The private, shared, documentation, benchmark, multicast and reserved ranges: one address of each.
RANGES = [
    *("0.0.0.0", "10.255.0.1", "100.64.0.9", "100.100.100.200", "127.8.8.8", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.8", "192.0.2.77", "198.18.3.4", "198.51.100.5", "203.0.113.6"),
    *("224.0.0.251", "240.0.0.1", "255.255.255.255"),
    *("[::]", "[::1]", "[fc00::8]", "[fd12::1]", "[fe80::2]", "[fe80::2%25eth0]", "[ff02::1]"),
    *("[2001:db8::1]", "[64:ff9b:1::1]", "localhost", "LOCALHOST", "localhost.", "db.localhost"),
    *("printer.local", "vault.internal", "router.home.arpa", "0", "00", "0x"),
]
MALFORMED = [
    *("", "//example.org/", "example.org", "http:example.org", "http:///example.org/", "http://["),
    *("file:///etc/hostname", "ftp://example.org/", "gopher://example.org:70/_x", "data:,x"),
    *("javascript:alert(1)", "unix:/run/x.sock", "ws://example.org/", "http+unix://x/"),
    *("http://example.org:22/", "http://example.org:5432/", "http://example.org:70000/"),
    *("http://example.org:0x50/", "http://example.org:-1/", "http://user@example.org/"),
    *("http://exa mple.org/", "http://example.org./", "http://-example.org/", "http://a..b/"),
    *("http://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/", "http://example.org/\t"),
]
FORBIDDEN = [
    *(f"http://{spelling}/" for address in SPECIAL for spelling in spellings(address)),
    *(f"HTTP://{host}/" for host in RANGES),
    *MALFORMED,
]


@pytest.mark.fault("S01")
@pytest.mark.parametrize("url", FORBIDDEN)
@pytest.mark.parametrize("hosts", ["", "*"])
def test_a_forbidden_address_is_refused_even_if_every_host_is_allowed(url: str, hosts: str) -> None:
    guard = Guard({"vendor": {"base_url": BASE, "allowed_hosts": hosts}})

    with pytest.raises(RequestRefused):
        guard.check("vendor", url)


@pytest.mark.fault("S01")
@pytest.mark.fault("H14")
@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_redirect_to_a_forbidden_address_is_refused(url: str) -> None:
    hosts = "" if url in MALFORMED else "*"
    guard = Guard({"vendor": {"base_url": "http://api.example.org", "allowed_hosts": hosts}})
    here = "http://api.example.org/v1/results"

    # A relative address stays on the host; whatever leaves it must be refused.
    try:
        origin = guard.check("vendor", _next_hop(here, url))
    except RequestRefused:
        return
    assert origin == Origin("http", "api.example.org", 80)


@pytest.mark.fault("H14")
@pytest.mark.parametrize(
    "target", ["http://api.example.org/", "HTTP://api.example.org/", "ftp://api.example.org/"]
)
def test_a_redirect_never_leaves_https(target: str) -> None:
    with pytest.raises(RequestRefused, match="unencrypted"):
        _next_hop("https://api.example.org/v1", target)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example.org/v1/x?y=1", Origin("https", "api.example.org", 443)),
        ("https://API.example.org:443/", Origin("https", "api.example.org", 443)),
        ("https://cdn.example.net/", Origin("https", "cdn.example.net", 443)),
    ],
)
def test_the_hosts_of_a_source_may_be_asked(url: str, origin: Origin) -> None:
    guard = Guard({"vendor": {"base_url": BASE, "allowed_hosts": "cdn.example.net, b.org"}})

    assert guard.check("vendor", url) == origin


@pytest.mark.fault("S01")
@pytest.mark.parametrize(
    "url", ["https://evil.example/", "https://example.org/", "https://xapi.example.org/"]
)
def test_another_host_is_refused(url: str) -> None:
    with pytest.raises(RequestRefused, match="not a host of this source"):
        Guard({"vendor": {"base_url": BASE}}).check("vendor", url)


@pytest.mark.fault("S01")
def test_a_sandbox_opens_its_own_address_and_no_neighbour() -> None:
    guard = Guard({"vendor": {"base_url": "http://127.0.0.1:8123"}, "other": {"base_url": BASE}})

    assert guard.check("vendor", "http://127.0.0.1:8123/x").port == 8123
    for source, url in (
        ("vendor", "http://127.0.0.1:5432/"),
        ("vendor", "http://127.0.0.2:8123/"),
        ("other", "http://127.0.0.1:8123/"),
    ):
        with pytest.raises(RequestRefused):
            guard.check(source, url)


@pytest.mark.parametrize("base_url", ["api.example.org", "ftp://x.org", "http://me:pw@x.org"])
def test_an_ill_formed_base_url_is_a_configuration_error(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url of vendor"):
        Guard({"vendor": {"base_url": base_url}})


@pytest.mark.fault("S01")
@pytest.mark.parametrize(
    "identity",
    [
        *("../../etc/passwd", "256230/../../x", "256230?x=1", "256230#", "256230%2f.."),
        *(
            "256230".translate(FULLWIDTH),
            "256230\n",
            "'; drop table meets;--",
            "256230@evil",
            " ",
            "a\\b",
        ),
        *("%2e%2e", "..", "a%00b", "a%5cb", "%0d%0aX: y", "50%"),
    ],
)
def test_a_path_with_tricks_is_refused(identity: str) -> None:
    with pytest.raises(RequestRefused, match="leaves its place"):
        request_url(BASE, Request("days", f"/meets/{identity}/results"))


def test_an_ordinary_path_goes_below_the_base() -> None:
    request = Request("days", "/races/rac_1;v=2/pro", (("name", "Frankie & Co"),))

    assert request_url(BASE, request) == f"{BASE}/races/rac_1;v=2/pro?name=Frankie%20%26%20Co"


@pytest.mark.fault("S01")
@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::1"], ["fe80::1%eth0"], ["::ffff:10.0.0.1"]],
)
def test_a_name_that_leads_to_a_private_address_is_refused_before_connecting(
    addresses: Sequence[str],
) -> None:
    with pytest.raises(RequestRefused, match="not a public address"):
        asyncio.run(asked("http://api.example.org:1/", [list(addresses)]))


async def asked(url: str, answers: list[list[str]]) -> list[Response]:
    """Get ``url`` once per entry; the resolver gives each entry in turn."""
    given = iter(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return next(given)

    guard = Guard({"vendor": {"base_url": "http://api.example.org"}})
    async with AiohttpTransport(guard, resolve=resolve) as transport:
        return [
            await transport.get(url, headers={}, timeout_seconds=0.2, max_bytes=100)
            for _ in answers
        ]


@pytest.mark.fault("S01")
def test_a_name_is_resolved_once_and_the_vetted_address_is_the_one_asked() -> None:
    asked_names: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked_names.append(host)
        return ["127.0.0.1"] if len(asked_names) == 1 else ["127.0.0.2"]

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def work() -> list[int]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://localhost:{server.sockets[0].getsockname()[1]}"
        async with AiohttpTransport(Guard({"v": {"base_url": url}}), resolve=resolve) as transport:
            responses = [
                await transport.get(url, headers={}, timeout_seconds=2, max_bytes=9)
                for _ in range(2)
            ]
        server.close()
        return [response.status for response in responses]

    assert (asyncio.run(work()), asked_names) == ([200, 200], ["localhost"])


@pytest.mark.fault("S01")
def test_the_transport_itself_refuses_a_private_address() -> None:
    with pytest.raises(RequestRefused, match="not a public address"):
        asyncio.run(asked("http://127.0.0.1:9/", [[]]))
