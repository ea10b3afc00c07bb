"""Files that pages send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import Response

from stocktake.report.cells import csv_text
from stocktake.web.site import COMMON_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def csv_file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a table as a CSV file to be saved as ``name``; no cell of it runs as a formula."""
    headers = {**COMMON_HEADERS, "content-disposition": f'attachment; filename="{name}"'}
    return Response(csv_text(head, rows), media_type="text/csv; charset=utf-8", headers=headers)
