"""The answers of theracingapi as typed structures; nearly every value is a string.

Unknown fields are ignored (the source may add some), missing optional ones are None. Only what
makes a row impossible when absent is required: a missing or ill-typed required field is a broken
contract and is refused by the decoder.
"""

from __future__ import annotations

import msgspec


class ResultRunner(msgspec.Struct, gc=False, frozen=True):
    """A horse in a race's result."""

    horse_id: str
    horse: str
    position: str
    sp: str | None = None
    sp_dec: str | None = None
    bsp: str | None = None
    number: str | None = None
    draw: str | None = None
    btn: str | None = None
    ovr_btn: str | None = None
    age: str | None = None
    sex: str | None = None
    weight: str | None = None
    weight_lbs: str | None = None
    headgear: str | None = None
    time: str | None = None
    official_rating: str | None = msgspec.field(name="or", default=None)
    rpr: str | None = None
    tsr: str | None = None
    prize: str | None = None
    jockey: str | None = None
    jockey_claim_lbs: str | None = None
    jockey_id: str | None = None
    trainer: str | None = None
    trainer_id: str | None = None
    owner: str | None = None
    owner_id: str | None = None
    sire: str | None = None
    sire_id: str | None = None
    dam: str | None = None
    dam_id: str | None = None
    damsire: str | None = None
    damsire_id: str | None = None
    comment: str | None = None
    silk_url: str | None = None


class ResultRace(msgspec.Struct, gc=False, frozen=True):
    """A race with its result."""

    race_id: str
    date: str
    region: str
    runners: list[ResultRunner]
    course: str | None = None
    course_id: str | None = None
    off: str | None = None
    off_dt: str | None = None
    race_name: str | None = None
    type: str | None = None
    race_class: str | None = msgspec.field(name="class", default=None)
    pattern: str | None = None
    rating_band: str | None = None
    age_band: str | None = None
    sex_rest: str | None = None
    dist: str | None = None
    dist_y: str | None = None
    dist_m: str | None = None
    dist_f: str | None = None
    going: str | None = None
    surface: str | None = None
    jumps: str | None = None
    winning_time_detail: str | None = None
    comments: str | None = None
    non_runners: str | None = None
    tote_win: str | None = None
    tote_pl: str | None = None
    tote_ex: str | None = None
    tote_csf: str | None = None
    tote_tricast: str | None = None
    tote_trifecta: str | None = None


class CardRunner(msgspec.Struct, gc=False, frozen=True):
    """A horse on a racecard; its odds stay undecoded until someone looks."""

    horse_id: str
    horse: str
    dob: str | None = None
    age: str | None = None
    sex: str | None = None
    sex_code: str | None = None
    colour: str | None = None
    dam: str | None = None
    dam_id: str | None = None
    sire: str | None = None
    sire_id: str | None = None
    damsire: str | None = None
    damsire_id: str | None = None
    trainer: str | None = None
    trainer_id: str | None = None
    trainer_location: str | None = None
    owner: str | None = None
    owner_id: str | None = None
    comment: str | None = None
    spotlight: str | None = None
    number: str | None = None
    draw: str | None = None
    headgear: str | None = None
    headgear_run: str | None = None
    wind_surgery: str | None = None
    wind_surgery_run: str | None = None
    past_results_flags: tuple[str, ...] | None = None
    lbs: str | None = None
    ofr: str | None = None
    rpr: str | None = None
    ts: str | None = None
    jockey: str | None = None
    jockey_id: str | None = None
    silk_url: str | None = None
    last_run: str | None = None
    form: str | None = None
    trainer_rtf: str | None = None
    odds: msgspec.Raw = msgspec.Raw(b"")


class CardRace(msgspec.Struct, gc=False, frozen=True):
    """A race on a racecard."""

    race_id: str
    date: str
    region: str
    runners: list[CardRunner]
    course: str | None = None
    course_id: str | None = None
    off_time: str | None = None
    off_dt: str | None = None
    race_name: str | None = None
    distance_round: str | None = None
    distance: str | None = None
    distance_f: str | None = None
    pattern: str | None = None
    sex_restriction: str | None = None
    race_class: str | None = None
    type: str | None = None
    age_band: str | None = None
    rating_band: str | None = None
    prize: str | None = None
    field_size: str | None = None
    going_detailed: str | None = None
    rail_movements: str | None = None
    stalls: str | None = None
    weather: str | None = None
    going: str | None = None
    surface: str | None = None
    jumps: str | None = None
    big_race: bool | None = None
    is_abandoned: bool | None = None
    tip: str | None = None
    verdict: str | None = None
    betting_forecast: str | None = None


class Odds(msgspec.Struct, gc=False, frozen=True):
    """One bookmaker's price of a runner; only who offers it is read."""

    bookmaker: str


class ResultsPage(msgspec.Struct, frozen=True):
    """A page of results; `total` counts the races of all pages."""

    results: list[ResultRace]
    total: int


class LooseResultsPage(msgspec.Struct, frozen=True):
    """The same page with its races undecoded, for telling the good ones from the bad."""

    results: list[msgspec.Raw]
    total: int


class CardsPage(msgspec.Struct, frozen=True):
    """A page of racecards; `total` counts the races of all pages."""

    racecards: list[CardRace]
    total: int


class LooseCardsPage(msgspec.Struct, frozen=True):
    """The same page with its races undecoded, for telling the good ones from the bad."""

    racecards: list[msgspec.Raw]
    total: int


class Region(msgspec.Struct, frozen=True):
    """A country of racing."""

    region: str
    region_code: str


class Course(msgspec.Struct, frozen=True):
    """A racecourse."""

    id: str
    course: str
    region_code: str
    region: str | None = None


class CoursesPage(msgspec.Struct, frozen=True):
    """All courses of the regions asked for."""

    courses: list[Course]
    total: int


class Horse(msgspec.Struct, frozen=True):
    """A horse's own record; only `id` is certain."""

    id: str
    name: str | None = None
    breeder: str | None = None
    colour: str | None = None
    colour_code: str | None = None
    dob: str | None = None
    sex: str | None = None
    sex_code: str | None = None
    sire: str | None = None
    sire_id: str | None = None
    dam: str | None = None
    dam_id: str | None = None
    damsire: str | None = None
    damsire_id: str | None = None
