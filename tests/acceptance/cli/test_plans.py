"""Kept plans as a user shows, approves and runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.cli.command import installation, stocktake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster


@pytest.fixture
def plan_id(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """A kept plan that costs more than may start by itself."""
    with installation(cluster, tmp_path, kind="sandbox"):
        monkeypatch.setenv("STOCKTAKE_APPROVE_ABOVE_REQUESTS", "1")
        days = ("--since", "2025-06-01", "--until", "2025-06-02")
        made = stocktake("plan", "racing", "ra_races", *days, "--save", "--json").json
        yield made["plan_id"]


def test_a_costly_plan_is_refused_and_the_hint_leads_to_its_approval(plan_id: int) -> None:
    refused = stocktake("backfill", "racing", "--plan", plan_id, "--detach")
    approved = stocktake("plan", "approve", plan_id, "--by", "ann", "--json").json
    queued = stocktake("backfill", "racing", "--plan", plan_id, "--detach")

    assert (refused.code, queued.code) == (2, 0)
    assert f"stocktake plan approve {plan_id}" in refused.err
    assert (approved["approved_by"], approved["changes"]) == ("ann", [])


def test_a_kept_plan_is_shown_with_what_it_waits_for(plan_id: int) -> None:
    shown = stocktake("plan", "show", plan_id)

    assert shown.code == 0
    assert "not approved: it makes" in shown.out


@pytest.mark.parametrize("arguments", [("show",), ("approve", "x"), ("show", "99")])
def test_a_plan_that_is_not_there_is_not_shown(plan_id: int, arguments: tuple[str, ...]) -> None:
    del plan_id

    said = stocktake("plan", *arguments)

    assert said.code == 2
    assert "plan" in said.err
