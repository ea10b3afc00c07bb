"""Which rows a table would refuse, or take for something else; looked at column by column."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence, Set

    from stocktake.load.tables import Column, FacetTable

Refusal = tuple[str, str]
"""A short machine word and a sentence."""

TEXT, BOOL, BYTES = 25, 16, 17
DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL = 1082, 1083, 1114, 1184, 1186
NUMERIC = 1700
JSONS = frozenset({114, 3802})
INTEGER_BITS = {21: 16, 23: 32, 20: 64}
FLOATS = frozenset({700, 701})
_NUMBERS = (int, float, Decimal)
_MISREAD = frozenset({BOOL, NUMERIC, *INTEGER_BITS, *FLOATS})
_TYPES: Mapping[int, tuple[type, ...]] = {
    TEXT: (str,),
    BOOL: (bool,),
    BYTES: (bytes,),
    DATE: (date,),
    TIME: (time,),
    TIMESTAMP: (datetime,),
    TIMESTAMPTZ: (datetime,),
    INTERVAL: (timedelta,),
    NUMERIC: (int, Decimal),
    2950: (UUID,),
    **dict.fromkeys(INTEGER_BITS, (int,)),
    **dict.fromkeys(FLOATS, _NUMBERS),
}


def refused_rows(
    table: FacetTable, rows: Sequence[tuple[Any, ...]], *, thorough: bool
) -> dict[int, Refusal]:
    """Return the positions of rows that cannot be stored as they are, with the reason of each.

    Always found, for the database would not complain: a key without value, an integer out of
    range (the driver cuts it), true or false for a number, NaN and infinity. With ``thorough``
    everything that is known to make it complain: NUL and half surrogates in texts, wrong types,
    texts and decimals too long, NULL where it is not allowed.
    """
    refused: dict[int, Refusal] = {}
    for position, column in enumerate(table.told):
        if not (thorough or column.oid in _MISREAD or column.name in table.key):
            continue
        values = list(map(itemgetter(position), rows))
        if column.name in table.key and None in values:
            _find(refused, values, column=column, rule=_no_value)
        if not _is_fair(values, column):
            _find(refused, values, column=column, rule=_misread)
        if thorough:
            _find(refused, values, column=column, rule=_refused)
    return refused


def _is_fair(values: Sequence[Any], column: Column) -> bool:
    """Return quickly whether nothing in a column would be stored as something else."""
    kinds = set(map(type, values)) - {type(None)}
    if column.oid == BOOL:
        return not kinds - {bool}
    if column.oid in INTEGER_BITS:
        if kinds - {int}:
            return False
        limit = 1 << (INTEGER_BITS[column.oid] - 1)
        given = set(values) - {None}  # all of one kind, so that equal values are one value
        return not given or (min(given) >= -limit and max(given) < limit)
    if column.oid == NUMERIC or column.oid in FLOATS:
        return not kinds - {int} or (not kinds - set(_NUMBERS) and _are_finite(kinds, values))
    return True


def _are_finite(kinds: Set[type], values: Sequence[Any]) -> bool:
    if kinds == {Decimal}:
        return all(map(Decimal.is_finite, [value for value in values if value is not None]))
    return all(map(_is_finite, values))


def _is_finite(value: float | Decimal | None) -> bool:
    """Return whether it is a number; NULL is none, but no harm either."""
    if value is None:
        return True
    return value.is_finite() if isinstance(value, Decimal) else isfinite(value)


def _find(
    refused: dict[int, Refusal],
    values: Sequence[Any],
    *,
    column: Column,
    rule: Callable[[Any, Column], Refusal | None],
) -> None:
    for at, value in enumerate(values):
        refusal = rule(value, column)
        if refusal is not None:
            refused.setdefault(at, refusal)


def _no_value(value: object, column: Column) -> Refusal | None:
    if value is None:
        return "key", f"{column.name} is part of the key and has no value."
    return None


def _misread(value: Any, column: Column) -> Refusal | None:
    if value is None:
        return None
    if column.oid == BOOL:
        return None if isinstance(value, bool) else _wrong_kind(value, column)
    bits = INTEGER_BITS.get(column.oid)
    if isinstance(value, bool) or not isinstance(value, _NUMBERS if bits is None else int):
        return _wrong_kind(value, column)
    if bits is None:
        return None if _is_finite(value) else ("not_a_number", f"{column.name} is not a number.")
    if not -(1 << (bits - 1)) <= int(value) < 1 << (bits - 1):
        return "range", f"{column.name} is outside -2^{bits - 1} … 2^{bits - 1} - 1."
    return None


def _wrong_kind(value: object, column: Column) -> Refusal:
    return "type", f"{column.name} cannot hold {type(value).__name__}."


def _refused(value: object, column: Column) -> Refusal | None:
    if value is None:
        if column.is_required:
            return "null", f"{column.name} must have a value."
        return None
    if wanted := _TYPES.get(column.oid):
        if not isinstance(value, wanted):
            return _wrong_kind(value, column)
        if column.oid == TIMESTAMPTZ and isinstance(value, datetime) and value.tzinfo is None:
            return "zone", f"{column.name} is a time without zone."
    if text := _bad_text(value):
        return text[0], f"{column.name} holds {text[1]}."
    return _too_long(value, column)


def _bad_text(value: object) -> Refusal | None:
    if isinstance(value, str):
        if "\x00" in value:
            return "nul", "the character NUL, which PostgreSQL texts cannot hold"
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            return "surrogate", "half of a surrogate pair, which is no character"
    elif isinstance(value, float) and not isfinite(value):
        return "not_a_number", "a number that JSON does not know"
    elif isinstance(value, dict):
        return _first_bad([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        return _first_bad(value)
    return None


def _first_bad(values: Sequence[object]) -> Refusal | None:
    return next((bad for value in values if (bad := _bad_text(value))), None)


def _too_long(value: object, column: Column) -> Refusal | None:
    if column.length is not None and isinstance(value, str) and len(value) > column.length:
        return "length", f"{column.name} is longer than {column.length} characters."
    if column.precision is not None and isinstance(value, int | Decimal):
        scale = column.scale or 0
        rounded = Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
        if abs(rounded) >= Decimal(10) ** (column.precision - scale):
            return "range", f"{column.name} is outside numeric({column.precision},{scale})."
    return None
