"""Credentials: made into a header for one origin, and kept out of everything that is stored."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stocktake.errors import ConfigurationError
from stocktake.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stocktake.model import Source

SHORTEST_SECRET = 6
KEPT_HEADERS = frozenset(
    [
        *("content-type", "content-encoding", "content-length", "content-language"),
        *("date", "last-modified", "etag", "expires", "cache-control", "age", "retry-after"),
        *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-total-count"),
        *("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "x-request-id"),
    ]
)
HIDDEN = "***"
_SECRET_NAME = re.compile(
    r"(^|[_\-.])(api_?key|app_?id|key|token|secret|password|passwd|pwd|auth|signature|sig|session)$"
    r"|^(apikey|appkey|accesstoken|authtoken|authorization)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Login:
    """One source's credentials.

    Args:
        authorization: Value of the Authorization header, ``None`` for none.
        secrets: Texts that must appear nowhere.
    """

    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    def redact(self, content: bytes) -> bytes:
        """Return ``content`` with every secret, should the source echo one, replaced by stars."""
        for secret in self.secrets:
            if secret in content:
                content = content.replace(secret, b"*" * len(secret))
        return content


def login_of(source: Source, settings: Mapping[str, object]) -> Login:
    """Return the credentials that ``settings`` hold for ``source``.

    Raises:
        ConfigurationError: The source needs some that are not there, or of an unknown kind.
    """
    secrets = [_text(value) for value in settings.values() if isinstance(value, Secret)]
    secrets += [_text(settings[name]) for name in ("password", "token") if name in settings]
    authorization: str | None = None
    if source.auth == "basic":
        pair = f"{_needed(source, settings, 'user')}:{_needed(source, settings, 'password')}"
        encoded = base64.b64encode(pair.encode()).decode()
        authorization = f"Basic {encoded}"
        secrets.append(encoded)
    elif source.auth == "bearer":
        authorization = f"Bearer {_needed(source, settings, 'token')}"
    elif source.auth == "key":
        authorization = _needed(source, settings, "token")
    elif source.auth != "none":
        raise ConfigurationError(f"{source.name}: auth {source.auth!r} is not known.")
    long_enough = {text.encode() for text in secrets if len(text) >= SHORTEST_SECRET}
    return Login(authorization, tuple(sorted(long_enough, key=len, reverse=True)))


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are stored with a capture: never cookies, tokens or addresses."""
    return {name: value[:500] for name, value in headers.items() if name in KEPT_HEADERS}


def shown_params(params: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return query parameters with the values of keys, tokens and the like replaced by ``***``.

    >>> shown_params((("date", "2024-05-01"), ("api_key", "hunter2")))
    (('date', '2024-05-01'), ('api_key', '***'))
    """
    return tuple((name, HIDDEN if _SECRET_NAME.search(name) else value) for name, value in params)


def _needed(source: Source, settings: Mapping[str, object], name: str) -> str:
    value = _text(settings.get(name, ""))
    if not value:
        variable = f"STOCKTAKE_SOURCE_{source.name.upper().replace('-', '_')}_{name.upper()}"
        raise ConfigurationError(f"{source.name} needs a {name}.", hint=f"Set {variable}.")
    return value


def _text(value: object) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)
