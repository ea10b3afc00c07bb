"""The thirty teams: a list is shipped, for no endpoint tells city and conference of them all."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from stocktake import Parsed, Request, SourceChanged, UnitOutcome
from stocktake.systems.nba.normalise import read_id, refuse
from stocktake.systems.nba.rows import TeamRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

CONFERENCES = ("East", "West")


def shipped_teams() -> bytes:
    """Return the list as it is shipped, `teams.csv`; column `also` names older spellings."""
    return resources.files(__package__).joinpath("teams.csv").read_bytes()


@cache
def teams() -> Mapping[int, TeamRow]:
    """Return the shipped teams by id."""
    return {team.team_id: team for team, _ in _lines(shipped_teams())}


@cache
def _by_abbreviation() -> Mapping[str, int]:
    return {
        spelling: team.team_id
        for team, also in _lines(shipped_teams())
        for spelling in (team.abbreviation, *also)
    }


def team_id_of(abbreviation: str) -> int:
    """Return the id of a team by its abbreviation, older spellings included.

    Raises:
        ValueError: No team is called so.

    >>> team_id_of("BKN") == team_id_of("NJN")
    True
    """
    found = _by_abbreviation().get(abbreviation.strip().upper())
    return found if found is not None else refuse(f"unknown team {abbreviation[:40]!r}")


def read_team(value: object) -> int:
    """Read the id of a team of the league.

    Raises:
        ValueError: It is none of the thirty.
    """
    team_id = read_id(value)
    if team_id not in teams():
        refuse(f"unknown team {team_id}")
    return team_id


def parse_teams(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read a list of teams, written like the shipped one.

    Raises:
        SourceChanged: A line that is not team_id, abbreviation, city, name, conference.
    """
    parsed = Parsed()
    try:
        found = {team.team_id: team for body in bodies for team, _ in _lines(body)}
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise SourceChanged(f"{request.path}: not a list of teams: {error!r}"[:500]) from error
    if not found:
        raise SourceChanged(f"{request.path}: no team at all.")
    parsed.rows[TeamRow] = list(found.values())
    parsed.read["team_reference"] = len(found)
    parsed.outcomes.append(UnitOutcome(("all",)))
    return parsed


def _lines(body: bytes) -> Iterator[tuple[TeamRow, tuple[str, ...]]]:
    for line in csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")):
        texts = [line[name].strip() for name in ("abbreviation", "city", "name", "conference")]
        if not all(texts) or "\x00" in "".join(texts) or texts[-1] not in CONFERENCES:
            refuse(f"{texts!r}: abbreviation, city, name, and one of {', '.join(CONFERENCES)}")
        yield TeamRow(read_id(line["team_id"]), *texts), tuple((line.get("also") or "").split())
