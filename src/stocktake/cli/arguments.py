"""Reading what users type; every refusal says what would be accepted."""

from __future__ import annotations

import getpass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stocktake.errors import UsageError
from stocktake.model import PlanOptions, Range, State
from stocktake.run.clock import instant_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDERS = ("newest", "oldest", "priority", "value")

SystemName = Annotated[str, typer.Argument(help="System, as `stocktake systems` lists them.")]
DatasetNames = Annotated[
    list[str] | None, typer.Argument(help="Datasets, old names too; all when none is named.")
]
Since = Annotated[str, typer.Option(help="First day, included: YYYY-MM-DD.")]
Until = Annotated[str, typer.Option(help="Last day, included: YYYY-MM-DD.")]
Period = Annotated[
    str,
    typer.Option("--period", "--season", help="A stretch the system knows by name: 2024-25."),
]
States = Annotated[
    list[str] | None,
    typer.Option("--state", "--states", help="Only these unit states; repeat, or join by commas."),
]


def read_day(text: str, option: str) -> date | None:
    """Return a day from ``YYYY-MM-DD``; ``None`` for an empty text.

    Raises:
        UsageError: It is not a day of the calendar.
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a day.", hint="Write it as YYYY-MM-DD, such as 2024-03-31."
        ) from None


def read_range(since: str, until: str) -> Range:
    """Return the range of ``--since`` and ``--until``.

    Raises:
        UsageError: A day is malformed, or the range is reversed.
    """
    first, last = read_day(since, "--since"), read_day(until, "--until")
    if first and last and first > last:
        raise UsageError(
            f"--since {first} is after --until {last}.",
            hint=f"Did you mean --since {last} --until {first}?",
        )
    return Range(first, last)


def read_instant(
    text: str, option: str, *, day_is: Literal["start", "end"] = "end"
) -> datetime | None:
    """Return an instant from ISO 8601, UTC when it names no zone; a day is its end or start."""
    if not text:
        return None
    try:
        return instant_of(text, day_is=day_is)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not an instant.",
            hint="Write a day (2024-03-31) or an instant (2024-03-31T06:00Z).",
        ) from None


def read_states(texts: Sequence[str] | None) -> tuple[State, ...]:
    """Return states from words joined by commas.

    Raises:
        UsageError: A word is no state.
    """
    words = [word.strip() for text in texts or () for word in text.split(",") if word.strip()]
    known = {state.value for state in State}
    for word in words:
        if word not in known:
            raise UsageError(f"{word!r} is no unit state.", hint=f"States: {', '.join(State)}.")
    return tuple(State(word) for word in words)


def checked(options: PlanOptions) -> PlanOptions:
    """Return plan options that make sense.

    Raises:
        UsageError: An order that does not exist, or a sample below 1.
    """
    if options.order not in ORDERS:
        raise UsageError(
            f"--order {options.order!r} does not exist.", hint=f"Orders: {', '.join(ORDERS)}."
        )
    for option, value in (
        ("--sample", options.sample),
        ("--max-requests", options.max_requests),
    ):
        if value is not None and value < 1:
            raise UsageError(f"{option} must be at least 1, not {value}.")
    return options


def login_name(by: str) -> str:
    """Return who acts: what ``--by`` says, else the account's name.

    Raises:
        UsageError: Neither is known.
    """
    if by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError("nobody is logged in here by name.", hint="Add --by NAME.") from None
