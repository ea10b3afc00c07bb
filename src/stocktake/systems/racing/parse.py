"""Small answers: regions, courses, one horse; and how pages follow one another."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import msgspec

from stocktake import Parsed, Reject, Request, SourceChanged, State, UnitOutcome
from stocktake.systems.racing import normalise
from stocktake.systems.racing.answers import READ_ERRORS, Memo, place, refuse, shown
from stocktake.systems.racing.bookmakers import shipped
from stocktake.systems.racing.entities import Entities
from stocktake.systems.racing.normalise import text
from stocktake.systems.racing.rows import (
    BookmakerRow,
    CourseRow,
    HorsePro,
    PedigreePro,
    RegionRow,
)
from stocktake.systems.racing.wire import CoursesPage, Horse, Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

AnswerT = TypeVar("AnswerT")


class RaceOf(msgspec.Struct, frozen=True):
    """Which unit a race belongs to."""

    race_id: str
    date: str
    region: str


class Envelope(msgspec.Struct, frozen=True):
    """What pagination needs of a page."""

    total: int
    limit: int
    skip: int


def following_page(highest_skip: int) -> Callable[[Request, Sequence[bytes]], Request | None]:
    """Return the rule for the next page of a list: skip what was sent, up to ``highest_skip``."""

    def next_page(request: Request, bodies: Sequence[bytes]) -> Request | None:
        """Return the request of the next page, None after the last one."""
        try:
            page = msgspec.json.decode(bodies[-1], type=Envelope)
        except READ_ERRORS:
            return None  # not a page; the parser says so
        skip = max(page.skip, 0) + page.limit
        told = dict(request.params).get("skip", "0")
        if page.limit < 1 or skip >= page.total or skip > highest_skip or skip <= int(told):
            return None
        others = tuple(pair for pair in request.params if pair[0] != "skip")
        return replace(request, params=(*others, ("skip", str(skip))))

    return next_page


def parse_regions(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn the list of regions into rows; with them goes our own list of bookmakers.

    No endpoint lists bookmakers. Their list is shipped, and merged whenever regions are read.

    Raises:
        SourceChanged: Not a list of regions, or an empty one.
    """
    regions = _read(bodies[0], list[Region], request)
    if not regions:
        raise SourceChanged(f"{place(request)}: no region at all.")
    parsed = Parsed()
    codes = {region.region_code.lower(): region.region for region in regions}
    parsed.rows[RegionRow] = [RegionRow(code, text(name)) for code, name in codes.items()]
    parsed.read["ra_mst_regions"] = len(regions)
    if len(codes) < len(regions):
        parsed.duplicates["ra_mst_regions"] = len(regions) - len(codes)
    parsed.rows[BookmakerRow] = list(shipped())
    parsed.read["ra_mst_bookmakers"] = len(shipped())
    parsed.outcomes.append(UnitOutcome(("all",)))
    return parsed


def parse_courses(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn the courses of the regions asked for into rows.

    Raises:
        SourceChanged: Not a list of courses.
    """
    page = _read(bodies[0], CoursesPage, request)
    parsed = Parsed()
    parsed.read["ra_mst_courses"] = len(page.courses)
    wanted = {key[0] for key in request.units}
    found: dict[str, CourseRow] = {}
    for at, course in enumerate(page.courses):
        code = course.region_code.lower()
        if not course.id.startswith("crs_") or "\x00" in course.course:
            raw = shown(msgspec.json.encode(course))
            reason = f"course id {course.id!r} is not an id (crs_…)"
            parsed.rejects.append(Reject("ra_mst_courses", f"courses[{at}]", "id", reason, raw))
        elif course.id not in found:
            found[course.id] = CourseRow(
                course.id, text(course.course), None, code, text(course.region)
            )
    parsed.rows[CourseRow] = list(found.values())
    repeated = len(page.courses) - len(found) - len(parsed.rejects)
    if repeated:
        parsed.duplicates["ra_mst_courses"] = repeated
    held = Counter(row.region_code for row in found.values())
    lost = page.total - len(found) - len(parsed.rejects)
    for region in sorted(wanted):
        parsed.outcomes.append(_region_outcome(region, held[region], lost, page.total))
    return parsed


def _region_outcome(region: str, held: int, lost: int, total: int) -> UnitOutcome:
    if lost > 0:
        return UnitOutcome((region,), State.THIN, f"{lost} of {total} courses not sent")
    return UnitOutcome((region,), State.COMPLETE if held else State.EMPTY)


def one_race(
    what: str, parse: Callable[[Sequence[bytes], Request, datetime], Parsed]
) -> Callable[[Sequence[bytes], Request, datetime], Parsed]:
    """Return the parser of an answer that is one race, from that of a list of ``what``.

    A race proves nothing of its day: the day is thin until its list is whole.
    """

    def parse_race(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
        """Turn one race into rows.

        Raises:
            SourceChanged: Not a race.
        """
        race = _read(bodies[0], RaceOf, request)
        unit = (race.date, race.region.lower())
        listed = b'{"total":1,"%s":[%s]}' % (what.encode(), bodies[0])
        parsed = parse([listed], replace(request, units=(unit,)), fetched_at)
        reason = f"{race.race_id} was loaded by its id"
        parsed.outcomes = [UnitOutcome(unit, State.THIN, reason)] if not parsed.rejects else []
        return parsed

    return parse_race


def parse_horse_pro(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn a horse's own record into rows of the horse, its pedigree and its parents.

    Raises:
        SourceChanged: Not a horse's record, another horse's, or one with ids that are none.
    """
    horse = _read(bodies[0], Horse, request)
    parsed = Parsed()
    notes: Counter[str] = Counter()
    asked = request.units[0][0] if request.units else horse.id
    entities = Entities()
    try:
        if b"\\u0000" in bodies[0]:
            refuse("a text holds the character NUL")
        if horse.id != asked:
            refuse(f"the record is that of {horse.id!r}")
        sire_id = entities.sire_ids[horse.sire_id]
        dam_id = entities.dam_ids[horse.dam_id]
        damsire_id = entities.damsire_ids[horse.damsire_id]
    except ValueError as error:
        raise SourceChanged(f"{place(request)}: {error}.") from error
    entities.sires[sire_id] = sire = text(horse.sire)
    entities.dams[dam_id] = dam = text(horse.dam)
    entities.damsires[damsire_id] = damsire = text(horse.damsire)
    name, breeder = text(horse.name), text(horse.breeder)
    region = normalise.birth_region(name)
    born = Memo(normalise.day, "date of birth", notes)[horse.dob]
    sex_code = text(horse.sex_code)
    if sex_code is not None and len(sex_code) != 1:
        notes[f"sex code is not one letter: {sex_code!r}"] += 1
        sex_code = None
    # fmt: off
    parsed.add(HorsePro(
        horse.id, name, sire_id, dam_id, damsire_id, born, text(horse.sex), sex_code,
        text(horse.colour), text(horse.colour_code), breeder, region,
    ))
    parsed.add(PedigreePro(
        horse.id, sire_id, sire, dam_id, dam, damsire_id, damsire, breeder, region,
    ))
    # fmt: on
    entities.into(parsed)
    parsed.notes.update(notes)
    parsed.read["ra_horse_pedigree"] = 1
    parsed.outcomes.append(UnitOutcome((horse.id,)))
    return parsed


def _read(body: bytes, answer: type[AnswerT], request: Request) -> AnswerT:
    try:
        return msgspec.json.decode(body, type=answer)
    except READ_ERRORS as error:
        raise SourceChanged(
            f"{place(request)}: not what was asked for: {str(error)[:200]}; "
            f"it begins {body[:60]!r}."
        ) from error
