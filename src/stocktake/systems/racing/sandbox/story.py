"""The racing demo: two months of which the source spoils three days."""

from datetime import date, timedelta

from stocktake.systems.racing.sandbox.server import create
from stocktake.testing import Fault, Story

DAYS = 60
RATE_FACTOR = 40.0
LOGIN = {"user": "sandbox", "password": "not-a-secret"}


def tell(until: date) -> Story:
    """Return the demo that ends on the day before ``until``."""
    last = until - timedelta(days=1)
    empty, broken, dropped = (last - timedelta(days=back) for back in (9, 23, 24))
    server = create(
        seed=1,
        scale="year",
        until=until,
        rate_factor=RATE_FACTOR,
        faults=(
            Fault("results_empty_with_total", match=empty.isoformat()),
            Fault("502", endpoint="/v1/results", match=f"start_date={broken}"),
            Fault("drop_finishers", match=dropped.isoformat(), value=2),
        ),
    )
    return Story(
        server=server,
        settings={"theracingapi": {**LOGIN, "rate_factor": str(RATE_FACTOR)}},
        datasets=("ra_mst_regions", "ra_mst_courses", "ra_races", "ra_runners", "ra_race_results"),
        since=last - timedelta(days=DAYS - 1),
        until=last,
        hole=("ra_race_results", f"{empty}/gb"),
        telling="one day answers 200 with no results although its total says otherwise, "
        "one day is down, and one day leaves the last finishers out",
        mend=server.rules.clear,
        cast="made-up horses",
    )
