"""Rules that list the units a dataset promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Protocol

from stocktake.model.unit import Span, State

if TYPE_CHECKING:
    from collections.abc import Iterable


class Expectation(Protocol):
    """A rule for datasets whose units are days: which days of a series are promised."""

    def spans(self, series: tuple[str, ...], since: date, until: date) -> Iterable[Span]:
        """Return spans covering ``since`` to ``until`` (included) once each, oldest first.

        No span at all means that nothing is known about this series: coverage is n/a.
        """
        ...


@dataclass(frozen=True, slots=True)
class Closure:
    """Days on which a series has no units, and why.

    Args:
        first: First day.
        last: Last day, included.
        series: Series key concerned; empty means every series.
        reason: Shown to users.
    """

    first: date
    last: date
    reason: str
    series: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """Every day is promised but those of ``closures``.

    Args:
        closures: Days without units; they may overlap, the earlier listed one gives the reason.
        only: Series for which the calendar speaks; empty means all. For others nothing is known.
    """

    closures: tuple[Closure, ...] = ()
    only: tuple[tuple[str, ...], ...] = ()

    def spans(self, series: tuple[str, ...], since: date, until: date) -> Iterable[Span]:
        """Return promised and closed spans from ``since`` to ``until``, both included."""
        if self.only and series not in self.only:
            return
        closed = sorted(
            (closure for closure in self.closures if closure.series in ((), series)),
            key=lambda closure: closure.first,
        )
        day = since
        for closure in closed:
            first, last = max(closure.first, day), min(closure.last, until)
            if first > last:
                continue
            if day < first:
                yield Span(day, first - timedelta(days=1))
            yield Span(first, last, State.NOT_EXPECTED, closure.reason)
            day = last + timedelta(days=1)
        if day <= until:
            yield Span(day, until)


@dataclass(frozen=True, slots=True)
class Listed:
    """Only the listed days of each series are promised (a fixtures list, a race-day index).

    Args:
        days: Per series key, the days promised.
        reason: Why other days are not expected.
        cancelled: Per series key, listed days that did not take place.
    """

    days: tuple[tuple[tuple[str, ...], tuple[date, ...]], ...]
    reason: str
    cancelled: tuple[tuple[tuple[str, ...], tuple[date, ...]], ...] = ()

    def spans(self, series: tuple[str, ...], since: date, until: date) -> Iterable[Span]:
        """Return one span a listed day and the gaps between them; nothing for other series."""
        listed = dict(self.days)
        if series not in listed:
            return
        cancelled = set(dict(self.cancelled).get(series, ()))
        day = since
        for promised in sorted(listed[series]):
            if not day <= promised <= until:
                continue
            if day < promised:
                yield Span(day, promised - timedelta(days=1), State.NOT_EXPECTED, self.reason)
            off = promised in cancelled
            yield Span(
                promised,
                promised,
                State.NOT_EXPECTED if off else State.MISSING,
                "cancelled" if off else "",
            )
            day = promised + timedelta(days=1)
        if day <= until:
            yield Span(day, until, State.NOT_EXPECTED, self.reason)
