"""Sources, checks, schedules, systems: how it went, and what can be done about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING

from stocktake.model import Range, State
from stocktake.run.checked import check_system, check_trends, checks_of
from stocktake.run.counted import count_system
from stocktake.run.fires import next_fires
from stocktake.run.scheduled import find_kept, list_schedules
from stocktake.run.sourced import source_days, source_requests
from stocktake.web.pages.schedules import with_jumps
from tests.acceptance.web.world import RACING

if TYPE_CHECKING:
    from tests.acceptance.web.world import World

SOURCE = "/s/racing/sources/theracingapi"


def test_a_source_tells_its_month_by_day_as_the_command_line_does(world: World) -> None:
    page = world.client("vera").get(SOURCE).text

    days = source_days(world.workspace, RACING, days=30)
    assert f"{sum(one.requests for one in days):,} in 30 days" in page
    assert page.count('class="good-bar"') == 30
    table = page[page.index("Table of days") :].partition("</table>")[0]
    assert table.count('<th scope="row"') == len(days)


def test_failures_of_a_source_are_told_by_class(world: World) -> None:
    days = source_days(world.workspace, RACING, days=30)
    errors = sum(one.classes.get("server_errors", 0) for one in days)

    page = world.client("vera").get(SOURCE).text

    assert errors > 0
    assert f"server errors {errors:,}" in page


def test_the_last_requests_of_a_source_lead_to_their_answers(world: World) -> None:
    client = world.client("vera")
    page = client.get(SOURCE).text

    (source,) = [one for one in RACING.sources if one.name == "theracingapi"]
    told = source_requests(world.workspace, RACING, source, limit=50)
    links = re.findall(r'href="(/s/racing/captures/\d+)"', page)
    assert 0 < len(told) <= 50
    assert [one.at for one in told] == sorted((one.at for one in told), reverse=True)
    assert len(links) == sum(one.capture_id is not None for one in told)
    assert client.get(links[0]).status_code == 200


def test_a_source_says_whether_robots_txt_is_asked_for_and_why(world: World) -> None:
    page = unescape(world.client("vera").get(SOURCE).text)

    (source,) = [one for one in RACING.sources if one.name == "theracingapi"]
    assert "<dt>robots.txt</dt><dd>not asked for</dd>" in page
    assert f"<dt>Terms</dt><dd>{source.terms}</dd>" in page


def test_every_check_has_its_trend_and_leads_to_its_page(world: World) -> None:
    client = world.client("vera")
    check_system(
        world.workspace, RACING, [RACING.dataset("ra_races")], Range(world.since, world.until)
    )

    page = client.get("/s/racing/checks?dataset=ra_races").text

    trends = check_trends(world.workspace, RACING)
    told = {key: values for key, values in trends.items() if len([*filter(None, values)]) > 1}
    assert told
    assert page.count("<polyline") >= len(told) / 2
    assert "Last values of ra races coverage" in page


def test_a_check_of_coverage_leads_to_the_units_that_lack(world: World) -> None:
    client = world.client("vera")
    window = Range(world.since, world.until)
    check_system(world.workspace, RACING, [RACING.dataset("ra_races")], window)
    year = world.until.year
    page = client.get(f"/s/racing/checks/ra_races_coverage?group={year}").text

    link = re.search(r'href="(/s/racing/gaps[^"]*)">Units that lack', page)
    assert link
    assert f"since={world.since}" in link[1]
    assert client.get(unescape(link[1])).status_code == 200


def test_the_alert_of_a_check_is_snoozed_on_its_page_and_comes_back(world: World) -> None:
    here = "/s/racing/checks/ra_race_results_coverage"
    check_system(
        world.workspace, RACING, [RACING.dataset("ra_race_results")], Range(None, world.until)
    )
    year = world.until.year
    page = world.client("olaf").get(f"{here}?group={year}").text
    number = re.search(r"/settings/alerts/(\d+)/mute", page)
    assert number
    mute = f"/settings/alerts/{number[1]}/mute"

    answer = world.post("olaf", mute, hours="24", reason="known outage", back=here)
    snoozed = world.client("olaf").get(f"{here}?group={year}").text
    world.post("olaf", mute, hours="0", back=here)
    loud = world.client("olaf").get(f"{here}?group={year}").text

    assert answer.headers["location"] == here
    assert "Snoozed until" in snoozed
    assert "known outage" in snoozed
    assert "Snoozed until" not in loud


def test_a_check_by_statement_shows_its_sql(world: World) -> None:
    (check, *_) = [one for one in checks_of(RACING, RACING.datasets) if one.kind == "sql"]

    page = world.client("vera").get(f"/s/racing/checks/{check.name}").text

    assert re.search(r"<pre[^>]*>[^<]*select", page)


def test_a_feed_tells_which_days_it_can_deliver(world: World) -> None:
    assert "the last 365 days" in world.client("vera").get(SOURCE).text


def test_schedules_tell_five_fires_each_policies_and_words(world: World) -> None:
    page = world.client("vera").get("/schedules").text

    (first, *_) = list_schedules(world.workspace)
    line = page[page.index(f">{first.name}</a>") :].partition("</tr>")[0]
    assert line.count("<time") >= 5
    assert first.schedule.cron in line
    assert re.search(r"caught up once|each caught up", line)


def test_fires_around_a_change_of_clocks_are_marked() -> None:
    before, eve = datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
    fires = [next_fires("30 2 * * *", "Europe/London", after=at, most=5) for at in (before, eve)]

    assert [jumps for _, jumps in with_jumps(fires[0], after=before)].count(True) == 1
    assert with_jumps(fires[1], after=eve)[0][1]


def test_an_expression_being_typed_is_answered_by_its_next_ten_fires(world: World) -> None:
    name = list_schedules(world.workspace)[0].name
    headers = {"hx-request": "true", "hx-request-type": "partial", "hx-target": "div#fires"}
    client = world.client("olaf")

    part = client.get(f"/schedules/{name}?cron=15+3+*+*+1&zone=Europe/Paris", headers=headers)
    wrong = client.get(f"/schedules/{name}?cron=often&zone=UTC", headers=headers)

    assert "<html" not in part.text
    assert part.text.count("<li>") == 10
    assert "Every Monday at 03:15" in part.text
    assert "Give it this clock" in part.text
    assert "not a cron expression" in wrong.text
    assert "Give it this clock" not in wrong.text


def test_a_schedule_keeps_the_clock_somebody_gave_it_until_it_is_taken_back(
    world: World,
) -> None:
    (kept, *_) = [one for one in list_schedules(world.workspace) if one.is_declared]
    here = f"/schedules/{kept.name}"

    refused = world.post("olaf", f"{here}/change", cron="often", zone="UTC")
    world.post("olaf", f"{here}/change", cron="7 5 * * *", zone="Europe/Paris")
    changed = find_kept(world.workspace, kept.name)
    page = world.client("vera").get(here).text
    world.post("olaf", f"{here}/change", cron="")
    back = find_kept(world.workspace, kept.name)

    assert refused.status_code == 422
    assert (changed.schedule.cron, changed.schedule.zone) == ("7 5 * * *", "Europe/Paris")
    assert changed.is_changed
    assert "olaf gave it another clock" in page
    assert (back.schedule.cron, back.schedule.zone) == (kept.schedule.cron, kept.schedule.zone)
    assert not back.is_changed


def test_a_viewer_cannot_change_a_clock(world: World) -> None:
    name = list_schedules(world.workspace)[0].name

    assert world.post("vera", f"/schedules/{name}/change", cron="7 5 * * *").status_code == 403


def test_outcomes_of_a_schedule_are_a_strip_with_words(world: World) -> None:
    (kept, *_) = [one for one in list_schedules(world.workspace) if one.schedule.verb == "check"]
    world.post("olaf", f"/schedules/{kept.name}/run")

    page = world.client("vera").get(f"/schedules/{kept.name}").text

    assert 'class="strip-good"' in page
    assert re.search(r'<span class="sr">[^<]+: fired', page)


def test_a_system_tells_each_state_freshness_and_a_file_per_dataset(world: World) -> None:
    client = world.client("vera")
    page = client.get("/s/racing").text

    counted = count_system(world.workspace, RACING, [RACING.dataset("ra_races")], Range())
    line = page[page.index(">ra_races</a>") :].partition("</tr>")[0]
    assert f"{counted[0].missing:,}" in line
    assert f"{counted[0].states[State.NOT_EXPECTED]:,}" in line
    assert re.search(r"up to date|behind", line)
    link = re.search(r'href="(/api/v1/systems/racing/export/ra_races[^"]*)"', line)
    assert link
    assert client.get(link[1]).text.startswith("race_id")


def test_a_system_is_synced_from_its_page(world: World) -> None:
    answer = world.post("olaf", "/s/nba/sync")

    run = answer.headers["location"]
    world.post("olaf", f"{run}/cancel")
    assert re.fullmatch(r"/runs/\d+", run)
    assert world.post("vera", "/s/nba/sync").status_code == 403


def test_what_is_blocked_is_told_where_it_waits(world: World) -> None:
    page = world.client("vera").get("/s/racing").text

    counted = count_system(
        world.workspace, RACING, [RACING.dataset("ra_runner_statistics")], Range()
    )
    tree = page[page.index("What waits for what") :]
    assert f"{counted[0].states[State.BLOCKED]:,} units blocked" in tree


def test_a_head_sorts_the_table_of_datasets_and_says_so(world: World) -> None:
    page = world.client("vera").get("/s/racing?sort=-expected").text
    told = re.findall(r'<tr><th scope="row"><a href="/s/racing/d/(\w+)">', page)

    counted = count_system(world.workspace, RACING, RACING.datasets, Range())
    expected = {one.dataset: one.expected for one in counted}
    known = [units for units in expected.values() if units is not None]
    assert [expected[name] for name in told][: len(known)] == sorted(known, reverse=True)
    assert len(told) == len(expected)
    assert page.count('aria-sort="descending"') == 1
    assert 'href="?sort=expected"' in page


def test_checks_are_sorted_by_their_heads_within_a_selection(world: World) -> None:
    page = world.client("vera").get("/s/racing/checks?dataset=ra_races&sort=check").text
    told = re.findall(r'<th scope="row" class="wide"><a href="/s/racing/checks/(\w+)', page)

    assert told == sorted(told)
    assert len(told) > 1
    assert 'href="?dataset=ra_races&amp;sort=-check"' in unescape(page).replace("&", "&amp;")


def test_every_answer_of_a_unit_says_what_was_asked(world: World) -> None:
    day = world.since
    page = unescape(world.client("vera").get(f"/s/racing/d/ra_races/u/{day}/gb").text)
    answers = page[page.index("<h3>Captures</h3>") :]

    asked = re.findall(r"<code>(/[^<]+)</code>", answers)
    assert asked, answers
    assert all(f"{day}" in one for one in asked), asked
