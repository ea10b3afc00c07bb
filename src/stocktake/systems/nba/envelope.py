"""Envelopes: the legacy result sets, and what all answers have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

from stocktake import Parsed, Reject, Request, SourceChanged, State, UnitOutcome
from stocktake.systems.nba.normalise import LEAGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

READ_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)
EMPTY_ANSWER = "empty answer"
NOT_IN_ANSWER = "not in the answer"
IN_PROGRESS = "in progress"
_SHOWN = 200
_RAW_LIMIT = 65_536

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header.

    Args:
        name: Name of the result set, or of the file.
        columns: Position by column, names in capitals.
        width: Fields a row must have.
        rows: Rows as received; of JSON they may be anything.
        places: Where each row stands (`rowSet[3]`, `line 5`); None for positions in the rowSet.
    """

    name: str
    columns: dict[str, int]
    width: int
    rows: Sequence[Any]
    places: Sequence[str] | None = None

    def place(self, at: int) -> str:
        """Return where a row stands, for a reject."""
        return f"rowSet[{at}]" if self.places is None else self.places[at]


class _ResultSet(msgspec.Struct, frozen=True):
    """One legacy result set."""

    name: str = ""
    headers: list[str] = []
    rowSet: list[Any] = []  # noqa: N815 -- the source's name


class _Legacy(msgspec.Struct, frozen=True):
    """The legacy envelope; one set, a list of sets, or sets by name."""

    resource: str = ""
    resultSets: list[_ResultSet] | dict[str, msgspec.Raw] | None = None  # noqa: N815
    resultSet: list[_ResultSet] | dict[str, msgspec.Raw] | None = None  # noqa: N815


def place(request: Request) -> str:
    """Name a request for an error text."""
    return f"{request.feed} {'/'.join(request.units[0]) if request.units else request.path}"


def changed(request: Request, reason: str) -> NoReturn:
    """Raise `SourceChanged` for an answer that is not what was asked for."""
    raise SourceChanged(f"{place(request)}: {reason}"[:500])


def decode(body: bytes, answer: type[AnswerT], request: Request) -> AnswerT:
    """Decode a whole answer.

    Raises:
        SourceChanged: It is not of that shape.
    """
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=answer)
    except READ_ERRORS as error:
        shape = str(error)[:_SHOWN]
        changed(request, f"not what was asked for: {shape}; it begins {body[:60]!r}.")


def result_sets(body: bytes, request: Request) -> dict[str, Table]:
    """Return the result sets of a legacy answer by name, in its order.

    Raises:
        SourceChanged: Not the legacy envelope, or a header names a column twice.
    """
    answer = decode(body, _Legacy, request)
    given = answer.resultSets if answer.resultSets is not None else answer.resultSet
    if given is None:
        changed(request, f"no result sets; it begins {body[:60]!r}.")
    if isinstance(given, dict):
        given = _by_name(given, request)
    tables = {}
    for one in given:
        names = [header.strip().upper() for header in one.headers]
        columns = {name: at for at, name in enumerate(names)}
        if len(columns) < len(names):
            changed(request, f"result set {one.name!r} names a column twice.")
        tables[one.name] = Table(one.name, columns, len(names), one.rowSet)
    return tables


def _by_name(given: dict[str, msgspec.Raw], request: Request) -> list[_ResultSet]:
    """Return the sets of an object: it is one itself, or holds them by name."""
    if "headers" in given:
        parts = {name: bytes(raw) for name, raw in given.items()}
        return [
            _ResultSet(
                decode(parts.get("name", b'""'), str, request),
                decode(parts["headers"], list[str], request),
                decode(parts.get("rowSet", b"[]"), list[Any], request),
            )
        ]
    sets = []
    for name, raw in given.items():
        one = decode(bytes(raw), _ResultSet, request)
        sets.append(_ResultSet(one.name or name, one.headers, one.rowSet))
    return sets


def require(table: Table, names: Iterable[str], request: Request) -> None:
    """Refuse a table without columns we need.

    Raises:
        SourceChanged: Some are not there.
    """
    if lacking := [name for name in names if name not in table.columns]:
        changed(request, f"{table.name or 'the header'} lacks {', '.join(lacking)}.")


def check_league(league: str | None, request: Request) -> None:
    """Refuse an answer about another league.

    Raises:
        SourceChanged: It is of another league.
    """
    if league not in (None, "", LEAGUE):
        changed(request, f"the answer is of league {league}, not {LEAGUE}.")


def shown(raw: object) -> str:
    """Turn a received row into text that can be stored."""
    try:
        written = raw if isinstance(raw, bytes) else msgspec.json.encode(raw)
        text = written.decode(errors="replace")
    except (TypeError, ValueError, RecursionError):
        text = ascii(raw)
    return text.replace("\x00", "�").replace("\\u0000", "�")[:_RAW_LIMIT]


def reject(parsed: Parsed, dataset: str, position: str, *, error: ValueError, raw: object) -> None:
    """Note a row that was not taken; the first words of the reason make its code."""
    parsed.rejects.append(
        Reject(dataset, position, code_of(str(error)), str(error)[:_SHOWN], shown(raw))
    )


_CODES = (
    ("is of league", "league"),
    ("unknown team", "team"),
    ("contradicts", "season"),
    ("is not in season", "season"),
    ("negative count", "negative"),
    ("game id", "game_id"),
    ("no known type", "game_id"),
    ("date", "date"),
    ("fields instead of", "fields"),
)


def code_of(reason: str) -> str:
    """Return the machine word of a reason.

    >>> code_of("unknown team 7"), code_of("'x' is not a number")
    ('team', 'value')
    """
    return next((code for words, code in _CODES if words in reason), "value")


def count(parsed: Parsed, dataset: str, read: int, *, duplicates: int = 0) -> None:
    """Add what was read of a dataset, and what of it was dropped as exact copies."""
    parsed.read[dataset] = parsed.read.get(dataset, 0) + read
    if duplicates:
        parsed.duplicates[dataset] = parsed.duplicates.get(dataset, 0) + duplicates


def note(parsed: Parsed, text: str, times: int = 1) -> None:
    """Add an observation."""
    if times:
        parsed.notes[text] = parsed.notes.get(text, 0) + times


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "game"), counted(1230, "game")
    ('1 game', '1,230 games')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def failed(request: Request, reason: str) -> list[UnitOutcome]:
    """Return the outcomes of an answer that proves nothing about what was asked."""
    return [UnitOutcome(key, State.FAILED, reason) for key in request.units]
