"""Heatmap bytes over HTTP: compressed, tagged, described in one header."""

from __future__ import annotations

import gzip
import hashlib
import json
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from stocktake.count.packed import CODES
from stocktake.model import GAP_STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from stocktake.count.packed import Tile

MOST_BYTES = 4 << 20
"""Largest tile; a longer range is sent in parts."""

MOST_ROWS, WORST_ROWS = 5_000, 200
"""More rows are searched first; until then only the worst are shown."""

GAPS_AND_PARTS = bytes((*range(100), *(CODES[state] for state in GAP_STATES)))
"""Cells that lack something: gaps, and days of which not everything is held."""

NOT_MODIFIED = 304
QUICK = 1
"""Level of compression: runs of equal bytes pack well at any."""


def shown_rows(cells: Tile, search: str) -> tuple[int, ...]:
    """Return the numbers of the rows to show: all that fit a search, or of many the worst.

    Of more than ``MOST_ROWS`` the ``WORST_ROWS`` with most gaps are shown, the worst first; so are
    as many as a tile holds, when not all do.

    Args:
        cells: Of the dataset.
        search: What the rows' names must contain; empty for all.
    """
    wanted = search.strip().casefold()
    fitting = [
        number
        for number, series in enumerate(cells.rows)
        if not wanted or wanted in "/".join(series).casefold()
    ]
    most = MOST_ROWS if len(fitting) <= MOST_ROWS else WORST_ROWS
    most = min(most, max(1, MOST_BYTES // cells.width)) if cells.width else most
    if len(fitting) <= most:
        return tuple(fitting)
    return tuple(nlargest(most, fitting, key=lambda number: _lacking(cells.row(number))))


def _lacking(row: bytes) -> int:
    return len(row) - len(row.translate(None, GAPS_AND_PARTS))


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
