"""Races and horses as the source sends them: nearly every value a string, with its quirks."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from stocktake.systems.racing.sandbox import running
from stocktake.systems.racing.sandbox.conditions import rating
from stocktake.systems.racing.sandbox.population import Animal, Horse
from stocktake.systems.racing.sandbox.world import Entry, Race

LONDON: Final = ZoneInfo("Europe/London")
SIMULATED: Final = "Simulated by the Stocktake sandbox: no real race, horse or person"

NO_RATING: Final = "–"
NO_TIME: Final = "-"
SEX_WORDS: Final = {"C": "colt", "H": "horse", "G": "gelding", "F": "filly", "M": "mare"}

_STYLE_COMMENTS: Final = (
    "Held up - headway from over 2f out - kept on",
    "Prominent - led over 1f out - ran on",
    "Midfield - no impression from over 1f out",
    "Led - headed over 1f out - weakened",
    "Slowly away - in rear - never on terms",
    "Tracked leaders - pushed along - stayed on same pace",
)
_SPEED: Final = {"Flat": (18.6, 0.00054), "Hurdle": (15.6, 0.00016), "Chase": (15.2, 0.00016)}
_SLOW_GOING: Final = {"Soft": 1.04, "Heavy": 1.08, "Soft To Heavy": 1.06, "Yielding To Soft": 1.03}
_PRIZE_SHARES: Final = (1.0, 0.469, 0.2344, 0.1173, 0.0585, 0.0293)
_PLACES: Final = 6
_METRES_PER_YARD: Final = 0.9144
_POUNDS_PER_STONE: Final = 14


@lru_cache(maxsize=64)
def _utc_offset(day: date) -> timedelta:
    offset = datetime.combine(day, time(12), LONDON).utcoffset()
    return timedelta() if offset is None else offset


def off_texts(day: date, minutes: int) -> tuple[str, str]:
    """Return ``off`` (12-hour, no am or pm) and ``off_dt`` (with the offset of the day)."""
    hours, rest = divmod(minutes, 60)
    offset = "+01:00" if _utc_offset(day) else "+00:00"
    return f"{(hours - 1) % 12 + 1}:{rest:02}", f"{day}T{hours:02}:{rest:02}:00{offset}"


def stones(pounds: int) -> str:
    """Return a weight as ``9-8``: stones and pounds."""
    return f"{pounds // _POUNDS_PER_STONE}-{pounds % _POUNDS_PER_STONE}"


def distance_texts(yards: int) -> tuple[str, str, str, int]:
    """Return ``2m``, ``2m53y`` and ``16.0``: rounded, exact, furlongs; and whole furlongs."""
    furlongs = round(yards / 220)
    miles, rest = divmod(furlongs, 8)
    rounded = (f"{miles}m" if miles else "") + (f"{rest}f" if rest else "")
    over = yards - furlongs * 220
    return rounded, f"{rounded}{over}y" if over > 0 else rounded, f"{furlongs}.0", furlongs


def result_race(race: Race) -> dict[str, object]:
    """Return a race as ``/v1/results`` sends it."""
    final = race.conditions
    off, off_dt = off_texts(race.day, race.off)
    rounded, _, _, furlongs = distance_texts(final.yards)
    seconds = winning_seconds(race)
    symbol = "€" if race.meeting.region == "IRE" else "£"
    starters = race.starters
    winner = starters[0]
    detail = f"{seconds - 60 * (minutes := int(seconds // 60)):.2f}s"
    slow = f"(slow by {race.off % 90 / 10:.2f}s)"
    return {
        "race_id": race.id,
        "date": race.day.isoformat(),
        "region": race.meeting.region,
        "course": race.meeting.course.name,
        "course_id": race.meeting.course.id,
        "off": off,
        "off_dt": off_dt,
        "race_name": final.name,
        "type": final.kind,
        "class": class_text(race),
        "pattern": final.pattern,
        "rating_band": band_text(race),
        "age_band": final.age_band,
        "sex_rest": final.sex_restriction,
        "dist": rounded,
        "dist_y": str(final.yards),
        "dist_m": str(round(final.yards * _METRES_PER_YARD)),
        "dist_f": f"{furlongs}f",
        "going": final.going,
        "surface": final.surface,
        "jumps": final.jumps,
        "runners": [
            _result_runner(race, entry, seconds, place) for place, entry in enumerate(starters)
        ],
        "winning_time_detail": f"{minutes}m {detail} {slow}" if minutes else f"{detail} {slow}",
        "comments": SIMULATED,
        "non_runners": ", ".join(
            f"{entry.horse.name} ({entry.reason})" for entry in race.entries if entry.reason
        ),
        **_totes(symbol, winner, starters),
    }


def _totes(symbol: str, winner: Entry, starters: Sequence[Entry]) -> dict[str, object]:
    price = _decimal(winner)
    second = _decimal(starters[1])
    third = _decimal(starters[2]) if len(starters) > 2 else 0.0
    dividend = price * second * 0.9
    return {
        "tote_win": f"{symbol}{price * 1.02:.2f}",
        "tote_pl": f"{symbol}{1 + price / 5:.2f} {symbol}{1 + second / 5:.2f}",
        "tote_ex": f"{symbol}{dividend * 1.05:.2f}",
        "tote_csf": f"{symbol}{dividend:.2f}",
        "tote_tricast": f"{symbol}{dividend * third * 0.8:.2f}" if len(starters) > 7 else "",
        "tote_trifecta": f"{symbol}{dividend * third * 0.7:.2f}" if third else "",
    }


def _decimal(entry: Entry) -> float:
    return running.PRICES[entry.finish.price][0] if entry.finish is not None else 0.0


def winning_seconds(race: Race) -> float:
    """Return the winner's time in seconds."""
    final = race.conditions
    speed, loss = _SPEED.get(final.kind, _SPEED["Hurdle"])
    seconds = final.yards / (speed - loss * final.yards) * _SLOW_GOING.get(final.going, 1.0)
    return round(seconds * (1 + (race.off * 37 % 100 - 50) / 4_000), 2)


def class_text(race: Race) -> str:
    """Return ``Class 4``; Irish races mostly have none."""
    irish = race.meeting.region == "IRE" and race.off % 12
    return "" if irish else f"Class {race.conditions.race_class}"


def band_text(race: Race) -> str:
    """Return ``0-65`` for a handicap, else an empty text."""
    top = race.conditions.top_rating
    return f"0-{top}" if top else ""


def _result_runner(race: Race, entry: Entry, seconds: float, place: int) -> dict[str, object]:
    finish = entry.finish
    assert finish is not None  # noqa: S101 starters only
    horse, final, bits = entry.horse, race.conditions, entry.bits
    decimal, fraction = running.PRICES[finish.price]
    placed = finish.behind is not None
    behind = finish.behind or 0.0
    took = seconds + behind * running.SECONDS_PER_LENGTH
    performance = round(rating(horse.ability, is_jumps=final.is_jumps) - behind * 1.2) + bits % 7
    rated = placed and performance > 15 and bits >> 3 & 31 > 2
    timed = rated and bits >> 8 & 31 > 3
    spelled = finish.gap_text or running.lengths(finish.gap or 0.0)
    return {
        "horse_id": f"hrs_{horse.number}",
        "horse": horse.full_name,
        "sp": fraction + finish.marker,
        "sp_dec": f"{decimal:.2f}",
        "number": str(entry.number),
        "position": finish.position,
        "draw": str(entry.draw) if entry.draw else "",
        "btn": spelled if placed else NO_TIME,
        "ovr_btn": running.lengths(behind) if placed else NO_TIME,
        "age": str(horse.age(race.day.year)),
        "sex": horse.sex_code(race.day.year),
        "weight": stones(entry.pounds),
        "weight_lbs": str(entry.pounds),
        "headgear": entry.headgear,
        "time": running.clock(took) if placed else NO_TIME,
        "or": NO_RATING if entry.official is None else str(entry.official),
        "rpr": str(performance) if rated else NO_RATING,
        "tsr": str(max(1, performance - 12 - bits % 11)) if timed else NO_RATING,
        "prize": f"{final.prize * _PRIZE_SHARES[place]:.2f}" if placed and place < _PLACES else "",
        "jockey": entry.jockey.name,
        "jockey_claim_lbs": str(entry.jockey.claim),
        "jockey_id": entry.jockey.id,
        "trainer": entry.trainer.name,
        "trainer_id": entry.trainer.id,
        "owner": entry.owner.name,
        "owner_id": entry.owner.id,
        **parents(horse, damsire_suffix=bits >> 13 & 15 == 0),
        "comment": _STYLE_COMMENTS[bits % len(_STYLE_COMMENTS)] + f"(op {fraction})",
        "silk_url": silk_url(entry),
    }


def parents(horse: Horse, *, damsire_suffix: bool) -> dict[str, object]:
    """Return sire, dam and damsire as results name them; one damsire has two spellings."""
    damsire = horse.damsire
    return {
        "sire": horse.sire.full_name,
        "sire_id": f"sir_{horse.sire.number}",
        "dam": horse.dam.full_name,
        "dam_id": f"dam_{horse.dam.number}",
        "damsire": damsire.full_name if damsire_suffix else damsire.name,
        "damsire_id": f"dsi_{damsire.number}",
    }


def silk_url(entry: Entry) -> str:
    """Return an address of the owner's colours; the host does not exist."""
    number = entry.owner.id.removeprefix("own_")
    return f"https://silks.invalid/svg/{number[-1]}/{number[-2]}/{number}.svg"


def horse_pro(horse: Horse, year: int) -> dict[str, object]:
    """Return a horse as ``/v1/horses/{id}/pro`` sends it; the damsire has its suffix here."""
    code = horse.sex_code(year)
    known = horse.index % 67 != 0
    return {
        "id": f"hrs_{horse.number}",
        "breeder": horse.breeder if known else "",
        "colour": horse.colour if known else NO_TIME,
        "colour_code": horse.colour_code if known else "",
        **_pedigree(horse, with_suffix=True),
        "dob": horse.born.isoformat(),
        "name": horse.full_name,
        "sex": SEX_WORDS[code],
        "sex_code": code,
        "sire": horse.sire.full_name,
        "sire_id": f"sir_{horse.sire.number}",
    }


def horse_standard(horse: Horse) -> dict[str, object]:
    """Return a horse as ``/v1/horses/{id}/standard`` and the search send it."""
    return {
        "id": f"hrs_{horse.number}",
        **_pedigree(horse, with_suffix=False),
        "name": horse.full_name,
        "sire": horse.sire.full_name,
        "sire_id": f"sir_{horse.sire.number}",
    }


def _pedigree(horse: Horse, *, with_suffix: bool) -> Mapping[str, object]:
    damsire: Animal = horse.damsire
    return {
        "dam": horse.dam.full_name,
        "dam_id": f"dam_{horse.dam.number}",
        "damsire": damsire.full_name if with_suffix else damsire.name,
        "damsire_id": f"dsi_{damsire.number}",
    }
