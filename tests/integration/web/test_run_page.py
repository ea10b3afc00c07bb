"""A run's page: what it asked, what it moved, what was measured, its log, and another try."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from psycopg.types.json import Jsonb

from stocktake.access.roles import Role
from stocktake.run.operations import find_operation
from tests.integration.run.test_reviewed import load, with_a_bad_line
from tests.integration.web.conftest import paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

LINES = 400


@pytest.fixture(scope="module")
def seen(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Pages over a loaded file, and a failed backfill with answers, tries, checks and a log."""
    with paged(cluster) as found:
        load(found.workspace, tmp_path_factory.mktemp("files"), with_a_bad_line())
        with found.workspace.database.connection() as conn:
            options = {"datasets": ["ra_races"], "since": "2026-02-01", "until": "2026-02-03"}
            conn.execute(
                "insert into stocktake.run (system, kind, state, options, started_at, updated_at,"
                " finished_at) values ('racing', 'backfill', 'failed', %s, now(), now(), now())",
                (Jsonb(options),),
            )
            conn.execute(
                "insert into stocktake.capture (run_id, system, source, feed, endpoint, path,"
                " status, sha256, bytes, fetched_at, seconds, flaw) select 2, 'racing',"
                " 'theracingapi', 'results', '/v1/results', '/v1/results', 200, sha256, 1000,"
                " timestamptz '2026-03-02' + n * interval '1 second', 0.25,"
                " case n when 4 then 'broken' else '' end"
                " from stocktake.body, generate_series(0, 4) as n limit 5"
            )
            conn.execute(
                "insert into stocktake.attempt (run_id, system, feed, units, at, outcome, reason)"
                " select 2, 'racing', 'results', array['2026-02-0' || n || '/gb'], now(),"
                " 'failed', 'HTTP 502 at ' || n from generate_series(1, 3) as n"
            )
            conn.execute(
                "insert into stocktake.check_result (run_id, system, dataset, name, severity,"
                " detail, at) values (2, 'racing', 'ra_races', 'races_per_day', 'fail',"
                " 'too few', now()), (2, 'racing', 'ra_races', 'other', 'pass', '', now())"
            )
            conn.execute(
                "insert into stocktake.run_log (run_id, at, level, text)"
                " select 2, now(), 'info', 'line number ' || n from generate_series(1, %s) as n",
                (LINES,),
            )
        yield found


def test_each_endpoint_has_its_rate_beside_the_allowed_one(seen: Pages) -> None:
    shown = seen.get("vera", "/runs/2").text

    assert "theracingapi /v1/results" in shown
    assert '<td class="num">5</td><td class="num">1</td>' in shown
    assert re.search(r'aria-label="20(\.0+)? % of the allowed rate"', shown)


def test_alike_failures_are_one_line_with_an_example(seen: Pages) -> None:
    shown = seen.get("vera", "/runs/2").text

    assert shown.count("HTTP 502 at") == 1
    assert '<td class="num">3</td><td>results</td>' in shown


def test_checks_along_the_way_are_counted_and_the_bad_ones_listed(seen: Pages) -> None:
    shown = seen.get("vera", "/runs/2").text

    assert "Checks along the way" in shown
    assert "too few" in shown
    assert "/s/racing/checks/races_per_day" in shown


def test_units_gained_stand_beside_the_rows(seen: Pages) -> None:
    shown = seen.get("vera", "/runs/1").text

    assert "Units gained" in shown
    assert '<a href="/s/racing/rejects?dataset=ra_runners">1</a>' in shown


def test_an_old_line_of_the_log_has_its_own_address(seen: Pages) -> None:
    latest = seen.get("vera", "/runs/2").text
    old = seen.get("vera", "/runs/2?line=10").text

    assert ">line number 10<" not in latest
    assert 'id="line-10" class="info here"' in old
    assert ">line number 10<" in old


def test_the_log_follows_the_end_until_it_is_held_still(seen: Pages) -> None:
    latest = seen.get("vera", "/runs/2").text
    held = seen.get("vera", "/runs/2?line=200").text

    assert 'class="log follow"' in latest
    assert f'href="/runs/2?line={LINES}#log">Hold it still' in latest
    assert 'class="log follow"' not in held
    for text in ("Earlier lines", "Later lines", "Follow the end"):
        assert text in held
    assert "Later lines" not in seen.get("vera", f"/runs/2?line={LINES}").text


def test_a_failure_leads_to_its_unit(seen: Pages) -> None:
    shown = seen.get("vera", "/runs/2").text

    assert '/s/racing/d/ra_races/u/2026-02-01/gb"' in shown
    assert (
        seen.with_key(Role.VIEWER).get("/api/v1/runs/2/failures").json()["failures"][0]["count"]
        == 3
    )


def test_the_tab_tells_how_a_run_is(seen: Pages) -> None:
    shown = seen.get("vera", "/runs/2").text
    other = seen.get("vera", "/runs").text

    assert "fill='%23cf222e'" in shown
    assert 'data-ended="Run 2 of racing is failed"' in shown
    assert "<title>failed · racing backfill 2" in shown
    assert "circle" not in other.partition("</head>")[0]


def test_a_run_that_was_not_heard_of_tells_who_goes_on(pages: Pages) -> None:
    with pages.workspace.database.connection() as conn:
        conn.execute(
            "insert into stocktake.run (system, kind, state, options, started_at, updated_at,"
            " is_detached) select 'racing', 'backfill', 'running', '{}', %(then)s, %(then)s, n = 2"
            " from generate_series(1, 2) as n",
            {"then": pages.workspace.clock() - timedelta(hours=1)},
        )
        conn.execute(
            "insert into stocktake.chunk (run_id, part, wave, place, source, priority, ordinals,"
            " units, requests, state, owner, lease_until) values (2, 0, 0, 0, 'theracingapi', 0,"
            " '{}', 5, 5, 'running', 'far:7', %s)",
            (pages.workspace.clock() + timedelta(seconds=3),),
        )
        conn.execute("insert into stocktake.worker values ('near:1', 1, null, '1', now(), now())")

    here, handed = (pages.get("vera", f"/runs/{number}").text for number in (1, 2))

    assert "<code>stocktake run resume 1</code>" in here
    assert "Its work will be requeued at" in handed
    assert "<code>far:7</code>" in handed


def test_the_whole_log_is_sent_as_text(seen: Pages) -> None:
    answer = seen.get("vera", "/runs/2/log.txt")

    lines = answer.text.splitlines()
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(lines) == LINES
    assert lines[0].endswith("info    line number 1")


def test_retrying_queues_what_failed_within_what_was_asked(seen: Pages) -> None:
    answer = seen.post("olaf", "/runs/2/retry")

    run_id = int(answer.headers["location"].rpartition("/")[2])
    options = find_operation(seen.workspace, run_id).line.options
    assert (options["states"], options["datasets"]) == (["failed"], ["ra_races"])
    assert (options["since"], options["until"]) == ("2026-02-01", "2026-02-03")
    assert seen.post("vera", "/runs/2/retry").status_code == 403
