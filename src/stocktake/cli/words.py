"""How figures read: one filter for percents, numbers, seconds, sizes and states."""

from __future__ import annotations

from stocktake.model import State
from stocktake.report.figures import about, duration, number, percent, size

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
