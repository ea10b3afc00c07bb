"""Search: systems, datasets, checks, sources, runs and units by what is typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stocktake.model import System
from stocktake.web.access import Viewer
from stocktake.web.pages.checks import declared_checks
from stocktake.web.site import show, site_of

router = APIRouter()
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found."""

    kind: str
    name: str
    address: str
    about: str = ""


@router.get("/search")
def search(request: Request, visitor: Viewer, q: str = "") -> Response:
    """List what holds the words typed."""
    text = q.strip()[:100]
    words = text.lower().split()
    found = [
        hit
        for system in site_of(request).systems.values()
        for hit in everything(system)
        if words and all(word in f"{hit.name} {hit.about}".lower() for word in words)
    ]
    if text.isdecimal():
        found.insert(0, Hit("run", f"run {text}", f"/runs/{int(text)}"))
    return show(
        request,
        "search.html",
        visitor=visitor,
        title=f"Search: {text}" if text else "Search",
        text=text,
        hits=found[:SHOWN],
    )


def everything(system: System) -> Iterator[Hit]:
    """Yield all of a system that has a name and a page."""
    here = f"/s/{system.name}"
    yield Hit("system", system.name, here, system.summary)
    for dataset in system.datasets:
        about = " ".join((dataset.title, *dataset.aliases))
        yield Hit("dataset", dataset.name, f"{here}/d/{dataset.name}", about)
    for source in system.sources:
        yield Hit("source", source.name, f"{here}/sources/{source.name}")
    for name, check in declared_checks(system).items():
        yield Hit("check", name, f"{here}/checks/{name}", check.title)
    for label, part in (("gaps", "gaps"), ("plans", "plans"), ("sign-off", "signoff")):
        yield Hit("page", f"{system.name} {label}", f"{here}/{part}")
