"""Signing a history off: refused, waived, recorded, unchangeable."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import psycopg
import pytest

from stocktake.errors import UsageError
from stocktake.model import Range, Severity
from stocktake.run.signed import list_signoffs, show_signoff
from tests.integration.signoff.system import SINCE

if TYPE_CHECKING:
    from tests.integration.signoff.conftest import Office


def test_a_history_without_a_flaw_is_signed_and_kept_as_it_was_measured(filled: Office) -> None:
    signed = filled.sign()

    assert signed.refused == ()
    assert signed.signoff_id is not None
    kept = show_signoff(filled.workspace, signed.signoff_id)
    assert (kept.by, kept.at, kept.until) == ("ann", filled.now, date(2026, 1, 9))
    assert [(i.name, i.severity, i.value, i.lines) for i in kept.items] == [
        (i.name, i.severity, i.value, i.lines) for i in signed.items
    ]


def test_a_history_with_a_gap_is_refused_and_nothing_is_kept(filled: Office) -> None:
    filled.lose("rain", "day between '2026-01-01' and '2026-01-05'")

    signed = filled.sign()

    assert {item.name for item in signed.refused} == {"coverage", "gaps", "rain_is_plausible"}
    assert signed.signoff_id is None
    assert list_signoffs(filled.workspace, filled.system) == []


def test_every_item_in_the_way_says_what_to_do_next(filled: Office) -> None:
    filled.lose("rain", "day between '2026-01-01' and '2026-01-05'")
    filled.execute("update stocktake.run set state = 'paused' where run_id = 1")

    advice = {item.name: item.advice for item in filled.sign().refused}

    assert advice["coverage"] == "stocktake gaps league · stocktake backfill league"
    assert advice["no_unfinished_runs"].startswith("stocktake runs league")
    assert all(advice.values())


def test_a_waived_item_is_signed_with_its_reason(filled: Office) -> None:
    filled.execute("update stocktake.run set state = 'paused' where run_id = 1")

    signed = filled.sign(waivers={"no_unfinished_runs": "ends tonight"})

    (kept,) = list_signoffs(filled.workspace, filled.system)
    assert signed.signoff_id == kept.signoff_id
    assert {i.name: (i.waived, i.severity) for i in kept.items if i.waived} == {
        "no_unfinished_runs": ("ends tonight", Severity.FAIL)
    }


def test_a_waiver_of_an_item_that_is_met_is_not_kept(filled: Office) -> None:
    signed = filled.sign(waivers={"schedules": "no need"})

    assert [item.name for item in signed.items if item.waived] == []


@pytest.mark.parametrize(("name", "reason"), [("nonsense", "why"), ("gaps", "  ")])
def test_a_waiver_must_name_an_item_and_a_reason(filled: Office, name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=name):
        filled.sign(waivers={name: reason})


def test_only_the_days_asked_about_are_judged(office: Office) -> None:
    office.rain(date(2026, 1, 1), date(2026, 1, 5))
    office.games("2026-01-02")

    signed = office.sign(Range(date(2026, 1, 1), date(2026, 1, 5)))

    assert signed.refused == ()
    assert (signed.since, signed.until) == (date(2026, 1, 1), date(2026, 1, 5))


def test_today_is_judged_only_when_asked_about(office: Office) -> None:
    office.rain(SINCE, date(2026, 1, 9))
    office.games("2026-01-02")
    criteria_missed = [
        {item.name for item in office.sign(window, record=False).items if item.severity != "pass"}
        for window in (Range(), Range(until=date(2026, 1, 10)))
    ]

    assert criteria_missed == [set(), {"coverage", "rain_is_plausible"}]


def test_a_trial_keeps_nothing(filled: Office) -> None:
    signed = filled.sign(record=False)

    assert (signed.refused, signed.signoff_id) == ((), None)
    assert list_signoffs(filled.workspace, filled.system) == []


def test_the_application_cannot_change_what_was_signed(filled: Office) -> None:
    filled.sign()

    with (
        filled.database.connection() as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("update stocktake.signoff set signed_by = 'bob'")


def test_a_number_nobody_signed_is_refused(office: Office) -> None:
    with pytest.raises(UsageError, match="no sign-off 7"):
        show_signoff(office.workspace, 7)
