"""Racecards through dlt: fetched in threads, flattened by hand, merged by key into six tables.

Arrow tables go through ADBC (Parquet files); dictionaries go through dlt's own normalising. Both
write what ours writes of races and runners. Prices, which ours keeps in the stored answers, are
kept as text. Answers, receipts and provenance are not written.
"""

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import dlt
import orjson
import pyarrow as pa
import requests

from benchmarks.bed.fresh import fresh_database, same_rows
from benchmarks.bed.meter import Meter, Work

Row = dict[str, Any]
Tables = dict[str, list[Row]]

DAYS_AT_ONCE: Final = 25
FETCHERS: Final = 8
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "races": ("race_id",),
    "runners": ("race_id", "horse_id"),
    "horses": ("horse_id",),
    "jockeys": ("jockey_id",),
    "trainers": ("trainer_id",),
    "owners": ("owner_id",),
}
ENTITIES: Final[Mapping[str, tuple[str, ...]]] = {
    "horses": (
        *("horse_id", "horse", "dob", "sex", "sex_code", "colour", "region", "breeder"),
        *("sire_id", "sire", "dam_id", "dam", "damsire_id", "damsire"),
    ),
    "jockeys": ("jockey_id", "jockey"),
    "trainers": ("trainer_id", "trainer", "trainer_location"),
    "owners": ("owner_id", "owner"),
}
OWN: Final = (
    *("horse_id", "jockey_id", "trainer_id", "owner_id", "number", "headgear", "headgear_run"),
    *("wind_surgery", "wind_surgery_run", "silk_url", "form", "comment", "spotlight"),
)
WHOLE_NUMBERS: Final = ("age", "draw", "lbs", "last_run", "ofr", "rpr", "ts", "trainer_rtf")
SETTINGS: Final = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "EXTRACT__WORKERS": "8",
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "4",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}
UPSERT: Final = {"disposition": "merge", "strategy": "upsert"}


COUNT: Final = "select (select count(*) from cards.races) + (select count(*) from cards.runners)"


def load(maintenance_url: str, base_url: str, *, kind: str, work: Work) -> dict[str, float]:
    """Load racecards into an empty database and return what it cost.

    Args:
        kind: ``arrow`` or ``dicts``.
    """
    os.environ.update(SETTINGS)
    wanted = [str(date.fromisoformat(work["first"]) + timedelta(at)) for at in range(work["days"])]
    with tempfile.TemporaryDirectory() as folder, fresh_database(maintenance_url) as url:
        os.environ["DLT_DATA_DIR"] = folder
        pipeline = dlt.pipeline(
            "cards",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(_credentials(url)),
            dataset_name="cards",
        )
        with Meter(*work["servers"]) as meter:
            pipeline.run(
                _cards(base_url, wanted, is_arrow=kind == "arrow"),
                loader_file_format="parquet" if kind == "arrow" else None,
            )
        return meter.row_facts(same_rows(url, COUNT, wanted=work["rows"]))


@dlt.source(max_table_nesting=0)  # type: ignore[untyped-decorator]
def _cards(base_url: str, days: Sequence[str], *, is_arrow: bool) -> Any:
    @dlt.resource(name="cards", write_disposition=UPSERT)  # type: ignore[untyped-decorator]
    def cards() -> Iterator[Any]:
        for tables in _answers(base_url, days):
            for name, rows in tables.items():
                hints = dlt.mark.make_hints(
                    table_name=name, primary_key=KEYS[name], write_disposition=UPSERT
                )
                content = pa.Table.from_pylist(rows) if is_arrow else rows
                yield dlt.mark.with_hints(content, hints, create_table_variant=True)

    return cards


def _answers(base_url: str, days: Sequence[str]) -> Iterator[Tables]:
    """Fetch some days at a time and yield their tables."""
    own = threading.local()

    def get(day: str) -> bytes:
        session = getattr(own, "session", None)
        if session is None:
            session = own.session = requests.Session()
            session.auth = ("bench", "bench")
        answer = session.get(f"{base_url}/v1/racecards/pro", params={"date": day})
        answer.raise_for_status()
        return bytes(answer.content)

    known: dict[str, set[str]] = {name: set() for name in ENTITIES}
    with ThreadPoolExecutor(FETCHERS) as threads:
        for start in range(0, len(days), DAYS_AT_ONCE):
            yield _flat(threads.map(get, days[start : start + DAYS_AT_ONCE]), known)


def _flat(bodies: Iterator[bytes], known: Mapping[str, set[str]]) -> Tables:
    """Return some days' tables; an entity is told once, as dlt's upsert wants of one load."""
    races: list[Row] = []
    runners: list[Row] = []
    tables: Tables = {"races": races, "runners": runners, **{name: [] for name in ENTITIES}}
    for body in bodies:
        for race in orjson.loads(body)["racecards"]:
            declared = race.pop("runners")
            races.append(race)
            for runner in declared:
                runners.append(_runner(race["race_id"], runner))
                for name, columns in ENTITIES.items():
                    if runner[columns[0]] not in known[name]:
                        known[name].add(runner[columns[0]])
                        tables[name].append({column: runner[column] for column in columns})
    return {name: rows for name, rows in tables.items() if rows}


def _runner(race_id: str, runner: Row) -> Row:
    row = {name: runner[name] for name in OWN}
    row["race_id"] = race_id
    for name in WHOLE_NUMBERS:
        text = runner[name]
        row[name] = int(text) if text.isdecimal() else None
    row["odds"] = orjson.dumps(runner["odds"]).decode()
    row["past_results_flags"] = ",".join(runner["past_results_flags"])
    return row


def _credentials(database_url: str) -> str:
    """Return the address as dlt wants it: with a host and a password, whatever they are worth."""
    parts = urlsplit(database_url)
    query = parse_qs(parts.query)
    host = query.get("host", [parts.hostname or ""])[0]
    port = query.get("port", [str(parts.port or 5432)])[0]
    return f"postgresql://{parts.username}:unused@localhost:{port}{parts.path}?host={host}"
