"""What is proved on days that went the whole way: checks by date, recounts, recomputed keys."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

from stocktake.model import Range, Severity
from stocktake.run.checked import check_system
from stocktake.run.registry import find_datasets
from stocktake.systems.racing.checks import CARD_NULLS
from stocktake.testing import Fault
from tests.integration.run.conftest import DAYS

if TYPE_CHECKING:
    from tests.integration.run.conftest import Stable

FIRST_CARDS = date(2023, 1, 23)
STARTERS_SINCE = """
select count(*) from racing.ra_runners
 where race_date >= %(since)s and is_scratched is not true
"""
KEYS = {
    "ra_runner_statistics": ("runner_id", "horse_id"),
    "ra_performance_by_venue": ("entity_type", "entity_id", "venue_id"),
    "ra_performance_by_distance": ("entity_type", "entity_id", "distance_yards"),
    "ra_entity_combinations": ("entity1_id", "entity2_id"),  # jockey and trainer
}
LATER_ENTRIES = """
select e.runner_id, e.horse_id
  from racing.ra_runners e
  join racing.ra_race_results r on r.horse_id = e.horse_id and r.race_date <= e.race_date
 where r.race_id = %(race_id)s
"""
ENTITIES = """
select e.entity_type, e.entity_id, r.{place}
  from racing.ra_race_results r,
       lateral (values ('horse', horse_id), ('jockey', jockey_id), ('trainer', trainer_id),
                       ('owner', owner_id), ('sire', sire_id), ('dam', dam_id),
                       ('damsire', damsire_id)) as e (entity_type, entity_id)
 where r.race_id = %(race_id)s
"""
PAIRS = """
select jockey_id, trainer_id from racing.ra_race_results
 where race_id = %(race_id)s
"""


TOUCHED = {
    "ra_runner_statistics": LATER_ENTRIES,
    "ra_performance_by_venue": ENTITIES.format(place="course_id"),
    "ra_performance_by_distance": ENTITIES.format(place="distance_y"),
    "ra_entity_combinations": PAIRS,
}
Rows = dict[str, tuple[Any, ...]]


def derived_rows(stable: Stable, table: str) -> Rows:
    """Return the rows of a derived table as texts, each with the key it is recomputed by."""
    found = stable.execute(f"select to_jsonb(t) from racing.{table} as t")
    return {
        json.dumps(row, sort_keys=True): tuple(row[name] for name in KEYS[table])
        for (row,) in found
    }


def test_checks_of_card_columns_ignore_days_before_there_were_cards(stable: Stable) -> None:
    stable.backfill(*DAYS, since=date(2023, 1, 21), until=date(2023, 1, 24))
    names = {f"ra_runners_{column}_missing" for column in CARD_NULLS}
    ((carded,),) = stable.execute(STARTERS_SINCE, {"since": FIRST_CARDS})
    ((every,),) = stable.execute(STARTERS_SINCE, {"since": date(2023, 1, 1)})

    results = check_system(
        stable.workspace, stable.system, find_datasets(stable.system, ["ra_runners"]), Range()
    )

    measured = {one.check: one.measured_rows for one in results if one.check in names}
    assert every > carded > 0
    assert measured == dict.fromkeys(names, carded)
    assert not [one for one in results if one.check in names and one.severity is Severity.FAIL]


def test_a_changed_result_recomputes_the_keys_it_touches_and_no_others(stable: Stable) -> None:
    stable.backfill(*DAYS, since=date(2026, 2, 20), until=date(2026, 3, 5))
    race_id = stable.rows(
        "ra_race_results", "race_date = '2026-03-03' and position = 1", "race_id, 1"
    )[0][0]
    stable.server.rules.add([Fault("changed_result", match=race_id)])
    before = {table: derived_rows(stable, table) for table in KEYS}

    run = stable.backfill(*DAYS, since=date(2026, 3, 3), until=date(2026, 3, 3), refetch=True)

    for table in KEYS:
        touched = {tuple(row) for row in stable.execute(TOUCHED[table], {"race_id": race_id})}
        after = derived_rows(stable, table)
        changed = {key for row, key in after.items() if row not in before[table]}
        assert changed <= touched, table
        assert run.rows[table].read == sum(key in touched for key in after.values()), table
        assert run.rows[table].read < len(after) / 2, table
    told = ("ra_race_results", "ra_runners", "ra_races", "ra_horse_pedigree", "ra_mst_horses")
    updated = {table: run.rows[table].updated for table in told}
    assert updated == dict(zip(told, (2, 2, 1, 0, 0), strict=True))
    assert run.rows["entity_alias"].read <= 7 * 2 * 2, "two entries' names, two spellings each"
    assert stable.differences() == {}
