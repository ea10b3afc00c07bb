"""Bookmakers: no endpoint lists them, so a list is shipped and names met in odds are added."""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from stocktake import Parsed, Request, SourceChanged, UnitOutcome
from stocktake.systems.racing.rows import BookmakerRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_NOT_WORD = re.compile(r"[^a-z0-9]+")


def code_of(name: str) -> str:
    """Make a code of a name.

    >>> code_of("Paddy Power"), code_of("888sport")
    ('paddy_power', '888sport')
    """
    return _NOT_WORD.sub("_", name.lower()).strip("_")


@cache
def _shipped_names() -> frozenset[str]:
    body = resources.files(__package__).joinpath("bookmakers.csv").read_text("utf-8")
    return frozenset(line["name"] for line in csv.DictReader(io.StringIO(body)))


def is_shipped(name: str) -> bool:
    """Return whether the shipped list has a bookmaker of this name."""
    return name in _shipped_names()


def parse_bookmakers(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read the list as it is shipped, `bookmakers.csv`.

    Raises:
        SourceChanged: A line that is not id, code, name, type, is_active.
    """
    parsed = Parsed()
    try:
        for body in bodies:
            for line in csv.DictReader(io.StringIO(body.decode("utf-8-sig"))):
                is_active = line["is_active"] == "true"
                parsed.add(
                    BookmakerRow(
                        line["code"], int(line["id"]), line["name"], line["type"], is_active
                    )
                )
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise SourceChanged(f"{request.path}: not the list of bookmakers: {error}") from error
    parsed.read["ra_mst_bookmakers"] = len(parsed.rows.get(BookmakerRow, ()))
    parsed.outcomes.append(UnitOutcome(("all",)))
    return parsed
