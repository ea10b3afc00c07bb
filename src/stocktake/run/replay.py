"""Replay: parse stored captures again after a parser changed, without the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.fetch.captures import captures_to_replay, read_pages
from stocktake.run.reload import arrival, feed_of_format, reload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stocktake.model import Dataset, Feed, Range, RunReport, Source, System
    from stocktake.run.clock import Clock
    from stocktake.run.progress import Report
    from stocktake.run.pump import Fetched
    from stocktake.run.workspace import Workspace


def replay(
    workspace: Workspace,
    system: System,
    datasets: Sequence[Dataset],
    window: Range,
    *,
    clock: Clock,
    report: Report,
) -> RunReport:
    """Parse the newest stored answer of each request of the datasets' feeds again.

    Args:
        workspace: Where.
        system: Of which.
        datasets: Datasets whose feeds' captures are read.
        window: Only captures that cover a day of this range; all when open.
        clock: Gives the present instant.
        report: Called with progress.
    """
    ways = _ways(system, datasets)
    with workspace.database.connection() as conn:
        first_pages = captures_to_replay(conn, system.name, list(ways), window=window)

    def arrivals() -> Iterator[Fetched]:
        for first in first_pages:
            with workspace.database.connection() as conn:
                pages = read_pages(conn, first)
            source, feed = ways[pages[0].request.feed]
            yield arrival(source, feed, pages[0].request, pages)

    options = {
        "datasets": [dataset.name for dataset in datasets],
        "since": str(window.since or ""),
        "until": str(window.until or ""),
    }
    return reload(
        workspace,
        system,
        "replay",
        arrivals(),
        options=options,
        total=len(first_pages),
        clock=clock,
        report=report,
    )


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
