"""A result that the source amends days later."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import PlanRefused
from stocktake.fetch.captures import latest_answers, read_capture
from stocktake.testing import Fault
from tests.integration.run.conftest import DAYS

if TYPE_CHECKING:
    from stocktake.model import RunReport
    from tests.integration.run.conftest import Stable

DAY = "2026-03-10"
PLACES = "horse_id, position"
FORMER = """
select v.row_key ->> 'horse_id', (v.before ->> 'position')::int
  from stocktake.row_version v where v.dataset = 'ra_race_results' and v.run_id = %(run_id)s
 order by 2
"""


@pytest.fixture
def amended(stable: Stable) -> tuple[Stable, str, dict[str, int], list[RunReport]]:
    """A race whose first two change places days later; the first and last syncs after."""
    stable.sync("ra_race_results", days=1)
    stable.now += timedelta(days=1)
    reports = [stable.sync("ra_race_results", days=1)]
    race = stable.rows("ra_race_results", f"race_date = '{DAY}' and position = 1", "race_id, 1")
    race_id = race[0][0]
    before = dict(stable.rows("ra_race_results", f"race_id = '{race_id}'", PLACES))
    stable.server.rules.add([Fault("changed_result", match=race_id)])
    stable.now += timedelta(days=2)
    reports.append(stable.sync("ra_race_results", days=2))
    return stable, race_id, before, reports


def test_a_re_check_finds_an_amended_result_and_changes_nothing_else(
    amended: tuple[Stable, str, dict[str, int], list[RunReport]],
) -> None:
    stable, race_id, before, reports = amended

    after = dict(stable.rows("ra_race_results", f"race_id = '{race_id}'", PLACES))
    changed = {
        horse: (before[horse], after[horse]) for horse in before if before[horse] != after[horse]
    }
    last = reports[-1]
    former = stable.execute(FORMER, {"run_id": last.run_id})
    recomputed = {name: counts.read for name, counts in last.rows.items() if name not in DAYS}
    held = stable.rows("ra_performance_by_venue", columns="count(*), 1")[0][0]

    assert reports[0].rows["ra_race_results"].updated == 0
    assert last.rows["ra_race_results"].updated == 2
    assert sorted(changed.values()) == [(1, 2), (2, 1)]
    assert [(horse, place) for horse, place in former] == sorted(
        ((horse, places[0]) for horse, places in changed.items()), key=lambda line: line[1]
    )
    assert 0 < recomputed["ra_performance_by_venue"] < held
    assert stable.differences() == {}


@pytest.mark.fault("Q01")
def test_riders_shifted_in_the_results_stop_the_run_with_the_check_that_saw_it(
    stable: Stable,
) -> None:
    stable.server.rules.add([Fault("shifted_jockeys", endpoint="/v1/results")])

    with pytest.raises(PlanRefused, match="riders_agree 2026 is"):
        stable.backfill("ra_races", "ra_runners", since=date(2026, 3, 8), until=date(2026, 3, 9))


def test_a_captured_body_is_what_the_sandbox_sent(stable: Stable) -> None:
    stable.backfill("ra_race_results", since=date(2026, 3, 9), until=date(2026, 3, 9))

    with stable.workspace.database.connection() as conn:
        [first, *_] = latest_answers(conn, "racing", "results")
        stored = read_capture(conn, first).capture
    assert b"Stocktake sandbox" in stored.body
    assert b"**" not in stored.body
