"""Rules that list the units a dataset promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Protocol

from stocktake.model.unit import Span, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Days are promised by rows: a fixtures list or an index that was loaded into a dataset.

    The engine runs ``statement`` of the system's ``count.sql`` (columns ``series text[]``,
    ``day date``, ``is_cancelled boolean``) and counts by what ``read`` makes of its rows.

    Args:
        statement: Its name.
        reason: Why other days of a listed series are not expected.
        otherwise: Speaks for series of which no day is listed.
        named_by: Dataset whose rows list the days, where feeds bring them: a run that fetches
            them asks for the days they list in the same go.
    """

    statement: str
    reason: str
    otherwise: Expectation
    named_by: str = ""

    def spans(self, series: tuple[str, ...], since: date, until: date) -> Iterable[Span]:
        """Return what holds while no day is listed."""
        return self.otherwise.spans(series, since, until)

    def read(self, rows: Iterable[tuple[tuple[str, ...], date, bool]]) -> Expectation:
        """Return the rule that the statement's rows amount to."""
        days: dict[tuple[str, ...], list[date]] = {}
        cancelled: dict[tuple[str, ...], list[date]] = {}
        for series, day, is_cancelled in rows:
            days.setdefault(tuple(series), []).append(day)
            if is_cancelled:
                cancelled.setdefault(tuple(series), []).append(day)
        if not days:
            return self.otherwise
        listed = Listed(_frozen(days), self.reason, _frozen(cancelled))
        return Either(listed, frozenset(days), self.otherwise)


@dataclass(frozen=True, slots=True)
class Either:
    """One rule for some series, another for the rest."""

    listed: Listed
    listed_series: frozenset[tuple[str, ...]]
    otherwise: Expectation

    def spans(self, series: tuple[str, ...], since: date, until: date) -> Iterable[Span]:
        """Return the spans of the rule that speaks for the series."""
        return self.rule_for(series).spans(series, since, until)

    def rule_for(self, series: tuple[str, ...]) -> Expectation:
        """Return the rule that speaks for the series."""
        return self.listed if series in self.listed_series else self.otherwise


def _frozen(
    days: Mapping[tuple[str, ...], list[date]],
) -> tuple[tuple[tuple[str, ...], tuple[date, ...]], ...]:
    return tuple((series, tuple(sorted(set(told)))) for series, told in days.items())
