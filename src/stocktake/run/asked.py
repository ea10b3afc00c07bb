"""One question to a source, asked by hand: as polite as any request, and captured."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from stocktake.count.explain import why
from stocktake.errors import SourceUnavailable, UsageError
from stocktake.fetch.captures import store_captures
from stocktake.model import Feed, Parsed, Request, State
from stocktake.run.errands import Errand
from stocktake.run.fetching import open_fetching
from stocktake.run.progress import silent
from stocktake.run.reload import NO_PART, arrival, feed_of_format, reload
from stocktake.run.workspace import reachable_sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stocktake.fetch.answer import Answer
    from stocktake.model import Capture, Endpoint, FileFormat, RunReport, Source, System
    from stocktake.run.workspace import Workspace

PLACES = re.compile(r"\{(\w+)\}")


def find_endpoint(system: System, name: str) -> tuple[Source, Endpoint]:
    """Return an endpoint of the system's sources by its name.

    Raises:
        UsageError: There is none, or it has none for questions.
    """
    known = {
        endpoint.name: (source, endpoint)
        for source in system.sources
        for endpoint in (*source.lookups, *(feed.endpoint for feed in source.feeds))
    }
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise UsageError(f"{system.name} has no endpoint {name!r}.", hint=f"Endpoints: {listed}.")
    return known[name]


def ask(
    workspace: Workspace,
    system: System,
    name: str,
    values: Sequence[tuple[str, str]],
) -> tuple[Capture, ...]:
    """Send one question through the source's gate, guard and login; return its stored captures.

    Args:
        workspace: Where captures are kept.
        system: Whose source.
        name: Name of an endpoint, such as ``/v1/horses/search``.
        values: Query parameters in order; those named in the endpoint's path fill it.

    Raises:
        UsageError: No such endpoint, or a part of its path was not given.
        SourceUnavailable: There was no good answer; what came is kept as evidence.
    """
    source, endpoint = find_endpoint(system, name)
    request = _request(endpoint, values)
    with reachable_sources(workspace, system) as settings:
        feed = Feed(request.feed, endpoint, (), requests=lambda _: (), parse=_unread)
        errand = Errand(NO_PART, source, feed, request, ())

        async def fetch() -> Answer:
            async with open_fetching(
                workspace.database, settings, stored={}, clock=workspace.clock
            ) as fetching:
                return await fetching.fetch(errand)

        answer = asyncio.run(fetch())
    with workspace.database.connection() as conn:
        stored = store_captures(
            conn,
            (*answer.evidence, *answer.captures),
            system=system.name,
            source=source.name,
            endpoint=endpoint.name,
            run_id=None,
        )
    if answer.failure is not None:
        raise SourceUnavailable(
            f"{source.name} {request.path}: {answer.failure.reason}.",
            hint=f"stocktake sources {system.name}",
        )
    return tuple(stored[len(answer.evidence) :])


def form_of(source: Source, endpoint: Endpoint) -> FileFormat:
    """Return how answers of an endpoint are read when they are to be loaded.

    Raises:
        UsageError: They are for reading by people only.
    """
    for form in source.files:
        if form.lookup == endpoint.name:
            return form
    can = ", ".join(form.lookup for form in source.files if form.lookup) or "none"
    raise UsageError(
        f"answers of {endpoint.name} cannot be loaded.", hint=f"Endpoints that can be: {can}."
    )


def load_answer(
    workspace: Workspace, system: System, name: str, pages: Sequence[Capture]
) -> RunReport:
    """Load what ``ask`` brought, as a run of its own; complete units stay complete.

    Raises:
        UsageError: Such answers cannot be loaded.
    """
    source, endpoint = find_endpoint(system, name)
    form = form_of(source, endpoint)
    plain = feed_of_format(form)

    def parse(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
        parsed = plain.parse(bodies, request, fetched_at)
        return _without_complete(workspace, system, form, parsed)

    feed = dataclasses.replace(plain, parse=parse)
    request = dataclasses.replace(pages[0].request, feed=form.name)
    return reload(
        workspace,
        system,
        "repair",
        [arrival(source, feed, request, pages)],
        options={"endpoint": name, "params": [list(pair) for pair in request.params]},
        total=1,
        report=silent,
    )


def _without_complete(
    workspace: Workspace, system: System, form: FileFormat, parsed: Parsed
) -> Parsed:
    """Leave out what an answer about a part says of units that are whole."""
    dataset = system.dataset(form.fills[0])
    with workspace.database.connection() as conn:
        parsed.outcomes = [
            outcome
            for outcome in parsed.outcomes
            if why(
                conn,
                system,
                dataset,
                outcome.key,
                now=workspace.clock(),
                lifted=workspace.lifted(system),
            ).state
            is not State.COMPLETE
        ]
    return parsed


def _request(endpoint: Endpoint, values: Sequence[tuple[str, str]]) -> Request:
    places = PLACES.findall(endpoint.name)
    given = dict(values)
    lacking = [place for place in places if not given.get(place)]
    if lacking:
        raise UsageError(
            f"{endpoint.name} needs {' and '.join(lacking)}.",
            hint=f"Add {' '.join(f'{place}=…' for place in lacking)}.",
        )
    path = PLACES.sub(lambda found: quote(given[found[1]], safe=""), endpoint.name)
    return Request("ask", path, tuple(pair for pair in values if pair[0] not in places))


def _unread(_bodies: Sequence[bytes], _request: Request, _fetched_at: datetime) -> Parsed:
    return Parsed()
