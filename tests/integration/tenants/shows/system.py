"""A small system whose rows belong to tenants: plays of shows by day and place, from files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from stocktake.model import (
    Calendar,
    Cross,
    Dataset,
    Days,
    Facet,
    FileFormat,
    Parsed,
    Reject,
    Request,
    Schedule,
    Source,
    System,
    UnitOutcome,
    Values,
    checks,
    criteria,
)
from stocktake.model.pages import Page, Panel
from stocktake.model.tabular import read_csv
from stocktake.model.views import one, rows

SINCE = date(2026, 2, 1)


class Play(NamedTuple):
    play_id: str | None
    day: date | None
    place: str | None
    title: str | None
    plays: int | None


def parse(bodies: Sequence[bytes], request: Request, at: datetime) -> Parsed:
    """Return a play a line; a count that is no number is refused."""
    del request, at
    found = Parsed()
    table = read_csv(bodies[0], columns=Play._fields)
    units: dict[tuple[str, str], None] = {}
    for line, record in table.records():
        found.read["plays"] = found.read.get("plays", 0) + 1
        if not record["plays"].isdecimal():
            reason = f"{record['plays']!r} is no number."
            raw = ",".join(record.values())
            found.rejects.append(Reject("plays", f"line {line}", "number", reason, raw))
            continue
        day = date.fromisoformat(record["day"])
        found.add(
            Play(record["play_id"], day, record["place"], record["title"], int(record["plays"]))
        )
        units[record["day"], record["place"]] = None
    found.outcomes += [UnitOutcome(unit) for unit in units]
    return found


system = System(
    "shows",
    "tests.integration.tenants.shows",
    (
        Dataset(
            "plays",
            ("play_id",),
            Cross((Days(SINCE, "UTC"), Values(("web", "app")))),
            expect=Calendar(()),
            facets=(Facet("plays", Play),),
        ),
    ),
    (Source("plays_files", files=(FileFormat("plays_csv", ("plays",), (".csv",), parse),)),),
    checks=(checks.failed_rows("few_plays", "plays", where="plays > 15"),),
    signoff=(criteria.no_surplus(),),
    schedules=(Schedule("night", "0 3 * * *", "UTC", "check"),),
    pages=(Page("titles", "Titles", (Panel("Titles", "titles"),), icon="t"),),
    views=(
        rows("plays", "plays", "Plays", key=("play_id",), rows_of="plays"),
        one("plays/{play_id}", "play", "A play", rows_of="plays"),
    ),
    has_tenants=True,
)
