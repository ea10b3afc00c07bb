"""The guard: which addresses may be asked at all, decided before anything is sent.

A source may ask the host of its ``base_url`` and the hosts of its setting ``allowed_hosts``
(separated by commas; ``*`` allows every public host). Names are resolved once per connection and
the vetted addresses are the ones connected to. Loopback, private and other special addresses are
refused, except those that a ``base_url`` spells out itself (an address or ``localhost``): that is
how a sandbox is configured, and it opens exactly that address and port.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlencode, urlsplit

from stocktake.errors import ConfigurationError, RequestRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stocktake.model import Request

DEFAULT_PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_PATH = re.compile(r"(?:[A-Za-z0-9._~/:,;=+!$&'()*-]|%[0-9A-Fa-f]{2})*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "localdomain")
# Special ranges that not every version of Python knows as such, and those that hide an address.
_SPECIAL = tuple(
    ip_network(text)
    for text in ("192.0.0.0/24", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "3fff::/20")
)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host (lower case, no brackets) and port of an address."""

    scheme: str
    host: str
    port: int


class Guard:
    """Knows, for the sources of one installation, which addresses they may ask."""

    def __init__(self, settings: Mapping[str, Mapping[str, object]]) -> None:
        """Read ``base_url`` and ``allowed_hosts`` of every source.

        With ``opens_private`` the name of a ``base_url`` may lead to a private address.

        Raises:
            ConfigurationError: A ``base_url`` is not a plain http or https address.
        """
        self._base: dict[str, Origin] = {}
        self._hosts: dict[str, frozenset[str]] = {}
        for source, own in settings.items():
            base_url = str(own.get("base_url") or "")
            if not base_url:
                continue
            try:
                self._base[source] = parse_origin(base_url)
            except RequestRefused as error:
                raise ConfigurationError(
                    f"The base_url of {source} cannot be used: {error.message}",
                    hint="It must look like https://api.example.org or http://127.0.0.1:8080.",
                ) from error
            names = str(own.get("allowed_hosts") or "").lower().split(",")
            self._hosts[source] = frozenset(name.strip() for name in names if name.strip())
        self._own_private = frozenset(
            base.host
            for name, base in self._base.items()
            if is_private_host(base.host) or settings[name].get("opens_private")
        )

    def check(self, source: str, url: str) -> Origin:
        """Return the origin of ``url`` if ``source`` may ask it.

        Raises:
            RequestRefused: Any other spelling, scheme, host, port or address.
        """
        origin = parse_origin(url)
        base = self._base.get(source)
        if origin == base:
            return origin
        if is_private_host(origin.host):
            raise RequestRefused(f"{source}: {origin.host} is not a public address.")
        if base is None or not (
            origin.host == base.host
            or origin.host in self._hosts[source]
            or "*" in self._hosts[source]
        ):
            raise RequestRefused(
                f"{source}: {origin.host} is not a host of this source.",
                hint=f"If it belongs to the source, add it to allowed_hosts of {source}.",
            )
        if origin.port not in DEFAULT_PORTS.values():
            raise RequestRefused(
                f"{source}: port {origin.port} of {origin.host} is not open to us."
            )
        return origin

    def vet(self, host: str, addresses: Sequence[str]) -> list[str]:
        """Return ``addresses``, to which ``host`` was resolved, if all of them may be connected to.

        Raises:
            RequestRefused: One of them is not public, and no ``base_url`` spells ``host`` out.
        """
        if host.lower() not in self._own_private:
            for address in addresses:
                if not is_public(ip_address(address.partition("%")[0])):
                    raise RequestRefused(f"{host} leads to {address}, not a public address.")
        return list(addresses)


def parse_origin(url: str) -> Origin:
    """Return the origin of an absolute address, spelled in the one way we accept.

    Raises:
        RequestRefused: Not http or https, no host, a user, a backslash, blanks, characters beyond
            ASCII, or a host in an unusual spelling (numbers, percent signs, a final dot).
    """
    if not _ADDRESS.fullmatch(url) or "\\" in url:
        raise RequestRefused("An address holds blanks, backslashes or characters beyond ASCII.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise RequestRefused("An address is not well-formed.") from error
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise RequestRefused("An address is neither http nor https.")
    if "@" in parts.netloc:
        raise RequestRefused("An address holds a user name; give it as a setting instead.")
    if not _is_plain_host(host):
        raise RequestRefused("An address has no host, or one in an unusual spelling.")
    return Origin(scheme, host, DEFAULT_PORTS[scheme] if port is None else port)


def request_url(base_url: str, request: Request) -> str:
    """Return the address of ``request`` below ``base_url``.

    Raises:
        RequestRefused: The path would leave its place: dot segments, a query or fragment, encoded
            slashes, blanks or characters that belong percent-encoded.
    """
    path = request.path
    decoded = unquote(path)
    if (
        not _PATH.fullmatch(path)
        or decoded.count("/") != path.count("/")
        or any(part in {".", ".."} for part in decoded.split("/"))
        or any(ord(character) < ord(" ") or character == "\\" for character in decoded)
    ):
        raise RequestRefused(f"{request.feed}: the path {path[:80]!r} leaves its place.")
    query = "?" + urlencode(request.params, quote_via=quote) if request.params else ""
    return f"{base_url.rstrip('/')}/{path.lstrip('/')}{query}"


def is_public(address: Address) -> bool:
    """Tell whether ``address`` is an ordinary one on the internet, also seen through tunnels.

    >>> is_public(ip_address("1.1.1.1")), is_public(ip_address("64:ff9b::7f00:1"))
    (True, False)
    """
    if isinstance(address, IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour
        if hidden is not None:
            return is_public(hidden)
    if any(address in network for network in _SPECIAL):  # False for networks of the other version
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def literal_address(host: str) -> Address | None:
    """Return the address that ``host`` spells, ``None`` for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_plain_host(host: str) -> bool:
    if literal_address(host) is not None:
        return "%" not in host
    last = host.rpartition(".")[2]
    return bool(_HOST.fullmatch(host)) and not _NUMBER.fullmatch(last)


def is_private_host(host: str) -> bool:
    """Tell whether ``host`` spells an address that is not public, or names one by custom.

    >>> is_private_host("10.1.2.3"), is_private_host("printer.local"), is_private_host("a.example")
    (True, True, False)
    """
    address = literal_address(host)
    if address is not None:
        return not is_public(address)
    return any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES)
