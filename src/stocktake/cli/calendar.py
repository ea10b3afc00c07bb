"""Heatmaps in the terminal: a row per month, a mark per day; a row per dataset, a mark per week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from stocktake.cli.words import STATE_STYLES
from stocktake.model import State, day_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stocktake.count.gaps import MatrixRow
    from stocktake.count.holes import Stretch

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


WEEK = 7
WHOLE, PART, NOTHING = State.COMPLETE, State.THIN, State.MISSING


def week_rows(lines: Mapping[str, Sequence[Stretch]]) -> Iterator[Text]:
    """Yield the months, then a line per dataset: a mark per week, and units held of expected.

    Args:
        lines: Days expected by dataset, as ``stretches`` tells them.
    """
    days = [(one.first, one.last) for found in lines.values() for one in found]
    if not days:
        return
    first = min(first for first, _ in days)
    width = (max(last for _, last in days) - first) // WEEK + 1
    margin = max(map(len, lines)) + 2
    yield _month_names(first, width, margin)
    for name, found in lines.items():
        held, lacking = [0] * width, [0] * width
        for one in found:
            held[(one.first - first) // WEEK] += one.held
            lacking[(one.first - first) // WEEK] += one.lacking
        line = Text(f"{name:<{margin}}")
        for have, lack in zip(held, lacking, strict=True):
            mark = _week_mark(have, lack)
            line.append(MARKS[mark] if mark else " ", STATE_STYLES[mark] if mark else "")
        line.append(f"  {sum(held):>5,} of {sum(held) + sum(lacking):,}", "dim")
        yield line


def week_legend() -> Text:
    """Return what the marks of weeks mean."""
    line = Text("")
    for state, meaning in ((WHOLE, "all held"), (PART, "some missing"), (NOTHING, "none held")):
        line.append(MARKS[state], STATE_STYLES[state])
        line.append(f" {meaning}   ", "dim")
    line.append("a mark a week, blank: nothing expected", "dim")
    return line


def _week_mark(held: int, lacking: int) -> State | None:
    if not lacking:
        return WHOLE if held else None
    return PART if held else NOTHING


def _month_names(first: int, width: int, margin: int) -> Text:
    """Return a line with the name of each month above its first week, where it has room."""
    months: dict[str, int] = {}
    for week in range(width):
        months.setdefault(f"{day_of(first + week * WEEK):%b}", week)
    line = " " * margin
    for (name, start), end in zip(months.items(), [*list(months.values())[1:], width], strict=True):
        line = line.ljust(margin + start)
        if end - start > len(name):
            line += name
    return Text(line, "dim")
