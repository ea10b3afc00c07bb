"""Real Hong Kong results as rows of the racing tables, read the short way.

Only what statistics read: the parser of the source has tests of its own.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Identifier

from stocktake.model import Dataset, Days, System, Values
from stocktake.systems.racing.derivations import DERIVATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    from psycopg import Connection

NON_STARTERS = {"WV", "WV-A", "WX", "WX-A", "WXNR"}
VENUES = {"沙田": "ST", "跑馬地": "HV"}
GOING = {"好地": "Good", "好地至快地": "Good To Firm", "好地至黏地": "Good To Yielding"}
KEYS = {
    "ra_races": ("race_id",),
    "ra_runners": ("race_id", "horse_id"),
    "ra_race_results": ("race_id", "horse_id"),
    "ra_runner_statistics": ("runner_id",),
    "ra_entity_combinations": ("entity1_type", "entity1_id", "entity2_type", "entity2_id"),
    "ra_performance_by_distance": ("entity_type", "entity_id", "distance_yards"),
    "ra_performance_by_venue": ("entity_type", "entity_id", "venue_id"),
    "ra_mst_jockeys": ("id",),
    "ra_mst_trainers": ("id",),
    "ra_mst_owners": ("id",),
    "ra_mst_sires": ("id",),
    "ra_mst_dams": ("id",),
    "ra_mst_damsires": ("id",),
    "ra_mst_horses": ("id",),
    "entity_alias": ("entity_type", "id", "name"),
}


def racing_tables(days: Days) -> System:
    """Return the racing tables with their derivations and nothing to fetch."""
    datasets = tuple(
        Dataset(name=name, key=key, partitions=days if "runn" in name else Values(("all",)))
        for name, key in KEYS.items()
    )
    return System("racing", "stocktake.systems.racing", datasets, (), derivations=DERIVATIONS)


def hashed(prefix: str, name: str) -> str:
    """Return the id of somebody known by name only."""
    return prefix + hashlib.sha256(name.strip().encode()).hexdigest()[:12]


def read_rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return races, runners and results of one file of Hong Kong results."""
    text = gzip.decompress(path.read_bytes()).decode("utf-8-sig")
    unique = dict.fromkeys(tuple(line.items()) for line in csv.DictReader(io.StringIO(text)))
    lines = [dict(line) for line in unique]
    races: dict[str, dict[str, Any]] = {}
    runners: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for line in lines:
        race = _race(line)
        races[race["race_id"]] = race
        entry = _entry(line, race)
        runners.append({**entry, "runner_id": f"{entry['race_id']}:{entry['horse_id']}"})
        if line["place"] not in NON_STARTERS:
            results.append({**entry, **_result(line)})
    _count_dead_heats(results)
    return {"ra_races": list(races.values()), "ra_runners": runners, "ra_race_results": results}


def insert(conn: Connection[Any], table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into a racing table, as a load would."""
    columns = list(rows[0])
    statement = SQL("copy {} ({}) from stdin").format(
        Identifier("racing", table), SQL(", ").join(map(Identifier, columns))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[column] for column in columns])


def load(conn: Connection[Any], paths: Iterable[Path], *, until: date | None = None) -> None:
    """Insert races, runners and results of files."""
    for path in paths:
        for table, rows in read_rows(path).items():
            insert(conn, table, rows)


def _race(line: dict[str, str]) -> dict[str, Any]:
    venue = VENUES[line["venue"]]
    metres = int(line["distance_m"]) if line["distance_m"] else None
    return {
        "race_id": f"hk_{line['date']}_{venue}_{int(line['race_no']):02}",
        "date": line["date"],
        "region": "HK",
        "course_id": f"hk_{venue}",
        "distance_m": metres,
        "distance_y": None if metres is None else round(metres / 0.9144),
        "surface": "Turf" if line["course"].startswith("草地") else "AW",
        "going": GOING.get(line["going"], "Yielding"),
        "type": "Flat",
        "race_status": "run",
        "has_result": True,
    }


def _entry(line: dict[str, str], race: dict[str, Any]) -> dict[str, Any]:
    name = line["horse_name"].strip()
    code = name[name.rindex("(") + 1 : -1] if name.endswith(")") else None
    return {
        "race_id": race["race_id"],
        "race_date": race["date"],
        "region": "HK",
        "horse_id": f"hk_{code}" if code else hashed("hk_n_", name),
        "horse_name": name,
        "jockey_id": _person("hk_j_", line["jockey"]),
        "trainer_id": _person("hk_t_", line["trainer"]),
        "position": _position(line["place"]),
    }


def _result(line: dict[str, str]) -> dict[str, Any]:
    minutes, _, seconds = line["finish_time"].rpartition(":")
    return {
        "is_starter": True,
        "sp_decimal": line["win_odds"] if line["win_odds"] not in ("", "---") else None,
        "time_seconds": 60 * int(minutes) + float(seconds) if minutes else None,
        "dead_heat_n": 1,
    }


def _person(prefix: str, name: str) -> str | None:
    return None if name.strip() in ("", "---") else hashed(prefix, name)


def _position(place: str) -> int | None:
    first = place.split(maxsplit=1)[0] if place.split() else ""
    return int(first) if first.isdigit() else None


def _count_dead_heats(results: list[dict[str, Any]]) -> None:
    sharing: dict[tuple[str, int], int] = {}
    for row in results:
        key = (row["race_id"], row["position"])
        sharing[key] = sharing.get(key, 0) + 1
    for row in results:
        if row["position"] is not None:
            row["dead_heat_n"] = sharing[row["race_id"], row["position"]]
