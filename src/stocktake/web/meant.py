"""What somebody may have meant by an address where there is nothing."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from stocktake.web.pages.search import everything

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stocktake.model import System

ALWAYS = ("/runs", "/schedules", "/search", "/settings/profile", "/help/glossary")
MOST, LIKENESS = 4, 0.7
LONGEST = 300


def meant(path: str, systems: Iterable[System]) -> list[tuple[str, str]]:
    """Return address and name of pages like ``path``, the likeliest first.

    Only names that are declared are compared, so a guess tells nothing of rows.
    """
    known = {place: place for place in ALWAYS}
    for system in systems:
        for hit in everything(system):
            known.setdefault(hit.address, f"{hit.kind} {hit.name}")
    last = path.rstrip("/").rpartition("/")[2].lower()
    named = [place for place in known if place.rpartition("/")[2].lower() == last]
    close = get_close_matches(path[:LONGEST], known, n=MOST, cutoff=LIKENESS)
    found = list(dict.fromkeys([*named, *close]))[:MOST]
    return [(place, known[place]) for place in found if place != path]
