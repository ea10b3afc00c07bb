"""Seasons: their days and how many games each promises; a list is shipped, users may edit it."""

from __future__ import annotations

import csv
import io
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from stocktake import Parsed, Request, SourceChanged, UnitOutcome
from stocktake.systems.nba.normalise import LEAGUE, read_count, refuse, season_name
from stocktake.systems.nba.rows import ScheduleId, SeasonRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

FIRST_CUP = 2023
"""First season whose cup had a final of its own, a game that counts for no standings."""

_YEARS = range(1946, 2100)
_MOST_GAMES = 10_000
_DAY_COLUMNS = ("first_regular_date", "last_regular_date", "last_date")


def shipped_seasons() -> bytes:
    """Return the list as it is shipped, `seasons.csv`."""
    return resources.files(__package__).joinpath("seasons.csv").read_bytes()


@cache
def seasons() -> Mapping[str, SeasonRow]:
    """Return the shipped seasons by name, oldest first."""
    return {season.season: season for season in _lines(shipped_seasons())}


def id_rule(season: SeasonRow) -> Iterator[ScheduleId]:
    """Yield the regular games that the id rule promises; none for a season with holes.

    >>> [row.game_id for row in id_rule(seasons()["2024-25"])][-1]
    '0022401230'
    """
    if season.dense_ids:
        for number in range(1, season.regular_games + 1):
            game_id = f"{LEAGUE}2{season.start_year % 100:02}{number:05}"
            yield ScheduleId(game_id, season.season, "regular")


def parse_seasons(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read a list of seasons, written like the shipped one, and the games promised by id.

    Raises:
        SourceChanged: A line that is no season.
    """
    parsed = Parsed()
    try:
        found = {season.season: season for body in bodies for season in _lines(body)}
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise SourceChanged(f"{request.path}: not a list of seasons: {error!r}"[:500]) from error
    if not found:
        raise SourceChanged(f"{request.path}: no season at all.")
    parsed.rows[SeasonRow] = list(found.values())
    parsed.read["season"] = len(found)
    promised = [row for season in found.values() for row in id_rule(season)]
    if promised:
        parsed.rows[ScheduleId] = list[tuple[object, ...]](promised)
    parsed.read["schedule"] = len(promised)
    parsed.outcomes.append(UnitOutcome(("all",), datasets=("season",)))
    return parsed


def _lines(body: bytes) -> Iterator[SeasonRow]:
    for line in csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")):
        year = _number(line, "start_year")
        season = line["season"].strip()
        if year not in _YEARS or season != season_name(year):
            refuse(f"{season!r} is not a season that begins in {year}")
        first, last, end = (date.fromisoformat(line[name].strip()) for name in _DAY_COLUMNS)
        if not first <= last <= end or first.year not in (year, year + 1):
            refuse(f"{season}: its dates are not in order")
        games = _number(line, "regular_games")
        if not 0 < games < _MOST_GAMES:
            refuse(f"{season}: {games} games")
        dense = line["dense_ids"].strip()
        if dense not in ("true", "false"):
            refuse(f"{season}: dense_ids is neither true nor false")
        play_in, bootstrap = _number(line, "play_in_games"), _number(line, "bootstrap_days")
        yield SeasonRow(season, year, first, last, end, games, play_in, dense == "true", bootstrap)


def _number(line: Mapping[str, str], name: str) -> int:
    number = read_count(line[name])
    return number if number is not None else refuse(f"{name} is missing")
