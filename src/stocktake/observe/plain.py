"""Text from elsewhere as one harmless line: it can neither forge lines nor steer a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# C0, DEL, C1, line and paragraph separators, and what turns the direction of writing around.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
HIDDEN = "***"


def plain(text: str) -> str:
    r"""Return ``text`` with every character that is not seen written as its escape.

    >>> plain("all is well\r\nERROR nothing is \x1b[31m")
    'all is well\\r\\nERROR nothing is \\x1b[31m'
    """
    return _UNSEEN.sub(_escape, text)


def without_secrets(text: str, secrets: Sequence[str]) -> str:
    """Return ``text`` with stars in place of each of ``secrets``, longest first."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def without_secrets_in(value: Any, secrets: Sequence[str]) -> Any:
    """Return a value with stars in place of secrets in every text it holds, however deep."""
    if isinstance(value, str):
        return without_secrets(value, secrets)
    if isinstance(value, dict):
        return {str(key): without_secrets_in(one, secrets) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets_in(one, secrets) for one in value]
    return value


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
