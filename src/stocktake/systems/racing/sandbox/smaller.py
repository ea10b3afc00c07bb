"""What smaller plans get of cards and results: fewer fields, and only the days at hand.

Which fields each plan lacks is what the service's published interface (version 1.4.3) says.
"""

from collections.abc import Mapping
from typing import Any, Final

Fields = dict[str, Any]

_NO_TIPS: Final = frozenset({"jumps", "tip", "verdict", "betting_forecast"})
_CARD_RACE: Final[Mapping[str, frozenset[str]]] = {
    "standard": frozenset(),
    "basic": _NO_TIPS,
    "free": _NO_TIPS
    | {
        *("course_id", "distance_round", "distance", "going_detailed", "rail_movements", "stalls"),
        *("weather", "big_race", "is_abandoned"),
    },
}
_CARD_RUNNER: Final[Mapping[str, frozenset[str]]] = {
    "standard": frozenset(),
    "basic": frozenset({"odds"}),
    "free": frozenset(
        {
            *("dob", "breeder", "dam_region", "sire_region", "damsire_region", "trainer_location"),
            *("trainer_14_days", "prev_trainers", "prev_owners", "comment", "spotlight", "quotes"),
            *("stable_tour", "medical", "headgear_run", "wind_surgery", "wind_surgery_run"),
            *("past_results_flags", "rpr", "ts", "silk_url", "trainer_rtf", "odds"),
        }
    ),
}
_RESULT_RACE: Final[Mapping[str, frozenset[str]]] = {
    "basic": frozenset(),
    "free": frozenset(
        {
            *("course_id", "dist", "dist_y", "dist_m", "jumps", "winning_time_detail", "comments"),
            *("non_runners", "tote_win", "tote_pl", "tote_ex", "tote_csf", "tote_tricast"),
            "tote_trifecta",
        }
    ),
}
_RESULT_RUNNER: Final[Mapping[str, frozenset[str]]] = {
    "basic": frozenset({"bsp"}),
    "free": frozenset(
        {
            *("sp", "sp_dec", "bsp", "btn", "ovr_btn", "time", "rpr", "tsr", "prize"),
            *("jockey_claim_lbs", "comment", "silk_url"),
        }
    ),
}


def smaller_card(race: Fields, plan: str) -> Fields:
    """Return a racecard as ``free``, ``basic`` or ``standard`` has it."""
    return _without(race, _CARD_RACE[plan], _CARD_RUNNER[plan])


def smaller_result(race: Fields, plan: str) -> Fields:
    """Return a result as ``free`` or ``basic`` has it."""
    return _without(race, _RESULT_RACE[plan], _RESULT_RUNNER[plan])


def _without(race: Fields, of_race: frozenset[str], of_runner: frozenset[str]) -> Fields:
    kept = {name: value for name, value in race.items() if name not in of_race}
    kept["runners"] = [
        {name: value for name, value in runner.items() if name not in of_runner}
        for runner in race["runners"]
    ]
    return kept
