"""What a backfill of racing must show before it is signed off, and before odds are read from it."""

from __future__ import annotations

from dataclasses import replace

from stocktake import Gate, criteria

DAYS = ("ra_races", "ra_runners", "ra_race_results", "ra_runner_statistics")
STATISTICS = (
    "ra_entity_combinations",
    "ra_performance_by_distance",
    "ra_performance_by_venue",
    "ra_runner_statistics",
)
PEOPLE = ("ra_mst_jockeys", "ra_mst_trainers", "ra_mst_owners")
ANCESTORS = ("ra_mst_sires", "ra_mst_dams", "ra_mst_damsires")
TABLES = (*DAYS, "ra_mst_regions", "ra_mst_courses", "ra_mst_bookmakers")

SIGNOFF = (
    replace(
        criteria.coverage(*TABLES, warn=1.0, fail=0.99),
        title="Every day of every year, table by table",
    ),
    replace(
        criteria.gaps(*DAYS, days=3, warn_days=0, name="gaps_of_days"),
        title="No longer run of racing days without rows",
    ),
    replace(
        criteria.checks_pass(
            "races_per_year", "races_in_2020", "ra_races_course_id_known", name="races_and_courses"
        ),
        title="Races per year, all on known courses",
    ),
    replace(
        criteria.checks_pass(
            "runners_per_race", "starters_per_race", "races_with_runners", name="runners_per_race"
        ),
        title="Runners and starters per race, year by year",
    ),
    replace(
        criteria.coverage(
            "ra_mst_horses", *PEOPLE, *ANCESTORS, fail=1.0, name="every_id_has_its_row"
        ),
        title="A row for every horse, person and ancestor that occurs",
    ),
    criteria.checks_pass("*_known", name="foreign_keys"),
    replace(
        criteria.checks_pass("pedigrees_complete", name="pedigrees"),
        title="Horses with their pedigree",
    ),
    criteria.checks_pass("*_duplicate_*", name="duplicate_keys"),
    criteria.no_duplicates(name="duplicates_decided"),
    replace(
        criteria.checks_pass("*_missing", "draw_missing_on_flat", name="null_ceilings"),
        title="Values that are missing, column by column",
    ),
    replace(criteria.checks_pass(name="all_checks"), title="No check of the system fails"),
    criteria.nothing_stale(*STATISTICS, *PEOPLE, name="statistics_fresh"),
    replace(
        criteria.verified(), title="Recomputed statistics and recounted rows equal what is stored"
    ),
    criteria.no_unfinished_runs(),
    replace(
        criteria.second_run_is_idle(),
        title="Running the backfill again would change nothing",
    ),
    criteria.schedules(least=3),
    replace(
        criteria.accepted_or_unrecoverable(), title="What is waived or can never be had, and why"
    ),
)
"""Section by section what the history must show; every item is kept with its figures."""

GATES = (
    Gate(
        "statistics",
        (
            criteria.coverage("ra_race_results", warn=1.0, fail=0.99, name="results"),
            criteria.coverage(*STATISTICS, warn=1.0, fail=0.95, name="statistics"),
            criteria.gaps("ra_race_results", days=3),
            criteria.checks_pass(
                "starters_per_race", "fields_run_once", "*_add_up", "*_sp_decimal_missing"
            ),
            criteria.nothing_stale(*STATISTICS),
        ),
        title="good enough to model from",
    ),
)
