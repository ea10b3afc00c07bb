"""Games that were given a new id: a list users keep, since no answer says so."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from stocktake import Parsed, Request, SourceChanged, UnitOutcome
from stocktake.systems.nba.normalise import read_game_id, refuse
from stocktake.systems.nba.rows import AliasRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

COLUMNS = ("old_id", "new_id", "reason")


def parse_aliases(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read a CSV of old_id, new_id, reason.

    Raises:
        SourceChanged: A line that is not that, or a game that replaces itself.
    """
    parsed = Parsed()
    try:
        found = {row.old_id: row for body in bodies for row in _lines(body)}
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise SourceChanged(f"{request.path}: not a list of aliases: {error!r}"[:500]) from error
    if not found:
        raise SourceChanged(f"{request.path}: no alias at all; columns: {', '.join(COLUMNS)}.")
    parsed.rows[AliasRow] = list(found.values())
    parsed.read["game_alias"] = len(found)
    parsed.outcomes += [UnitOutcome((old_id,)) for old_id in found]
    return parsed


def _lines(body: bytes) -> Iterator[AliasRow]:
    for line in csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")):
        old, new = (read_game_id(line[name]).game_id for name in COLUMNS[:2])
        reason = line["reason"].strip()
        if old == new or not reason or "\x00" in reason:
            refuse(f"{old}: another id and a reason are needed")
        yield AliasRow(old, new, reason)
