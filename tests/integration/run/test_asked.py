"""Questions asked by hand, and one race repaired by its id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import SourceUnavailable, UsageError
from stocktake.fetch.captures import read_capture
from stocktake.model import State
from stocktake.run.asked import ask, load_answer
from stocktake.run.explained import explain_unit
from stocktake.testing import Fault
from tests.integration.run.conftest import DAYS, RACING

if TYPE_CHECKING:
    from tests.integration.run.conftest import Stable

DAY, UNIT = "2026-03-08", "2026-03-08/gb"
DAY_PARAMS = [("start_date", DAY), ("end_date", DAY), ("region", "gb")]
RESULT = "/v1/results/{race_id}"
WHOLE = "race_id, horse_id, position, sp_decimal"


def race_ids(stable: Stable) -> list[str]:
    return [row[0] for row in stable.rows("ra_races", f"date = '{DAY}' and region = 'GB'")]


def repair(stable: Stable, race_id: str) -> None:
    load_answer(
        stable.workspace,
        RACING,
        RESULT,
        ask(stable.workspace, RACING, RESULT, [("race_id", race_id)]),
    )


def test_an_answer_is_kept_as_a_capture(stable: Stable) -> None:
    (page,) = ask(stable.workspace, RACING, "/v1/jockeys/search", [("name", "kel")])

    assert page.capture_id is not None
    with stable.database.connection() as conn:
        assert read_capture(conn, page.capture_id).capture.body == page.body


def test_a_question_waits_at_the_gate_like_any_request(stable: Stable) -> None:
    ask(stable.workspace, RACING, "/v1/jockeys/search", [("name", "kel")])

    ((requests,),) = stable.execute(
        "select requests from stocktake.gate where endpoint = '/v1/jockeys/search'"
    )
    assert requests == 1


def test_a_refusal_is_told_in_the_sources_words(stable: Stable) -> None:
    with pytest.raises(SourceUnavailable, match=r"HTTP 422.*field required"):
        ask(stable.workspace, RACING, "/v1/horses/search", [])


def test_an_endpoint_nobody_declared_is_not_asked(stable: Stable) -> None:
    with pytest.raises(UsageError, match="no endpoint '/v1/results/pro'"):
        ask(stable.workspace, RACING, "/v1/results/pro", [])


def test_a_part_of_the_path_must_be_given(stable: Stable) -> None:
    with pytest.raises(UsageError, match="needs race_id"):
        ask(stable.workspace, RACING, RESULT, [])


def test_a_part_of_the_path_cannot_leave_its_place(stable: Stable) -> None:
    with pytest.raises(SourceUnavailable, match="leaves its place"):
        ask(stable.workspace, RACING, RESULT, [("race_id", "../horses/search")])


def test_an_answer_for_reading_only_cannot_be_loaded(stable: Stable) -> None:
    pages = ask(stable.workspace, RACING, "/v1/jockeys/search", [("name", "kel")])

    with pytest.raises(UsageError, match="cannot be loaded"):
        load_answer(stable.workspace, RACING, "/v1/jockeys/search", pages)


def test_a_race_that_its_day_lost_is_repaired_by_its_id(stable: Stable) -> None:
    stable.backfill(*DAYS, sample=3)
    whole = stable.rows("ra_race_results", columns=WHOLE)
    race_id = race_ids(stable)[2]
    numbered = stable.rows("ra_races", columns="race_id, race_number")
    for table in ("ra_race_results", "ra_runners", "ra_races"):
        stable.execute(f"delete from racing.{table} where race_id = %(id)s", {"id": race_id})

    repair(stable, race_id)

    assert stable.rows("ra_race_results", columns=WHOLE) == whole
    assert stable.rows("ra_races", columns="race_id, race_number") == numbered


def test_a_race_alone_does_not_make_its_day_complete(stable: Stable) -> None:
    page = json.loads(ask(stable.workspace, RACING, "/v1/results", DAY_PARAMS)[0].body)

    repair(stable, page["results"][0]["race_id"])

    told = explain_unit(stable.workspace, RACING, RACING.dataset("ra_race_results"), UNIT)
    assert told.state in {State.THIN, State.MISSING}


def test_a_repaired_race_leaves_a_complete_day_complete(stable: Stable) -> None:
    stable.backfill(*DAYS, sample=3)
    dataset = RACING.dataset("ra_race_results")
    assert explain_unit(stable.workspace, RACING, dataset, UNIT).state is State.COMPLETE

    repair(stable, race_ids(stable)[0])

    assert explain_unit(stable.workspace, RACING, dataset, UNIT).state is State.COMPLETE
    assert stable.differences() == {}


def test_the_days_own_list_makes_a_repaired_day_complete(stable: Stable) -> None:
    page = json.loads(ask(stable.workspace, RACING, "/v1/results", DAY_PARAMS)[0].body)
    race_id = page["results"][1]["race_id"]
    stable.server.rules.add([Fault("malformed_race", match=race_id, endpoint="/v1/results")])
    stable.backfill(*DAYS, sample=3)
    dataset = RACING.dataset("ra_race_results")
    stable.server.rules.clear()
    repair(stable, race_id)
    assert explain_unit(stable.workspace, RACING, dataset, UNIT).state is State.THIN

    stable.backfill(*DAYS, sample=3)

    assert explain_unit(stable.workspace, RACING, dataset, UNIT).state is State.COMPLETE
