"""Racecards as the source sends them; names here have no country suffix."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from stocktake.systems.racing.sandbox import running
from stocktake.systems.racing.sandbox.conditions import rating
from stocktake.systems.racing.sandbox.wire import (
    SEX_WORDS,
    band_text,
    class_text,
    distance_texts,
    off_texts,
    silk_url,
)
from stocktake.systems.racing.sandbox.world import Entry, Race

NO_FIGURE: Final = "-"
DECLARED_DAYS_AHEAD: Final = 2
"""Days ahead up to which riders, numbers and draws are known."""

_BOOKMAKERS: Final = ("Bet365", "Betfair Exchange", "Paddy Power", "William Hill")
_NEW_BOOKMAKER: Final = "Harbour Lane Bets"
_UPDATED: Final = b"@updated"
_FLAGS: Final = ((), (), (), (), ("C",), ("D",), ("C", "D"), ("BF",))
_FORM_MARKS: Final = "1234567890PUF"
_MONTHS: Final = 28
_COMMENTS: Final = (
    "Back from a break; others preferred",
    "Consistent sort who should go close again",
    "Makes stable debut; watch the market",
    "",
    "Needs to bounce back to form",
)


def racecard(race: Race, today: date) -> dict[str, object]:
    """Return a race as ``/v1/racecards/pro`` sends it, as known on ``today``."""
    final = race.conditions
    off, off_dt = off_texts(race.day, race.off)
    rounded, exact, furlongs, _ = distance_texts(final.yards)
    symbol = "€" if race.meeting.region == "IRE" else "£"
    has_run = race.day <= today
    tipped = min(race.entries, key=_market_place)
    detailed = race.off % 3 == 0
    return {
        "race_id": race.id,
        "course": race.meeting.course.card_name,
        "course_id": race.meeting.course.id,
        "date": race.day.isoformat(),
        "off_time": off,
        "off_dt": off_dt,
        "race_name": final.name,
        "distance_round": rounded,
        "distance": exact,
        "distance_f": furlongs,
        "region": race.meeting.region,
        "pattern": final.pattern,
        "sex_restriction": final.sex_restriction,
        "race_class": class_text(race),
        "type": final.kind,
        "age_band": final.age_band,
        "rating_band": band_text(race),
        "prize": f"{symbol}{final.prize:,}",
        "field_size": str(len(race.entries)),
        "going_detailed": f"{final.going} (Simulated)" if detailed else "",
        "rail_movements": "",
        "stalls": "" if final.is_jumps or not detailed else "Stands side",
        "weather": "Dry" if detailed else "",
        "going": final.going,
        "surface": final.surface,
        "jumps": final.jumps,
        "runners": [_card_runner(race, entry, today) for entry in race.entries],
        "big_race": final.is_big,
        "is_abandoned": False,
        "tip": tipped.horse.name if has_run else "",
        "verdict": f"{tipped.horse.name.upper()} is the one to beat." if has_run else "",
        "betting_forecast": _forecast(race) if has_run else "",
    }


def summary(race: Race) -> dict[str, object]:
    """Return a race as ``/v1/racecards/summaries`` sends it."""
    off, off_dt = off_texts(race.day, race.off)
    return {
        "date": race.day.isoformat(),
        "region": race.meeting.region,
        "course_id": race.meeting.course.id,
        "course": race.meeting.course.card_name,
        "race_id": race.id,
        "race_name": race.conditions.name,
        "race_class": class_text(race),
        "off_time": off,
        "off_dt": off_dt,
        "big_race": race.conditions.is_big,
        "is_abandoned": False,
    }


def _market_place(entry: Entry) -> int:
    return 10_000 if entry.finish is None else entry.finish.price


def _forecast(race: Race) -> str:
    best = sorted(race.starters, key=_market_place)[:5]
    return ", ".join(
        f"{running.PRICES[_market_place(entry)][1]} {entry.horse.name}" for entry in best
    )


def _card_runner(race: Race, entry: Entry, today: date) -> dict[str, object]:
    horse, bits, day = entry.horse, entry.bits, race.day
    sex_code = horse.sex_code(day.year)
    scratched = bool(entry.reason) and day <= today
    declared = day <= today + timedelta(days=DECLARED_DAYS_AHEAD)
    claim = f"({entry.jockey.claim})" if entry.jockey.claim else ""
    is_new = horse.first_season == day.year and bits % 5 == 0
    figure = round(rating(horse.ability, is_jumps=race.conditions.is_jumps))
    rated = not is_new and bits >> 20 & 15 > 1
    return {
        "horse_id": f"hrs_{horse.number}",
        "horse": horse.name,
        "dob": horse.born.isoformat(),
        "age": str(horse.age(day.year)),
        "sex": SEX_WORDS[sex_code],
        "sex_code": sex_code,
        "colour": horse.colour,
        "region": horse.region,
        "breeder": horse.breeder,
        **_card_parents(entry),
        **_card_people(entry),
        "comment": _COMMENTS[bits >> 24 & 3] if day <= today else "",
        "spotlight": _COMMENTS[bits >> 26 & 3] if day <= today else "",
        "quotes": [],
        "stable_tour": [],
        "medical": _medical(entry, day),
        "number": "NR" if scratched else str(entry.number) if declared else "",
        "draw": str(entry.draw) if declared else "",
        "headgear": entry.headgear,
        "headgear_run": "1" if entry.headgear and bits >> 28 & 7 == 0 else "",
        "wind_surgery": "1" if bits >> 31 & 63 == 0 else "",
        "wind_surgery_run": "1" if bits >> 31 & 63 == 0 else "",
        "past_results_flags": list(_FLAGS[bits >> 37 & 7]),
        "lbs": str(entry.pounds),
        "ofr": NO_FIGURE if entry.official is None else str(entry.official),
        "rpr": str(figure + bits % 9) if rated else NO_FIGURE,
        "ts": str(figure - 8) if rated and bits >> 40 & 7 else NO_FIGURE,
        "jockey": entry.jockey.name + claim if declared else "",
        "jockey_id": entry.jockey.id if declared else "",
        "silk_url": silk_url(entry),
        "last_run": "" if is_new else str(9 + bits % 60),
        "form": "" if is_new else _form(bits >> 43),
        "trainer_rtf": str(bits >> 50 & 63) if bits >> 56 & 7 else "",
        "odds": _odds(entry, race, today),
    }


def _card_parents(entry: Entry) -> dict[str, object]:
    horse = entry.horse
    return {
        "dam": horse.dam.name,
        "dam_id": f"dam_{horse.dam.number}",
        "dam_region": horse.dam.region,
        "sire": horse.sire.name,
        "sire_id": f"sir_{horse.sire.number}",
        "sire_region": horse.sire.region,
        "damsire": horse.damsire.name,
        "damsire_id": f"dsi_{horse.damsire.number}",
        "damsire_region": horse.damsire.region,
    }


def _card_people(entry: Entry) -> dict[str, object]:
    bits = entry.bits
    runs = 4 + bits % 40
    wins = (bits >> 6) % (runs // 4 + 1)
    previous: list[object] = []
    if entry.former_trainer is not None:
        previous.append(
            {
                "trainer": entry.former_trainer.name,
                "trainer_id": entry.former_trainer.id,
                "change_date": entry.horse.moves_on.isoformat(),
            }
        )
    return {
        "trainer": entry.trainer.name,
        "trainer_id": entry.trainer.id,
        "trainer_location": entry.trainer.location,
        "trainer_14_days": {
            "runs": str(runs),
            "wins": str(wins),
            "percent": str(round(100 * wins / runs)),
        },
        "owner": entry.owner.name,
        "owner_id": entry.owner.id,
        "prev_trainers": previous,
        "prev_owners": [],
    }


def _medical(entry: Entry, day: date) -> list[dict[str, str]]:
    if entry.bits >> 10 & 31:
        return []
    at = day - timedelta(days=_MONTHS + entry.bits % 200)
    return [{"date": at.isoformat(), "type": "Wind Surgery"}]


def _form(bits: int) -> str:
    length = 2 + bits % 5
    marks = "".join(_FORM_MARKS[(bits >> 3 * place) % len(_FORM_MARKS)] for place in range(length))
    return f"{marks[:1]}-{marks[1:]}" if bits % 3 == 0 else marks


@lru_cache(maxsize=512)
def _priced(price: int, *, is_new: bool) -> bytes:
    """Return a runner's odds as JSON, with a mark where the time belongs."""
    decimal, fraction = running.PRICES[price]
    names = (*_BOOKMAKERS, _NEW_BOOKMAKER) if is_new else _BOOKMAKERS
    return msgspec.json.encode(
        [
            {
                "bookmaker": name,
                "fractional": fraction.removesuffix("/1"),
                "decimal": f"{decimal:g}",
                "ew_places": "3",
                "ew_denom": "5",
                "updated": _UPDATED.decode(),
                "history": [],
            }
            for name in names
        ]
    )


def _odds(entry: Entry, race: Race, today: date) -> object:
    if entry.finish is None or race.day > today + timedelta(days=1):
        return []
    hours, rest = divmod(race.off - 1, 60)
    updated = f"{race.day} {hours:02}:{rest:02}:07".encode()
    listed = _priced(entry.finish.price, is_new=race.off % 11 == 0)
    return msgspec.Raw(listed.replace(_UPDATED, updated))
