"""Cells of CSV files: what a spreadsheet would run is turned into text, and back again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MARK = "'"
"""Put before a text that a spreadsheet might take for a formula; it shows the rest as text."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_STARTERS = "=+-@\uff1d\uff0b\uff0d\uff20"  # the ordinary ones and their full-width twins
_SEPARATORS = '\t\r\n|;,"'  # a reader that splits here, or strips quotes, meets what follows
_RISKY = tuple(_STARTERS + _SEPARATORS + MARK)


def neutral(text: str) -> str:
    """Return a text no spreadsheet runs; numbers and harmless texts stay as they are.

    A text that begins with the mark itself is marked too, so that ``restored`` is exact.

    >>> neutral("=1+1"), neutral("-12.5"), neutral(" =1"), neutral("a=b")
    ("'=1+1", '-12.5', "' =1", 'a=b')
    """
    if _NUMBER.fullmatch(text):
        return text
    return MARK + text if text.lstrip().startswith(_RISKY) or text.startswith(_RISKY) else text


def restored(cell: str) -> str:
    """Return the text that ``neutral`` was given.

    >>> restored(neutral("'quoted"))
    "'quoted"
    """
    return cell.removeprefix(MARK)


def cell(value: object) -> str:
    r"""Return a value as a CSV cell: NULL is nothing, an empty text is ``""``.

    >>> cell(None) == "", cell("") == '""', cell(-2.5)
    (True, True, '-2.5')
    """
    if value is None:
        return ""
    text = neutral(value) if isinstance(value, str) else str(value)
    if text and not any(mark in text for mark in '",\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return a CSV file whose cells are made by ``cell``.

    >>> csv_text(("reason", "rows"), [("=1+1", 2)])
    "reason,rows\n'=1+1,2\n"
    """
    return "".join(",".join(map(cell, row)) + "\n" for row in (head, *rows))
