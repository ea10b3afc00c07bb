"""Replay: parse stored captures again after a parser changed, without the network."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from stocktake.errors import UsageError
from stocktake.fetch.captures import latest_answers, read_answer, read_capture
from stocktake.model import Days, axis_index, dimensions
from stocktake.run.reload import arrival, feed_of_format, reload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stocktake.model import Dataset, Feed, Range, Request, RunReport, Source, System
    from stocktake.run.errands import Fetched
    from stocktake.run.progress import Report
    from stocktake.run.workspace import Workspace


def replay(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    report: Report,
) -> RunReport:
    """Parse the newest stored answer of each request of the datasets' feeds again.

    Args:
        workspace: Where.
        system: Of which.
        datasets: Datasets whose feeds' captures are read.
        window: Only captures that cover a day of this range; all when open.
        report: Called with progress.
    """
    found = stored_answers(workspace, system, datasets)
    options = {
        "datasets": [dataset.name for dataset in datasets],
        "since": str(window.since or ""),
        "until": str(window.until or ""),
    }
    return reload(
        workspace,
        system,
        "replay",
        replayed(workspace, system, found, window),
        options=options,
        total=len(found),
        report=report,
    )


Way = tuple[str, tuple["Source", "Feed"]]


def stored_answers(
    workspace: Workspace, system: System, datasets: Sequence[Dataset]
) -> list[tuple[Way, int]]:
    """Return the newest stored answer of each request of the datasets' feeds: first pages."""
    ways = _ways(system, datasets)
    with workspace.database.connection() as conn:
        return [
            (way, number)
            for way in ways.items()
            for number in latest_answers(conn, system.name, way[0])
        ]


def answers_of(
    workspace: Workspace, system: System, numbers: Sequence[int]
) -> list[tuple[Way, int]]:
    """Return stored answers by the numbers of their first pages, each with the way it is read.

    Raises:
        UsageError: The system reads no such answer any more.
    """
    found = []
    with workspace.database.connection() as conn:
        for number in numbers:
            name = read_capture(conn, number).capture.request.feed
            found.append(((name, way_of(system, name)), number))
    return found


def way_of(system: System, name: str) -> tuple[Source, Feed]:
    """Return who answers of a feed or file format come from, and how they are read.

    Raises:
        UsageError: The system reads none of that name.
    """
    ways = _ways(system, system.datasets)
    if name not in ways:
        raise UsageError(f"{system.name} reads no answers of {name!r}: it has no such feed.")
    return ways[name]


def replayed(
    workspace: Workspace, system: System, found: Sequence[tuple[Way, int]], window: Range
) -> Iterator[Fetched]:
    """Yield stored answers as if they had just arrived: those that cover a day of ``window``."""
    for (_, (source, feed)), number in found:
        with workspace.database.connection() as conn:
            pages = read_answer(conn, number)
        if _covers(system, feed, pages[0].request, window):
            yield arrival(source, feed, pages[0].request, pages)


def _ways(system: System, datasets: Sequence[Dataset]) -> dict[str, tuple[Source, Feed]]:
    names = {dataset.name for dataset in datasets}
    ways = {
        feed.name: (source, feed)
        for source, feed in system.feeds()
        if names & {*feed.fills, *feed.also}
    }
    for source in system.sources:
        for form in source.files:
            if names & {*form.fills, *form.also}:
                ways[form.name] = (source, feed_of_format(form))
    return ways


def _covers(system: System, feed: Feed, request: Request, window: Range) -> bool:
    """Return whether an answer covers a day of the range; answers without days always do."""
    partitions = system.dataset(feed.fills[0]).partitions
    axis = axis_index(partitions)
    if not isinstance(dimensions(partitions)[axis], Days) or not request.units:
        return True
    days = [date.fromisoformat(key[axis]) for key in request.units]
    return any(
        (window.since is None or day >= window.since)
        and (window.until is None or day <= window.until)
        for day in days
    )
