"""What sources ask of callers beyond a rate: headers, a bare key, patience with silence."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.model import Endpoint
from tests.integration.fetch.vendor import (
    ENDPOINT,
    FEED,
    OK,
    REQUEST,
    Reply,
    closed_after,
    drip,
    feed_of,
    scene,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stocktake.fetch.answer import Answer
    from stocktake.store.database import Database

BLOCKED = "the address is probably blocked"
SILENT = Endpoint("results", per_second=1000.0, timeout_seconds=0.2, silence=BLOCKED)


def sent_headers(
    database: Database, declared: Mapping[str, str], **settings: Any
) -> dict[str, str]:
    """Return the headers of one request to a source that declares some."""

    async def work() -> dict[str, str]:
        async with scene(database, OK, **settings) as stage:
            source = replace(stage.source, headers=declared)
            await stage.fetcher.fetch(source, FEED, request=REQUEST)
            return dict(stage.vendor.seen[0].headers)

    return asyncio.run(work())


def answer_of(database: Database, endpoint: Endpoint, *replies: Reply) -> Answer:
    """Return the answer of a vendor to one request."""

    async def work() -> Answer:
        async with scene(database, *replies) as stage:
            return await stage.fetch(feed_of(endpoint))

    return asyncio.run(work())


def test_declared_headers_are_sent_with_every_request(database: Database) -> None:
    sent = sent_headers(database, {"Referer": "https://a.example/", "User-Agent": "Browser/1"})

    assert (sent["referer"], sent["user-agent"]) == ("https://a.example/", "Browser/1")


def test_a_setting_replaces_a_declared_header(database: Database) -> None:
    declared = {"Sec-Fetch-Mode": "cors", "User-Agent": "Browser/1"}
    sent = sent_headers(
        database, declared, header_sec_fetch_mode="navigate", user_agent="Somebody/2"
    )

    assert (sent["sec-fetch-mode"], sent["user-agent"]) == ("navigate", "Somebody/2")


@pytest.mark.fault("S12")
def test_a_key_is_sent_as_it_is(database: Database) -> None:
    async def work() -> str:
        async with scene(database, OK, auth="key", token="key-of-mine") as stage:
            await stage.fetch()
            return stage.vendor.seen[0].headers["authorization"]

    assert asyncio.run(work()) == "key-of-mine"


@pytest.mark.fault("H03")
def test_silence_is_told_as_the_endpoint_explains_it(database: Database) -> None:
    found = answer_of(database, SILENT, drip(b"", b"", every_seconds=0.05))

    assert found.failure is not None
    assert found.failure.reason.startswith(f"no complete answer within 0.2 s: {BLOCKED}")


def test_a_failure_that_was_no_silence_is_not_explained_as_one(database: Database) -> None:
    found = answer_of(database, SILENT, closed_after(b""))

    assert found.failure is not None
    assert BLOCKED not in found.failure.reason


@pytest.mark.parametrize(("patience", "is_open"), [(3, True), (5, True), (6, False)])
def test_as_many_failures_in_a_row_as_its_patience_open_a_circuit(
    database: Database,
    patience: int,
    is_open: bool,
) -> None:
    # Five tries are made of one request; a circuit that opened before ends them.
    answer_of(database, replace(ENDPOINT, patience=patience), closed_after(b""))

    with database.connection() as conn:
        row = conn.execute("select opened_at is not null from gate").fetchone()
    assert row == (is_open,)
