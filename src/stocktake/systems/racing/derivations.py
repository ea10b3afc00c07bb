"""What racing derives: statistics of runners, pairs, distances, venues, people and pedigrees."""

from __future__ import annotations

from stocktake import Derivation

RUNS = ("ra_race_results", "ra_races")

RUNNER_STATISTICS = Derivation(
    dataset="ra_runner_statistics",
    sql="runner_statistics",
    inputs=("ra_race_results", "ra_runners", "ra_races"),
    scope=("runner_id", "horse_id"),
    parameters=(("min_runs", 3),),
)

DERIVATIONS = (RUNNER_STATISTICS,)
