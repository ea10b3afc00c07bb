"""What the pages of a system show: its own statements, asked with what visitors chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import DataError

from stocktake.errors import UsageError
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stocktake.model import System
    from stocktake.model.pages import Choice, Page, Panel
    from stocktake.run.workspace import Workspace

MOST_ROWS = 300
MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel with its rows; ``is_cut`` when there were more than are shown."""

    panel: Panel
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    is_cut: bool


def matched(page: Page, path: str) -> dict[str, str] | None:
    """Return the parameters a path gives a page, ``None`` when it is not the page's.

    >>> from stocktake.model.pages import Page
    >>> matched(Page("races/{race_id}", "Race", ()), "races/rac_1")
    {'race_id': 'rac_1'}
    """
    wanted, given = page.path.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    found: dict[str, str] = {}
    for name, text in zip(wanted, given, strict=True):
        if name.startswith("{"):
            found[name.strip("{}")] = text[:MOST_TEXT]
        elif name != text:
            return None
    return found


def chosen(page: Page, typed: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each choice: as typed where it fits, else its default."""
    return {one.name: _fitting(one, typed.get(one.name, "")) for one in page.choices}


def _fitting(choice: Choice, text: str) -> str:
    if choice.low is not None and choice.high is not None:
        fits = text.isdecimal() and choice.low <= int(text[:9]) <= choice.high
        return text if fits else choice.default
    if choice.options:
        return text if text in choice.options else choice.default
    return text[:MOST_TEXT] or choice.default


def panels_of(
    workspace: Workspace, system: System, page: Page, given: Mapping[str, str]
) -> list[Shown]:
    """Ask every statement of a page.

    Raises:
        UsageError: A parameter is no value that the statement can compare.
    """
    queries = load_queries(system.package, "pages.sql")
    found = []
    with workspace.database.connection() as conn:
        for panel in page.panels:
            try:
                cursor = conn.execute(queries[panel.statement], dict(given))
            except DataError as error:
                raise UsageError(f"{page.title}: no such value: {error}") from error
            names = [one.name for one in cursor.description or ()]
            rows = cursor.fetchmany(MOST_ROWS + 1)
            found.append(
                Shown(
                    panel,
                    [name for name in names if not name.startswith("_")],
                    [dict(zip(names, row, strict=True)) for row in rows[:MOST_ROWS]],
                    is_cut=len(rows) > MOST_ROWS,
                )
            )
    return found
