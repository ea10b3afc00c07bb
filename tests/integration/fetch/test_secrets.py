"""A canary secret goes to its source, and appears nowhere else."""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import ConfigurationError
from stocktake.fetch.captures import store_captures
from stocktake.fetch.sources import record_attempts
from stocktake.model import Source
from tests.integration.fetch.vendor import (
    CANARY,
    FEED,
    OK,
    REQUEST,
    Reply,
    as_json,
    closed_after,
    reply,
    scene,
)

if TYPE_CHECKING:
    from stocktake.fetch.answer import Answer
    from stocktake.store.database import Database

BASIC = base64.b64encode(f"someone:{CANARY}".encode()).decode()
ECHO = f'{{"you sent": "{CANARY}", "header": "Basic {BASIC}"}}'.encode()
TABLES = ("gate", "source_pause", "capture", "attempt", "body")


@pytest.mark.fault("S12")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK, id="good"),
        pytest.param(as_json(ECHO), id="echoed in a good body"),
        pytest.param(reply(422, ECHO), id="echoed in an error"),
        pytest.param(reply(401, ECHO), id="login refused"),
        pytest.param(reply(500, ECHO), id="server error"),
        pytest.param(reply(302, Location=f"http://x.example/?key={CANARY}"), id="redirect"),
        pytest.param(as_json(ECHO, Set_Cookie=f"s={CANARY}", X_Key=CANARY), id="headers"),
        pytest.param(as_json(ECHO, Content_Encoding="br"), id="unknown encoding"),
        pytest.param(closed_after(b"HTTP/1.1 200 " + CANARY.encode() + b"\x00\r\n"), id="garbage"),
    ],
)
def test_the_password_appears_nowhere(
    database: Database,
    answer: Reply,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    found = asyncio.run(fetch_with_login(database, answer))

    with database.connection() as conn:
        for captures in (found.captures, found.evidence):
            store_captures(
                conn, captures, system="racing", source="vendor", endpoint="results", run_id=1
            )
        record_attempts(conn, "racing", found.attempts, units=REQUEST.units, run_id=1)
        stored = [
            str(conn.execute(f"select * from {table}".encode()).fetchall()) for table in TABLES
        ]
    shown = capsys.readouterr()
    for secret in (CANARY, BASIC):
        for text in (repr(found), *stored, shown.out, shown.err, caplog.text):
            assert secret not in text


async def fetch_with_login(database: Database, answer: Reply) -> Answer:
    async with scene(database, answer, auth="basic", user="someone", password=CANARY) as stage:
        found = await stage.fetch()
        assert stage.vendor.seen[0].headers["authorization"] == f"Basic {BASIC}"
        return found


@pytest.mark.fault("S12")
def test_missing_credentials_are_named_without_asking(database: Database) -> None:
    async def work() -> None:
        async with scene(database, OK) as stage:
            with pytest.raises(ConfigurationError, match="vendor needs a token"):
                await stage.fetcher.fetch(Source("vendor", auth="bearer"), FEED, request=REQUEST)
            assert stage.vendor.seen == []

    asyncio.run(work())
