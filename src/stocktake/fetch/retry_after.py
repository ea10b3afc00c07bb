"""How long a source asks us to wait."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_SECONDS = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_DATE = re.compile(
    r"[A-Z][a-z]{2,8}, \d{2}[ -][A-Z][a-z]{2}[ -](\d{2}|\d{4}) \d{2}:\d{2}:\d{2} GMT", re.ASCII
)


def retry_after_seconds(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds that the Retry-After header asks for, always above 0.

    A date is measured from the answer's own Date header where there is one, so that a source whose
    clock is wrong is still understood.

    Args:
        headers: Of the answer, names in lower case.
        now: When the answer arrived.

    Returns:
        ``None`` when the header is missing, not understood, negative, zero or past.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text) or None
    until = _http_date(text)
    if until is None:
        return None
    since = _http_date(headers.get("date", "")) or now
    seconds = (until - since).total_seconds()
    return seconds if seconds > 0 else None


def _http_date(text: str) -> datetime | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
