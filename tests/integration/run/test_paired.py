"""Pairs of rows with one key, decided together: tried, done, and taken back at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import UsageError
from stocktake.load.duplicates import ANY, Choice, PairKind
from stocktake.run.decided import list_duplicates
from stocktake.run.paired import (
    pair_groups,
    pair_sittings,
    rehearse_together,
    reopen_together,
    settle_together,
)
from tests.integration.run.conftest import RACING
from tests.integration.run.test_reviewed import PAIRS, Clock, load, office, rows
from tests.systems.racing.test_hkjc import line

if TYPE_CHECKING:
    from pathlib import Path

    from stocktake.run.workspace import Workspace

__all__ = ["office"]
DRAWS = "select draw from racing.ra_runners order by race_id, horse_id"
DRAW = PairKind(("ra_runners",), ("draw",))


def three_pairs() -> list[dict[str, str]]:
    """Two pairs that differ in the draw alone, one in the jockey too."""
    found = []
    for race, other in ((1, {"draw": "7"}), (2, {"draw": "8"}), (3, {"draw": "9", "jockey": "丙"})):
        found += [line(race, "1"), line(race, "1", **other), line(race, "2")]
    return found


def states(office: Workspace) -> list[str]:
    found = list_duplicates(office, RACING, PAIRS, limit=9, state=None)
    return sorted(one.state for one in found)


def test_pairs_are_grouped_by_what_they_differ_in(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, three_pairs())

    most, other = pair_groups(office, RACING, PAIRS)

    assert (list(most.differing), most.count) == (["draw"], 2)
    assert {"draw", "jockey_name"} <= set(other.differing)
    assert other.count == 1
    assert 0 < other.alike < most.alike < 1


def test_a_score_leaves_out_pairs_less_alike(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, three_pairs())
    alike = pair_groups(office, RACING, PAIRS)[0].alike

    found = list_duplicates(office, RACING, PairKind(("ra_runners",), alike=alike), limit=9)

    assert [one.differing for one in found] == [("draw",), ("draw",)]
    assert {round(one.alike, 6) for one in found} == {round(alike, 6)}


def test_pairs_decided_together_are_tried_in_numbers_first(
    office: Workspace, tmp_path: Path
) -> None:
    load(office, tmp_path, three_pairs())
    before = rows(office, DRAWS)

    told = rehearse_together(office, RACING, DRAW, Choice("replaced"), by="ann")

    assert (told.pairs, told.left, told.answers, told.told.changed) == (2, 0, 1, 2)
    assert rows(office, DRAWS) == before
    assert states(office) == []


def test_pairs_are_decided_together_and_opened_again_together(
    office: Workspace, tmp_path: Path
) -> None:
    load(office, tmp_path, three_pairs())
    before = rows(office, DRAWS)

    done = settle_together(office, RACING, DRAW, Choice("merged", ("draw",)), by="ann")
    between, decided = rows(office, DRAWS), states(office)
    (sitting,) = pair_sittings(office, RACING)
    back = reopen_together(office, RACING, sitting.at)

    assert (done.pairs, done.left) == (2, 0)
    assert decided == ["merged", "merged"]
    assert sorted(row[0] for row in set(between) - set(before)) == [7, 8]
    assert (sitting.at, sitting.by, sitting.count) == (done.at, "ann", 2)
    assert (back.pairs, rows(office, DRAWS), states(office)) == (2, before, [])


def test_a_decision_that_does_not_fit_one_pair_decides_none(
    office: Workspace, tmp_path: Path
) -> None:
    load(office, tmp_path, three_pairs())

    with pytest.raises(UsageError, match="do not differ in jockey_name"):
        settle_together(office, RACING, PAIRS, Choice("merged", ("jockey_name",)), by="ann")

    assert states(office) == []


def test_decisions_of_another_moment_stay_when_some_are_taken_back(
    office: Workspace, tmp_path: Path
) -> None:
    clock = office.clock
    assert isinstance(clock, Clock)
    load(office, tmp_path, three_pairs())
    settle_together(office, RACING, DRAW, Choice("both"), by="ann")
    clock.now += timedelta(minutes=1)
    later = settle_together(office, RACING, ANY, Choice("distinct"), by="bo")

    reopen_together(office, RACING, later.at)

    assert states(office) == ["both", "both"]


def test_nothing_of_a_kind_to_decide_is_said(office: Workspace) -> None:
    with pytest.raises(UsageError, match="No open pair is of this kind"):
        settle_together(office, RACING, PAIRS, Choice("both"), by="ann")
    with pytest.raises(UsageError, match="Nothing was decided at"):
        reopen_together(office, RACING, office.clock())
