"""Bookmakers: no endpoint lists them, so a list is shipped and names met in odds are added."""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from stocktake import Parsed, Request, SourceChanged, UnitOutcome
from stocktake.systems.racing.answers import refuse
from stocktake.systems.racing.rows import BookmakerRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

TYPES = ("online", "exchange", "on_course")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def code_of(name: str) -> str:
    """Make a code of a name.

    >>> code_of("Paddy Power"), code_of("888sport")
    ('paddy_power', '888sport')
    """
    return _NOT_WORD.sub("_", name.lower()).strip("_")


@cache
def shipped() -> tuple[BookmakerRow, ...]:
    """Return the list as it is shipped, `bookmakers.csv`."""
    body = resources.files(__package__).joinpath("bookmakers.csv").read_bytes()
    return tuple(_rows(body))


@cache
def _shipped_names() -> frozenset[str]:
    return frozenset(row.name for row in shipped())


def is_shipped(name: str) -> bool:
    """Return whether the shipped list has a bookmaker of this name."""
    return name in _shipped_names()


def parse_bookmakers(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read a list of one's own, written like the shipped one.

    Raises:
        SourceChanged: A line that is not id, code, name, type, is_active.
    """
    parsed = Parsed()
    try:
        rows = {row.code: row for body in bodies for row in _rows(body)}
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise SourceChanged(f"{request.path}: not a list of bookmakers: {error!r}") from error
    parsed.rows[BookmakerRow] = list(rows.values())
    parsed.read["ra_mst_bookmakers"] = len(rows)
    parsed.outcomes.append(UnitOutcome(("all",)))
    return parsed


def _rows(body: bytes) -> Iterator[BookmakerRow]:
    for line in csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")):
        code, name, kind = line["code"].strip(), line["name"].strip(), line["type"]
        if not code or "\x00" in code + name or kind not in TYPES:
            refuse(f"{code!r}: a code, and one of {', '.join(TYPES)}")
        yield BookmakerRow(code, int(line["id"]), name, kind, line["is_active"] == "true")
