"""A dataset: heatmap, table, and the bytes the heatmap is drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from stocktake.api.problems import not_found
from stocktake.count.packed import CODES, FIRST_CODE
from stocktake.count.routes import join_key
from stocktake.model import (
    GAP_STATES,
    HELD_STATES,
    Dataset,
    Days,
    FromDataset,
    Range,
    State,
    System,
    axis_index,
    day_of,
    dimensions,
    ordinal_of,
    years,
)
from stocktake.run.counted import first_day
from stocktake.run.documents import up_to_today
from stocktake.run.explained import explain_unit, position_at
from stocktake.web.access import Viewer
from stocktake.web.naming import (
    Window,
    dataset_named,
    gap_address,
    read_as_of,
    read_window,
    series_word,
    system_named,
    unit_address,
    unit_word,
)
from stocktake.web.site import COMMON_HEADERS, Listing, Site, go, show, site_of
from stocktake.web.tiles import MOST_BESIDE, MOST_LISTED, MOST_ROWS, Wanted, tile_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.count.packed import Outline, Tile
    from stocktake.model import Coverage, Explanation, Gap
    from stocktake.web.monthly import Months

router = APIRouter()
LEGEND = (
    *(State.COMPLETE, State.THIN, State.EMPTY, State.STALE, State.MISSING, State.FAILED),
    *(State.BLOCKED, State.UNRECOVERABLE, State.ACCEPTED, State.NOT_EXPECTED),
)
SHOWN_GAPS = 100
STEPS = (
    "under 25 %",
    "under 50 %",
    "under 75 %",
    "under 90 %",
    "under 98 %",
    "under 100 %",
    "100 %",
)


@dataclass(frozen=True, slots=True)
class YearLine:
    """Units of one series and year by state."""

    name: str
    series: str
    states: Mapping[State, int]
    share: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a dataset's page asks for.

    Attributes:
        pairs: Its parameters as typed, those that are given.
        window: The days.
        as_of: The instant of which it is told what was known; ``None`` for now.
        problem: What is wrong with them, empty when nothing is.
    """

    pairs: Mapping[str, str]
    window: Window
    as_of: datetime | None
    problem: str

    def link(self, path: str, *names: str, **changed: str) -> str:
        """Return an address with these parameters (all when none is named), some changed."""
        kept = {name: text for name, text in self.pairs.items() if not names or name in names}
        told = {name: text for name, text in {**kept, **changed}.items() if text}
        return f"{path}?{urlencode(told)}" if told else path


PLACE = ("since", "until", "as_of", "rows")
"""Parameters that say which cells; the others say how they are shown."""


def _asked(request: Request) -> Asked:
    told = request.query_params
    names = (*PLACE, "state", "view", "colour")
    pairs = {name: told[name][:200] for name in names if told.get(name)}
    window = read_window(pairs.get("since", ""), pairs.get("until", ""))
    as_of, problem = read_as_of(pairs.get("as_of", ""))
    return Asked(pairs, window, as_of, window.problem or problem)


@router.get("/s/{system}/d/{dataset}")
def dataset_page(request: Request, system: str, dataset: str, visitor: Viewer) -> Response:
    """Show a dataset as a heatmap or as tables; parameters: see ``Asked``."""
    site = site_of(request)
    found = system_named(system)
    own = dataset_named(found, dataset)
    asked = _asked(request)
    coverage = _coverage(site, found, own, asked)
    wanted = _wanted(own, asked)
    cells = site.pictures.frame(found, wanted)
    numbers = site.pictures.shown(found, wanted)
    state = asked.pairs.get("state", "")
    is_map = asked.pairs.get("view") != "table"
    listed = MOST_BESIDE if is_map else MOST_LISTED
    here = f"/s/{found.name}/d/{own.name}"
    gaps_link = f"/s/{found.name}/gaps?dataset={own.name}{asked.window.query}"
    if asked.as_of is not None:
        gaps_link = asked.link(here, view="table")
    return show(
        request,
        "dataset.html",
        visitor=visitor,
        title=f"{own.name}, {found.name}",
        system=found,
        dataset=own,
        unit_word=f"one unit per {unit_word(own)}",
        zone=_zone(own),
        coverage=coverage,
        asked_for=asked,
        here=here,
        problem=asked.problem,
        legend=LEGEND,
        legend_links={
            one: asked.link(here, state="" if state == one else one.value) for one in LEGEND
        },
        by_coverage=asked.pairs.get("colour") == "coverage" or cells.axis == "share",
        colour_links={name: asked.link(here, colour=name) for name in ("", "coverage")},
        steps=STEPS,
        view="map" if is_map else "table",
        view_links={name: asked.link(here, view=name) for name in ("", "table")},
        whole_link=asked.link(here, "state", "view", "colour", "as_of", "rows"),
        gaps_link=gaps_link,
        csv_link=asked.link(
            f"/s/{found.name}/gaps.csv", "since", "until", "as_of", "state", dataset=own.name
        ),
        range_query=asked.window.query,
        tile_link=asked.link(f"{here}/tile.bin", *PLACE),
        kind=cells.axis,
        said_link="" if asked.as_of else f"{here}/said?",
        row_names=["/".join(cells.rows[number]) for number in numbers],
        all_rows=len(cells.rows),
        brush_link=asked.link(f"{here}/tile.bin", "as_of", "rows", agg="month"),
        picture=_sentence(own, coverage),
        has_series=len(cells.rows) > 1,
        series_name=series_word(own) or "Series",
        since=first_day(own),
        years=[
            (line, _year_link(found, asked, here, line.name))
            for line in year_lines(found, site.pictures.listed(found, wanted, listed))
        ],
        gaps=[] if is_map else _gaps(site, found, own, asked),
        gap_link=gap_address,
        most_gaps=SHOWN_GAPS,
        cli_same=_command(found, own, asked),
        api_same=asked.link(
            f"/api/v1/systems/{found.name}/count", "since", "until", "as_of", dataset=own.name
        ),
    )


def _wanted(dataset: Dataset, asked: Asked) -> Wanted:
    return Wanted(dataset.name, asked.window.range, asked.as_of, asked.pairs.get("rows", ""))


def _year_link(system: System, asked: Asked, here: str, name: str) -> str:
    """Return the address of one year's cells, empty where a year is none."""
    if not name[:4].isdecimal():
        return ""
    first = date(int(name[:4]), system.first_month, 1)
    last = date(first.year + 1, first.month, 1) - timedelta(days=1)
    return asked.link(here, since=first.isoformat(), until=last.isoformat(), view="")


@router.get("/s/{system}/d/{dataset}/tile.bin")
def dataset_tile(
    request: Request,
    system: str,
    dataset: str,
    visitor: Viewer,
    *,
    row: Annotated[int, Query(ge=0, le=MOST_ROWS)] = 0,
    column: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """Send cells of a dataset: ``since``, ``until``, ``as_of``, ``rows`` as its page.

    All of them, or one tile from ``row`` and ``column`` on where there are many.
    """
    del visitor
    found = system_named(system)
    own = dataset_named(found, dataset)
    wanted = _wanted(own, _asked(request))
    site = site_of(request)
    cells = site.pictures.frame(found, wanted)
    if request.query_params.get("agg") == "month" and cells.axis != "member":
        return _months_tile(request, site.pictures.months(found, wanted))
    return tile_response(
        request,
        site.pictures.tile(found, wanted, row, column).cells,
        {
            "axis": cells.axis,
            "rows": len(site.pictures.shown(found, wanted)),
            "of": len(cells.rows),
            "width": cells.width,
            "tile": site.pictures.size(found, wanted),
            "origin": _origin(cells),
            "zone": _zone(own),
            "version": site.standings.version(found),
        },
    )


@router.get("/s/{system}/d/{dataset}/said")
def cell_said(
    request: Request,
    system: str,
    dataset: str,
    visitor: Viewer,
    *,
    ordinal: Annotated[int, Query(ge=-(10**6), le=2**31 - 1)],
    series: str = "",
) -> Response:
    """Say of a cell in a line, for those who point at it, what is held, and why not all is."""
    del visitor
    found = system_named(system)
    own = dataset_named(found, dataset)
    site = site_of(request)
    if _as_shares(own):
        day = day_of(ordinal)
        (told,) = site.counts.of(found, (own.name,), Range(day, day))
        return PlainTextResponse(_day_line(told), headers=COMMON_HEADERS)
    key = position_at(site.workspace, found, own, ordinal)
    if key is None:
        raise not_found(f"{own.name} has no unit number {ordinal}.")
    parts = join_key(own.partitions, tuple(series.split("/")) if series else (), position=key)
    explained = explain_unit(site.workspace, found, own, "/".join(parts))
    return PlainTextResponse(_unit_line(explained), headers=COMMON_HEADERS)


def _as_shares(dataset: Dataset) -> bool:
    axis = dimensions(dataset.partitions)[axis_index(dataset.partitions)]
    return isinstance(axis, FromDataset) and axis.day is not None


def _day_line(told: Coverage) -> str:
    """Return a day's units in a line."""
    states = [
        f"{units:,} {state.value.replace('_', ' ')}"
        for state, units in told.states.items()
        if state not in HELD_STATES
    ]
    return ", ".join([f"{told.held:,} of {told.expected or 0:,} units held", *states])


def _unit_line(told: Explanation) -> str:
    """Return rows, reason and next try of a unit in a line; empty when there is nothing to say."""
    rows = [
        f"{feed.rows:,} of {feed.expected_rows:,} rows"
        if feed.expected_rows is not None
        else f"{feed.rows:,} rows"
        for feed in told.feeds
        if feed.rows is not None
    ]
    untried = "not asked for yet" if told.state == State.MISSING else ""
    again = f"next try {told.next_try_at:%Y-%m-%d %H:%M} UTC" if told.next_try_at else ""
    return "; ".join(filter(None, (*rows[:1], told.reason or untried, again)))


def _months_tile(request: Request, months: Months) -> Response:
    """Send one row: the share of the shown series held in each month."""
    shares = bytes(months.percents(""))
    origin = months.months[0].isoformat() if shares else ""
    described = {"axis": "month", "rows": 1, "width": len(shares), "origin": origin}
    return tile_response(request, shares, described)


@router.get("/s/{system}/d/{dataset}/at")
def unit_at(
    request: Request,
    system: str,
    dataset: str,
    visitor: Viewer,
    *,
    ordinal: Annotated[int, Query(ge=-(10**6), le=2**31 - 1)],
    series: str = "",
) -> Response:
    """Lead from a cell to its unit."""
    del visitor
    found = system_named(system)
    own = dataset_named(found, dataset)
    key = position_at(site_of(request).workspace, found, own, ordinal)
    if key is None:
        raise not_found(f"{own.name} has no unit number {ordinal}.")
    return go(unit_address(found, own, tuple(series.split("/")) if series else (), key))


def _coverage(site: Site, system: System, dataset: Dataset, asked: Asked) -> Coverage:
    """Return the shared count, or one of the range or instant asked for."""
    if asked.window.range == Range() and asked.as_of is None:
        return site.standings.of(system).of(dataset.name)
    (counted,) = site.counts.of(system, (dataset.name,), asked.window.range, asked.as_of)
    return up_to_today(counted) if asked.window.range.until is None else counted


def _gaps(site: Site, system: System, dataset: Dataset, asked: Asked) -> list[Gap]:
    state = asked.pairs.get("state", "")
    states = (State(state),) if state in set(State) else ()
    names, window = (dataset.name,), asked.window.range
    return site.gaps.of(system, Listing(names, window, states, SHOWN_GAPS + 1, asked.as_of))


def _zone(dataset: Dataset) -> str:
    axis = dimensions(dataset.partitions)[axis_index(dataset.partitions)]
    return axis.zone if isinstance(axis, Days) else ""


def _origin(cells: Outline) -> str | int:
    return cells.first if cells.axis == "member" else day_of(cells.first).isoformat()


def _command(system: System, dataset: Dataset, asked: Asked) -> str:
    names = {"since": "--since", "until": "--until", "as_of": "--as-of"}
    options = [f"{names[name]} {asked.pairs[name]}" for name in names if name in asked.pairs]
    return " ".join([f"stocktake count {system.name} {dataset.name}", *options])


def _sentence(dataset: Dataset, coverage: Coverage) -> str:
    """Return the picture in a sentence, for those who do not see it."""
    told = ", ".join(
        f"{units:,} {state.value.replace('_', ' ')}"
        for state, units in coverage.states.items()
        if units and state in LEGEND
    )
    return f"{dataset.name}: {told or 'nothing expected'}"


def year_lines(system: System, cells: Tile) -> Iterator[YearLine]:
    """Yield the units of each year and series by state; shares have no states."""
    for number, series in enumerate(cells.rows):
        row = cells.row(number)
        for name, first, end in _years(system, cells):
            part = row[first:end]
            tally = {state: part.count(code) for state, code in CODES.items()}
            states = {state: units for state, units in tally.items() if units}
            yield YearLine(name, "/".join(series), states, _share(part, states))


def _years(system: System, cells: Tile) -> Sequence[tuple[str, int, int]]:
    if cells.axis == "member":
        return [("all", 0, cells.width)]
    first = day_of(cells.first)
    last = first + timedelta(days=cells.width - 1)
    found = years(first, last, month=system.first_month)
    return [
        (name, _offset(cells, part.since or first), _offset(cells, part.until or last) + 1)
        for name, part in found
    ]


def _offset(cells: Tile, day: date) -> int:
    return ordinal_of(day) - cells.first


def _share(part: bytes, states: Mapping[State, int]) -> float | None:
    if states:
        held = sum(units for state, units in states.items() if state in HELD_STATES)
        lacking = sum(units for state, units in states.items() if state in GAP_STATES)
        return held / (held + lacking) if held + lacking else None
    shares = [code for code in part if code < FIRST_CODE - 1]
    return sum(shares) / (100 * len(shares)) if shares else None
