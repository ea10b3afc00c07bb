"""Real files of ../shared, and answers grown from them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Request
from stocktake.systems.nba.files import parse_player_file, parse_team_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stocktake import Parsed, State

SHARED = Path(os.environ.get("STOCKTAKE_SHARED", Path(__file__).parents[4] / "shared"))
NBA = SHARED / "data" / "nba"
LATER = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""A time of fetch at which every day of the samples is over."""

PLAYERS_2022 = "player_logs_2022-23.csv.gz"
PLAYERS_2024 = "player_logs_2024-25.csv.gz"
PLAYOFFS = "playoff_team_totals_2021-22_2022-23.csv"
TEAM_LOG = "leaguegamelog_T_2025-26_to_2026-02-21.json.gz"
FILE = Request("leaguegamelog_file", "some.csv")


def real_file(name: str) -> bytes:
    """Return a real file's bytes, unpacked; skip the test where ../shared is not there."""
    path = NBA / name
    if not path.is_file():
        pytest.skip(f"no real files at {path}; set STOCKTAKE_SHARED")
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def shape(name: str) -> Any:
    """Return a recorded answer; cassettes keep it under `body`."""
    found = json.loads(real_file(f"api_shapes/{name}"))
    return found["body"] if "request_uri" in found else found


def encoded(answer: object) -> bytes:
    """Return an answer as the source sends it."""
    return json.dumps(answer, ensure_ascii=False).encode()


@cache
def players(name: str) -> Parsed:
    """Return a real season of player logs, parsed."""
    return parse_player_file([real_file(name)], FILE, LATER)


@cache
def teams(name: str) -> Parsed:
    """Return a real file of team logs, parsed."""
    return parse_team_file([real_file(name)], FILE, LATER)


def rows_of(parsed: Parsed, kind: type[tuple[Any, ...]]) -> list[Any]:
    """Return the rows of one type."""
    return parsed.rows.get(kind, [])


def states(parsed: Parsed) -> Counter[tuple[State, str]]:
    """Return how many units have which state and reason."""
    return Counter((outcome.state, outcome.reason) for outcome in parsed.outcomes)


def outcome_of(parsed: Parsed, *key: str) -> tuple[State, str]:
    """Return state and reason of one unit."""
    (one,) = (outcome for outcome in parsed.outcomes if outcome.key == key)
    return one.state, one.reason


def lines_of(name: str) -> tuple[list[str], list[list[str]]]:
    """Return header and lines of a real CSV."""
    header, *lines = csv.reader(io.StringIO(real_file(name).decode(), newline=""))
    return header, lines


def written(header: Sequence[str], lines: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV of lines."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue().encode()


def balanced(parsed: Parsed | None, dataset: str, *kinds: type[tuple[Any, ...]]) -> bool:
    """Return whether rows accepted, rejected and repeated add up to those read."""
    if parsed is None:
        return True
    accepted = sum(len(parsed.rows.get(kind, ())) for kind in kinds)
    rejected = sum(reject.dataset == dataset for reject in parsed.rejects)
    return parsed.read.get(dataset, 0) == (accepted + rejected + parsed.duplicates.get(dataset, 0))
