"""Answers that runs taken back had fetched: a backfill loads them without asking again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from stocktake.count.routes import end_of_day, zone_of
from stocktake.fetch.captures import read_answer, undone_answers
from stocktake.model import Days, axis_index, dimensions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stocktake.model import Capture, Feed, System
    from stocktake.run.errands import Errand
    from stocktake.store.database import Database

Units = tuple[tuple[str, ...], ...]


class KeptAnswers:
    """Answers of runs taken back that still tell what the source would tell, by feed and units."""

    def __init__(self, database: Database, system: System, *, now: datetime) -> None:
        """Look them up; their bytes are read when they are wanted."""
        self._database = database
        self._numbers: dict[tuple[str, Units], int] = {}
        feeds = {feed.name: feed for _, feed in system.feeds()}
        with database.connection() as conn:
            for one in undone_answers(conn, system.name):
                feed = feeds.get(one.feed)
                if feed is not None and is_final(
                    system, feed, one.units, at=one.fetched_at, now=now
                ):
                    self._numbers[one.feed, one.units] = one.capture_id

    def has(self, errand: Errand) -> bool:
        """Return whether ``take`` may find something: most often nothing was kept at all."""
        return (errand.feed.name, errand.request.units) in self._numbers

    def take(self, errand: Errand) -> Sequence[Capture]:
        """Return the pages of an answer to the errand, none when it must be asked for."""
        number = self._numbers.pop((errand.feed.name, errand.request.units), None)
        if number is None:
            return ()
        with self._database.connection() as conn:
            pages = read_answer(conn, number)
        return pages if pages[0].request.path == errand.request.path else ()


def is_final(
    system: System,
    feed: Feed,
    units: Sequence[Sequence[str]],
    *,
    at: datetime,
    now: datetime,
) -> bool:
    """Return whether an answer fetched at ``at`` need not be asked for again.

    Days must have been settled by then, and lists that change be younger than their refresh.
    """
    if feed.refresh_after is not None and at + feed.refresh_after < now:
        return False
    if feed.settle is None:
        return True
    dataset = system.dataset(feed.fills[0])
    axis = axis_index(dataset.partitions)
    if not isinstance(dimensions(dataset.partitions)[axis], Days):
        return False
    zone = zone_of(system, dataset)
    days = [date.fromisoformat(key[axis]) for key in units]
    return all(end_of_day(day, zone) + feed.settle.after <= at for day in days)
