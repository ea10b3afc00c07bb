"""Games that were given a new id: a file, for no endpoint tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake import Parsed, Request, UnitOutcome
from stocktake.systems.nba import normalise
from stocktake.systems.nba.envelope import changed, count, reject, require
from stocktake.systems.nba.files import read_table
from stocktake.systems.nba.rows import AliasRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

DATASET = "game_alias"


def parse_aliases(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read a list of old_id, new_id, reason.

    Raises:
        SourceChanged: Other columns, or no line.
    """
    parsed = Parsed()
    kept: dict[AliasRow, None] = {}
    read = 0
    for table in (read_table(body, request) for body in bodies):
        require(table, ("OLD_ID", "NEW_ID", "REASON"), request)
        for at, fields in enumerate(table.rows):
            read += 1
            try:
                if not isinstance(fields, list) or len(fields) != table.width:
                    normalise.refuse(f"another number of fields instead of {table.width}")
                told = {name: fields[position] for name, position in table.columns.items()}
                kept[_alias(told["OLD_ID"], told["NEW_ID"], told["REASON"])] = None
            except ValueError as error:
                reject(parsed, DATASET, table.place(at), error=error, raw=fields)
    if not read:
        changed(request, "a header and no rows.")
    count(parsed, DATASET, read, duplicates=read - len(kept) - len(parsed.rejects))
    if kept:
        parsed.rows[AliasRow] = list(kept)
        parsed.outcomes += [UnitOutcome((row.old_id,)) for row in kept]
    return parsed


def _alias(old: object, new: object, reason: object) -> AliasRow:
    old_id, new_id = normalise.read_game_id(old).game_id, normalise.read_game_id(new).game_id
    if old_id == new_id:
        normalise.refuse(f"game {old_id} is its own alias")
    return AliasRow(old_id, new_id, normalise.read_text(reason) or "new id")
