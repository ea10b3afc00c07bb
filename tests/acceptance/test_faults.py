"""Each fault of the racing sandbox gives the state it should and no wrong row, and heals."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.testing import Fault
from tests.acceptance.installation import Installation, State, backfill

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    Undisturbed = Callable[[tuple[str, ...]], tuple[State, int]]

DATASETS = ("ra_mst_regions", "ra_mst_courses", "ra_races", "ra_runners", "ra_race_results")
RESULTS, CARDS = "/v1/results", "/v1/racecards/pro"
UNIT = ("ra_race_results", "gb")


@dataclass(frozen=True, slots=True)
class Case:
    """A fault of one day, and what becomes of that day's results.

    Args:
        fault: The fault; its ``match`` is the day where ``by_day`` is set.
        state: State of the unit while the fault is there.
        reason: What its reason says.
        by_day: Whether the fault names the day.
        by_race: Whether it names one race of it.
    """

    fault: Fault
    state: str
    reason: str
    by_day: bool = True
    by_race: bool = False


def transport(kind: str, reason: str, **more: Any) -> Case:
    return Case(Fault(kind, endpoint=RESULTS, **more), "failed", reason, by_day=False)


LASTING = [
    pytest.param(transport("empty_object", "is not a list of results"), id="200 with {}",
                 marks=pytest.mark.fault("H11")),
    pytest.param(transport("html", "an HTML page"), id="200 with a page",
                 marks=[pytest.mark.fault("H11"), pytest.mark.soak]),
    pytest.param(transport("null", "is not a list of results"), id="200 with null",
                 marks=[pytest.mark.fault("H11"), pytest.mark.soak]),
    pytest.param(transport("empty_body", "empty body"), id="200 with nothing",
                 marks=[pytest.mark.fault("H11"), pytest.mark.soak]),
    pytest.param(transport("502", "HTTP 502"), id="502 for ever",
                 marks=[pytest.mark.fault("H10"), pytest.mark.soak]),
    pytest.param(transport("truncated", "cut off"), id="always truncated",
                 marks=[pytest.mark.fault("H02"), pytest.mark.soak]),
    pytest.param(Case(Fault("results_empty_with_total"), "failed", "no results, though"),
                 id="empty with total", marks=pytest.mark.fault("H18")),
    pytest.param(Case(Fault("drop_finishers", value=2), "thin", ""), id="finishers dropped",
                 marks=[pytest.mark.fault("H17"), pytest.mark.soak]),
    pytest.param(Case(Fault("day_in_progress"), "thin", ""), id="day in progress",
                 marks=pytest.mark.soak),
    pytest.param(Case(Fault("malformed_race"), "thin", "1 race", by_race=True),
                 id="malformed race", marks=pytest.mark.fault("H17")),
    pytest.param(Case(Fault("malformed_race", value="no_id"), "thin", "1 race", by_race=True),
                 id="race without id", marks=pytest.mark.soak),
    pytest.param(Case(Fault("runners_absent"), "thin", ""), id="runners absent",
                 marks=pytest.mark.soak),
    pytest.param(Case(Fault("duplicate_race"), "thin", "1 race rejected"),
                 id="race of the day before", marks=pytest.mark.soak),
    pytest.param(Case(Fault("field_size_disagreement"), "thin", "rows "),
                 id="field size of card and result differ", marks=pytest.mark.soak),
]  # fmt: skip

PASSING = [
    pytest.param(Fault("429", endpoint=RESULTS, times=1, value="1"), id="429 with Retry-After",
                 marks=pytest.mark.fault("H09")),
    pytest.param(Fault("429", endpoint=RESULTS, times=1), id="429 without Retry-After",
                 marks=[pytest.mark.fault("H09"), pytest.mark.soak]),
    pytest.param(Fault("500", endpoint=RESULTS, times=2), id="500 twice",
                 marks=[pytest.mark.fault("H10"), pytest.mark.soak]),
    pytest.param(Fault("502", endpoint=RESULTS, times=1), id="502 once",
                 marks=[pytest.mark.fault("H10"), pytest.mark.soak]),
    pytest.param(Fault("truncated", endpoint=RESULTS, times=1), id="truncated once",
                 marks=[pytest.mark.fault("H02"), pytest.mark.soak]),
    pytest.param(Fault("truncated_gzip", endpoint=RESULTS, times=1), id="half a gzip",
                 marks=[pytest.mark.fault("H04"), pytest.mark.soak]),
    pytest.param(Fault("reset", endpoint=RESULTS, times=1), id="reset once",
                 marks=[pytest.mark.fault("H02"), pytest.mark.soak]),
    pytest.param(Fault("slow", endpoint=RESULTS, value=1.0), id="slow server",
                 marks=pytest.mark.soak),
    pytest.param(Fault("clock_drift"), id="server clock drift", marks=pytest.mark.soak),
]  # fmt: skip


@pytest.mark.parametrize("case", LASTING)
def test_a_fault_gives_its_state_and_no_wrong_row_and_the_next_run_heals_it(
    case: Case, installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled, *DATASETS)
    expected, _ = undisturbed(command)
    match = settled.isoformat() if case.by_day else None
    if case.by_race:
        match = next(
            race["race_id"]
            for race in map(json.loads, expected.tables["ra_races"])
            if race["region"].lower() == "gb"
        )
    fault = case.fault
    spoiled = Fault(fault.kind, fault.endpoint, match, value=fault.value)
    installation.server.rules.add([spoiled])
    ill = installation.run(*command)
    told = installation.unit_states("results")
    rows = installation.state()
    installation.server.rules.clear()
    well = installation.run(*command)

    assert ill.code in {1, 2}, ill.said
    assert UNIT in told, told
    assert told[UNIT][0] == case.state, told[UNIT]
    assert case.reason in told[UNIT][1]
    assert wrong_rows(rows, expected) == []
    assert well.code == 0, well.said
    assert installation.state().differences(expected) == []


@pytest.mark.soak
@pytest.mark.parametrize(
    ("kind", "status"), [("abandoned_meeting", "abandoned"), ("void_race", "void")]
)
def test_what_never_ran_is_no_gap_has_no_starters_and_gives_way_to_a_later_result(
    kind: str,
    status: str,
    installation: Installation,
    undisturbed: Undisturbed,
    settled: date,
) -> None:
    command = backfill(settled, settled, *DATASETS)
    expected, _ = undisturbed(command)
    installation.server.rules.add([Fault(kind, match=settled.isoformat())])
    ill = installation.run(*command)
    told = installation.unit_states("results")
    found = installation.state()
    installation.server.rules.clear()
    well = installation.run(*command, "--refetch")

    assert told[UNIT] == ("empty", "")
    assert ill.code == 0, ill.said
    assert found.tables["ra_race_results"] == []
    assert {json.loads(line)["race_status"] for line in found.tables["ra_races"]} == {status}
    assert well.code == 0, well.said
    assert installation.state().differences(expected) == []


def wrong_rows(found: State, sound: State) -> list[str]:
    """Return results that no sound answer tells: faults may hide rows, never make them.

    How many horses share a place is counted over the rows that are there.
    """
    mine, theirs = (
        {
            json.dumps({**json.loads(line), "dead_heat_n": None}, sort_keys=True)
            for line in state.tables["ra_race_results"]
        }
        for state in (found, sound)
    )
    return sorted(mine - theirs)[:2]


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_leaves_no_trace_in_the_tables(
    fault: Fault, installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled, *DATASETS)
    expected, _ = undisturbed(command)
    installation.server.rules.add([fault])
    done = installation.run(*command)

    assert done.code == 0, done.said
    assert installation.state().differences(expected) == []


@pytest.mark.fault("H13")
@pytest.mark.parametrize("status", ["401", "403"])
def test_a_refused_login_pauses_the_source_and_nothing_is_half_done(
    status: str, installation: Installation, undisturbed: Undisturbed, settled: date
) -> None:
    command = backfill(settled, settled)
    expected, requests = undisturbed(command)
    installation.server.rules.add([Fault(status, after=60)])
    refused = installation.run(*command)
    asked = len(installation.targets())
    still = installation.run(*command)
    untouched = len(installation.targets()) - asked
    installation.server.rules.clear()
    resumed = installation.run("sources", "resume", "theracingapi", "--json")
    well = installation.run(*command)
    refusals = sum(entry.status == int(status) for entry in installation.server.requests)

    assert refused.code == 3, refused.said
    assert refused.document["error"]["kind"] == "CredentialsRefused"
    assert f"HTTP {status}" in refused.document["error"]["message"]
    assert "sources resume theracingapi" in refused.document["error"]["hint"]
    assert still.code == 3, still.said
    assert untouched == 0
    assert resumed.code == 0, resumed.said
    assert well.code == 0, well.said
    assert installation.state().differences(expected) == []
    assert refusals <= 8
    assert len(installation.targets()) == requests + refusals


@pytest.mark.fault("H20")
def test_a_changed_result_is_updated_once_and_its_former_self_is_kept(
    installation: Installation, settled: date
) -> None:
    command = backfill(settled, settled, *DATASETS)
    first = installation.run(*command)
    race = installation.rows("a_race_with_results")[0][0]
    installation.server.rules.add([Fault("changed_result", match=race)])
    changed = installation.run(*command, "--refetch")
    again = installation.run(*command, "--refetch")

    assert first.code == 0, first.said
    assert changed.document["rows"]["ra_race_results"]["updated"] == 2, changed.said
    assert again.document["rows"].get("ra_race_results", {}).get("updated", 0) == 0, again.said
    assert installation.rows("former_results") == [(2,)]


@pytest.mark.fault("H12")
def test_a_horse_that_is_not_there_is_unrecoverable_and_asked_once(
    installation: Installation, settled: date
) -> None:
    command = backfill(settled, settled)
    installation.server.rules.add([Fault("horse_404", rate=0.1)])
    installation.run(*command)
    lost = [unit for unit in installation.state().units if unit[1] == "horse_pro"]
    requests = len(installation.targets())
    second = installation.run(*command)

    assert {unit[4] for unit in lost} == {"unrecoverable"}
    assert all("no such horse" in unit[5] for unit in lost)
    assert lost
    assert len(installation.targets()) == requests, second.said


@pytest.mark.fault("Q01")
def test_a_recount_names_the_unit_that_lost_a_races_runners_and_ends_with_exit_2(
    installation: Installation, settled: date
) -> None:
    installation.run(*backfill(settled, settled, *DATASETS))
    recount = ("count", "racing", *DATASETS, "--recount", "--json", "--since", str(settled))
    window = (*recount, "--until", str(settled))
    before = installation.run(*window)
    (race_id, region), *_ = installation.rows("lose_a_races_runners")
    found = installation.run(*window)
    told = installation.run("why", "racing", "ra_runners", f"{settled}/{region}", "--json")

    assert (before.code, before.document["drift"]) == (0, []), before.said
    assert found.code == 2, found.said
    assert {(one["dataset"], *one["key"]) for one in found.document["drift"]} == {
        ("ra_runners", str(settled), region)
    }, race_id
    assert told.document["state"] == "thin", told.said
