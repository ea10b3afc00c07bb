"""A small system of our own: days by regions with two feeds, members, a derived table, codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from stocktake.model import (
    Calendar,
    Closure,
    Cross,
    Dataset,
    Days,
    Derivation,
    Endpoint,
    Feed,
    FromDataset,
    Parsed,
    Request,
    Settle,
    Source,
    State,
    System,
    Values,
    Window,
)

SINCE = date(2026, 1, 1)
REGIONS = ("north", "south")
CLOSED = Closure(date(2026, 1, 6), date(2026, 1, 6), "holiday", ("north",))
DAYS = Cross((Days(SINCE, "Europe/London"), Values(REGIONS)))


def by_day(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    days: dict[str, list[tuple[str, ...]]] = {}
    for unit in units:
        days.setdefault(unit[0], []).append(unit)
    for day, keys in days.items():
        yield Request("results", f"/results/{day}", units=tuple(keys))


def one_each(units: Sequence[tuple[str, ...]]) -> Iterable[Request]:
    for unit in units:
        yield Request("profiles", f"/guests/{unit[0]}", units=(unit,))


def unparsed(bodies: Sequence[bytes], request: Request, at: datetime) -> Parsed:
    return Parsed()


results = Feed(
    "results",
    Endpoint("results", 5),
    ("visits",),
    by_day,
    unparsed,
    also=("guests",),
    window=Window(
        days_back=30,
        state=State.UNRECOVERABLE,
        reason="plan: add-on",
        lifted_by="add_on",
    ),
    settle=Settle(timedelta(hours=4), (timedelta(days=1), timedelta(days=3))),
)
cards = Feed(
    "cards",
    Endpoint("cards", 2),
    ("visits",),
    by_day,
    unparsed,
    also=("guests",),
    window=Window(since=date(2026, 1, 5), days_ahead=7, reason="source starts 2026-01-05"),
)
profiles = Feed(
    "profiles", Endpoint("profiles", 5), ("guests",), one_each, unparsed, required=False, turn=1
)
visits = Dataset(
    "visits", ("visit_id",), DAYS, expect=Calendar((CLOSED,)), target=0.99, title="Visits"
)
guests = Dataset("guests", ("id",), FromDataset("visits", "guest_id"), after=("visits",))
totals = Dataset("totals", ("day", "region"), DAYS, expect=Calendar((CLOSED,)), after=("visits",))
codes = Dataset("codes", ("code",), Values(("a", "b", "c")))

little = System(
    "little",
    "tests.integration.count.little",
    (visits, guests, totals, codes),
    (Source("shop", "https://shop.invalid", feeds=(results, cards, profiles)),),
    (Derivation("totals", "totals", ("visits",), ("day",)),),
    zone="Europe/London",
)
