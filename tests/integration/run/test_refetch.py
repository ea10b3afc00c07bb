"""Looking at held days again: what is unchanged costs a request and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.model import PlanOptions, State
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.pump import PumpLimits
from tests.integration.run.conftest import DAYS

if TYPE_CHECKING:
    from stocktake.run.progress import Progress
    from tests.integration.run.conftest import Stable

SINCE, UNTIL = date(2026, 3, 4), date(2026, 3, 5)
LOOKS = """
select s.dataset, s.feed, s.key, u.ordinal, u.state, u.reason, u.rows, u.next_try_at
  from stocktake.series s join stocktake.unit u using (series_id) order by 1, 2, 3, 4
"""


class Stopped(Exception):
    """Somebody stopped a run."""


def test_refetched_days_that_did_not_change_change_no_row(stable: Stable) -> None:
    first = stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    before, asked = stable.execute(LOOKS), stable.asked

    again = stable.backfill(*DAYS, since=SINCE, until=UNTIL, refetch=True)

    assert first.rows["ra_runners"].inserted > 100
    assert stable.asked - asked == 4
    assert again.rows == {}
    assert sum(again.units.values()) == 8
    assert stable.execute(LOOKS) == before


def test_an_unchanged_answer_moves_the_next_look_on(stable: Stable) -> None:
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    stable.now += timedelta(days=4)

    stable.backfill(*DAYS, since=SINCE, until=UNTIL, refetch=True)

    looks = {line[-1] for line in stable.execute(LOOKS) if line[1] == "results"}
    assert {look.date() for look in looks} == {date(2026, 3, 15), date(2026, 3, 16)}


def test_an_unchanged_day_that_was_in_progress_becomes_complete(stable: Stable) -> None:
    stable.backfill(*DAYS, since=date(2026, 3, 10), until=date(2026, 3, 10))
    assert stable.units("ra_race_results", State.THIN) == {"2026-03-10/gb", "2026-03-10/ire"}
    stable.now += timedelta(days=1)

    again = stable.backfill(*DAYS, since=date(2026, 3, 10), until=date(2026, 3, 10))

    assert all(counts.inserted == counts.updated == 0 for counts in again.rows.values())
    assert stable.units("ra_race_results", State.THIN) == set()


def test_an_interrupted_refetch_goes_on_where_it_was(stable: Stable) -> None:
    stable.backfill(*DAYS, since=SINCE, until=UNTIL)
    asked = stable.asked
    options = PlanOptions(datasets=DAYS, since=SINCE, until=UNTIL, refetch=True)

    def stop(progress: Progress) -> None:
        if progress.done == 1:
            raise Stopped

    limits = PumpLimits(fetchers=1, batch_requests=1)
    with pytest.raises(Stopped):
        backfill(stable.workspace, stable.system, options, conduct=Conduct(limits, report=stop))
    backfill(stable.workspace, stable.system, options)

    wanted = stable.targets()[:asked]
    assert set(stable.targets(asked)) == set(wanted)
    assert len(stable.targets(asked)) <= len(wanted) + 2
