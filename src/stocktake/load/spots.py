"""Where a row stands in the bytes it came from, and those bytes with another row there: pure."""

from __future__ import annotations

import codecs
import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LINE = re.compile(r"line (\d+)")
STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"))
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A stretch of a page's text.

    Args:
        page: Which page of the answer, from 0.
        start: First character.
        end: After the last one.
    """

    page: int
    start: int
    end: int


def read_text(body: bytes) -> tuple[str, str]:
    """Return a body as text, and its encoding; bytes of another encoding survive both ways."""
    for mark, encoding in MARKS:
        if body.startswith(mark):
            return body.decode(encoding, "surrogateescape"), encoding
    return body.decode("utf-8", "surrogateescape"), "utf-8"


def with_row(bodies: Sequence[bytes], *, position: str, raw: str, text: str) -> list[bytes] | None:
    """Return an answer's pages in which ``text`` stands instead of the row ``raw``.

    A row of a JSON answer is found by its value, the one at ``position`` first; any other by its
    line and text. ``None`` when the answer does not hold such a row.

    Raises:
        UsageError: The row is JSON, and ``text`` is not.
    """
    changed = list(bodies)
    for page, body in enumerate(bodies):
        tree = _tree(body)
        found = None if tree is None else _path_of(tree, position, raw)
        if found is not None:
            changed[page] = _json_with(tree, found, text)
            return changed
        spot = None if tree is not None else _spot_in_text(body, page, position=position, raw=raw)
        if spot is not None:
            whole, encoding = read_text(body)
            edited = whole[: spot.start] + text.strip("\r\n") + whole[spot.end :]
            changed[page] = edited.encode(encoding, "surrogateescape")
            return changed
    return None


def spot_of(shown: str, wanted: Sequence[str]) -> Spot | None:
    """Return where the first of some texts stands alone in a text as shown; ``None``: nowhere.

    >>> spot_of('{"name": "Ann", "age": 31}', ["31"])
    Spot(page=0, start=23, end=25)
    """
    for text in wanted:
        found = re.search(rf"(?<![\w.-]){re.escape(text)}(?![\w-]|\.\d)", shown) if text else None
        if found:
            return Spot(0, found.start(), found.end())
    return None


def row_spot(shown: str, keys: Sequence[str]) -> tuple[int, int] | None:
    """Return the smallest JSON object, or the line, of a text that holds every key; ``None``: none.

    It is searched around each place where the rarest key stands.
    """
    told = [key for key in keys if key]
    if not told or any(key not in shown for key in told):
        return None
    rarest = min(told, key=shown.count)
    best: tuple[int, int] | None = None
    for found in re.finditer(re.escape(rarest), shown):
        for start, end in _around(shown, found.start()):
            if all(key in shown[start:end] for key in told):
                if best is None or end - start < best[1] - best[0]:
                    best = start, end
                break
    return best


def _around(shown: str, at: int) -> Iterator[tuple[int, int]]:
    """Yield the line a place is in, then ever larger objects around it."""
    start, end = shown.rfind("\n", 0, at) + 1, shown.find("\n", at)
    end = len(shown) if end < 0 else end
    end -= shown[:end].endswith("\r")
    if not shown.lstrip().startswith(("{", "[")):
        yield start, end
        return
    depth = 0
    for place in range(at, max(-1, at - MOST_AROUND), -1):
        if shown[place] == "}" and place != at:
            depth += 1
        elif shown[place] == "{" and depth:
            depth -= 1
        elif shown[place] == "{":
            closing = _closing(shown, place)
            if closing is not None:
                yield place, closing


MOST_AROUND = 20_000
"""Characters that are searched around a key."""


def _closing(shown: str, opening: int) -> int | None:
    depth = 0
    for place in range(opening, min(len(shown), opening + 4 * MOST_AROUND)):
        if shown[place] == "{":
            depth += 1
        elif shown[place] == "}":
            depth -= 1
            if not depth:
                return place + 1
    return None


def _tree(body: bytes) -> Any:
    """Return what a JSON body holds, ``None`` when it is none."""
    try:
        return json.loads(body)
    except ValueError:  # no JSON, or bytes that are no text
        return None


def _path_of(tree: Any, position: str, raw: str) -> Path | None:
    """Return where a value stands in a tree: at its position, else at its first place."""
    try:
        wanted = json.loads(raw)
    except ValueError:
        return None
    told: Path = tuple(int(number) if number else name for number, name in STEP.findall(position))
    for steps in (told, told[1:]):
        if steps and _at(tree, steps) == wanted:
            return steps
    if not isinstance(wanted, dict | list):
        return None
    return next((path for path, value in _values(tree, ()) if value == wanted), None)


def _at(tree: Any, steps: Path) -> Any:
    for step in steps:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return _at
    return tree


def _values(tree: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, tree
    pairs = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for step, value in pairs:
        if isinstance(value, dict | list):
            yield from _values(value, (*path, step))


def _json_with(tree: Any, path: Path, text: str) -> bytes:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"The row came as JSON, and the edited text is none: {error}.",
            hint="Keep the braces and quotes; change the value only.",
        ) from None
    if not path:
        tree = value
    else:
        holder = tree
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def _spot_in_text(body: bytes, page: int, *, position: str, raw: str) -> Spot | None:
    """Return where a line of text stands: the place of ``raw`` nearest to the line told."""
    text, _ = read_text(body)
    told = LINE.search(position)
    number = int(told[1]) if told else 0
    starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]
    if not 0 < number <= len(starts):
        at = text.find(raw) if raw else -1
        return None if at < 0 else Spot(page, at, at + len(raw))
    start = starts[number - 1]
    end = len(text) if number == len(starts) else starts[number]
    end = start + len(text[start:end].rstrip("\r\n"))
    if text[start:end] == raw or _joined(text[start:end]) == raw:
        return Spot(page, start, end)
    begin = text.rfind(raw, 0, end) if raw else -1  # a quoted field may hold line ends
    return Spot(page, begin, begin + len(raw)) if begin >= 0 else None


def _joined(line: str) -> str:
    """Return a line as readers of separated text tell it again, without quotes."""
    for delimiter in (",", ";", "\t"):
        fields = next(csv.reader([line], delimiter=delimiter), [])
        if len(fields) > 1:
            return ",".join(fields)
    return line
