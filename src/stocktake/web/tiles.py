"""Heatmap bytes over HTTP: compressed, tagged, described in one header."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from stocktake.count.packed import Part
from stocktake.run.counted import frame, tile
from stocktake.run.lately import Kept
from stocktake.web.monthly import by_month

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

    from stocktake.count.packed import Outline, Tile
    from stocktake.model import Range, System
    from stocktake.run.lately import Standings
    from stocktake.run.workspace import Workspace
    from stocktake.web.monthly import Months

MOST_BYTES = 4 << 20
"""Largest picture that is sent whole."""

TILE_ROWS, TILE_COLUMNS = 512, 4_096
"""Tiles of a larger one, sent as they come into sight."""

MOST_ROWS, WORST_ROWS = 5_000, 200
"""More rows are searched first; until then only the worst are shown."""

MOST_CELLS = 64 << 20
"""Most cells of a picture in all; of more only the worst rows are shown."""

MOST_LISTED, MOST_BESIDE = 200, 50
"""Rows of which the table of years tells, and beside a picture."""

NOT_MODIFIED = 304
QUICK = 1
"""Level of compression: runs of equal bytes pack well at any."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which picture: a dataset's days, as known at an instant or now, of series so named."""

    dataset: str
    window: Range
    as_of: datetime | None = None
    search: str = ""


class Pictures:
    """Heatmaps in parts, remembered for as long as the counts stand; safe between threads."""

    def __init__(self, workspace: Workspace, standings: Standings) -> None:
        """Remember nothing yet."""
        self._workspace = workspace
        self._frames = Kept(standings, self._frame)
        self._shown = Kept(standings, self._numbers)
        self._cells = Kept(standings, self._part)
        self._months = Kept(standings, self._by_month)

    def frame(self, system: System, wanted: Wanted) -> Outline:
        """Return all rows and columns of a dataset, searched or not."""
        return self._frames.of(system, replace(wanted, search=""))

    def shown(self, system: System, wanted: Wanted) -> tuple[int, ...]:
        """Return the numbers of the rows that are shown: see ``shown_rows``."""
        return self._shown.of(system, wanted)

    def size(self, system: System, wanted: Wanted) -> tuple[int, int]:
        """Return how many rows and columns each tile of a picture has."""
        rows, columns = len(self.shown(system, wanted)), self.frame(system, wanted).width
        return (rows, columns) if rows * columns <= MOST_BYTES else (TILE_ROWS, TILE_COLUMNS)

    def tile(self, system: System, wanted: Wanted, row: int, column: int) -> Tile:
        """Return the cells from a shown row and a column on, as many as a tile has."""
        rows, columns = self.size(system, wanted)
        return self._cut(system, wanted, slice(row, row + rows), column, columns)

    def listed(self, system: System, wanted: Wanted, most: int) -> Tile:
        """Return all cells of the first shown rows: those of which a table tells."""
        return self._cut(system, wanted, slice(0, most))

    def months(self, system: System, wanted: Wanted) -> Months:
        """Return the share of the shown rows held in each month, under an empty name."""
        return self._months.of(system, wanted)

    def _frame(self, system: System, wanted: Wanted) -> Outline:
        dataset = system.dataset(wanted.dataset)
        return frame(self._workspace, system, dataset, wanted.window, as_of=wanted.as_of)

    def _numbers(self, system: System, wanted: Wanted) -> tuple[int, ...]:
        return shown_rows(self.frame(system, wanted), wanted.search)

    def _cut(
        self, system: System, wanted: Wanted, rows: slice, column: int = 0, most: int | None = None
    ) -> Tile:
        found = self.frame(system, wanted)
        numbers = self.shown(system, wanted)[rows]
        width = max(0, min(found.width - column, most or found.width))
        return self._cells.of(system, wanted, numbers, column, width)

    def _part(
        self, system: System, wanted: Wanted, numbers: tuple[int, ...], column: int, width: int
    ) -> Tile:
        found = self.frame(system, wanted)
        return tile(
            self._workspace,
            system,
            system.dataset(wanted.dataset),
            wanted.window,
            as_of=wanted.as_of,
            part=Part([found.rows[number] for number in numbers], found.first + column, width),
        )

    def _by_month(self, system: System, wanted: Wanted) -> Months:
        return by_month({"": self._cut(system, wanted, slice(0, MOST_ROWS))})


def shown_rows(found: Outline, search: str) -> tuple[int, ...]:
    """Return the numbers of the rows to show: all that fit a search, or of many the worst.

    Of more than ``MOST_ROWS`` the ``WORST_ROWS`` with most gaps are shown, the worst first.

    Args:
        found: Of the dataset.
        search: What the rows' names must contain; empty for all.
    """
    wanted = search.strip().casefold()
    fitting = [
        number
        for number, series in enumerate(found.rows)
        if not wanted or wanted in "/".join(series).casefold()
    ]
    most = MOST_ROWS if len(fitting) <= MOST_ROWS else WORST_ROWS
    most = min(most, max(1, MOST_CELLS // found.width)) if found.width else most
    if len(fitting) <= most:
        return tuple(fitting)
    return tuple(nlargest(most, fitting, key=lambda number: found.lacking[number]))


def tile_response(request: Request, cells: bytes, described: Mapping[str, Any]) -> Response:
    """Return cells, or 304 when the browser has them already.

    Args:
        request: With ``If-None-Match`` when it has a copy.
        cells: A byte each, row after row.
        described: What ``X-Tile`` says: axis, rows, width, origin.
    """
    told = json.dumps(described, separators=(",", ":"))
    version = hashlib.sha256(cells + told.encode()).hexdigest()[:16]
    headers = {
        "etag": f'"{version}"',
        "cache-control": "private, no-cache",
        "x-tile": told,
        "vary": "Accept-Encoding, Cookie",
        "x-content-type-options": "nosniff",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=NOT_MODIFIED, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        cells = gzip.compress(cells, QUICK, mtime=0)
    return Response(cells, media_type="application/octet-stream", headers=headers)
