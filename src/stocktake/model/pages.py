"""Pages that a system adds to its own: statements and how their rows are shown; no code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Panel:
    """One table of a page.

    Args:
        title: Above it.
        statement: Of the system's ``pages.sql``; its columns are the table's, its parameters are
            the page's. Columns whose name begins with ``_`` are not shown.
        links: Column → address, in which ``{column}`` stands for a row's value: ``races/{race_id}``
            below the system's own path.
        shape: ``table``; ``card`` shows the first row as names and values; ``matrix`` puts the
            second column's values in columns and the third in cells.
        empty: What it says without rows.
    """

    title: str
    statement: str
    links: tuple[tuple[str, str], ...] = ()
    shape: str = "table"
    empty: str = "Nothing yet."


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter that visitors type or slide.

    Args:
        name: Of the parameter.
        title: Its label.
        default: When nothing was typed.
        low: Least of a number, which is shown as a slider; texts have none.
        high: Greatest.
        options: Texts to choose from; empty for any.
    """

    name: str
    title: str
    default: str
    low: int | None = None
    high: int | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a system, below ``/s/SYSTEM/``.

    Args:
        path: ``leaders``, or ``races/{race_id}``: parts in braces are parameters of the statements.
        title: Heading; may name columns of the first panel's first row in braces.
        panels: Its tables.
        choices: What visitors may choose.
        text: One sentence below the heading.
        icon: One character for the navigation; pages without one are only linked to.
        trace: Dataset and its key's parameters, by which the row's origin is offered.
    """

    path: str
    title: str
    panels: tuple[Panel, ...]
    choices: tuple[Choice, ...] = ()
    text: str = ""
    icon: str = ""
    trace: tuple[str, ...] = ()
