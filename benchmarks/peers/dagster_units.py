"""Daily partitions of one asset, materialised in process one by one, as a Dagster run each."""

import json
import os
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.request import urlopen

import dagster
import psycopg

from benchmarks.bed.fresh import fresh_database, same_rows
from benchmarks.bed.meter import Meter

TABLE = "create table reading (day date primary key, number integer)"
MERGE = (
    "insert into reading values (%s, %s) on conflict (day) do update set number = excluded.number"
)


def fill(
    maintenance_url: str, base_url: str, *, first: str, units: int, servers: Sequence[int]
) -> dict[str, float]:
    """Materialise ``units`` days and return what a unit cost."""
    days = [str(date.fromisoformat(first) + timedelta(at)) for at in range(units)]
    with tempfile.TemporaryDirectory() as folder, fresh_database(maintenance_url) as url:
        os.environ["DAGSTER_HOME"] = folder
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(TABLE)
            asset = _reading(conn, base_url, first)
            with dagster.DagsterInstance.local_temp(folder) as instance, Meter(*servers) as meter:
                for day in days:
                    dagster.materialize([asset], partition_key=day, instance=instance)
        same_rows(url, "select count(*) from reading", wanted=units)
    return meter.unit_facts(units)


def _reading(conn: psycopg.Connection[Any], base_url: str, first: str) -> Any:
    @dagster.asset(  # type: ignore[untyped-decorator]
        partitions_def=dagster.DailyPartitionsDefinition(start_date=first)
    )
    def reading(context: dagster.AssetExecutionContext) -> None:
        with urlopen(f"{base_url}/reading?date={context.partition_key}") as answer:
            number = json.load(answer)["number"]
        conn.execute(MERGE, (context.partition_key, number))

    return reading
