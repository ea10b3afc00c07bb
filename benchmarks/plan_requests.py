"""How long does a plan of 145,000 requests take?"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from benchmarks.measure import text_table
from stocktake.model import (
    Assumed,
    Cross,
    Dataset,
    Days,
    Endpoint,
    Feed,
    FromDataset,
    Need,
    Observed,
    Parsed,
    PlanOptions,
    Request,
    Source,
    State,
    System,
    Values,
    ordinal_of,
)
from stocktake.plan.planner import make_plan

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SINCE, CARDS_SINCE = date(2015, 1, 1), date(2023, 1, 23)
REGIONS = ("gb", "ire")
HORSES = 139_258


def by_day(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    """Yield one request per day for both regions."""
    days: dict[str, list[tuple[str, ...]]] = {}
    for unit in units:
        days.setdefault(unit[0], []).append(unit)
    for day, keys in days.items():
        yield Request("results", "/results", (("date", day),), tuple(keys))


def one_each(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    """Yield one request per horse."""
    for unit in units:
        yield Request("horses", f"/horses/{unit[0]}/pro", units=(unit,))


def unparsed(_bodies: Sequence[bytes], _request: Request, _at: datetime) -> Parsed:
    """Read nothing."""
    return Parsed()


def system() -> System:
    """Return a system shaped like racing."""
    days = Cross((Days(SINCE), Values(REGIONS)))
    feeds = (
        Feed("results", Endpoint("results", 5), ("races",), by_day, unparsed),
        Feed("cards", Endpoint("cards", 2), ("races",), by_day, unparsed),
        Feed(
            "horses",
            Endpoint("horse", 5),
            ("horses",),
            one_each,
            unparsed,
            assumed=Assumed(new_per_day=(0, 0)),
        ),
    )
    datasets = (
        Dataset("races", ("id",), days),
        Dataset("horses", ("id",), FromDataset("races", "horse_id")),
    )
    return System("turf", "", datasets, (Source("api", feeds=feeds),))


def needs() -> list[Need]:
    """Return what an empty database needs, horses known."""
    until = ordinal_of(NOW.date()) + 1
    found = [
        Need(feed, "races", (region,), State.MISSING, "", ((ordinal_of(since), until),))
        for feed, since in (("results", SINCE), ("cards", CARDS_SINCE))
        for region in REGIONS
    ]
    return [*found, Need("horses", "horses", (), State.MISSING, "", ((0, HORSES),))]


def main() -> None:
    """Plan several times and show the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    lines = []
    for order in ("newest", "priority", "value"):
        walls, cpus, requests = [], [], 0
        for _ in range(rounds):
            wall, cpu = time.perf_counter(), time.process_time()
            plan = make_plan(
                system(), needs(), PlanOptions(order=order), observed=Observed(), now=NOW
            )
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
            requests = plan.requests
        wall_text, cpu_text = f"{statistics.median(walls):.3f}", f"{statistics.median(cpus):.3f}"
        lines.append((order, f"{requests:,}", wall_text, cpu_text))
    print(text_table(("order", "requests", "wall s", "CPU s"), lines))


if __name__ == "__main__":
    main()
