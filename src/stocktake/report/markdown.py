"""Sections as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.report.sections import Section

_MEANINGFUL = re.compile(r"[\\`*{}\[\]<>#|!~]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown may read as marks; underscores within words are only underscores."""


def markdown(title: str, lead: Sequence[str], parts: Sequence[Section]) -> str:
    r"""Return a Markdown document; what comes from data is escaped.

    >>> markdown("a|b", ["one"], []).splitlines()
    ['# a\\|b', '', 'one']
    """
    lines = [f"# {escaped(title)}", ""]
    for text in lead:
        lines += [escaped(text), ""]
    for part in parts:
        lines += [f"## {escaped(part.title)}", "", escaped(part.text), ""]
        if part.rows:
            lines.append(_line([column.heading for column in part.columns]))
            lines.append(_rule(part))
            lines += [_line(row.cells) for row in part.rows]
            lines.append("")
    return "\n".join(lines)


def escaped(text: str) -> str:
    r"""Return text that Markdown shows as it is, on one line.

    >>> escaped("ra_races *bold* _x_ a|b")
    'ra_races \\*bold\\* \\_x\\_ a\\|b'
    """
    return _MEANINGFUL.sub(r"\\\g<0>", " ".join(text.split()))


def _rule(part: Section) -> str:
    marks = ["---:" if column.is_figure else "---" for column in part.columns]
    return f"| {' | '.join(marks)} |"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"
