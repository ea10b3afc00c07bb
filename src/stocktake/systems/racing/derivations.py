"""What racing derives: statistics of runners, pairs, people and more; numbers of races."""

from __future__ import annotations

from stocktake import Derivation

RUNS = ("ra_race_results", "ra_races")
COUNTED = ("total_wins", "total_places", "total_seconds", "total_thirds", "win_rate", "place_rate")
DETAIL = ("name", "runners", "wins", "win_percent", "ae")
MASTERS = {
    "horse": "ra_mst_horses",
    "jockey": "ra_mst_jockeys",
    "trainer": "ra_mst_trainers",
    "owner": "ra_mst_owners",
    "sire": "ra_mst_sires",
    "dam": "ra_mst_dams",
    "damsire": "ra_mst_damsires",
}

RACE_NUMBERS = Derivation(
    dataset="ra_races",
    sql="race_numbers",
    inputs=("ra_races",),
    scope=("race_id",),
    columns=("race_number",),
)
HORSE_AGE = Derivation(
    dataset="ra_mst_horses",
    sql="horse_age",
    inputs=("ra_mst_horses", "ra_races"),
    scope=("id",),
    columns=("age",),
)
TRAINER_LOCATION = Derivation(
    dataset="ra_mst_trainers",
    sql="trainer_location",
    inputs=("ra_runners",),
    scope=("id",),
    columns=("location",),
)
RUNNER_STATISTICS = Derivation(
    dataset="ra_runner_statistics",
    sql="runner_statistics",
    inputs=("ra_race_results", "ra_runners", "ra_races"),
    scope=("runner_id", "horse_id"),
    parameters=(("min_runs", 3),),
)
COMBINATIONS = Derivation(
    dataset="ra_entity_combinations",
    sql="entity_combinations",
    inputs=RUNS,
    scope=("entity1_type", "entity1_id", "entity2_type", "entity2_id"),
    parameters=(("min_runs", 5),),
    stamps=("calculated_at",),
)
BY_DISTANCE = Derivation(
    dataset="ra_performance_by_distance",
    sql="performance_by_distance",
    inputs=RUNS,
    scope=("entity_type", "entity_id", "distance_yards"),
    parameters=(("min_runs", 5),),
    stamps=("calculated_at",),
)
BY_VENUE = Derivation(
    dataset="ra_performance_by_venue",
    sql="performance_by_venue",
    inputs=RUNS,
    scope=("entity_type", "entity_id", "venue_id"),
    parameters=(("min_runs", 5),),
    stamps=("calculated_at",),
)
ALIASES = Derivation(
    dataset="entity_alias",
    sql="entity_alias",
    inputs=("ra_runners", "ra_horse_pedigree"),
    scope=("entity_type", "id"),
)


def name_of(kind: str) -> Derivation:
    """Return the derivation of the names of one kind of entities."""
    return Derivation(
        dataset=MASTERS[kind],
        sql="names",
        inputs=("entity_alias",),
        scope=("id",),
        columns=("name",),
        parameters=(("kind", kind),),
    )


def career_of(kind: str, *, runs: str, last: str, more: tuple[str, ...] = ()) -> Derivation:
    """Return the derivation of a person's whole career.

    Args:
        runs: What the table calls a person's runs: ``rides`` or ``runners``.
        last: What it calls the last one: ``ride`` or ``runner``.
        more: Columns that only this table has.
    """
    return Derivation(
        dataset=MASTERS[kind],
        sql="people",
        inputs=RUNS,
        scope=("id",),
        columns=(
            *(f"total_{runs}", *COUNTED, *more),
            *(f"last_{last}_date", "last_win_date", "stats_updated_at"),
        ),
        parameters=(("kind", kind),),
        stamps=("stats_updated_at",),
    )


def days_of(kind: str, *, last: str) -> Derivation:
    """Return the derivation of the days since a person's last run and win; after the career."""
    return Derivation(
        dataset=MASTERS[kind],
        sql="people_days",
        inputs=RUNS,
        scope=("id",),
        columns=(f"days_since_last_{last}", "days_since_last_win", "stats_updated_at"),
        parameters=(("kind", kind),),
        stamps=("stats_updated_at",),
    )


def recent_of(kind: str, *, runs: str, more: tuple[str, ...] = ()) -> Derivation:
    """Return the derivation of a person's last fortnight and month."""
    return Derivation(
        dataset=MASTERS[kind],
        sql="people_recent",
        inputs=RUNS,
        scope=("id",),
        columns=(
            *(f"recent_14d_{runs}", "recent_14d_wins", "recent_14d_win_rate"),
            *(f"recent_30d_{runs}", "recent_30d_wins", "recent_30d_win_rate", *more),
        ),
        parameters=(("kind", kind), ("as_of", "")),
    )


def progeny_of(parent: str) -> Derivation:
    """Return the analysis of the runs of a parent's progeny."""
    groups = [
        f"{kind}_{place}_{detail}"
        for kind in ("class", "distance")
        for place in (1, 2, 3)
        for detail in DETAIL
    ]
    return Derivation(
        dataset=MASTERS[parent],
        sql="pedigree",
        inputs=(*RUNS, "ra_mst_horses"),
        scope=("id",),
        columns=(
            *("horse_id", "total_runners", "total_wins", "total_places_2nd", "total_places_3rd"),
            *("overall_win_percent", "overall_ae_index", "best_class", "best_class_ae"),
            *("best_distance", "best_distance_ae", *groups),
            *("analysis_last_updated", "data_quality_score"),
        ),
        parameters=(("parent", parent),),
        stamps=("analysis_last_updated",),
    )


DERIVATIONS = (
    RUNNER_STATISTICS,
    COMBINATIONS,
    BY_DISTANCE,
    BY_VENUE,
    ALIASES,
    *(name_of(kind) for kind in MASTERS),
    career_of("jockey", runs="rides", last="ride"),
    career_of("trainer", runs="runners", last="runner"),
    career_of("owner", runs="runners", last="runner", more=("total_horses",)),
    days_of("jockey", last="ride"),
    days_of("trainer", last="runner"),
    days_of("owner", last="runner"),
    recent_of("jockey", runs="rides"),
    recent_of("trainer", runs="runs"),
    recent_of("owner", runs="runs", more=("active_last_30d",)),
    progeny_of("sire"),
    progeny_of("dam"),
    progeny_of("damsire"),
    RACE_NUMBERS,
    HORSE_AGE,
    TRAINER_LOCATION,
)
