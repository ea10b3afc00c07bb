"""The tables of racing and what each promises."""

from __future__ import annotations

from dataclasses import replace

from stocktake import (
    Cross,
    Dataset,
    Days,
    Facet,
    FromDataset,
    Listed,
    Scheduled,
    Values,
)
from stocktake.systems.racing import rows
from stocktake.systems.racing.racing_days import RACING_CALENDAR, REGIONS, SINCE

HONG_KONG = "hk"
DAYS_BY_REGION = Cross((Days(SINCE, "Europe/London"), Values((*REGIONS, HONG_KONG))))
EXPECTED_DAYS = Scheduled("hk_schedule", "no race day listed", otherwise=RACING_CALENDAR)
PEOPLE = ("ra_mst_jockeys", "ra_mst_trainers", "ra_mst_owners")
ENTITY_TYPES = ("horse", "jockey", "trainer", "owner", "sire", "dam", "damsire")


def _shared(weak: type[tuple[object, ...]], strong: type[tuple[object, ...]]) -> frozenset[str]:
    """Return the columns that both row types tell."""
    return frozenset(Facet("", weak).columns) & frozenset(Facet("", strong).columns)


def _entity(
    name: str,
    row: type[tuple[object, ...]],
    partitions: FromDataset,
    *,
    after: tuple[str, ...],
    priorities: tuple[int, ...],
) -> Dataset:
    """Return a table of people or parents: a row per id, its name settled when deriving."""
    return Dataset(
        name,
        key=("id",),
        partitions=partitions,
        facets=(Facet("entry", row, keep="absent"),),
        after=after,
        priorities=priorities,
        aliases=(name.replace("_mst", ""),) if name in PEOPLE else (),
        title=name.removeprefix("ra_mst_").capitalize(),
    )


REGIONS_DATASET = Dataset(
    "ra_mst_regions",
    key=("code",),
    partitions=Values(("all",)),
    facets=(Facet("entry", rows.RegionRow),),
    aliases=("ra_regions",),
    title="Regions",
)
COURSES = Dataset(
    "ra_mst_courses",
    key=("id",),
    partitions=Values(REGIONS),
    facets=(Facet("listed", rows.CourseRow), Facet("coordinates", rows.CourseCoordinates)),
    after=("ra_mst_regions",),
    aliases=("ra_courses",),
    title="Courses",
)
BOOKMAKERS = Dataset(
    "ra_mst_bookmakers",
    key=("code",),
    partitions=Values(("all",)),
    facets=(
        Facet("seen", rows.BookmakerSeen, frozenset({"name", "type", "is_active"}), keep="absent"),
        Facet("shipped", rows.BookmakerRow, frozenset({"name", "type", "is_active"})),
    ),
    aliases=("ra_bookmakers",),
    priorities=(2,),
    title="Bookmakers",
)
_RACE = _shared(rows.RaceCard, rows.RaceResult) - {"race_id"}
RACES = Dataset(
    "ra_races",
    key=("race_id",),
    partitions=DAYS_BY_REGION,
    expect=EXPECTED_DAYS,
    facets=(
        # A card's distance tells the odd yards, a result's only the nominal distance.
        Facet("card", rows.RaceCard, _RACE, longest=frozenset({"distance"})),
        Facet("result", rows.RaceResult, _RACE, longest=frozenset({"distance"})),
    ),
    after=("ra_mst_courses",),
    aliases=("ra_mst_races",),
    title="Races",
)
_RUNNER = _shared(rows.RunnerCard, rows.RunnerResult) - {"race_id", "horse_id"}
RUNNERS = Dataset(
    "ra_runners",
    key=("race_id", "horse_id"),
    partitions=DAYS_BY_REGION,
    expect=EXPECTED_DAYS,
    facets=(
        # A result's horse name has the country suffix.
        Facet("card", rows.RunnerCard, _RUNNER, longest=frozenset({"horse_name"})),
        Facet("result", rows.RunnerResult, _RUNNER, longest=frozenset({"horse_name"})),
    ),
    after=("ra_races",),
    aliases=("ra_mst_runners",),
    title="Runners",
)
RACE_RESULTS = Dataset(
    "ra_race_results",
    key=("race_id", "horse_id"),
    partitions=DAYS_BY_REGION,
    expect=EXPECTED_DAYS,
    facets=(Facet("result", rows.StarterRow),),
    after=("ra_races", "ra_runners"),
    aliases=("ra_mst_race_results",),
    title="Results",
)
HORSES = Dataset(
    "ra_mst_horses",
    key=("id",),
    partitions=FromDataset("ra_runners", "horse_id", day="race_date"),
    facets=(
        Facet("entry", rows.HorseRow, frozenset({"name"}), frozenset({"name"}), keep="absent"),
        Facet("pro", rows.HorsePro, frozenset({"name"}), frozenset({"name"})),
    ),
    after=("ra_runners",),
    aliases=("ra_horses",),
    priorities=(1,),
    title="Horses",
)
_PARENTS = _shared(rows.PedigreeEntry, rows.PedigreePro) - {"horse_id"}
_PARENT_NAMES = frozenset({"sire", "dam", "damsire"})
PEDIGREE = Dataset(
    "ra_horse_pedigree",
    key=("horse_id",),
    # Horses of sources that tell no pedigree have no enrich_id and promise nothing.
    partitions=FromDataset("ra_mst_horses", "enrich_id"),
    facets=(
        Facet("entry", rows.PedigreeEntry, _PARENTS, _PARENT_NAMES),
        Facet("pro", rows.PedigreePro, _PARENTS, _PARENT_NAMES),
    ),
    after=("ra_mst_horses",),
    priorities=(1,),
    title="Pedigrees",
)
RUNNER_STATISTICS = Dataset(
    "ra_runner_statistics",
    key=("runner_id",),
    partitions=DAYS_BY_REGION,
    expect=EXPECTED_DAYS,
    after=("ra_race_results", "ra_runners"),
    priorities=(2,),
    title="Form before the race",
)
COMBINATIONS = Dataset(
    "ra_entity_combinations",
    key=("entity1_type", "entity1_id", "entity2_type", "entity2_id"),
    partitions=Values(("all",)),
    after=("ra_race_results",),
    priorities=(2,),
    title="Jockeys with trainers",
)
BY_DISTANCE = Dataset(
    "ra_performance_by_distance",
    key=("entity_type", "entity_id", "distance_yards"),
    partitions=Values(ENTITY_TYPES),
    after=("ra_race_results", "ra_races"),
    priorities=(2,),
    title="Performance by distance",
)
BY_VENUE = Dataset(
    "ra_performance_by_venue",
    key=("entity_type", "entity_id", "venue_id"),
    partitions=Values(ENTITY_TYPES),
    after=("ra_race_results", "ra_races"),
    priorities=(2,),
    title="Performance by venue",
)
ALIASES = Dataset(
    "entity_alias",
    key=("entity_type", "id", "name"),
    partitions=Values(("all",)),
    after=("ra_runners", "ra_horse_pedigree"),
    priorities=(2,),
    title="Spellings of names",
)
HK_RACE_DAYS = Dataset(
    "hk_race_days",
    key=("day", "listed_by"),
    partitions=Days(SINCE, "Asia/Hong_Kong"),
    # Nobody promises lists of race days; what they hold is the promise of the hk units.
    expect=Listed((), ""),
    facets=(Facet("listed", rows.HkRaceDay),),
    title="Listed Hong Kong race days",
)

RUN = ("ra_runners",)
BRED = ("ra_horse_pedigree",)
_DECLARED = (
    REGIONS_DATASET,
    COURSES,
    BOOKMAKERS,
    HK_RACE_DAYS,
    RACES,
    _entity(
        "ra_mst_sires",
        rows.SireRow,
        FromDataset("ra_horse_pedigree", "sire_id"),
        after=BRED,
        priorities=(1,),
    ),
    _entity(
        "ra_mst_dams",
        rows.DamRow,
        FromDataset("ra_horse_pedigree", "dam_id"),
        after=BRED,
        priorities=(1,),
    ),
    _entity(
        "ra_mst_damsires",
        rows.DamsireRow,
        FromDataset("ra_horse_pedigree", "damsire_id"),
        after=BRED,
        priorities=(1,),
    ),
    HORSES,
    PEDIGREE,
    _entity(
        "ra_mst_jockeys",
        rows.JockeyRow,
        FromDataset("ra_runners", "jockey_id", day="race_date"),
        after=RUN,
        priorities=(0,),
    ),
    _entity(
        "ra_mst_trainers",
        rows.TrainerRow,
        FromDataset("ra_runners", "trainer_id", day="race_date"),
        after=RUN,
        priorities=(0,),
    ),
    _entity(
        "ra_mst_owners",
        rows.OwnerRow,
        FromDataset("ra_runners", "owner_id", day="race_date"),
        after=RUN,
        priorities=(0,),
    ),
    RUNNERS,
    RACE_RESULTS,
    ALIASES,
    RUNNER_STATISTICS,
    COMBINATIONS,
    BY_DISTANCE,
    BY_VENUE,
)
FINAL_ROWS = {
    "ra_mst_regions": 10,
    "ra_mst_courses": 100,
    "ra_mst_bookmakers": 30,
    "ra_races": 150_000,
    "ra_runners": 1_500_000,
    "ra_race_results": 1_350_000,
    "ra_mst_horses": 200_000,
    "ra_horse_pedigree": 200_000,
    "ra_mst_jockeys": 5_000,
    "ra_mst_trainers": 3_500,
    "ra_mst_owners": 60_000,
    "ra_mst_sires": 15_000,
    "ra_mst_dams": 100_000,
    "ra_mst_damsires": 20_000,
    "ra_entity_combinations": 50_000,
    "ra_performance_by_distance": 100_000,
    "ra_performance_by_venue": 150_000,
    "ra_runner_statistics": 1_500_000,
}
"""About how many rows each table has once 150,000 races are held; reports show the share."""

DATASETS = tuple(replace(one, final_rows=FINAL_ROWS.get(one.name)) for one in _DECLARED)
"""In merge order: parents first, as the source's answers are merged."""
