"""The rate gate on a real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stocktake.fetch.gate import RateGate, Permit
from stocktake.model import Endpoint
from stocktake.store.database import Database


async def permit(gate: RateGate, endpoint: Endpoint) -> Permit:
    admitted = await gate.acquire("vendor", endpoint)
    assert isinstance(admitted, Permit)
    return admitted


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[RateGate]:
    gate = RateGate(database.async_connect)
    try:
        yield gate
    finally:
        await gate.close()


def test_requests_are_spaced(database: Database) -> None:
    endpoint = Endpoint("results", per_second=50)

    async def work() -> float:
        async with opened(database) as gate:
            await permit(gate, endpoint)
            began = asyncio.get_running_loop().time()
            for _ in range(10):
                await permit(gate, endpoint)
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(work()) >= 10 * 0.021 - 0.001
