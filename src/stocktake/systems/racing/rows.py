"""Row types: one `NamedTuple` per facet of a table, its fields named as the columns, key first.

Who may write which column is law here: fields of a card row that a result row lacks are owned by
racecards, and the other way round; fields of both are shared and the result wins.
"""

import datetime
from decimal import Decimal
from typing import NamedTuple

Flags = tuple[str, ...]


class RegionRow(NamedTuple):
    """A country of racing, `ra_mst_regions`."""

    code: str
    name: str | None


class CourseRow(NamedTuple):
    """A racecourse as a source lists it."""

    id: str
    name: str | None
    name_en: str | None
    region_code: str | None
    region: str | None


class CourseCoordinates(NamedTuple):
    """Where a course lies, from a user's file; degrees, east and north positive."""

    id: str
    longitude: Decimal
    latitude: Decimal


class BookmakerRow(NamedTuple):
    """A bookmaker of the shipped list."""

    code: str
    id: int
    name: str
    type: str
    is_active: bool


class BookmakerSeen(NamedTuple):
    """A bookmaker first met in the odds of a racecard."""

    code: str
    name: str
    type: str
    is_active: bool


class JockeyRow(NamedTuple):
    """A jockey met on a card or in a result."""

    id: str
    name: str | None


class TrainerRow(NamedTuple):
    """A trainer met on a card or in a result."""

    id: str
    name: str | None


class OwnerRow(NamedTuple):
    """An owner met on a card or in a result."""

    id: str
    name: str | None


class SireRow(NamedTuple):
    """A father of runners."""

    id: str
    name: str | None


class DamRow(NamedTuple):
    """A mother of runners."""

    id: str
    name: str | None


class DamsireRow(NamedTuple):
    """A mother's father of runners."""

    id: str
    name: str | None


class HorseRow(NamedTuple):
    """A horse met on a card or in a result; `enrich_id` is NULL where no source tells more."""

    id: str
    name: str | None
    enrich_id: str | None


class HorsePro(NamedTuple):
    """What the horse endpoint tells of a horse."""

    id: str
    name: str | None
    sire_id: str | None
    dam_id: str | None
    damsire_id: str | None
    dob: datetime.date | None
    sex: str | None
    sex_code: str | None
    colour: str | None
    colour_code: str | None
    breeder: str | None
    region: str | None


class PedigreeEntry(NamedTuple):
    """Parents of a horse as a result row names them."""

    horse_id: str
    sire_id: str | None
    sire: str | None
    dam_id: str | None
    dam: str | None
    damsire_id: str | None
    damsire: str | None


class PedigreePro(NamedTuple):
    """Parents of a horse as the horse endpoint names them."""

    horse_id: str
    sire_id: str | None
    sire: str | None
    dam_id: str | None
    dam: str | None
    damsire_id: str | None
    damsire: str | None
    breeder: str | None
    region: str | None


class RaceCard(NamedTuple):
    """A race as its card announces it; prize in whole currency units, distances as named."""

    race_id: str
    course_id: str | None
    course_name: str | None
    date: datetime.date
    region: str
    off_time: datetime.time | None
    off_dt: datetime.datetime | None
    time: datetime.time | None
    race_name: str | None
    race_number: int | None
    type: str | None
    race_class: str | None
    pattern: str | None
    age_band: str | None
    rating_band: str | None
    sex_restriction: str | None
    distance: str | None
    distance_f: str | None
    distance_m: int | None
    distance_y: int | None
    surface: str | None
    going: str | None
    jumps: str | None
    race_status: str
    course_name_en: str | None
    going_text: str | None
    rail_movements: str | None
    prize: Decimal | None
    prize_currency: str | None
    # owned by the card
    distance_round: str | None
    going_detailed: str | None
    stalls: str | None
    weather: str | None
    tip: str | None
    verdict: str | None
    betting_forecast: str | None
    field_size: int | None
    is_big_race: bool | None
    is_abandoned: bool | None


class RaceResult(NamedTuple):
    """A race as its result tells it."""

    race_id: str
    course_id: str | None
    course_name: str | None
    date: datetime.date
    region: str
    off_time: datetime.time | None
    off_dt: datetime.datetime | None
    time: datetime.time | None
    race_name: str | None
    race_number: int | None
    type: str | None
    race_class: str | None
    pattern: str | None
    age_band: str | None
    rating_band: str | None
    sex_restriction: str | None
    distance: str | None
    distance_f: str | None
    distance_m: int | None
    distance_y: int | None
    surface: str | None
    going: str | None
    jumps: str | None
    race_status: str
    # told by files of results; the API leaves them to the card
    course_name_en: str | None
    going_text: str | None
    rail_movements: str | None
    prize: Decimal | None
    prize_currency: str | None
    # owned by the result
    has_result: bool
    winning_time: str | None
    winning_time_detail: str | None
    comments: str | None
    non_runners: str | None
    tote_win: str | None
    tote_pl: str | None
    tote_ex: str | None
    tote_csf: str | None
    tote_tricast: str | None
    tote_trifecta: str | None


class RunnerCard(NamedTuple):
    """A declared runner, non-runners included; weights in pounds, last_run in days."""

    race_id: str
    horse_id: str
    runner_id: str
    race_date: datetime.date
    region: str
    horse_name: str | None
    jockey_name: str | None
    trainer_name: str | None
    owner_name: str | None
    jockey_id: str | None
    trainer_id: str | None
    owner_id: str | None
    sire_id: str | None
    dam_id: str | None
    damsire_id: str | None
    number: str | None
    draw: int | None
    weight_lbs: int | None
    weight_st_lbs: str | None
    weight_stones_lbs: str | None
    age: int | None
    sex: str | None
    headgear: str | None
    jockey_claim_lbs: int | None
    is_scratched: bool
    body_weight_lbs: int | None
    # owned by the card
    sex_code: str | None
    colour: str | None
    dob: datetime.date | None
    headgear_run: str | None
    wind_surgery: str | None
    wind_surgery_run: str | None
    form: str | None
    last_run: int | None
    ofr: int | None
    rpr: int | None
    ts: int | None
    comment: str | None
    spotlight: str | None
    trainer_rtf: Decimal | None
    past_results_flags: Flags | None
    trainer_location: str | None
    silk_url: str | None


class RunnerResult(NamedTuple):
    """The result's copy on the runner; distances in lengths."""

    race_id: str
    horse_id: str
    runner_id: str
    race_date: datetime.date
    region: str
    horse_name: str | None
    jockey_name: str | None
    trainer_name: str | None
    owner_name: str | None
    jockey_id: str | None
    trainer_id: str | None
    owner_id: str | None
    sire_id: str | None
    dam_id: str | None
    damsire_id: str | None
    number: str | None
    draw: int | None
    weight_lbs: int | None
    weight_st_lbs: str | None
    weight_stones_lbs: str | None
    age: int | None
    sex: str | None
    headgear: str | None
    jockey_claim_lbs: int | None
    is_scratched: bool
    body_weight_lbs: int | None
    # owned by the result
    position: int | None
    distance_beaten: str | None
    overall_beaten_distance: Decimal | None
    prize_won: Decimal | None
    starting_price: str | None
    starting_price_decimal: Decimal | None
    finishing_time: str | None
    race_comment: str | None
    jockey_silk_url: str | None


class StarterRow(NamedTuple):
    """One starter's result, `ra_race_results`; lengths, seconds, pounds, decimal prices.

    `course_id` and `distance_y` (yards) are its race's.
    """

    race_id: str
    horse_id: str
    race_date: datetime.date
    region: str
    horse_name: str | None
    jockey_name: str | None
    trainer_name: str | None
    owner_name: str | None
    position: int | None
    position_str: str | None
    number: str | None
    draw: int | None
    jockey_id: str | None
    jockey_claim_lbs: int | None
    trainer_id: str | None
    owner_id: str | None
    sire_id: str | None
    dam_id: str | None
    damsire_id: str | None
    age: int | None
    sex: str | None
    weight_lbs: int | None
    weight_st_lbs: str | None
    headgear: str | None
    sp: str | None
    sp_decimal: Decimal | None
    btn: Decimal | None
    ovr_btn: Decimal | None
    margin: str | None
    time_seconds: Decimal | None
    time_display: str | None
    official_rating: int | None
    rpr: int | None
    tsr: int | None
    prize_won: Decimal | None
    comment: str | None
    silk_url: str | None
    bsp_decimal: Decimal | None
    outcome: str
    is_starter: bool
    dead_heat_n: int
    sp_marker: str | None
    body_weight_lbs: int | None
    course_id: str | None
    distance_y: int | None


class HkRaceDay(NamedTuple):
    """A Hong Kong race day that an index or a fixtures list names."""

    day: datetime.date
    listed_by: str
    is_cancelled: bool
    results_bytes: int | None
    captured_at: datetime.datetime | None
