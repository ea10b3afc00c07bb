"""When a gap of now or of the past would have been noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from stocktake.model import Range
from stocktake.run.checked import check_system
from stocktake.run.noticed import notices
from tests.integration.signoff.system import LEAGUE, SINCE

if TYPE_CHECKING:
    from stocktake.report.health import Notice
    from tests.integration.signoff.conftest import Office

ALL = Range()


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def found(office: Office, window: Range = ALL) -> list[Notice]:
    with office.workspace.database.connection() as conn:
        listed, count = notices(
            conn, office.workspace, office.system, office.system.datasets, window, limit=10
        )
    assert count == len(listed)
    return listed


def lose_and_wait(office: Office) -> None:
    """Fill up to Saturday the 10th, lose three days then, look again on the 21st."""
    office.fill()
    office.lose("rain", "day between '2026-01-02' and '2026-01-04' and station = 'moor'")
    office.now = at("2026-01-21")
    office.rain(date(2026, 1, 11), date(2026, 1, 21))


def test_nothing_is_told_of_a_history_without_loss(filled: Office) -> None:
    assert found(filled) == []


def test_nothing_is_told_before_anything_was_loaded(office: Office) -> None:
    assert found(office) == []


def test_lost_rows_are_noticed_by_the_next_scheduled_check(office: Office) -> None:
    lose_and_wait(office)

    told = next(one for one in found(office) if one.loss.was_held)

    assert (told.loss.dataset, told.loss.series, told.loss.feed) == ("rain", ("moor",), "readings")
    assert (told.loss.first, told.loss.last, told.loss.units) == ("2026-01-02", "2026-01-04", 3)
    assert (told.loss.lost_at, told.loss.back_at) == (at("2026-01-10"), None)
    assert (told.at, told.by) == (
        at("2026-01-12", 8),
        "schedule health, check was due",
    )
    assert told.days is not None
    assert round(told.days, 2) == 1.83


def test_lost_rows_that_came_back_say_when(office: Office) -> None:
    lose_and_wait(office)
    office.now = at("2026-01-25")
    office.rain(date(2026, 1, 2), date(2026, 1, 4), "moor")

    told = next(one for one in found(office) if one.loss.was_held)

    assert (told.loss.back_at, told.at) == (at("2026-01-25"), at("2026-01-12", 8))


def test_a_loss_mended_before_the_next_check_was_noticed_by_none(filled: Office) -> None:
    filled.lose("rain", "day = '2026-01-02'")
    filled.now = at("2026-01-11")
    filled.rain(date(2026, 1, 2), date(2026, 1, 2))

    told = found(filled)

    assert {one.by for one in told} == {"held again before the next check"}
    assert [one.at for one in told] == [None, None]


def test_a_kept_check_that_warned_earlier_noticed_first(filled: Office) -> None:
    filled.lose("rain", "day = '2026-01-02'")
    filled.now = at("2026-01-11")
    filled.rain(date(2026, 1, 11), date(2026, 1, 11))
    check_system(filled.workspace, LEAGUE, LEAGUE.datasets, ALL)
    filled.now = at("2026-01-21")

    told = next(one for one in found(filled) if one.loss.was_held)

    assert (told.at, told.by) == (
        at("2026-01-11"),
        "check rain_coverage, as kept",
    )


def test_days_that_never_came_are_lost_from_when_they_were_due(filled: Office) -> None:
    filled.now = at("2026-01-21")
    filled.rain(date(2026, 1, 11), date(2026, 1, 21), "harbour")

    (told,) = [one for one in found(filled) if one.loss.back_at is None]

    assert (told.loss.series, told.loss.first, told.loss.last) == (
        ("moor",),
        "2026-01-11",
        "2026-01-21",
    )
    assert (told.loss.lost_at, told.loss.was_held, told.loss.back_at) == (
        at("2026-01-12", 0),
        False,
        None,
    )
    assert told.at == at("2026-01-12", 8)


def test_days_that_came_late_are_told_with_when_they_came(filled: Office) -> None:
    filled.now = at("2026-01-21")
    filled.rain(date(2026, 1, 11), date(2026, 1, 21))

    told = found(filled)

    assert [(one.loss.series, one.loss.first, one.loss.last, one.loss.back_at) for one in told] == [
        (("harbour",), "2026-01-11", "2026-01-18", at("2026-01-21")),
        (("moor",), "2026-01-11", "2026-01-18", at("2026-01-21")),
    ]


def test_what_a_backfill_of_the_past_brings_was_never_late(office: Office) -> None:
    office.rain(SINCE, date(2025, 12, 31))
    office.now = at("2026-01-20")
    office.rain(date(2026, 1, 1), date(2026, 1, 9))

    told = [one for one in found(office) if one.loss.back_at is not None]

    assert told == []


def test_games_that_came_late_are_told_by_their_days(filled: Office) -> None:
    filled.now = at("2026-01-11")
    filled.load("fixture", [("x", "2026-01-12"), ("y", "2026-01-14")])
    filled.now = at("2026-01-25")
    filled.rain(date(2026, 1, 11), date(2026, 1, 25))
    filled.load("score", [("x", 80), ("y", 80)])

    (told,) = [one for one in found(filled) if one.loss.dataset == "score"]

    assert (told.loss.first, told.loss.last, told.loss.units) == ("2026-01-12", "2026-01-14", 2)
    # 4 of 5 games held is below the 90 % that warns; on the 12th at 8 the first game was not over
    assert told.at == at("2026-01-19", 8)


def test_a_loss_within_the_limits_is_noticed_by_no_check(filled: Office) -> None:
    checks = tuple(replace(one, warn=None) for one in LEAGUE.dataset("rain").checks)
    rain = replace(LEAGUE.dataset("rain"), checks=checks)
    datasets = (*LEAGUE.datasets[:2], rain)
    filled.system = replace(LEAGUE, datasets=datasets)
    filled.lose("rain", "day = '2026-01-02' and station = 'moor'")

    told = next(one for one in found(filled) if one.loss.was_held)

    assert told.at is None
    assert told.by.startswith("not by the 14 checks after it")


def test_without_a_schedule_only_a_count_says_so(filled: Office) -> None:
    filled.system = replace(LEAGUE, schedules=())
    filled.lose("rain", "day = '2026-01-02'")

    told = found(filled)

    assert {one.by for one in told} == {
        "no scheduled check looks at it; a count, or this report, does"
    }


def test_only_gaps_of_the_days_asked_about_are_told(office: Office) -> None:
    lose_and_wait(office)

    told = found(office, Range(date(2026, 1, 20), date(2026, 1, 21)))

    assert told == []


def test_days_that_never_came_are_told_beside_older_rows_that_were_lost(filled: Office) -> None:
    filled.lose("rain", "day = '2026-01-02' and station = 'moor'")
    filled.now = at("2026-01-21")
    filled.rain(date(2026, 1, 11), date(2026, 1, 21), "harbour")

    told = [one.loss for one in found(filled) if one.loss.series == ("moor",)]

    assert [(loss.first, loss.last, loss.was_held) for loss in told] == [
        ("2026-01-11", "2026-01-21", False),
        ("2026-01-02", "2026-01-02", True),
    ]
