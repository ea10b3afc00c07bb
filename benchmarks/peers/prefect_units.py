"""One task run per day in one flow run, against Prefect's own server beside it."""

import json
import os
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from urllib.request import urlopen

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
    """Run a task for each of ``units`` days and return what a unit cost, the server's work too."""
    days = [str(date.fromisoformat(first) + timedelta(at)) for at in range(units)]
    with tempfile.TemporaryDirectory() as folder, fresh_database(maintenance_url) as url:
        os.environ |= {
            "PREFECT_HOME": folder,
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        # Prefect reads its settings while it is imported.
        from prefect import flow, task  # noqa: PLC0415
        from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415
        from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415

        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(TABLE)

            @task  # type: ignore[untyped-decorator]
            def read(day: str) -> None:
                with urlopen(f"{base_url}/reading?date={day}") as answer:
                    conn.execute(MERGE, (day, json.load(answer)["number"]))

            @flow  # type: ignore[untyped-decorator]
            def readings() -> None:
                for day in days:
                    read(day)

            server = SubprocessASGIServer()
            server.start()
            try:
                number = server.server_process.pid
                with (
                    temporary_settings({PREFECT_API_URL: server.api_url}),
                    Meter(*servers, number) as meter,
                ):
                    readings()
            finally:
                server.stop()
        same_rows(url, "select count(*) from reading", wanted=units)
    return meter.unit_facts(units)
