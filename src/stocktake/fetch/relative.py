"""Days that an endpoint knows only as today and tomorrow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stocktake.errors import RequestRefused

if TYPE_CHECKING:
    from datetime import datetime

    from stocktake.model import Endpoint, Request


def as_sent(request: Request, endpoint: Endpoint, *, now: datetime) -> Request:
    """Return the request in the endpoint's own words.

    Args:
        request: Names days by their date.
        endpoint: Where it goes.
        now: Aware; decides which day is today.

    Raises:
        RequestRefused: A day that is neither today nor tomorrow.
    """
    if endpoint.relative_day is None:
        return request
    param, zone = endpoint.relative_day
    today = now.astimezone(ZoneInfo(zone)).date()
    words = {today: "today", today + timedelta(days=1): "tomorrow"}

    def word(value: str) -> str:
        found = words.get(date.fromisoformat(value))
        if found is None:
            raise RequestRefused(
                f"{endpoint.name} has today and tomorrow only ({today} in {zone}), not {value}."
            )
        return found

    params = tuple(
        (name, word(value) if name == param else value) for name, value in request.params
    )
    return replace(request, params=params)
