"""What a system offers over HTTP besides the engine's own paths: declared, never programmed.

A system lists views in ``System.views``; their statements are in its ``api.sql``. They are served
below ``/api/v1/<system>/``, with roles, pages, ETags and OpenAPI like every other path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = type[str] | type[int] | type[date] | type[bool]
Shows = Literal["rows", "one", "layers", "gate", "unit"]
_PLACE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Ask:
    """A parameter of a view's query.

    Args:
        name: As it is written in the address and in the statement.
        kind: What it is.
        title: What it means, for people.
        default: Passed when it is left out; ``None`` is NULL.
    """

    name: str
    kind: Kind = str
    title: str = ""
    default: str | int | bool | date | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A path a system offers.

    Args:
        path: Below ``/api/v1/<system>/``; ``{name}`` is a text of the path.
        title: One line for people.
        shows: ``rows`` in pages, ``one`` document, or what the engine knows: the ``layers`` of a
            period day by day, a ``gate``, a ``unit`` in every dataset that has it.
        statement: Name in ``api.sql``; its parameters are those of path and query.
        key: Columns that order the rows and name each of them; pages go on after the last.
        asks: Parameters of the query.
        parts: Lists within a document: member, statement.
        rows_of: Dataset whose rows these are: each links to its provenance.
        named: The gate, or the column that names the unit.
    """

    path: str
    title: str
    shows: Shows
    statement: str = ""
    key: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    rows_of: str = ""
    named: str = ""

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the path's texts, in order."""
        return tuple(_PLACE.findall(self.path))


def rows(
    path: str,
    statement: str,
    title: str,
    *,
    key: tuple[str, ...],
    asks: tuple[Ask, ...] = (),
    rows_of: str = "",
) -> View:
    """Declare a list of rows in pages, ordered by ``key``."""
    return View(path, title, "rows", statement, key, asks, rows_of=rows_of)


def one(
    path: str,
    statement: str,
    title: str,
    *,
    parts: tuple[tuple[str, str], ...] = (),
    rows_of: str = "",
) -> View:
    """Declare a document made of one row, and lists within it; absent when there is no row."""
    return View(path, title, "one", statement, parts=parts, rows_of=rows_of)


def layers(path: str, title: str) -> View:
    """Declare what every dataset of members that fall on days holds of each day of a period."""
    return View(path, title, "layers")


def gate(path: str, name: str, title: str) -> View:
    """Declare a gate's verdict."""
    return View(path, title, "gate", named=name)


def unit(path: str, column: str, title: str) -> View:
    """Declare a unit's state in every dataset that is counted by ``column``."""
    return View(path, title, "unit", named=column)
