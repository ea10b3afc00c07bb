"""How figures read: one filter for percents, numbers, seconds, sizes and states."""

from __future__ import annotations

from stocktake.model import State
from stocktake.report.figures import number, percent

__all__ = ["about", "bar", "duration", "number", "percent", "size", "state_text"]

STATE_STYLES = {
    State.COMPLETE: "green",
    State.EMPTY: "green",
    State.THIN: "yellow",
    State.STALE: "yellow",
    State.MISSING: "red",
    State.FAILED: "bold red",
    State.BLOCKED: "magenta",
    State.UNRECOVERABLE: "dim red",
    State.NOT_EXPECTED: "dim",
    State.ACCEPTED: "cyan",
    State.FUTURE: "dim",
    State.SURPLUS: "magenta",
}

MINUTE, HOUR, DAY = 60, 3600, 86400
MILLION, MANY = 1_000_000, 10_000


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


def state_text(state: State) -> str:
    """Return a state's word in its colour, as Rich markup."""
    return f"[{STATE_STYLES[state]}]{state.value.replace('_', ' ')}[/]"


def bar(share: float | None, width: int = 20) -> str:
    """Return a bar of ``width`` cells that is full only at 100 %, as Rich markup."""
    if share is None:
        return f"[dim]{'·' * width}[/]"
    full = min(width if share >= 1 else width - 1, int(share * width))
    colour = "green" if share >= 1 else "yellow" if share >= 0.9 else "red"  # noqa: PLR2004
    return f"[{colour}]{'━' * full}[/][dim]{'━' * (width - full)}[/]"
