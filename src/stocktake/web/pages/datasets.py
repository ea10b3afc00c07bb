"""A dataset: heatmap, table, and the bytes the heatmap is drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from stocktake.api.problems import not_found
from stocktake.count.packed import CODES, FIRST_CODE
from stocktake.model import (
    GAP_STATES,
    HELD_STATES,
    Dataset,
    Days,
    Range,
    State,
    System,
    axis_index,
    day_of,
    dimensions,
    ordinal_of,
    years,
)
from stocktake.run.counted import count_system, list_gaps, tile
from stocktake.run.explained import position_at
from stocktake.web.access import Viewer
from stocktake.web.naming import (
    dataset_named,
    gap_address,
    read_window,
    series_word,
    system_named,
    unit_address,
    unit_word,
)
from stocktake.web.site import go, show, site_of
from stocktake.web.tiles import MOST_BYTES, tile_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake.count.packed import Tile
    from stocktake.model import Coverage, Gap

router = APIRouter()
LEGEND = (
    *(State.COMPLETE, State.THIN, State.EMPTY, State.STALE, State.MISSING, State.FAILED),
    *(State.BLOCKED, State.UNRECOVERABLE, State.ACCEPTED, State.NOT_EXPECTED),
)
SHOWN_GAPS = 100
SHOWN_ROWS = 200


@dataclass(frozen=True, slots=True)
class YearLine:
    """Units of one series and year by state."""

    name: str
    series: str
    states: Mapping[State, int]
    share: float | None


@dataclass(frozen=True, slots=True)
class GapLine:
    """A gap as the table shows it."""

    first: str
    last: str
    series: str
    units: int
    state: State
    reason: str
    address: str


@router.get("/s/{system}/d/{dataset}")
def dataset_page(
    request: Request,
    system: str,
    dataset: str,
    visitor: Viewer,
    *,
    since: str = "",
    until: str = "",
    state: str = "",
    view: str = "map",
) -> Response:
    """Show a dataset as a heatmap or as tables."""
    site = site_of(request)
    found = system_named(system)
    own = dataset_named(found, dataset)
    window = read_window(since, until)
    coverage = _coverage(request, found, own, window.range)
    cells = tile(site.workspace, found, own, window.range)
    chosen = (State(state),) if state in set(State) else ()
    is_map = view != "table"
    listed = [] if is_map else _gaps(request, found, own, window.range, states=chosen)
    here = f"/s/{found.name}/d/{own.name}"
    asked = {"since": since, "until": until, "state": state, "view": "" if is_map else view}
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
        problem=window.problem,
        legend=LEGEND,
        legend_links={
            one: _address(here, asked, state="" if state == one else one.value) for one in LEGEND
        },
        view="map" if is_map else "table",
        view_links={
            "map": _address(here, asked, view=""),
            "table": _address(here, asked, view="table"),
        },
        gaps_link=f"/s/{found.name}/gaps?dataset={own.name}{window.query}",
        range_query=window.query,
        tile_link=_address(f"{here}/tile.bin", {"since": since, "until": until}),
        kind=cells.axis,
        row_names=["/".join(row) for row in cells.rows[:SHOWN_ROWS]],
        picture=_sentence(own, coverage),
        has_series=len(cells.rows) > 1,
        series_name=series_word(own) or "Series",
        years=list(year_lines(found, cells)),
        gaps=[_line(found, gap) for gap in listed[:SHOWN_GAPS]],
        more_gaps=len(listed) > SHOWN_GAPS,
        cli_same=_command(found, own, window.range),
        api_same=f"/api/v1/systems/{found.name}/count?dataset={own.name}",
    )


@router.get("/s/{system}/d/{dataset}/tile.bin")
def dataset_tile(
    request: Request,
    system: str,
    dataset: str,
    visitor: Viewer,
    *,
    since: str = "",
    until: str = "",
) -> Response:
    """Send the cells of a dataset."""
    del visitor
    found = system_named(system)
    own = dataset_named(found, dataset)
    cells = tile(site_of(request).workspace, found, own, read_window(since, until).range)
    most = max(1, MOST_BYTES // cells.width) if cells.width else 0
    shown = min(len(cells.rows), SHOWN_ROWS, most)
    return tile_response(
        request,
        cells.cells[: shown * cells.width],
        {
            "axis": cells.axis,
            "rows": shown,
            "of": len(cells.rows),
            "width": cells.width,
            "origin": _origin(cells),
            "zone": _zone(own),
        },
    )


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


def _coverage(request: Request, system: System, dataset: Dataset, window: Range) -> Coverage:
    """Return the shared count, or one of the range asked for."""
    site = site_of(request)
    if window == Range():
        return site.standings.of(system).of(dataset.name)
    (counted,) = count_system(site.workspace, system, [dataset], window)
    return counted


def _gaps(
    request: Request,
    system: System,
    dataset: Dataset,
    window: Range,
    *,
    states: tuple[State, ...],
) -> list[Gap]:
    return list_gaps(
        site_of(request).workspace, system, [dataset], window, states=states, limit=SHOWN_GAPS + 1
    )


def _line(system: System, gap: Gap) -> GapLine:
    return GapLine(
        gap.first,
        gap.last,
        "/".join(gap.series),
        gap.units,
        gap.state,
        gap.reason,
        gap_address(system, gap),
    )


def _zone(dataset: Dataset) -> str:
    axis = dimensions(dataset.partitions)[axis_index(dataset.partitions)]
    return axis.zone if isinstance(axis, Days) else ""


def _origin(cells: Tile) -> str | int:
    return cells.first if cells.axis == "member" else day_of(cells.first).isoformat()


def _address(path: str, asked: Mapping[str, str], **changed: str) -> str:
    told = {name: text for name, text in {**asked, **changed}.items() if text}
    return f"{path}?{urlencode(told)}" if told else path


def _command(system: System, dataset: Dataset, window: Range) -> str:
    since = f" --since {window.since}" if window.since else ""
    until = f" --until {window.until}" if window.until else ""
    return f"stocktake count {system.name} {dataset.name}{since}{until}"


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
