"""Plans of a part: series, ranges picked by hand; and plans that the declaration has outlived."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from psycopg.types.json import Jsonb

from stocktake.access.roles import Role
from stocktake.errors import PlanRefused, UsageError
from stocktake.model import Days, PlanOptions, Values
from stocktake.plan.declared import outdated
from stocktake.run.backfill import backfill
from stocktake.run.planned import asked_range, make_and_save, options_json
from tests.integration.web.conftest import RACING, paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import Plan, System
    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

WEEK = {"since": date(2026, 2, 1), "until": date(2026, 2, 7)}
RACES = PlanOptions(datasets=("ra_races",), **WEEK)  # type: ignore[arg-type]
DAYS = "dataset=ra_races&since=2026-02-01&until=2026-02-07"


@pytest.fixture(scope="module")
def shared(cluster: LocalCluster) -> Iterator[Pages]:
    """Pages that tests share which change nothing but plans."""
    with paged(cluster) as found:
        yield found


def planned(pages: Pages, options: PlanOptions = RACES, *, save: bool = False) -> Plan:
    return make_and_save(pages.workspace, RACING, options, save=save)


def outlived(pages: Pages) -> Plan:
    """Keep a plan, and let it have been made when races were cut otherwise."""
    plan = planned(pages, save=True)
    then = {**plan.declared, "units of ra_races": "days from 2015-01-01 (UTC) × gb"}
    with pages.workspace.database.connection() as conn:
        conn.execute(
            "update plan set summary = summary || jsonb_build_object('declared', %s::jsonb)"
            " where plan_id = %s",
            (Jsonb(then), plan.plan_id),
        )
    return plan


def redeclared(system: System, dataset: str, partitions: object) -> System:
    """Return a system one of whose datasets is cut otherwise."""
    found = tuple(
        replace(one, partitions=partitions) if one.name == dataset else one  # type: ignore[arg-type]
        for one in system.datasets
    )
    changed = object.__new__(type(system))
    for name in system.__dataclass_fields__:
        object.__setattr__(changed, name, found if name == "datasets" else getattr(system, name))
    return changed


def test_a_series_alone_is_planned(shared: Pages) -> None:
    both, one = planned(shared), planned(shared, replace(RACES, only=(":/ire",)))
    fetched = [part for part in one.parts if part.kind == "fetch"]

    assert {series for part in fetched for series in part.ordinals} == {("ire",)}
    assert 0 < sum(part.units for part in fetched) < sum(part.units for part in both.parts)


def test_a_selection_leaves_out_what_its_rows_would_name(shared: Pages) -> None:
    everything = planned(shared, PlanOptions(**WEEK))  # type: ignore[arg-type]
    picked = planned(shared, PlanOptions(only=("ra_races:2026-02-01..2026-02-07",)))

    assert any(part.dynamic for part in everything.parts)
    assert not any(part.dynamic for part in picked.parts)
    assert any(part.kind == "derive" for part in picked.parts)


def test_a_sample_of_a_selection_is_its_newest_days(shared: Pages) -> None:
    options = PlanOptions(only=("ra_races:2026-01-01..2026-01-20/gb",), sample=3)

    window = asked_range(RACING, options, now=shared.clock())

    assert (window.since, window.until) == (date(2026, 1, 18), date(2026, 1, 20))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ra_boats:2026-02-01", "no dataset 'ra_boats'"),
        ("ra_races:yesterday/gb", "yesterday is no unit of ra_races"),
        ("ra_races:2026-02-01..never/gb", "never is no unit of ra_races"),
    ],
)
def test_a_selection_of_what_does_not_exist_is_refused(shared: Pages, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        planned(shared, PlanOptions(only=(text,)))

    answer = shared.get("vera", f"/s/racing/plans/preview?only={text}")
    assert answer.status_code == 200
    assert says.replace("'", "&#39;") in answer.text


def test_a_selection_is_kept_with_the_plan_and_offered_again(shared: Pages) -> None:
    plan = planned(shared, PlanOptions(only=("ra_races:2026-02-01..2026-02-03/gb",)), save=True)
    shown = shared.get("vera", f"/s/racing/plans/{plan.plan_id}").text

    assert "1 selection" in shown
    assert "only=ra_races%3A2026-02-01..2026-02-03%2Fgb" in shown


def test_options_without_a_selection_are_written_as_they_always_were() -> None:
    assert "only" not in options_json(RACES)
    assert options_json(replace(RACES, only=(":/gb",)))["only"] == (":/gb",)


def test_the_builder_offers_the_series_of_the_system(shared: Pages) -> None:
    shown = shared.get("vera", f"/s/racing/plans/new?{DAYS}&only=:/ire").text

    assert 'name="only" value=":/ire" checked' in shown
    assert 'name="only" value=":/gb">' in shown


def test_the_api_takes_a_selection_and_tells_the_page_s_first_requests(shared: Pages) -> None:
    client = shared.with_key(Role.VIEWER)
    body = {"datasets": ["ra_races"], "since": "2026-02-01", "until": "2026-02-07"}
    told = client.post("/api/v1/systems/racing/plans/preview", json=body).json()
    page = shared.get("vera", f"/s/racing/plans/preview?{DAYS}").text
    picked = client.post(
        "/api/v1/systems/racing/plans/preview", json={**body, "only": ["ra_races:2026-02-03/gb"]}
    ).json()

    assert told["first_requests"]
    for one in told["first_requests"]:
        assert f"GET {one['path']}" in page
    assert {part["units"] for part in picked["parts"] if part["kind"] == "fetch"} == {1}


def test_a_plan_says_its_waves_before_it_is_kept(shared: Pages) -> None:
    shown = shared.get(
        "vera", "/s/racing/plans/preview?dataset=ra_races&since=2024-06-01&until=2026-02-01"
    ).text

    assert re.search(r"3 waves, one after another, with the checks between them: 2026, 2025", shown)


def test_a_plan_of_units_declared_otherwise_is_no_longer_valid(shared: Pages) -> None:
    plan = planned(shared)
    other = redeclared(RACING, "ra_races", Days(date(2016, 1, 1)))

    assert outdated(RACING, plan) == []
    (told,) = outdated(other, plan)
    assert told.startswith("units of ra_races: days from 2015-01-01")
    assert told.endswith("now days from 2016-01-01 (UTC)")


def test_many_values_are_told_apart_beyond_those_shown(shared: Pages) -> None:
    many = tuple(f"town {number}" for number in range(40))
    first = redeclared(RACING, "ra_races", Values(many))
    second = redeclared(RACING, "ra_races", Values((*many[:-1], "elsewhere")))
    plan = replace(planned(shared), declared={"units of ra_races": ""})
    text = outdated(first, replace(plan, declared={"units of ra_races": "x"}))[0]
    then = text.partition("now ")[2]

    assert outdated(first, replace(plan, declared={"units of ra_races": then})) == []
    assert len(outdated(second, replace(plan, declared={"units of ra_races": then}))) == 1


def test_a_plan_kept_before_declarations_were_is_valid_while_its_feeds_are(shared: Pages) -> None:
    plan = replace(planned(shared), declared={})
    (part, *_) = plan.parts

    assert outdated(RACING, plan) == []
    assert outdated(RACING, replace(plan, parts=(replace(part, feed="telegraph"),))) == [
        "feed telegraph: no longer declared"
    ]


def test_the_page_of_an_outlived_plan_offers_the_same_anew_and_starts_nothing(
    pages: Pages,
) -> None:
    place = f"/s/racing/plans/{outlived(pages).plan_id}"

    shown = pages.get("olaf", place).text
    started = pages.post("olaf", f"{place}/start")

    assert "No longer valid: the declaration changed" in shown
    assert "days from 2015-01-01 (UTC) × gb when it was made" in shown
    assert "Plan the same anew" in shown
    assert shown.count("<button disabled") == 2
    assert f"{place}/start" not in shown
    assert started.status_code == 409
    assert "(UTC) × gb when it was made" in pages.get("vera", f"{place}/change").text


def test_an_outlived_plan_is_refused_by_every_door(pages: Pages) -> None:
    plan = outlived(pages)
    operator = pages.with_key(Role.OPERATOR)

    told = operator.get(f"/api/v1/plans/{plan.plan_id}").json()
    refused = operator.post("/api/v1/systems/racing/backfill", json={"plan_id": plan.plan_id})
    with pytest.raises(PlanRefused, match="no longer valid: units of ra_races"):
        backfill(pages.workspace, RACING, RACES, plan_id=plan.plan_id)

    assert len(told["outdated"]) == 1
    assert (refused.status_code, refused.json()["code"]) == (409, "refused")


def test_what_a_plan_leaves_missing_is_told_by_dataset(shared: Pages) -> None:
    client = shared.with_key(Role.VIEWER)
    body = {"since": "2026-02-01", "until": "2026-02-07", "datasets": ["ra_races"]}
    place = "/api/v1/systems/racing/plans/preview"

    (everything,) = client.post(place, json=body).json()["stays_missing"]
    (half,) = client.post(place, json={**body, "only": [":/gb"]}).json()["stays_missing"]
    page = shared.get("vera", f"/s/racing/plans/preview?{DAYS}&only=:/gb").text

    assert (everything["missing"], everything["after"]) == (half["missing"], 0)
    assert 0 < half["after"] < half["missing"]
    cells = f'<td class="num">{half["missing"]}</td><td class="num">{half["after"]}</td>'
    assert f'<th scope="row">ra_races</th>{cells}' in page
