"""Tables that are sorted by a click on a head: the order is in the address, as all a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.requests import Request

Row = TypeVar("Row")
DOWN = "-"


@dataclass(frozen=True, slots=True)
class Sorting(Generic[Row]):
    """The order of a table.

    Args:
        columns: What each column that can be sorted by tells of a row; ``None`` for nothing.
        query: The page's query: ``sort`` names a column, with a minus for the greatest first.
    """

    columns: Mapping[str, Callable[[Row], Any]]
    query: Mapping[str, str]

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows in order; what a column tells nothing of comes last either way."""
        column, is_down = self._asked
        if not column:
            return list(rows)
        tell = self.columns[column]
        listed = list(rows)
        known = [row for row in listed if tell(row) is not None]
        unknown = [row for row in listed if tell(row) is None]
        return [*sorted(known, key=tell, reverse=is_down), *unknown]

    def state(self, column: str) -> str:
        """Return what ``aria-sort`` says of a column.

        >>> Sorting({"missing": len}, {"sort": "-missing"}).state("missing")
        'descending'
        """
        asked, is_down = self._asked
        return "none" if asked != column else "descending" if is_down else "ascending"

    def link(self, column: str, *, first: str = "") -> str:
        """Return the address of this page sorted by a column, the other way round if it is so now.

        Args:
            column: Its name.
            first: ``-`` for columns whose greatest come first at the first click.
        """
        once, twice = first + column, column if first else DOWN + column
        told = {**self.query, "sort": twice if self.query.get("sort") == once else once}
        return "?" + urlencode({name: text for name, text in told.items() if text})

    @property
    def _asked(self) -> tuple[str, bool]:
        text = self.query.get("sort", "")
        column = text.removeprefix(DOWN)
        return (column, text.startswith(DOWN)) if column in self.columns else ("", False)


def sorting(request: Request, columns: Mapping[str, Callable[[Row], Any]]) -> Sorting[Row]:
    """Return the order that an address asks for."""
    return Sorting(columns, dict(request.query_params))
