"""What racing promises about its rows. Hong Kong has ranges of its own and is never mixed in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stocktake import Limit, checks

if TYPE_CHECKING:
    from stocktake import Check

RACES, RUNNERS, RESULTS = "ra_races", "ra_runners", "ra_race_results"
HOME = "region in ('GB', 'IRE')"
STARTERS = f"is_starter and {HOME}"
HK_STARTERS = "is_starter and region = 'HK'"
RUN = f"race_status = 'run' and {HOME}"
CARDS = f"_card_capture_id is not null and is_scratched is not true and {HOME}"
YEAR = "extract(year from race_date)::integer"
# Columns of results: highest share of NULLs among starters that passes, and that only warns.
RESULT_NULLS = {
    "position": (0.08, 0.15),
    "sp_decimal": (0.01, 0.03),
    "jockey_id": (0.002, 0.01),
    "trainer_id": (0.002, 0.01),
    "owner_id": (0.005, 0.02),
    "sire_id": (0.005, 0.02),
    "dam_id": (0.005, 0.02),
    "damsire_id": (0.005, 0.02),
    "weight_lbs": (0.001, 0.005),
    "age": (0.001, 0.005),
    "time_seconds": (0.15, 0.30),
    "official_rating": (0.25, 0.40),
    "rpr": (0.20, 0.35),
    "tsr": (0.30, 0.45),
    "prize_won": (0.60, 0.80),
}
HK_RESULT_NULLS = {
    "position": (0.01, 0.05),
    "sp_decimal": (0.001, 0.01),
    "jockey_id": (0.001, 0.01),
    "trainer_id": (0.001, 0.01),
    "weight_lbs": (0.001, 0.01),
    "time_seconds": (0.01, 0.05),
}
CARD_NULLS = {"ofr": (0.25, 0.40), "form": (0.15, 0.30)}
# Cards of the free plan have neither birthdays nor silks.
SILKS = f"{CARDS} and dob is not null"
RACE_NULLS = ("distance_y", "going", "surface", "type")
ENTITIES = {
    "horse_id": "ra_mst_horses",
    "jockey_id": "ra_mst_jockeys",
    "trainer_id": "ra_mst_trainers",
    "owner_id": "ra_mst_owners",
    "sire_id": "ra_mst_sires",
    "dam_id": "ra_mst_dams",
    "damsire_id": "ra_mst_damsires",
}
NONE_AT_ALL = Limit(high=0)
EXACT = Limit(low=0, high=0)


def _nulls() -> list[Check]:
    found = [
        checks.null_rate_at_most(
            RESULTS, column, warn=warn, fail=fail, scope=STARTERS, day="race_date"
        )
        for column, (warn, fail) in RESULT_NULLS.items()
    ]
    found += [
        checks.null_rate_at_most(
            RUNNERS, column, warn=warn, fail=fail, scope=CARDS, day="race_date"
        )
        for column, (warn, fail) in CARD_NULLS.items()
    ]
    found.append(
        checks.null_rate_at_most(
            RUNNERS, "silk_url", warn=0.02, fail=0.10, scope=SILKS, day="race_date"
        )
    )
    found += [
        checks.null_rate_at_most(RACES, column, warn=0.001, fail=0.01, scope=RUN, day="date")
        for column in RACE_NULLS
    ]
    in_britain = "race_status = 'run' and region = 'GB'"
    found.append(
        checks.null_rate_at_most(
            RACES, "race_class", warn=0.01, fail=0.05, scope=in_britain, day="date"
        )
    )
    card_races = f"{RUN} and _card_capture_id is not null"
    found.append(
        checks.null_rate_at_most(
            RACES, "field_size", warn=0.01, fail=0.05, scope=card_races, day="date"
        )
    )
    for column, (warn, fail) in HK_RESULT_NULLS.items():
        check = checks.null_rate_at_most(
            RESULTS, column, warn=warn, fail=fail, scope=HK_STARTERS, day="race_date"
        )
        found.append(replace(check, name=f"hk_{check.name}"))
    return found


def _known() -> list[Check]:
    found = [
        checks.foreign_key(table, column, parent=parent, key="id")
        for table in (RUNNERS, RESULTS)
        for column, parent in ENTITIES.items()
    ]
    found += [
        checks.foreign_key(table, "race_id", parent=RACES, key="race_id")
        for table in (RUNNERS, RESULTS)
    ]
    found.append(
        checks.foreign_key(RACES, "course_id", parent="ra_mst_courses", key="id", fail=0.01)
    )
    return found


def _values() -> list[Check]:
    home_ids = "region in ('GB', 'IRE')"
    found = [
        checks.in_set(RACES, "type", values=("Flat", "Hurdle", "Chase", "NH Flat"), day="date"),
        checks.in_set(RACES, "region", values=("GB", "IRE", "HK"), day="date"),
        checks.in_set(RACES, "surface", values=("Turf", "AW"), day="date"),
        checks.in_range(RACES, "distance_y", low=800, high=8000, day="date"),
        checks.in_range(
            RESULTS, "time_seconds", low=40, high=900, scope="is_starter", day="race_date"
        ),
        checks.in_range(
            RESULTS, "weight_lbs", low=80, high=190, scope="is_starter", day="race_date"
        ),
        checks.in_range(RESULTS, "age", low=2, high=20, scope="is_starter", day="race_date"),
        checks.in_range(
            RESULTS, "sp_decimal", low=1.001, high=1001, scope="is_starter", day="race_date"
        ),
        checks.in_range(RESULTS, "position", low=1, high=40, scope="is_starter", day="race_date"),
    ]
    prefixes = {"horse_id": "hrs_", "jockey_id": "jky_", "trainer_id": "trn_", "owner_id": "own_"}
    found += [
        checks.matches(RESULTS, column, pattern=f"^{prefix}", scope=home_ids, day="race_date")
        for column, prefix in prefixes.items()
    ]
    unknown = {
        "unknown_outcome": (RESULTS, "outcome = 'other'", "is_starter"),
        "unknown_going": (
            RACES,
            "racing.going_bucket(surface, going) is null",
            "going is not null and race_status = 'run'",
        ),
    }
    found += [
        checks.failed_rows(name, table, where=where, scope=scope, fail=0.01)
        for name, (table, where, scope) in unknown.items()
    ]
    return found


def _races() -> list[Check]:
    per_year = checks.statement(
        "races_per_year", RACES, warn=Limit(low=11_500), fail=Limit(low=9_000)
    )
    in_2020 = checks.statement("races_in_2020", RACES, warn=Limit(low=8_500), fail=Limit(low=7_000))
    index = checks.ratio(
        "ae_of_all_starters",
        RESULTS,
        numerator="(position is not distinct from 1)::integer",
        denominator="1 / sp_decimal",
        scope=f"{STARTERS} and sp_decimal is not null",
        group=YEAR,
    )
    return [
        *(checks.coverage_at_least(one, warn=1.0, fail=0.99) for one in (RACES, RUNNERS, RESULTS)),
        checks.statement(
            "runners_per_race",
            RUNNERS,
            warn=Limit(8.5, 11.0),
            fail=Limit(7.0, 13.0),
            anytime=True,
        ),
        checks.statement(
            "starters_per_race",
            RESULTS,
            warn=Limit(8.0, 10.5),
            fail=Limit(6.0, 13.0),
            anytime=True,
        ),
        checks.statement(
            "hk_starters_per_race", RESULTS, warn=Limit(11.0, 13.5), fail=Limit(9.0, 14.0)
        ),
        checks.statement(
            "races_with_runners",
            RUNNERS,
            warn=Limit(low=0.99),
            fail=Limit(low=0.95),
            anytime=True,
        ),
        checks.statement("races_decided", RESULTS, warn=NONE_AT_ALL, fail=Limit(high=0.001)),
        checks.statement("field_size_agrees", RACES, warn=Limit(high=0.01), fail=Limit(high=0.05)),
        checks.statement(
            "riders_agree", RUNNERS, warn=NONE_AT_ALL, fail=Limit(high=0.005), anytime=True
        ),
        checks.statement("fields_plausible", RUNNERS, warn=NONE_AT_ALL, fail=Limit(high=0.0005)),
        checks.statement("fields_run_once", RESULTS, fail=NONE_AT_ALL),
        per_year,
        in_2020,
        checks.statement(
            "draw_missing_on_flat", RESULTS, warn=Limit(high=0.01), fail=Limit(high=0.05)
        ),
        checks.statement(
            "pedigrees_complete", "ra_horse_pedigree", warn=Limit(low=0.98), fail=Limit(low=0.90)
        ),
        replace(index, warn=Limit(0.75, 0.95), fail=Limit(0.5, 1.2), day="race_date"),
        checks.unique_key(RACES, "race_id"),
        checks.unique_key(RUNNERS, "race_id", "horse_id"),
        checks.unique_key(RESULTS, "race_id", "horse_id"),
    ]


def _statistics() -> list[Check]:
    pairs = "ra_entity_combinations"
    found = [
        checks.statement("jockey_wins_add_up", "ra_mst_jockeys", fail=EXACT),
        checks.statement("pair_runs_add_up", pairs, fail=EXACT),
        checks.statement("weekly_pairs_agree", pairs, fail=EXACT),
        checks.statement("runner_statistics_per_runner", "ra_runner_statistics", fail=EXACT),
    ]
    for table in (pairs, "ra_performance_by_distance", "ra_performance_by_venue"):
        found += [
            checks.failed_rows(
                f"{table}_places_include_wins", table, where="win_percent > place_percent"
            ),
            checks.failed_rows(
                f"{table}_too_good",
                table,
                where="win_percent >= 90",
                scope="total_runs >= 15",
                fail=1.0,
            ),
        ]
    return found


CHECKS = (*_races(), *_nulls(), *_known(), *_values(), *_statistics())
