"""What a backfill of the NBA must show before it is signed off, and before a model reads it."""

from __future__ import annotations

from dataclasses import replace

from stocktake import Gate, Limit, checks, criteria
from stocktake.systems.nba.checks import L1, L2, L4, L5
from stocktake.systems.nba.datasets import L3

LAYERS = (L1, L2, *L3, *L4, L5)
STATES_BEFORE = (*L4, L5)
READ_BACKWARDS = (*L3, *L4)
"""What layers 4 and 5 are computed from, by day."""
OF_THE_DAY = (
    "expected_games",
    "found_games",
    "completeness_pct",
    "is_production_ready",
    "not_ready_reason",
)
"""How complete a day is may depend on its other games; features may not."""

NO_LEAKAGE = replace(
    criteria.no_leakage(*STATES_BEFORE, inputs=READ_BACKWARDS, own="game_id", besides=OF_THE_DAY),
    title="Rows of the past do not change when all that came later is taken away",
)

SIGNOFF = (
    replace(
        criteria.coverage(L1, L2, warn=1.0, fail=0.98, name="coverage_of_box_scores"),
        title="Every game of every season has its box score",
    ),
    replace(
        criteria.coverage(*L3, warn=0.95, fail=0.90, name="coverage_of_summaries"),
        title="Layer 3, season by season",
    ),
    replace(
        criteria.coverage(*STATES_BEFORE, warn=0.90, fail=0.80, name="coverage_of_states"),
        title="Layers 4 and 5, season by season, without the first days",
    ),
    replace(
        criteria.gaps(*LAYERS, days=3, warn_days=0, name="gaps_of_days"),
        title="No longer run of game days without a layer",
    ),
    replace(
        criteria.checks_pass("games_missing", name="games_missing"),
        title="Games missing, layer by layer, each by name",
    ),
    replace(
        criteria.checks_pass("*_missing", "minutes_of_seconds", "fg_pct_*", name="null_ceilings"),
        title="Values that are missing, season by season",
    ),
    replace(
        criteria.checks_pass(
            "*_add_up",
            "*_adds_up",
            "made_*",
            "threes_*",
            "*_of_teams",
            "teams_of_games",
            "one_game_a_day",
            "games_per_team",
            name="identities",
        ),
        title="Box scores add up: points, rebounds, minutes, teams",
    ),
    criteria.checks_pass("*_duplicate_*", name="duplicate_keys"),
    criteria.no_duplicates(name="duplicates_decided"),
    replace(
        criteria.checks_pass("surplus_games", name="surplus"),
        title="No game is held that the schedule does not know",
    ),
    replace(
        criteria.checks_pass(
            "counts_of_two_sources_differ",
            "scores_of_others",
            "schedule_is_independent",
            name="sources_agree",
        ),
        title="Sources that tell the same games agree",
    ),
    replace(criteria.checks_pass(name="all_checks"), title="No check of the system fails"),
    replace(
        criteria.verified(*LAYERS),
        title="Rows of every layer recomputed, and rows recounted, equal what is stored",
    ),
    NO_LEAKAGE,
    criteria.nothing_stale(*LAYERS, name="no_stale_row_left"),
    criteria.no_unfinished_runs(),
    replace(
        criteria.second_run_is_idle(),
        title="Running the backfill again would change nothing",
    ),
    replace(criteria.gate("ml"), title="Good enough to train on"),
    criteria.schedules(least=3),
    replace(
        criteria.accepted_or_unrecoverable(), title="What is waived or can never be had, and why"
    ),
)
"""Section by section what the history must show; every item is kept with its figures."""

GATES = (
    Gate(
        "ml",
        (
            criteria.coverage(L1, L2, *L3, fail=0.99, name="coverage_of_layers_1_to_3"),
            criteria.coverage(*STATES_BEFORE, warn=0.95, fail=0.80, name="coverage_of_features"),
            criteria.gaps(*LAYERS, days=3),
            criteria.checks_pass(warn=False, name="no_failing_check"),
            criteria.measured(
                replace(
                    checks.share(
                        "ready_share", L5, where="is_production_ready", warn=Limit(low=0.85)
                    ),
                    fail=Limit(low=0.85),
                    day="game_date",
                )
            ),
            criteria.measured(
                replace(
                    checks.row_count(
                        "ready_rows", L5, scope="is_production_ready", warn=Limit(low=15_000)
                    ),
                    fail=Limit(low=15_000),
                    day="game_date",
                )
            ),
            criteria.measured(
                replace(
                    checks.failed_rows("targets_missing", L5, where="target_points is null"),
                    day="game_date",
                )
            ),
            NO_LEAKAGE,
            criteria.nothing_stale(*LAYERS),
        ),
        title="good enough to train on",
    ),
)
