"""The outbox: what happened is told in the transaction in which it happened, or not at all.

A note (no dedupe key) is one event. With a dedupe key an event opens an alert; as long as it is
open, telling it again only counts. With ``resolves`` it ends the alert, and is nothing when none is
open: so whatever finds that all is well may say so each time, without looking first.

Kinds are ``subject.what``, such as ``check.failed``; ``HEADLINES`` has those the engine tells of.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, Unpack

from psycopg.types.json import Jsonb

from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import psycopg

QUERIES = load_queries("stocktake.store", "sql/alerts.sql")

HEADLINES: Mapping[str, str] = MappingProxyType(
    {
        "run.started": "{subject} started",
        "run.finished": "{subject} finished",
        "run.failed": "{subject} failed",
        "run.cancelled": "{subject} was cancelled",
        "lineage.failed": "{subject} ended before it was done",
        "run.recovered": "{subject} finished, as the one before it had not",
        "run.paused": "{subject} stopped and waits to be resumed",
        "source.paused": "source {subject} is paused",
        "source.resumed": "source {subject} is asked again",
        "circuit.opened": "{subject} failed too often and is left alone for a while",
        "circuit.closed": "{subject} answers again",
        "check.failed": "check {subject} fails",
        "check.passed": "check {subject} passes again",
        "coverage.below": "coverage of {subject} is below its target",
        "coverage.met": "coverage of {subject} meets its target again",
        "gap.opened": "{subject} has lost units, or units that did not come",
        "gap.closed": "{subject} has all it had lost",
        "freshness.late": "{subject} is late",
        "freshness.met": "{subject} is fresh again",
        "schedule.missed": "schedule {subject} was missed",
        "schedule.kept": "schedule {subject} is kept again",
        "drift.found": "the ledger of {subject} differed from its rows",
        "drift.gone": "the ledger of {subject} agrees with its rows",
        "disk.low": "the disk of {subject} is nearly full",
        "disk.ok": "the disk of {subject} has room again",
        "alert.test": "a test message to {subject}",
    }
)
"""What each kind says, with the event's subject put in."""


class Told(TypedDict):
    """What an event tells.

    Attributes:
        system: Which system, empty for the whole installation.
        subject: What it is about, for people: ``ra_races``, ``run 12 (sync)``.
        details: Figures and reasons; never secrets, never addresses with parameters.
        now: When it happened, aware.
        dedupe: Key of the alert that it opens or ends; empty for a note.
        resolves: Whether it ends the alert.
    """

    system: str
    subject: str
    details: Mapping[str, Any]
    now: datetime
    dedupe: NotRequired[str]
    resolves: NotRequired[bool]


def emit(conn: psycopg.Connection[Any], kind: str, **told: Unpack[Told]) -> None:
    """Tell of something in the caller's transaction: it is told exactly if that commits.

    Args:
        conn: In a transaction.
        kind: Such as ``check.failed``.
        **told: As ``Told`` says.
    """
    parameters = {
        "kind": kind,
        "system": told["system"],
        "subject": told["subject"],
        "details": Jsonb(dict(told["details"])),
        "at": told["now"],
        "dedupe": told.get("dedupe", ""),
        "resolves": told.get("resolves", False),
    }
    conn.execute(QUERIES.emit, parameters)


def headline(kind: str, subject: str, system: str = "") -> str:
    """Return one line that says what happened.

    >>> headline("source.paused", "theracingapi", "racing")
    'racing: source theracingapi is paused'
    """
    text = HEADLINES.get(kind, "{subject}: " + kind.replace("{", "{{").replace("}", "}}"))
    line = text.format(subject=subject)
    return f"{system}: {line}" if system else line
