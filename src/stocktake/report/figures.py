"""How figures read, wherever they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stocktake.model import Limit

SHARE, PLAIN = "share", ""
MINUTE, HOUR, DAY = 60, 3600, 86400
MILLION, MANY = 1_000_000, 10_000
UNITS = {
    "coverage": SHARE,
    "gaps": "days",
    "states": "units",
    "surplus": "units",
    "checks": "checks",
    "verified": "differences",
    "unfinished_runs": "runs",
    "second_run": "requests or units",
    "duplicates": "pairs",
    "schedules": "schedules",
    "gate": "unmet",
    "leakage": "rows",
}
"""What the figures of each kind of criterion count; measured ones stand for themselves."""


def percent(share: float | None) -> str:
    """Return a share as a percent that never rounds up to 100 %; ``n/a`` for ``None``.

    >>> percent(0.99999), percent(1.0), percent(None), percent(0.5)
    ('99.99 %', '100 %', 'n/a', '50.00 %')
    """
    if share is None:
        return "n/a"
    if share >= 1:
        return "100 %"
    return f"{int(share * 10000) / 100:.2f} %"


def number(value: int | None) -> str:
    """Return a count with thousands separated; ``n/a`` for ``None``.

    >>> number(1234567)
    '1,234,567'
    """
    return "n/a" if value is None else f"{value:,}"


def about(value: int) -> str:
    """Return an estimated count with no more digits than an estimate has.

    >>> about(950), about(14_580_599), about(243_021)
    ('950', '14.6 million', '243 thousand')
    """
    if value >= MILLION:
        return f"{value / MILLION:.1f} million"
    return f"{round(value / 1000)} thousand" if value >= MANY else f"{value:,}"


def duration(seconds: float | None) -> str:
    """Return a duration in its two largest units.

    >>> duration(5), duration(912), duration(29880), duration(200000)
    ('5 s', '15 min 12 s', '8 h 18 min', '2 d 7 h')
    """
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{seconds:.1f} s" if seconds < 1 else f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def size(count: float) -> str:
    """Return bytes in the unit that reads best.

    >>> size(512), size(3_400_000_000)
    ('512 B', '3.4 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":  # noqa: PLR2004 -- SI
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return ""


def figure(value: float | None, unit: str = PLAIN) -> str:
    """Return a measured value: shares as percents, whole numbers in full, others to four digits.

    >>> figure(0.5, "share"), figure(1234.0, "days"), figure(8.91234), figure(None)
    ('50.00 %', '1,234', '8.912', 'n/a')
    """
    if value is None or unit == SHARE:
        return percent(value)
    return number(int(value)) if value == int(value) else f"{value:.4g}"


def threshold(warn: Limit | None, fail: Limit | None, unit: str = PLAIN) -> str:
    """Return what limits allow, in words.

    >>> from stocktake.model import Limit
    >>> threshold(Limit(low=0.95), Limit(low=0.8), "share")
    'at least 80 % (below 95 % degraded)'
    >>> threshold(None, Limit(high=0), "units"), threshold(None, None)
    ('none', 'listed only')
    """
    hard, soft = _allowed(fail, unit), _allowed(warn, unit)
    if not hard:
        return f"ideally {soft}" if soft else "listed only"
    if not soft or soft == hard:
        return hard
    if warn is not None and warn.low is not None and warn.high is None:
        return f"{hard} (below {_bound(warn.low, unit)} degraded)"
    if warn is not None and warn.high is not None and warn.low is None:
        return f"{hard} (above {_bound(warn.high, unit)} degraded)"
    return f"{hard} (outside {soft} degraded)"


def _allowed(limit: Limit | None, unit: str) -> str:
    if limit is None or (limit.low is None and limit.high is None):
        return ""
    if limit.low is None:
        return "none" if limit.high == 0 else f"at most {_bound(limit.high, unit)}"
    if limit.high is None:
        return f"at least {_bound(limit.low, unit)}"
    return f"{_bound(limit.low, unit)} to {_bound(limit.high, unit)}"


def _bound(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == SHARE:
        return f"{value * 100:.4g} %"
    return figure(value) + (f" {unit}" if unit else "")
