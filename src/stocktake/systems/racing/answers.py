"""What answers about a day have in common: pages, refused races, and what they prove of a unit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

import msgspec

from stocktake import Parsed, Reject, Request, SourceChanged, State, UnitOutcome
from stocktake.systems.racing.normalise import day_end

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

READ_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)
SETTLES_AFTER = timedelta(hours=4)
IN_PROGRESS = "day in progress"
_SHOWN = 200
_ESCAPES = re.compile(
    rb"(?P<kept>\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_NUL = rb"\u0000"  # PostgreSQL text holds anything but this character

Key = tuple[str, str]
RaceT = TypeVar("RaceT")
PageT = TypeVar("PageT")
ValueT = TypeVar("ValueT")


class Memo(dict[str | None, ValueT | None]):
    """A spelling read once per answer; what cannot be read is None and noted.

    Args:
        read: Rule of `normalise` that raises `ValueError` for what it cannot read.
        field_name: Named in the note.
        notes: Receives the notes.
    """

    def __init__(
        self, read: Callable[[str | None], ValueT | None], field_name: str, notes: Counter[str]
    ) -> None:
        self._read = read
        self._field_name = field_name
        self._notes = notes

    def __missing__(self, spelling: str | None) -> ValueT | None:
        """Read a spelling for the first time."""
        try:
            value = self[spelling] = self._read(spelling)
        except ValueError as error:
            self._notes[f"unreadable {self._field_name}: {str(error)[:_SHOWN]}"] += 1
            return None
        return value


@dataclass(slots=True)
class Refused:
    """A race of a page that is not what the contract says, as received."""

    position: str
    reason: str
    raw: str


@dataclass(slots=True)
class Pages(Generic[RaceT]):
    """The races of all pages of an answer; `total` is what the source says there are."""

    races: list[tuple[str, RaceT]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    total: int = 0


@dataclass(frozen=True, slots=True)
class PageReader(Generic[RaceT]):
    """Decodes pages whole, and race by race only when that fails.

    Args:
        what: Name of the list in the envelope.
        race: Type of one race.
        page: Type of a page.
        loose: Type of a page with undecoded races.
    """

    what: str
    race: type[RaceT]
    page: type[msgspec.Struct]
    loose: type[msgspec.Struct]

    def read(self, bodies: Sequence[bytes], request: Request) -> Pages[RaceT]:
        """Decode all pages.

        Raises:
            SourceChanged: A body is not a page at all, or one without the races it counts.
        """
        pages: Pages[RaceT] = Pages()
        for number, body in enumerate(bodies):
            try:
                self._read_page(body, pages)
            except READ_ERRORS as error:
                raise SourceChanged(
                    f"{place(request)}: page {number + 1} is not a list of {self.what}: "
                    f"{str(error)[:_SHOWN]}; it begins {body[:60]!r}."
                ) from error
        if pages.total and not pages.races and not pages.refused:
            raise SourceChanged(
                f"{place(request)}: no {self.what}, though the answer counts {pages.total}."
            )
        return pages

    def _read_page(self, body: bytes, pages: Pages[RaceT]) -> None:
        if _NUL not in body:
            try:
                page = msgspec.json.decode(body, type=self.page)
            except (msgspec.DecodeError, UnicodeError):
                pass  # one bad race must not cost the others: read them one by one
            else:
                races: list[RaceT] = getattr(page, self.what)
                start = len(pages.races) + len(pages.refused)
                pages.races += [(f"races[{start + at}]", race) for at, race in enumerate(races)]
                pages.total = max(pages.total, page.total)  # type: ignore[attr-defined]
                return
        loose = msgspec.json.decode(mended(body), type=self.loose)
        pages.total = max(pages.total, loose.total)  # type: ignore[attr-defined]
        for raw in getattr(loose, self.what):
            position = f"races[{len(pages.races) + len(pages.refused)}]"
            written = bytes(raw)
            try:
                if _NUL in written:
                    refuse("a text holds the character NUL")
                race = msgspec.json.decode(written, type=self.race)
                pages.races.append((position, race))
            except (*READ_ERRORS, ValueError) as error:
                pages.refused.append(Refused(position, str(error)[:_SHOWN], shown(written)))


def mended(body: bytes) -> bytes:
    r"""Replace halves of surrogate pairs, which are no characters, by the replacement character.

    >>> mended(rb'"a\ud800b"') == rb'"a\ufffdb"', mended(rb'"\ud83d\udc0e"') == rb'"\ud83d\udc0e"'
    (True, True)
    """
    return _ESCAPES.sub(lambda found: found["kept"] or rb"\ufffd", body)


def refuse(reason: str) -> NoReturn:
    """Raise `ValueError`: the row or race at hand cannot be taken."""
    raise ValueError(reason)


def place(request: Request) -> str:
    """Name a request for an error text."""
    return f"{request.feed} {'/'.join(request.units[0]) if request.units else request.path}"


def shown(raw: bytes) -> str:
    """Turn received bytes into text that can be stored."""
    return raw.decode(errors="replace").replace("\x00", "�").replace("\\u0000", "�")


@dataclass(slots=True)
class DayTally:
    """What an answer holds of one unit."""

    races: int = 0
    last_off: datetime | None = None
    rejected_rows: int = 0

    def saw(self, off: datetime | None) -> None:
        """Count a race and remember the latest start."""
        self.races += 1
        if off is not None and (self.last_off is None or off > self.last_off):
            self.last_off = off


def is_settled(race_day: date, last_off: datetime | None, *, fetched_at: datetime) -> bool:
    """Return whether nothing more can be expected of a day.

    A result list does not tell which races are still to come, so a day is never final before
    its midnight; nor within four hours of its last start.
    """
    end = day_end(race_day)
    return fetched_at >= (end if last_off is None else max(end, last_off + SETTLES_AFTER))


@dataclass(slots=True)
class Verdict:
    """What a whole answer proves, beside its tallies.

    Args:
        lost_races: Races the source counts but did not send.
        total: Races the source counts.
        refused_races: Races sent but not taken.
        fetched_at: When the answer was fetched.
    """

    lost_races: int
    total: int
    refused_races: int
    fetched_at: datetime

    def of(self, race_day: date, tally: DayTally) -> tuple[State, str]:
        """Return state and reason of one unit."""
        if not is_settled(race_day, tally.last_off, fetched_at=self.fetched_at):
            return State.THIN, IN_PROGRESS
        if self.refused_races and not tally.races:
            return State.FAILED, f"{counted(self.refused_races, 'race')} rejected"
        troubles = []
        if self.lost_races > 0:
            troubles.append(f"{self.lost_races} of {self.total} races not sent")
        if self.refused_races:
            troubles.append(f"{counted(self.refused_races, 'race')} rejected")
        if tally.rejected_rows:
            troubles.append(f"{counted(tally.rejected_rows, 'runner')} rejected")
        if troubles:
            return State.THIN, ", ".join(troubles)
        return (State.COMPLETE, "") if tally.races else (State.EMPTY, "")


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "race"), counted(2, "race")
    ('1 race', '2 races')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def outcomes(
    units: Iterable[tuple[str, ...]], judge: Callable[[Key], tuple[State, str]]
) -> list[UnitOutcome]:
    """Return one outcome per unit of a request."""
    return [UnitOutcome(key, *judge((key[0], key[1]))) for key in units]


def reject_race(parsed: Parsed, refused: Refused, *, code: str) -> None:
    """Note a race that was not taken."""
    parsed.rejects.append(
        Reject("ra_races", refused.position, code, refused.reason, refused.raw[:65536])
    )
