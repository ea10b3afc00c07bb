"""Documents as JSON: the same bytes from the command line and over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec


def _plain(value: Any) -> Any:
    if isinstance(value, range | set | frozenset):
        return sorted(value)
    return str(value)


JSON = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")
"""Days and instants in ISO 8601, states as their words, sets and ranges as sorted lists."""


def to_json(document: Any) -> str:
    """Return indented JSON; days and instants in ISO 8601, states as their words."""
    return msgspec.json.format(JSON.encode(document), indent=2).decode()
