"""Lists of Hong Kong race days: an index of published files, and the fixtures of a season."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from stocktake import Parsed, Reject, Request, SourceChanged, UnitOutcome
from stocktake.systems.racing.rows import HkRaceDay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INDEX_COLUMNS = (
    "date", "commentary", "dividends", "results", "sectional_times", "video_links",
)  # fmt: skip
FIXTURE_COLUMNS = ("date", "captured_at")


def parse_index(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read the index of race days: bytes published per kind of file.

    A day with other files but no results was cancelled.

    Raises:
        SourceChanged: Not UTF-8 CSV with the index's columns.
    """
    return _read(bodies, request, INDEX_COLUMNS, _indexed)


def parse_fixtures(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Read the fixtures of a season: announced race days, also of the future.

    Raises:
        SourceChanged: Not UTF-8 CSV with a date and a time of capture.
    """
    return _read(bodies, request, FIXTURE_COLUMNS, _announced)


def _indexed(line: dict[str, str]) -> HkRaceDay:
    size = line["results"].strip()
    others = any(line[name].strip() for name in INDEX_COLUMNS[1:] if name != "results")
    results_bytes = int(float(size)) if size else None
    return HkRaceDay(
        date.fromisoformat(line["date"]), "index", not size and others, results_bytes, None
    )


def _announced(line: dict[str, str]) -> HkRaceDay:
    captured = line["captured_at"].strip()
    captured_at = datetime.fromisoformat(captured) if captured else None
    if captured_at is not None and captured_at.tzinfo is None:
        captured_at = captured_at.replace(tzinfo=UTC)
    return HkRaceDay(
        date.fromisoformat(line["date"]), "fixtures", is_cancelled=False, results_bytes=None,
        captured_at=captured_at,
    )  # fmt: skip


def _read(
    bodies: Sequence[bytes],
    request: Request,
    columns: tuple[str, ...],
    row_of: Callable[[dict[str, str]], HkRaceDay],
) -> Parsed:
    parsed = Parsed()
    rows: dict[date, HkRaceDay] = {}
    read: Counter[str] = Counter()
    for body in bodies:
        try:
            reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), restval="")
            if not set(columns) <= set(reader.fieldnames or ()):
                raise SourceChanged(
                    f"{request.path}: its columns are {list(reader.fieldnames or ())!r}, "
                    f"not {list(columns)!r}."[:500]
                )
            for line in reader:
                read["lines"] += 1
                try:
                    row = row_of(line)
                except (ValueError, OverflowError) as error:
                    raw = ",".join(map(str, line.values())).replace("\x00", "�")
                    parsed.rejects.append(
                        Reject("hk_race_days", f"line {reader.line_num}", "line", str(error), raw)
                    )
                else:
                    rows[row.day] = row
        except (UnicodeError, csv.Error) as error:
            raise SourceChanged(f"{request.path}: cannot be read as CSV: {error}") from error
    parsed.rows[HkRaceDay] = [rows[day] for day in sorted(rows)]
    parsed.read["hk_race_days"] = read["lines"]
    repeated = read["lines"] - len(rows) - len(parsed.rejects)
    if repeated:
        parsed.duplicates["hk_race_days"] = repeated
    parsed.outcomes = [UnitOutcome((day.isoformat(),)) for day in sorted(rows)]
    return parsed
