"""Daily intervals of one incremental Python model, one batch each, in process."""

import logging
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sqlmesh import Context
from sqlmesh.core.config import Config, GatewayConfig, ModelDefaultsConfig
from sqlmesh.core.config.connection import PostgresConnectionConfig

from benchmarks.bed.fresh import fresh_database, same_rows
from benchmarks.bed.meter import Meter

MODEL = """
import json
from urllib.request import urlopen

import pandas
from sqlmesh import model
from sqlmesh.core.model.kind import ModelKindName


@model(
    "bench.reading",
    kind={{"name": ModelKindName.INCREMENTAL_BY_TIME_RANGE, "time_column": "day", "batch_size": 1}},
    columns={{"day": "date", "number": "int"}},
    start="{first}",
    cron="@daily",
)
def execute(context, start, end, execution_time, **kwargs):
    day = start.date()
    with urlopen(f"{base_url}/reading?date={{day}}") as answer:
        number = json.load(answer)["number"]
    return pandas.DataFrame({{"day": [day], "number": [number]}})
"""


def fill(
    maintenance_url: str, base_url: str, *, first: str, units: int, servers: Sequence[int]
) -> dict[str, float]:
    """Plan and apply ``units`` days and return what a unit cost."""
    logging.disable(logging.INFO)
    at = str(date.fromisoformat(first) + timedelta(units))
    with tempfile.TemporaryDirectory() as name, fresh_database(maintenance_url) as url:
        folder = Path(name)
        (folder / "models").mkdir()
        text = MODEL.format(first=first, base_url=base_url)
        (folder / "models" / "reading.py").write_text(text, "utf-8")
        config = Config(
            gateways={"bench": GatewayConfig(connection=_connection(url))},
            default_gateway="bench",
            model_defaults=ModelDefaultsConfig(dialect="postgres"),
            disable_anonymized_analytics=True,
        )
        context = Context(paths=name, config=config)
        with Meter(*servers) as meter:
            context.plan(execution_time=at, auto_apply=True, no_prompts=True)
        context.close()
        same_rows(url, "select count(*) from bench.reading", wanted=units)
    return meter.unit_facts(units)


def _connection(database_url: str) -> PostgresConnectionConfig:
    parts = urlsplit(database_url)
    query = parse_qs(parts.query)
    return PostgresConnectionConfig(
        host=query.get("host", [parts.hostname or ""])[0],
        port=int(query.get("port", [str(parts.port or 5432)])[0]),
        user=parts.username or "",
        password="unused",
        database=parts.path.removeprefix("/"),
        concurrent_tasks=4,
    )
