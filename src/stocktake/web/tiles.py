"""Heatmap bytes over HTTP: compressed, tagged, described in one header."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

MOST_BYTES = 4 << 20
"""Largest tile; a longer range is sent in parts."""

NOT_MODIFIED = 304
QUICK = 1
"""Level of compression: runs of equal bytes pack well at any."""


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
