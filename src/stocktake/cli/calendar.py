"""A heatmap in the terminal: a row per month and series, a mark per day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from stocktake.cli.words import STATE_STYLES
from stocktake.model import State, day_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stocktake.count.gaps import MatrixRow

MARKS = {
    State.COMPLETE: "■",
    State.EMPTY: "□",
    State.THIN: "▪",
    State.STALE: "▪",
    State.MISSING: "·",
    State.FAILED: "×",
    State.BLOCKED: "×",
    State.UNRECOVERABLE: "-",
    State.NOT_EXPECTED: " ",
    State.ACCEPTED: "~",
    State.FUTURE: " ",
    State.SURPLUS: "+",
}
LEGEND = (State.COMPLETE, State.THIN, State.EMPTY, State.FAILED, State.MISSING)


def month_rows(rows: Sequence[MatrixRow]) -> Iterator[Text]:
    """Yield one line per month and series, days left to right; the state is shape and colour."""
    for row in sorted(rows, key=lambda row: row.series):
        months: dict[str, list[tuple[int, State | None]]] = {}
        for offset, state in enumerate(row.states):
            day = day_of(row.first + offset)
            months.setdefault(f"{day:%Y-%m}", []).append((day.day, state))
        for month, days in months.items():
            line = Text(f"{month}  {'/'.join(row.series):<5} ")
            line.append(" " * (days[0][0] - 1))
            for _, state in days:
                line.append(MARKS[state] if state else " ", STATE_STYLES[state] if state else "")
            line.append(" " * (31 - days[-1][0]))
            held = sum(state in (State.COMPLETE, State.EMPTY) for _, state in days)
            line.append(f"  {held:>2} of {len(days)}", "dim")
            yield line


def legend() -> Text:
    """Return what the marks mean."""
    line = Text("")
    for state in LEGEND:
        line.append(MARKS[state], STATE_STYLES[state])
        line.append(f" {state.value}   ", "dim")
    return line
