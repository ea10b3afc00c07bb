"""Where courses lie, from a user's file: the API does not tell."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from stocktake import Parsed, Reject, Request, SourceChanged
from stocktake.systems.racing import normalise
from stocktake.systems.racing.answers import refuse
from stocktake.systems.racing.rows import CourseCoordinates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

COLUMNS = ("id", "longitude", "latitude")
_HALF_TURN, _QUARTER_TURN = 180, 90


def parse_coordinates(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read a CSV of course id, longitude and latitude in degrees, east and north positive.

    Raises:
        SourceChanged: Not UTF-8 CSV with these columns.
    """
    parsed = Parsed()
    rows: dict[str, CourseCoordinates] = {}
    read = 0
    for body in bodies:
        try:
            reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), restval="")
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise SourceChanged(f"{request.path}: its columns are not {', '.join(COLUMNS)}.")
            for line in reader:
                read += 1
                try:
                    row = _row(line)
                except ValueError as error:
                    raw = ",".join(map(str, line.values())).replace("\x00", "�")
                    place = f"line {reader.line_num}"
                    parsed.rejects.append(Reject("ra_mst_courses", place, "line", str(error), raw))
                else:
                    rows[row.id] = row
        except (UnicodeError, csv.Error) as error:
            raise SourceChanged(f"{request.path}: cannot be read as CSV: {error}") from error
    parsed.rows[CourseCoordinates] = list(rows.values())
    parsed.read["ra_mst_courses"] = read
    repeated = read - len(rows) - len(parsed.rejects)
    if repeated:
        parsed.duplicates["ra_mst_courses"] = repeated
    return parsed


def _row(line: dict[str, str]) -> CourseCoordinates:
    course_id = line["id"].strip() or normalise.missing("id")
    if "\x00" in course_id:
        refuse("a text holds the character NUL")
    longitude = normalise.amount(line["longitude"].strip())
    latitude = normalise.amount(line["latitude"].strip())
    if longitude is None or abs(longitude) > _HALF_TURN:
        refuse(f"longitude {line['longitude']!r} is not within ±{_HALF_TURN}°")
    if latitude is None or abs(latitude) > _QUARTER_TURN:
        refuse(f"latitude {line['latitude']!r} is not within ±{_QUARTER_TURN}°")
    return CourseCoordinates(course_id, longitude, latitude)
