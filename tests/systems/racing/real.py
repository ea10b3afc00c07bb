"""Real files of ../shared, and racing answers grown from the real samples."""

from __future__ import annotations

import gzip
import json
import os
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Request
from stocktake.systems.racing.hkjc import parse_hkjc

if TYPE_CHECKING:
    from stocktake import Parsed, UnitOutcome

SHARED = Path(os.environ.get("STOCKTAKE_SHARED", Path(__file__).parents[4] / "shared"))
RACING = SHARED / "data" / "racing"
LATER = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""A time of fetch at which every day of the samples is over."""

RESULTS_DAY, CARDS_DAY = "2025-10-07", "2025-10-13"
RESULTS = Request("results", "/v1/results", (), ((RESULTS_DAY, "gb"), (RESULTS_DAY, "ire")))
CARDS = Request("racecards", "/v1/racecards/pro", (), ((CARDS_DAY, "gb"), (CARDS_DAY, "ire")))


def real_file(name: str) -> bytes:
    """Return a real file's bytes, unpacked; skip the test where ../shared is not there."""
    path = RACING / name
    if not path.is_file():
        pytest.skip(f"no real files at {path}; set STOCKTAKE_SHARED")
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


@cache
def _samples() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(real_file("reference/theracingapi_real_samples.json"))
    return found


def sample(beginning: str) -> Any:
    """Return a copy of the recorded answer whose request begins so."""
    return deepcopy(next(body for key, body in _samples().items() if key.startswith(beginning)))


def results_page() -> Any:
    """Return the recorded results as a complete page: its total is what it holds."""
    page = sample("GET /v1/results")
    return {**page, "total": len(page["results"])}


def cards_page() -> Any:
    """Return recorded British racecards as a complete page."""
    page = sample('GET /v1/racecards/pro {"date": "2025-10-13"')
    return {**page, "total": len(page["racecards"])}


def encoded(page: object) -> bytes:
    """Return a page as the source sends it."""
    return json.dumps(page, ensure_ascii=False).encode()


def by_region(parsed: Parsed) -> dict[str, UnitOutcome]:
    """Return the outcomes of a day's answer by region."""
    return {outcome.key[1]: outcome for outcome in parsed.outcomes}


@cache
def hkjc_year(year: int) -> Parsed:
    """Return a real year of Hong Kong results, parsed."""
    name = f"hkjc_results_{year}.csv"
    return parse_hkjc([real_file(f"{name}.gz")], Request("hkjc", name), LATER)
