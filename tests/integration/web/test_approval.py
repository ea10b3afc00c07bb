"""Plans above a configured cost: approved by a person before anything is fetched."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from stocktake.access.roles import Role
from stocktake.errors import ConfigurationError, PlanRefused
from stocktake.model import PlanOptions
from stocktake.plan.changed import FeedChange, plan_changes
from stocktake.run.approved import approval_of, approve_plan
from stocktake.run.backfill import backfill
from stocktake.run.operations import list_plans
from stocktake.run.planned import make_and_save
from stocktake.settings import load_settings
from tests.integration.web.conftest import NBA, RACING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Pages

TWO_DAYS = PlanOptions(
    datasets=("ra_races",), since=date(2026, 2, 10), until=date(2026, 2, 11), order="oldest"
)


def kept(pages: Pages) -> int:
    plan = make_and_save(pages.workspace, RACING, TWO_DAYS, save=True)
    assert plan.plan_id is not None
    return plan.plan_id


def test_a_plan_below_the_limit_needs_no_approval(pages: Pages) -> None:
    pages.change(approve_above_requests=1_000)
    plan = make_and_save(pages.workspace, RACING, TWO_DAYS, save=True)

    assert approval_of(pages.workspace, plan).obstacle == ""


def test_a_plan_above_the_limit_is_not_run_and_says_how_it_could_be(pages: Pages) -> None:
    pages.change(approve_above_requests=1)

    with pytest.raises(PlanRefused) as refused:
        backfill(pages.workspace, RACING, TWO_DAYS)

    (line,) = list_plans(pages.workspace, limit=5)
    assert "above 1 somebody must approve it" in refused.value.message
    assert f"stocktake plan approve {line.plan_id}" in (refused.value.hint or "")


def test_hours_at_the_allowed_rates_are_a_cost_too(pages: Pages) -> None:
    pages.change(approve_above_hours=0.0001)

    with pytest.raises(PlanRefused, match="hours at the allowed rates"):
        backfill(pages.workspace, RACING, TWO_DAYS)


def test_an_approval_is_of_one_plan_by_one_person(pages: Pages) -> None:
    pages.change(approve_above_requests=1)
    first, second = kept(pages), kept(pages)

    approve_plan(pages.workspace, first, by="ann")
    told = approve_plan(pages.workspace, first, by="olaf")

    other = make_and_save(pages.workspace, RACING, TWO_DAYS, save=True)
    assert (told.obstacle, told.by, told.at) == ("", "ann", pages.clock())
    assert second != first
    assert approval_of(pages.workspace, other).obstacle


def test_the_api_queues_a_costly_plan_only_once_it_is_approved(pages: Pages) -> None:
    pages.change(approve_above_requests=1)
    plan_id = kept(pages)
    operator = pages.with_key(Role.OPERATOR)

    refused = operator.post("/api/v1/systems/racing/backfill", json={"plan_id": plan_id})
    told = operator.post(f"/api/v1/plans/{plan_id}/approve").json()
    started = operator.post("/api/v1/systems/racing/backfill", json={"plan_id": plan_id})

    assert (refused.status_code, refused.json()["code"]) == (409, "refused")
    assert "somebody must approve it" in told["approval_needed"]
    assert started.status_code == 202


def test_the_page_disables_start_with_the_reason_until_somebody_approves(pages: Pages) -> None:
    pages.change(approve_above_requests=1)
    place = f"/s/racing/plans/{kept(pages)}"

    before = pages.get("olaf", place).text
    refused = pages.post("olaf", f"{place}/start")
    approved = pages.post("olaf", f"{place}/approve")
    after = pages.get("olaf", place).text
    started = pages.post("olaf", f"{place}/start")

    assert "<button disabled" in before
    assert "above 1 somebody must approve it" in before
    assert refused.status_code == 409
    assert (approved.status_code, approved.headers["location"]) == (303, place)
    assert "Approved by olaf" in after
    assert "<button disabled" not in after
    assert started.headers["location"].startswith("/runs/")


def test_a_viewer_may_not_approve(pages: Pages) -> None:
    assert pages.post("vera", f"/s/racing/plans/{kept(pages)}/approve").status_code == 403


def test_an_assumed_rate_wants_the_source_typed(pages: Pages) -> None:
    plan = make_and_save(
        pages.workspace, NBA, PlanOptions(datasets=("schedule",), sample=3), save=True
    )
    place = f"/s/nba/plans/{plan.plan_id}"
    (source,) = {cost.source for cost in plan.costs}

    shown = pages.get("olaf", place).text
    refused = pages.post("olaf", f"{place}/start", confirm="yes")
    started = pages.post("olaf", f"{place}/start", confirm=source)

    assert "states no rate: the time is unknown" in shown
    assert refused.status_code == 422
    assert 'aria-describedby="assumed-rate confirm-error"' in refused.text
    assert started.status_code == 303


def test_the_estimate_shows_the_first_requests_as_they_will_be_sent(pages: Pages) -> None:
    shown = pages.get(
        "vera",
        "/s/racing/plans/preview?dataset=ra_races&since=2026-02-10&until=2026-02-11&order=oldest",
    ).text

    assert "GET /v1/results?" in shown
    assert "start_date=2026-02-10" in shown
    assert "password" not in shown


def test_what_was_filled_and_what_became_due_is_told_by_feed(pages: Pages) -> None:
    short = make_and_save(pages.workspace, RACING, TWO_DAYS, save=False)
    longer = PlanOptions(datasets=("ra_races",), since=date(2026, 2, 11), until=date(2026, 2, 13))
    other = make_and_save(pages.workspace, RACING, longer, save=False)

    assert FeedChange("results", 2, 4) in plan_changes(RACING, short, other)
    assert plan_changes(RACING, short, short) == []


@pytest.mark.parametrize("text", ["-1", "many", "1.5"])
def test_a_limit_that_is_no_number_is_refused(tmp_path: Path, text: str) -> None:
    environ = {"STOCKTAKE_APPROVE_ABOVE_REQUESTS": text}

    with pytest.raises(ConfigurationError, match="approve_above_requests"):
        load_settings(environ, home=tmp_path)


def test_a_file_may_write_the_limits_as_numbers(tmp_path: Path) -> None:
    (tmp_path / "stocktake.toml").write_text(
        "approve_above_requests = 5000\napprove_above_hours = 1.5\n"
    )

    settings = load_settings({}, home=tmp_path)

    assert (settings.approve_above_requests, settings.approve_above_hours) == (5000, 1.5)
