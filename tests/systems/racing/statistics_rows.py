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

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from psycopg import Connection

NON_STARTERS = {"WV", "WV-A", "WX", "WX-A", "WXNR"}
VENUES = {"沙田": "ST", "跑馬地": "HV"}
GOING = {"好地": "Good", "好地至快地": "Good To Firm", "好地至黏地": "Good To Yielding"}
MASTERS = {
    "horse_id": "ra_mst_horses",
    "jockey_id": "ra_mst_jockeys",
    "trainer_id": "ra_mst_trainers",
}


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


def load(conn: Connection[Any], paths: Iterable[Path]) -> None:
    """Insert races, runners and results of files, and those they name."""
    for path in paths:
        tables = read_rows(path)
        for table, rows in tables.items():
            insert(conn, table, rows)
        for column, table in MASTERS.items():
            ids = {row[column] for row in tables["ra_runners"]} - {None}
            insert(conn, table, [{"id": one} for one in sorted(ids)])


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
    first, _, _ = place.partition(" ")
    return int(first) if first.isdigit() else None


def _count_dead_heats(results: list[dict[str, Any]]) -> None:
    sharing: dict[tuple[str, int], int] = {}
    for row in results:
        key = (row["race_id"], row["position"])
        sharing[key] = sharing.get(key, 0) + 1
    for row in results:
        if row["position"] is not None:
            row["dead_heat_n"] = sharing[row["race_id"], row["position"]]
