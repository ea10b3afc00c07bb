"""Rejects and duplicates by clicking: forms without script, roles, escapes, files."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from stocktake.access.roles import Role
from stocktake.load.rejects import RejectKind
from stocktake.run.decided import list_duplicates, list_rejects
from tests.integration.run.test_paired import three_pairs
from tests.integration.run.test_reviewed import PAIRS, card, load, text_of, twins, with_a_bad_line
from tests.integration.web.conftest import RACING, paged
from tests.systems.racing.test_hkjc import line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster
    from tests.integration.web.conftest import Pages

PLACE = "/s/racing/rejects"
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def seen(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Pages with two rejects of one kind and a pair, which tests only look at."""
    with paged(cluster) as found:
        folder = tmp_path_factory.mktemp("files")
        bad = [line(3, "1", venue=NASTY), line(3, "2", venue="=1+1")]
        load(found.workspace, folder, [*twins(), *bad])
        yield found


def first_reject(pages: Pages) -> int:
    return list_rejects(pages.workspace, RACING, RejectKind(), limit=1)[0].reject_id


def pair_number(pages: Pages) -> int:
    return list_duplicates(pages.workspace, RACING, PAIRS, limit=1)[0].duplicate_id


def test_rejects_are_shown_by_reason_with_the_change_against_last_week(seen: Pages) -> None:
    shown = seen.get("olaf", PLACE).text

    assert "unknown venue …" in shown
    assert re.search(r'<td class="num">2</td><td class="num">2</td>.*?\+2', shown, re.DOTALL)
    assert "Dismiss 2" in shown


def test_a_viewer_sees_rejects_but_no_button(seen: Pages) -> None:
    shown = seen.get("vera", f"{PLACE}/{first_reject(seen)}").text

    assert "need the role operator" in shown
    assert "Load this row" not in shown


def test_the_text_of_a_row_is_escaped(seen: Pages) -> None:
    for path in (PLACE, f"{PLACE}/{first_reject(seen) - 1}", f"{PLACE}/{first_reject(seen)}"):
        assert "<img src=x" not in seen.get("olaf", path).text


def test_the_file_of_rejects_has_no_formula(seen: Pages) -> None:
    answer = seen.get("vera", f"{PLACE}.csv?code=line")

    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert {one["code"] for one in lines} == {"line"}
    assert not any(value.startswith("=") for one in lines for value in one.values())


@pytest.mark.parametrize(
    "path", [f"{PLACE}/999999", "/s/nba/rejects/1", f"{PLACE}/x", "/s/racing/rejects?dataset=none"]
)
def test_a_reject_that_is_not_there_is_not_shown(seen: Pages, path: str) -> None:
    assert seen.get("olaf", path).status_code in {404, 422}


def test_trying_again_without_a_corrected_parser_shows_that_nothing_would_change(
    seen: Pages,
) -> None:
    shown = seen.get("olaf", f"{PLACE}/retry?code=line").text

    assert "0 rows would change" in shown
    assert "Load 1 answer again" in shown


def test_a_row_is_edited_tried_and_loaded_by_forms(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, with_a_bad_line())
    place = f"{PLACE}/{first_reject(pages)}"
    good = text_of(line(3, "2"))

    tried = pages.post("olaf", f"{place}/preview", text=good)
    loaded = pages.post("olaf", f"{place}/edit", text=good, reason="misprint")
    after = pages.get("olaf", place).text
    trace = pages.get(
        "vera",
        "/s/racing/trace?dataset=ra_runners&k.race_id=hk_2025-03-02_ST_03&k.horse_id=hk_Z032",
    ).text

    assert "ra_runners: 1 new" in tried.text
    assert loaded.headers["location"].startswith("/runs/")
    assert "edited by olaf: misprint" in after
    assert "Changed by olaf" in trace


def test_a_row_that_is_still_wrong_comes_back_as_typed_with_the_reason(
    pages: Pages, tmp_path: Path
) -> None:
    load(pages.workspace, tmp_path, with_a_bad_line())
    typed = text_of(line(3, "2", venue="火星"))

    answer = pages.post("olaf", f"{PLACE}/{first_reject(pages)}/edit", text=typed)

    assert answer.status_code == 422
    assert "refused again" in answer.text
    assert typed in unescape(answer.text)


def test_rejects_are_dismissed_with_a_reason_only(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, with_a_bad_line())

    refused = pages.post("olaf", f"{PLACE}/dismiss", code="line", reason=" ")
    done = pages.post("olaf", f"{PLACE}/dismiss", code="line", reason="test entries")

    assert refused.status_code == 422
    assert done.headers["location"] == PLACE
    assert "No rejects" in pages.get("olaf", PLACE).text


def test_retrying_all_queues_a_run_of_their_answers(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, with_a_bad_line())

    started = pages.post("olaf", f"{PLACE}/retry", code="line")

    assert started.headers["location"].startswith("/runs/")
    assert "queued" in pages.get("olaf", started.headers["location"]).text


def test_both_rows_stand_side_by_side_with_what_differs(seen: Pages) -> None:
    shown = seen.get("olaf", "/s/racing/duplicates").text

    assert 'name="take.draw" value="kept" checked' in shown
    assert 'name="take.draw" value="other"' in shown
    assert 'name="take.horse_name"' not in shown
    for key in "mkn":
        assert f'data-key="{key}"' in shown


def test_a_merge_is_previewed_decided_and_undone_by_forms(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, twins())
    place = f"/s/racing/duplicates/{pair_number(pages)}"
    chosen = {"take.draw": "other", "take.jockey_name": "kept", "decision": "merged"}

    tried = pages.post("olaf", f"{place}/preview", **chosen)
    decided = pages.post("olaf", place, **chosen)
    after = pages.get("olaf", "/s/racing/duplicates?state=decided").text
    undone = pages.post("olaf", f"{place}/reopen")

    assert "1 row would change" in tried.text
    assert "<del>2</del>" in tried.text
    assert "<ins>7</ins>" in tried.text
    assert 'name="take.draw" value="other" checked' in tried.text
    assert decided.status_code == 303
    assert "<strong>Merged</strong>, olaf" in after
    assert undone.status_code == 303
    assert pair_number(pages)


def test_pairs_alike_are_decided_together_and_undone_by_forms(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, three_pairs())
    place = "/s/racing/duplicates"
    kind = {"dataset": "ra_runners", "differs": "draw"}

    listed = pages.get("olaf", f"{place}?dataset=ra_runners&differs=draw").text
    tried = pages.post("olaf", f"{place}/together/preview", **kind, decision="replaced").text
    done = pages.post("olaf", f"{place}/together", **kind, decision="replaced")
    decided = pages.get("olaf", f"{place}?state=decided").text
    at = unescape(re.findall(r'name="at" value="([^"]+)"', decided)[0])
    undone = pages.post("olaf", f"{place}/together/reopen", at=at)

    assert "Decide these 2 together" in listed
    assert "2 pairs would be decided." in tried
    assert "2 rows would change" in tried
    assert done.headers["location"] == f"{place}?state=decided"
    assert "Undo 2 decisions" in decided
    assert undone.status_code == 303
    assert "Decide these 3 together" in pages.get("olaf", f"{place}?dataset=ra_runners").text


def test_the_next_pair_comes_to_hand(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, three_pairs())
    numbers = [one.duplicate_id for one in list_duplicates(pages.workspace, RACING, PAIRS, limit=9)]
    shown = pages.get("olaf", "/s/racing/duplicates?dataset=ra_runners").text
    offered = re.findall(r'name="next" value="(\d*)"', shown)

    done = pages.post(
        "olaf", f"/s/racing/duplicates/{numbers[0]}", decision="both", next=offered[0]
    )

    assert offered == [str(numbers[1]), str(numbers[2]), str(numbers[1])]
    assert done.headers["location"].endswith(f"#pair-{numbers[1]}")


def test_a_pair_that_came_again_is_shown_before_it_is_decided(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, twins())
    place = f"/s/racing/duplicates/{pair_number(pages)}"

    answer = pages.post("olaf", place, decision="both", seen="2020-01-01T00:00:00+00:00")

    assert answer.status_code == 422
    assert "came again with other values" in answer.text
    assert pair_number(pages)


@pytest.mark.parametrize("asked", ["alike=2", "alike=x", "dataset=none"])
def test_a_kind_of_pairs_that_is_none_is_refused(seen: Pages, asked: str) -> None:
    assert seen.get("olaf", f"/s/racing/duplicates?{asked}").status_code in {404, 422}


def test_the_api_decides_pairs_together_like_the_pages(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, three_pairs())
    operator = pages.with_key(Role.OPERATOR)
    place = "/api/v1/systems/racing/duplicates"
    asked = {"datasets": ["ra_runners"], "differing": ["draw"], "decision": "replaced"}

    listed = operator.get(place, params={"dataset": "ra_runners", "differing": "draw"}).json()[
        "items"
    ]
    groups = operator.get(f"{place}/groups?dataset=ra_runners").json()["groups"]
    tried = operator.post(f"{place}/preview", json=asked).json()
    done = operator.post(f"{place}/decide", json=asked).json()
    back = operator.post(f"{place}/reopen", json={"at": done["at"]}).json()

    assert [one["differing"] for one in listed] == [["draw"], ["draw"]]
    assert [one["count"] for one in groups] == [2, 1]
    assert (tried["pairs"], tried["changed"]) == (2, 2)
    assert (done["pairs"], done["rows"]["ra_runners"]["updated"]) == (2, 2)
    assert (back["decision"], back["pairs"]) == ("open", 2)


def test_a_pair_decided_meanwhile_says_who_was_faster(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, twins())
    place = f"/s/racing/duplicates/{pair_number(pages)}"
    pages.post("ann", place, decision="distinct")

    answer = pages.post("olaf", place, decision="both")

    assert answer.status_code == 409
    assert "decided already: distinct, by ann" in answer.text


def test_only_operators_decide(seen: Pages) -> None:
    place = f"/s/racing/duplicates/{pair_number(seen)}"

    assert seen.post("vera", place, decision="both").status_code == 403
    assert seen.post("vera", f"{PLACE}/dismiss", reason="x").status_code == 403


def test_the_api_tries_and_decides_like_the_pages(pages: Pages, tmp_path: Path) -> None:
    load(pages.workspace, tmp_path, [*twins(), *with_a_bad_line()[len(card()) :]])
    operator = pages.with_key(Role.OPERATOR)
    place = f"/api/v1/duplicates/{pair_number(pages)}"
    reject = f"/api/v1/rejects/{first_reject(pages)}"
    choice = {"decision": "merged", "from_other": ["draw"]}

    groups = operator.get("/api/v1/systems/racing/rejects/groups").json()["groups"]
    tried = operator.post(f"{place}/preview", json=choice).json()
    decided = operator.post(f"{place}/decide", json=choice).json()
    again = operator.post(f"{place}/decide", json=choice)
    edited = operator.post(f"{reject}/edit", json={"text": text_of(line(3, "2"))}).json()
    row = {"dataset": "ra_runners", "code": "line"}

    assert [{name: one[name] for name in row} for one in groups] == [row]
    assert tried["changed"] == 1
    assert decided["rows"]["ra_runners"]["updated"] == 1
    assert again.status_code == 409
    assert edited["rows"]["ra_runners"]["inserted"] == 1
    assert operator.post(f"{reject}/dismiss", json={"reason": "x"}).status_code == 409
