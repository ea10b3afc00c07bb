"""From a row to its bytes and back: trace, captures, parsing again; what a unit page can do."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING

import pytest

from stocktake.model import State
from stocktake.run.explained import explain_unit
from stocktake.run.operations import find_operation
from stocktake.settings import Secret
from stocktake.web.pages.evidence import marked
from tests.integration.run.test_reviewed import card, load, rows
from tests.integration.web.conftest import RACING, paged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

TRACE = "/s/racing/trace?dataset=ra_runners&k.race_id=hk_2025-03-02_ST_01&k.horse_id=hk_Z011"
RACES = RACING.dataset("ra_races")
MISSING = "2026-02-10/gb"


@pytest.fixture(scope="module")
def seen(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Pages over one loaded file."""
    with paged(cluster) as found:
        load(found.workspace, tmp_path_factory.mktemp("files"), card())
        yield found


def capture_id(pages: Pages) -> int:
    ((number,),) = rows(
        pages.workspace, "select capture_id from stocktake.capture where feed = 'hkjc' limit 1"
    )
    return int(number)


def test_every_value_of_a_row_leads_to_its_capture(seen: Pages) -> None:
    shown = seen.get("vera", TRACE).text

    links = re.findall(r'href="([^"]*/captures/[^"]*v=[^"]*)"', shown)
    assert any("v=2#row" in unescape(link) for link in links)
    assert seen.get("vera", unescape(links[0]).partition("#")[0]).status_code == 200


def test_a_key_that_is_not_there_leads_to_the_nearest(seen: Pages) -> None:
    answer = seen.get("vera", TRACE.replace("Z011", "Z0111"))

    links = [unescape(one) for one in re.findall(r'<li><a href="([^"]*/trace[^"]*)"', answer.text)]
    assert answer.status_code == 404
    assert len(links) == 4
    assert all(seen.get("vera", link).status_code == 200 for link in links)


def test_a_row_is_outlined_and_its_value_marked() -> None:
    text = '{"runners": [{"horse_id": "h1", "draw": 3}, {"horse_id": "h2", "draw": 4}]}'

    shown = marked(text, ["h2"], "4")

    assert "".join(part for part, _ in shown.parts) == text
    assert [part for part in shown.parts if part[1]] == [
        ('{"horse_id": "h2", "draw": ', "row"),
        ("4", "value"),
        ("}", "row"),
    ]


def test_a_value_that_is_computed_is_said_to_be() -> None:
    shown = marked('[{"id": "r1", "distance": "2m"}]', ["r1"], "3219")

    assert (shown.is_row_found, shown.is_value_found) == (True, False)


def test_a_row_far_into_a_long_answer_is_shown() -> None:
    text = "[" + ",".join(f'{{"id": "r{number}"}}' for number in range(40_000)) + "]"

    shown = marked(text, ["r39999"], "r39999")

    assert shown.is_cut
    assert ('"r39999"', "value") in shown.parts


def test_captures_are_shown_without_secrets(seen: Pages) -> None:
    before = seen.workspace
    source = {"theracingapi": {"password": Secret("測試讓賽")}}
    try:
        seen.change(sources=source)
        shown = seen.get("vera", f"/s/racing/captures/{capture_id(seen)}").text
    finally:
        seen.workspace = replace(before)
        seen.change()

    assert "測試讓賽" not in shown
    assert "***" in shown


def test_parsing_again_by_a_form_shows_the_difference_and_loads_it(
    pages: Pages, tmp_path: Path
) -> None:
    load(pages.workspace, tmp_path, card())
    with pages.workspace.database.connection() as conn:
        conn.execute("update racing.ra_runners set draw = 9, _result_hash = 0 where draw = 2")
    place = f"/s/racing/captures/{capture_id(pages)}"

    tried = pages.post("olaf", f"{place}/parse").text
    loaded = pages.post("olaf", f"{place}/load")
    after = pages.post("olaf", f"{place}/parse").text

    assert "4 rows would change" in tried
    assert "<del>9</del>" in tried
    assert loaded.headers["location"].startswith("/runs/")
    assert "0 rows would change" in after


def test_a_viewer_may_not_parse_or_load(seen: Pages) -> None:
    place = f"/s/racing/captures/{capture_id(seen)}"

    assert seen.post("vera", f"{place}/parse").status_code == 403
    assert seen.post("vera", f"{place}/load").status_code == 403


def test_a_unit_says_what_waits_for_it_and_in_which_state(seen: Pages) -> None:
    told = explain_unit(seen.workspace, RACING, RACES, MISSING)
    shown = seen.get("vera", f"/s/racing/d/ra_races/u/{MISSING}").text

    assert "ra_runners" in {name for name, _, _ in told.downstream}
    assert "Waits for it" in shown
    assert f"/s/racing/d/ra_runners/u/{MISSING}" in shown


def test_fetching_now_queues_the_day_of_the_unit(seen: Pages) -> None:
    answer = seen.post("olaf", f"/s/racing/d/ra_races/u/{MISSING}/fetch")

    run_id = int(answer.headers["location"].rpartition("/")[2])
    options = find_operation(seen.workspace, run_id).line.options
    assert (options["datasets"], options["since"], options["until"]) == (
        ["ra_races"],
        "2026-02-10",
        "2026-02-10",
    )


def test_a_unit_given_up_stays_a_gap_until_that_is_withdrawn(pages: Pages) -> None:
    place = f"/s/racing/d/ra_races/u/{MISSING}"

    pages.post("olaf", f"{place}/give-up", reason="the archive burned")
    lost = explain_unit(pages.workspace, RACING, RACES, MISSING)
    planned = pages.get("olaf", "/s/racing/plans/preview?dataset=ra_races&since=2026-02-10"
                        "&until=2026-02-10").text  # fmt: skip
    pages.post("olaf", f"{place}/withdraw")
    again = explain_unit(pages.workspace, RACING, RACES, MISSING)

    assert lost.state is State.UNRECOVERABLE
    assert "the archive burned (olaf)" in lost.reason
    assert "the archive burned" in planned
    assert again.state is State.MISSING


def test_giving_up_needs_a_reason_and_a_unit_that_is_fetched(seen: Pages) -> None:
    nameless = seen.post("olaf", f"/s/racing/d/ra_races/u/{MISSING}/give-up", reason="")
    computed = seen.post(
        "olaf", "/s/racing/d/ra_runner_statistics/u/rac_1/give-up", reason="why not"
    )

    assert nameless.status_code == 422
    assert computed.status_code in {404, 422}
