"""What racing offers over HTTP: races, horses, people and statistics; statements in ``api.sql``."""

from datetime import date

from stocktake import views

__all__ = ["VIEWS"]

_PEOPLE = ("jockeys", "trainers", "owners")
_ANCESTORS = ("sires", "dams", "damsires")
_ENTITY = views.Ask("entity_id", title="Only of this horse, jockey, trainer, owner or ancestor.")
_MIN_RUNS = views.Ask("min_runs", int, "Only of at least so many runs.", default=0)

VIEWS = (
    views.rows(
        "races",
        "races",
        "Races, by day",
        key=("date", "race_id"),
        asks=(
            views.Ask("date", date, "Only of this day."),
            views.Ask("region", title="Only of this region, such as GB."),
            views.Ask("course_id", title="Only of this course."),
        ),
        rows_of="ra_races",
    ),
    views.one(
        "races/{race_id}",
        "race",
        "A race with its runners and results",
        parts=(("runners", "race_runners"), ("results", "race_results")),
        rows_of="ra_races",
    ),
    views.one(
        "horses/{horse_id}",
        "horse",
        "A horse with its pedigree and form",
        parts=(("form", "horse_form"),),
        rows_of="ra_mst_horses",
    ),
    *(
        views.one(
            f"{name}/{{entity_id}}",
            name[:-1],
            f"One of the {name} with its figures",
            rows_of=f"ra_mst_{name}",
        )
        for name in (*_PEOPLE, *_ANCESTORS)
    ),
    views.rows(
        "statistics/combinations",
        "combinations",
        "Figures of pairs, such as jockey and trainer",
        key=("entity1_type", "entity1_id", "entity2_type", "entity2_id"),
        asks=(_ENTITY, _MIN_RUNS),
        rows_of="ra_entity_combinations",
    ),
    views.rows(
        "statistics/distance",
        "by_distance",
        "Figures by distance",
        key=("entity_type", "entity_id", "distance_yards"),
        asks=(_ENTITY, _MIN_RUNS),
        rows_of="ra_performance_by_distance",
    ),
    views.rows(
        "statistics/venue",
        "by_venue",
        "Figures by course",
        key=("entity_type", "entity_id", "venue_id"),
        asks=(_ENTITY, _MIN_RUNS),
        rows_of="ra_performance_by_venue",
    ),
    views.one(
        "runners/{runner_id}/statistics",
        "runner_statistics",
        "A horse as it stood before a race",
        rows_of="ra_runner_statistics",
    ),
)
