"""Horses named by races: asked for once each, after the races, the newest first."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from stocktake.model import GAP_STATES, PlanOptions, Range, State
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.counted import list_gaps
from stocktake.run.explained import explain_unit
from stocktake.run.pump import PumpLimits
from stocktake.run.registry import find_datasets
from stocktake.testing import Fault
from tests.integration.run.conftest import RACING

if TYPE_CHECKING:
    from stocktake.run.progress import Progress
    from tests.integration.run.conftest import Stable

SINCE, UNTIL = date(2026, 3, 8), date(2026, 3, 9)
PEDIGREES = ("ra_horse_pedigree",)


class Stopped(Exception):
    """Somebody stopped a run."""


def horses_asked(targets: list[str]) -> list[str]:
    """Return the horses asked for, in order."""
    return [target.split("/")[3] for target in targets if target.startswith("/v1/horses/")]


def test_everything_of_two_days_is_complete_after_one_backfill(stable: Stable) -> None:
    stable.backfill(since=SINCE, until=UNTIL)
    first = stable.targets()

    again = stable.backfill(since=SINCE, until=UNTIL)

    horses = horses_asked(first)
    days = [target for target in first if not target.startswith("/v1/horses/")]
    assert first[: len(days)] == days, "races come before the horses they name"
    assert len(horses) == len(set(horses)) == len(stable.rows("ra_mst_horses", columns="id, 1"))
    incomplete = {
        name: dict(counted.states)
        for name in (one.name for one in RACING.datasets)
        if (counted := stable.count(name, since=SINCE, until=UNTIL)).coverage not in (None, 1.0)
        or counted.surplus
        or counted.states.get(State.THIN)
    }
    assert incomplete == {}
    assert (again.requests, stable.asked) == (0, len(first))


def test_progress_ends_at_its_total_however_many_horses_turn_up(stable: Stable) -> None:
    told: list[Progress] = []
    options = PlanOptions(since=UNTIL, until=UNTIL)

    backfill(stable.workspace, stable.system, options, conduct=Conduct(report=told.append))

    assert [one for one in told if one.done > one.total] == []
    assert (told[-1].done, told[-1].total) == (stable.asked, stable.asked)


def test_horses_that_ran_last_are_asked_for_first(stable: Stable) -> None:
    stable.backfill(since=SINCE, until=UNTIL)

    last_run = dict(stable.rows("ra_runners", "true group by horse_id", "horse_id, max(race_date)"))
    days = [last_run[horse] for horse in horses_asked(stable.targets())]
    inversions = sum(later > earlier for earlier, later in pairwise(days))
    assert len(set(days)) == 2
    assert inversions <= 8, "only requests under way at once may overtake one another"


def test_a_horse_the_source_does_not_know_is_unrecoverable(stable: Stable) -> None:
    stable.backfill("ra_races", "ra_runners", "ra_race_results", since=UNTIL, until=UNTIL)
    horse = stable.rows("ra_mst_horses", columns="id, 1")[0][0]
    stable.server.rules.add([Fault("horse_404", match=horse)])

    stable.backfill(since=UNTIL, until=UNTIL)
    asked = stable.asked
    stable.backfill(since=UNTIL, until=UNTIL)

    counted = stable.count("ra_horse_pedigree")
    assert counted.states[State.UNRECOVERABLE] == 1
    assert set(counted.states) == {State.COMPLETE, State.UNRECOVERABLE}
    assert counted.held + 1 == counted.expected
    assert told_of(stable, horse) == (State.UNRECOVERABLE, "no such horse (HTTP 404)")
    assert stable.asked == asked


def told_of(stable: Stable, horse: str) -> tuple[State, str]:
    """Return what `gaps` says of a horse's pedigree, after making sure that `why` says the same."""
    [pedigrees] = find_datasets(RACING, PEDIGREES)
    told = explain_unit(stable.workspace, RACING, pedigrees, horse)
    found = list_gaps(
        stable.workspace, RACING, [pedigrees], Range(), states=tuple(GAP_STATES), limit=None
    )
    assert [(gap.first, gap.state, gap.reason) for gap in found] == [
        (horse, told.state, told.reason)
    ]
    return told.state, told.reason


def test_enrichment_goes_on_where_it_was_interrupted(stable: Stable) -> None:
    options = PlanOptions(since=UNTIL, until=UNTIL)

    def stop(progress: Progress) -> None:
        if progress.wave == "enrichment" and progress.done > 40:
            raise Stopped

    conduct = Conduct(PumpLimits(fetchers=2, batch_requests=5), report=stop)
    with pytest.raises(Stopped):
        backfill(stable.workspace, stable.system, options, conduct=conduct)
    at_stop = stable.asked
    backfill(stable.workspace, stable.system, options)

    asked = horses_asked(stable.targets())
    assert 0 < at_stop < stable.asked
    assert len(asked) - len(set(asked)) <= 20, "no more than was under way"
    assert stable.count("ra_horse_pedigree").states.keys() == {State.COMPLETE}


def test_a_horse_is_asked_for_again_after_a_year(stable: Stable) -> None:
    stable.backfill(since=UNTIL, until=UNTIL)
    asked = stable.asked
    horses = {horse for horse, _ in stable.rows("ra_horse_pedigree", columns="horse_id, 1")}

    stable.now += timedelta(days=364)
    stable.sync(*PEDIGREES)
    early = horses_asked(stable.targets(asked))
    stable.now += timedelta(days=2)
    stable.sync(*PEDIGREES)
    due = horses_asked(stable.targets(asked))
    stable.sync(*PEDIGREES)

    assert early == []
    assert sorted(due) == sorted(horses)
    assert horses_asked(stable.targets(asked)) == due, "and once"


def test_a_horse_is_asked_for_again_when_it_runs_under_another_name(stable: Stable) -> None:
    stable.backfill(since=UNTIL, until=UNTIL)
    asked = stable.asked
    [(horse, name), (other, known_as)] = stable.rows(
        "ra_mst_horses", "name like '%(%'", "id, name"
    )[:2]
    spelling = (
        "insert into racing.entity_alias (entity_type, id, name, first_seen, last_seen, n) "
        "values ('horse', %(id)s, %(name)s, %(day)s, %(day)s, 1)"
    )
    bare = known_as.split(" (")[0]
    stable.execute(spelling, {"id": horse, "name": f"New {name}", "day": date(2026, 3, 12)})
    stable.execute(spelling, {"id": other, "name": bare, "day": date(2026, 3, 12)})

    stable.sync(*PEDIGREES)
    before = horses_asked(stable.targets(asked))
    stable.now += timedelta(days=3)
    stable.sync(*PEDIGREES)
    stable.sync(*PEDIGREES)

    assert (before, horses_asked(stable.targets(asked))) == ([], [horse])


def test_enrichment_notes_no_line_of_a_horse_for_its_next_look(stable: Stable) -> None:
    stable.backfill(since=UNTIL, until=UNTIL)

    lines = stable.execute(
        "select count(*) from stocktake.unit join stocktake.series using (series_id) "
        "where feed = 'horse_pro' and state = 'complete'"
    )

    assert lines == [(0,)]
