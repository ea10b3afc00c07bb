"""Millions of broken answers: recorded ones with a few of their tokens or bytes replaced.

Hypothesis finds the small and strange; this finds the rare, by trying a thousand times as often.
"""

from __future__ import annotations

import random
import re
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stocktake import Parsed, Request, SourceChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

JSON_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[a-z]+|[^\s]')
CSV_TOKENS = re.compile(rb'"[^"]*"|[^,\r\n"]+|,|\r?\n|"')
PUNCTUATION = frozenset((b"{", b"}", b"[", b"]", b":", b",", b"\n"))
CLOCK_EVERY = 64
"""Tries between two looks at the clock."""
NASTY_TEXTS = (
    *("", "-", "–", "0", "00", "-1", "1:43.35", "13/8F", "0/0", "1/0", "nk", "NaN", "Infinity"),
    *("1e999", "9" * 30, "1" * 5000, "٣", "²", "½", "\\u0000", "\\ud800", "\\n", "NR", "PU", "@"),
    *("2025-02-29", "0000-00-00", "9999-12-31", "10000-01-01", "2025-10-07T25:61:00Z", "12:00"),
    *("2025-10-07T13:00:00+99:99", "PT48M00.00S", "PT", "0022400001", "A vs. B", "£1,000", "()"),
)
NASTY_JSON = (
    *(f'"{text}"'.encode() for text in NASTY_TEXTS),
    *(b"null", b"true", b"false", b"0", b"-0", b"-1", b"0.5", b"1e308", b"1e999", b"NaN"),
    *(
        b"2147483648",
        b"9223372036854775808",
        b"1" * 5000,
        b"[]",
        b"{}",
        b"[[]]",
        b"[{}]",
        b"[null]",
    ),
    *(b'{"":null}', b"{", b"}", b"[", b"]", b",", b":", b'"', b"\xff", b"\x00"),
)
NASTY_CSV = (
    *(text.encode() for text in NASTY_TEXTS),
    *(
        b",",
        b"\n",
        b"\r",
        b'"',
        b'""',
        b'"a\nb"',
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xa8",
    ),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A parser, an answer it reads, and what must be true of whatever it returns."""

    parse: Callable[[Sequence[bytes], Request, datetime], Parsed]
    request: Request
    body: bytes
    holds: Callable[[Parsed], bool] = lambda _: True
    is_csv: bool = False


@dataclass(slots=True)
class Findings:
    """What was tried, and the first answer for each way a parser failed."""

    seed: int
    tries: int = 0
    refused: int = 0
    rows: int = 0
    broken: dict[str, bytes] = field(default_factory=dict)


def fuzz(subjects: Sequence[Subject], *, at: datetime, seconds: float, seed: int) -> Findings:
    """Try broken answers on each parser in turn for so many seconds."""
    found = Findings(seed)
    for number, subject in enumerate(subjects):
        broken = _broken(subject, random.Random(f"{seed}/{number}"))
        until = time.monotonic() + seconds / len(subjects)
        while time.monotonic() < until:
            for _ in range(CLOCK_EVERY):
                _try(subject, next(broken), at, found)
    return found


def _try(subject: Subject, body: bytes, at: datetime, found: Findings) -> None:
    found.tries += 1
    try:
        parsed = subject.parse([body], subject.request, at)
        held = subject.holds(parsed)
    except SourceChanged:
        found.refused += 1
    except Exception as error:  # noqa: BLE001 - any other error is what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        way = f"{subject.parse.__name__}: {type(error).__name__} at {place.name}:{place.lineno}"
        found.broken.setdefault(way, body)
    else:
        found.rows += sum(map(len, parsed.rows.values()))
        if not held:
            found.broken.setdefault(f"{subject.parse.__name__}: rows do not add up", body)


def _broken(subject: Subject, draw: random.Random) -> Iterator[bytes]:
    """Yield answers with one to four changes, of tokens mostly."""
    pattern, nasty = (CSV_TOKENS, NASTY_CSV) if subject.is_csv else (JSON_TOKENS, NASTY_JSON)
    tokens = pattern.findall(subject.body)
    while True:
        if draw.random() < 0.15:
            yield _changed_bytes(subject.body, draw)
            continue
        changed = tokens.copy()
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            _change(changed, nasty, draw)
        yield b"".join(changed)


def _change(tokens: list[bytes], nasty: Sequence[bytes], draw: random.Random) -> None:
    at, way = draw.randrange(len(tokens)), draw.random()
    if way < 0.6:
        if tokens[at] in PUNCTUATION:  # most tokens are: one more draw finds a value more often
            at = draw.randrange(len(tokens))
        tokens[at] = draw.choice(nasty)
    elif way < 0.7:
        tokens[at] = b""
    elif way < 0.8:
        tokens[at] = draw.choice(tokens)
    elif way < 0.9:
        end = at + draw.randrange(1, 40)
        tokens[at] = b"".join(tokens[at:end]) + b"," + tokens[at]
    else:
        del tokens[at : at + draw.randrange(1, 20)]
        tokens.append(draw.choice(nasty))


def _changed_bytes(body: bytes, draw: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(draw.randrange(1, 5)):
        at, way = draw.randrange(len(changed) + 1), draw.random()
        if way < 0.4:
            changed[at : at + 1] = bytes([draw.randrange(256)])
        elif way < 0.7:
            del changed[at : at + draw.randrange(1, 60)]
        else:
            start = draw.randrange(len(changed) + 1)
            changed[at:at] = changed[start : start + draw.randrange(60)]
    return bytes(changed)
