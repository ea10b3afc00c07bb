"""How JSON is written into a COPY: the driver's own way costs a third of a row of forty columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from psycopg.types.json import JsonbBinaryDumper

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import Buffer

_JSONB_VERSION = b"\x01"
_TEXTS = frozenset({str})


class QuickLists(JsonbBinaryDumper):
    """Lists of texts by msgspec; everything else as the driver does, with its refusals."""

    def dump(self, obj: Any) -> Buffer | None:
        """Return the value as jsonb is sent."""
        if type(obj) in (tuple, list) and _TEXTS.issuperset(map(type, obj)):
            return _JSONB_VERSION + msgspec.json.encode(obj)
        return super().dump(obj)


def quicken(cursor: psycopg.Cursor[Any]) -> None:
    """Let a cursor's COPY write JSON this way."""
    cursor.adapters.register_dumper(None, QuickLists)
