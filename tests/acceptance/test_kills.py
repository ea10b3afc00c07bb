"""Kill -9 at every named point, run the same command again, and nothing is different."""

from __future__ import annotations

import random
import signal
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from stocktake.observe.failpoints import POINTS
from stocktake.testing import Fault
from tests.acceptance.installation import (
    QUERIES,
    Installation,
    State,
    backfill,
    finish,
    session_seed,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    Undisturbed = Callable[[tuple[str, ...]], tuple[State, int]]

IN_FLIGHT = 2 * 20 + 20 + 2 * 8
"""Requests that a kill may cost: two batches of 20 on their way to the capture, a queue as long,
and 8 fetchers for each of two feeds."""

LATER = {"batch_done": 2, "captured": 3, "table_merged": 9, "merged": 3, "before_commit": 2}
"""Arrivals after which some points are more telling than at the first."""

SEED = session_seed()
OF_WORKERS = frozenset(
    {
        *("run_taken_up", "chunks_cut", "chunk_claimed", "chunk_done", "suspected", "buried"),
        *("run_stopped", "tended"),
    }
)
"""Points that only workers pass."""
ELSEWHERE = OF_WORKERS | {
    *("before_rename", "rows_undone", "undo_before_commit", "undone"),
    *("delivery_claimed", "delivery_taken", "objects_put"),
}
"""Points that a backfill into the database does not pass."""
OF_BACKFILL = [point for point in POINTS if point not in ELSEWHERE]
CHOSEN = frozenset(random.Random(SEED).sample(OF_BACKFILL, 3))


def points() -> list[object]:
    """Return every point; those not drawn by the seed belong to the long test."""
    return [
        pytest.param(point, marks=() if point in CHOSEN else pytest.mark.soak)
        for point in OF_BACKFILL
    ]


class Reader:
    """Looks at the database all the time, as a page would."""

    def __init__(self, installation: Installation) -> None:
        self.found: list[object] = []
        self.looks = 0
        self._installation = installation
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        with self._installation.database.login() as session:
            while not self._stop.wait(0.01):
                self.looks += 1
                self.found += session.execute(QUERIES.half_visible).fetchall()
                self.found += session.execute(QUERIES.unproven_rows).fetchall()


@pytest.fixture
def reader(installation: Installation) -> Iterator[Reader]:
    with Reader(installation) as reading:
        yield reading


@pytest.mark.fault("C01")
@pytest.mark.parametrize("point", points())
def test_a_run_killed_at_a_point_and_run_again_is_as_if_nothing_had_happened(
    point: str,
    installation: Installation,
    undisturbed: Undisturbed,
    settled: date,
    reader: Reader,
) -> None:
    command = backfill(settled, settled)
    expected, least_requests = undisturbed(command)
    if point == "backing_off":
        installation.server.rules.add([Fault("500", endpoint="/v1/results", times=1)])
        least_requests += 1

    killed = installation.run(*command, fail_at=f"{point}:{LATER.get(point, 1)}")
    assert killed.code == -signal.SIGKILL, f"{point} was never reached: {killed.said}"
    resumed = installation.run(*command)

    assert resumed.code in {0, 1, 2}, resumed.said
    assert installation.state().differences(expected) == []
    assert len(installation.targets()) - least_requests <= IN_FLIGHT
    assert reader.looks
    assert reader.found == []


@pytest.mark.soak
@pytest.mark.fault("C01")
def test_a_backfill_killed_at_20_random_moments_equals_an_uninterrupted_one(
    installation: Installation, undisturbed: Undisturbed, settled: date, reader: Reader
) -> None:
    command = backfill(settled, settled)
    expected, least_requests = undisturbed(command)
    installation.server.rules.add([Fault("slow", value=0.15)])
    moments = random.Random(SEED)
    kills = 0
    asked_in_vain: list[str] = []
    while kills < 20:
        stored, asked = captured(installation), len(installation.targets())
        started = installation.start(*command)
        owner = f":{started.pid}"
        wait_until(lambda at=owner: is_claimed(installation, at))  # type: ignore[misc]
        # Told by requests, so that slow machines too get somewhere between two kills, and no
        # machine to the end.
        left = least_requests - len(stored)
        further = asked + moments.randrange(max(1, min(60, left // 2)))
        wait_until(lambda at=further: len(installation.targets()) >= at)  # type: ignore[misc]
        time.sleep(moments.uniform(0.0, 0.15))
        started.send_signal(signal.SIGKILL)
        ended = finish(started)
        assert ended.code == -signal.SIGKILL, f"it ended before kill {kills + 1}: {ended.said}"
        kills += 1
        asked_in_vain += stored.intersection(installation.targets(asked))
    installation.server.rules.clear()
    stored, asked = captured(installation), len(installation.targets())
    resumed = installation.run(*command)
    asked_in_vain += stored.intersection(installation.targets(asked))

    assert resumed.code in {0, 1, 2}, resumed.said
    assert installation.state().differences(expected) == []
    repeated = len(installation.targets()) - least_requests
    print(f"{kills} kills, seed {SEED}, {repeated} requests repeated")  # noqa: T201 -- the figure
    assert repeated <= kills * IN_FLIGHT
    assert len(stored) > 20, "the kills came before anything was captured"
    assert asked_in_vain == [], "what had been captured before a kill was asked for again"
    assert reader.found == []


def captured(installation: Installation) -> set[str]:
    """Return the first pages that are stored, as the sandbox was asked for them."""
    found = set()
    for path, params in installation.rows("first_pages"):
        pairs = list(zip(params[::2], params[1::2], strict=True))
        found.add(f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path)
    return found


def is_claimed(installation: Installation, owner: str) -> bool:
    """Say whether a run is executed by the process whose name ends like this."""
    return any(name.endswith(owner) for (name,) in installation.rows("owners"))


@pytest.mark.fault("C02")
def test_a_frozen_run_that_was_taken_over_writes_nothing(
    installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, _ = undisturbed(command)
    frozen = installation.start(*command)
    wait_until(lambda: len(installation.targets()) > 60)
    frozen.send_signal(signal.SIGSTOP)
    installation.rows("terminate_all")  # what the lock's keeper does with a host that is gone

    taken = installation.run(*command)
    after = installation.state()
    receipts = installation.rows("receipts")
    frozen.send_signal(signal.SIGCONT)
    woken = finish(frozen)

    assert taken.code in {0, 1, 2}, taken.said
    assert woken.code == 3, woken.said
    assert woken.document["error"]["kind"] == "LeaseLost"
    assert after.differences(expected) == []
    assert installation.state().differences(after) == []
    assert installation.rows("receipts") == receipts
