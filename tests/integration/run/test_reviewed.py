"""Refused rows and rows that share a key: tried, edited, decided, taken back."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.errors import UsageError
from stocktake.load.duplicates import Choice, PairKind
from stocktake.load.rejects import RejectKind
from stocktake.load.spots import row_spot, spot_of, with_row
from stocktake.model import Range
from stocktake.run.decided import dismiss_rejects, list_duplicates, list_rejects, reject_groups
from stocktake.run.explained import trace_row
from stocktake.run.files import load_files
from stocktake.run.progress import silent
from stocktake.run.replay import replay
from stocktake.run.reviewed import (
    load_again,
    rehearse_answer,
    rehearse_duplicate,
    rehearse_edit,
    rehearse_rejects,
    reopen_duplicate,
    retry_edited,
    retry_rejects,
    settle_duplicate,
)
from stocktake.run.undone import undo
from stocktake.run.workspace import Workspace, components
from stocktake.settings import Secret, Settings
from stocktake.store.installation import init
from stocktake.systems.racing import hkjc_codes
from stocktake.systems.racing.hkjc import COLUMNS
from stocktake.testing.database import temporary_database
from tests.integration.run.conftest import RACING
from tests.systems.racing.test_hkjc import line, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster

RUNNERS = RACING.dataset("ra_runners")
PAIRS = PairKind(("ra_runners",))
ALL = RejectKind()
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def office(cluster: LocalCluster) -> Iterator[Workspace]:
    """An installation for files."""
    with temporary_database(cluster, components=components()) as database:
        init(database, "real")
        settings = Settings(home=cluster.home, database_url=Secret(database.url))
        yield Workspace(settings, database, "real", Clock())


def load(office: Workspace, folder: Path, lines: Iterable[dict[str, str]], name: str = "") -> int:
    """Load a file of results and return its run."""
    path = folder / (name or "results_2025-03-02.csv")
    path.write_bytes(written(lines))
    return load_files(office, RACING, RUNNERS, [path], source="hkjc", report=silent).run_id


def rows(office: Workspace, statement: str) -> list[tuple[Any, ...]]:
    with office.database.connection() as conn:
        return conn.execute(statement.encode()).fetchall()


def card() -> list[dict[str, str]]:
    return [line(race, place) for race in (1, 2) for place in ("1", "2")]


def with_a_bad_line() -> list[dict[str, str]]:
    return [*card(), line(3, "1"), line(3, "2", venue="月球")]


def text_of(fields: dict[str, str]) -> str:
    out = io.StringIO()
    csv.DictWriter(out, COLUMNS, lineterminator="").writerow(fields)
    return out.getvalue()


def test_an_edited_row_loads_and_tells_who_changed_what(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, with_a_bad_line())
    (reject,) = list_rejects(office, RACING, ALL, limit=9)
    good = text_of(line(3, "2"))

    told = rehearse_edit(office, RACING, reject.reject_id, text=good)
    before = rows(office, "select count(*) from racing.ra_runners")
    done = retry_edited(office, RACING, reject.reject_id, text=good, by="ann", reason="misprint")

    assert (told.changed, told.rejects) == (3, [])
    assert {one.dataset for one in told.changes} == {
        *("ra_runners", "ra_race_results", "ra_mst_horses"),
    }
    assert before == [(5,)]
    assert done.rows["ra_runners"].inserted == 1
    assert list_rejects(office, RACING, ALL, limit=9) == []
    key = {"race_id": "hk_2025-03-02_ST_03", "horse_id": "hk_Z032"}
    (origin, *_) = [
        one for one in trace_row(office, RACING, RUNNERS, key).origins if one.capture_id
    ]
    assert origin.edit is not None
    assert (origin.edit.by, origin.edit.reason, origin.edit.edits) == (
        *("ann", "misprint"),
        reject.capture_id,
    )
    assert (origin.edit.before, origin.edit.after) == (reject.raw, good)


def test_the_original_answer_stays_beside_the_edited_one(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, with_a_bad_line())
    (reject,) = list_rejects(office, RACING, ALL, limit=9)
    before = rows(office, "select sha256 from stocktake.capture order by capture_id")

    retry_edited(office, RACING, reject.reject_id, text=text_of(line(3, "2")), by="ann")

    after = rows(office, "select sha256 from stocktake.capture order by capture_id")
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1


def test_trying_an_edit_changes_nothing(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, with_a_bad_line())
    (reject,) = list_rejects(office, RACING, ALL, limit=9)
    counted = (
        "select (select count(*) from stocktake.capture), (select count(*) from stocktake.receipt)"
    )
    before = rows(office, counted), rows(office, "select * from racing.ra_runners")

    rehearse_edit(office, RACING, reject.reject_id, text=text_of(line(3, "2")))

    assert (rows(office, counted), rows(office, "select * from racing.ra_runners")) == before


def test_a_row_that_would_be_refused_again_is_not_loaded(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, with_a_bad_line())
    (reject,) = list_rejects(office, RACING, ALL, limit=9)

    with pytest.raises(UsageError, match="refused again: unknown venue '火星'"):
        retry_edited(
            office, RACING, reject.reject_id, text=text_of(line(3, "2", venue="火星")), by="ann"
        )

    assert len(list_rejects(office, RACING, ALL, limit=9)) == 1


def test_undoing_an_edit_takes_the_row_back_and_opens_the_reject(
    office: Workspace, tmp_path: Path
) -> None:
    load(office, tmp_path, with_a_bad_line())
    (reject,) = list_rejects(office, RACING, ALL, limit=9)
    before = rows(office, "select race_id, horse_id from racing.ra_runners order by 1, 2")
    done = retry_edited(office, RACING, reject.reject_id, text=text_of(line(3, "2")), by="ann")

    undo(office, RACING, done.run_id)
    replay(office, RACING, [RUNNERS], Range(), report=silent)

    assert [one.reject_id for one in list_rejects(office, RACING, ALL, limit=9)] == [
        reject.reject_id
    ]
    assert rows(office, "select race_id, horse_id from racing.ra_runners order by 1, 2") == before


def test_a_reject_of_a_run_that_was_taken_back_is_not_edited(
    office: Workspace, tmp_path: Path
) -> None:
    run_id = load(office, tmp_path, with_a_bad_line())
    (reject,) = list_rejects(office, RACING, ALL, limit=9)
    undo(office, RACING, run_id)

    with pytest.raises(UsageError, match="undone already"):
        rehearse_edit(office, RACING, reject.reject_id, text=text_of(line(3, "2")))


def test_a_replay_keeps_an_edit_and_changes_nothing(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, with_a_bad_line())
    (reject,) = list_rejects(office, RACING, ALL, limit=9)
    retry_edited(office, RACING, reject.reject_id, text=text_of(line(3, "2")), by="ann")

    done = replay(office, RACING, [RUNNERS], Range(), report=silent)

    assert sum(one.inserted + one.updated for one in done.rows.values()) == 0
    assert list_rejects(office, RACING, ALL, limit=9) == []


def test_a_row_the_table_refused_is_edited_by_its_columns(
    office: Workspace, tmp_path: Path
) -> None:
    with office.database.owner() as conn:
        conn.execute("alter table racing.ra_runners add check (weight_lbs < 500)")
    lines = [*card(), line(3, "1"), line(3, "2", actual_wt_lbs="999")]
    load(office, tmp_path, lines)
    (reject,) = list_rejects(office, RACING, RejectKind(("ra_runners",)), limit=9)
    good = reject.raw.replace("999", "134")

    told = rehearse_edit(office, RACING, reject.reject_id, text=good)
    retry_edited(office, RACING, reject.reject_id, text=good, by="ann")

    assert reject.code == "refused"
    assert told.rows["ra_runners"].inserted == 1
    found = rows(
        office,
        "select weight_lbs from racing.ra_runners where horse_id = 'hk_Z032'",
    )
    assert found == [(134,)]


def test_loading_a_file_again_tells_its_rejects_once(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, with_a_bad_line())
    before = list_rejects(office, RACING, ALL, limit=9)

    replay(office, RACING, [RUNNERS], Range(), report=silent)

    assert list_rejects(office, RACING, ALL, limit=9) == before


def test_a_corrected_parser_loads_what_it_refused_and_says_so_before(
    office: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(office, tmp_path, with_a_bad_line())
    courses = {**hkjc_codes.COURSES, "月球": hkjc_codes.COURSES["沙田"]}
    monkeypatch.setattr(hkjc_codes, "COURSES", courses)

    told = rehearse_rejects(office, RACING, RejectKind(code="line"))
    done = retry_rejects(office, RACING, RejectKind(code="line"))

    assert (told.answers, told.tried, told.refused, told.left) == (1, 1, 1, 0)
    assert done.rows["ra_runners"].inserted == 1
    assert list_rejects(office, RACING, ALL, limit=9) == []


def test_a_dismissed_reject_stays_dismissed_when_its_answer_is_loaded_again(
    office: Workspace, tmp_path: Path
) -> None:
    load(office, tmp_path, with_a_bad_line())

    count = dismiss_rejects(office, RACING, RejectKind(code="line"), by="ann", reason="a test")
    replay(office, RACING, [RUNNERS], Range(), report=silent)

    assert count == 1
    assert list_rejects(office, RACING, ALL, limit=9) == []


def test_nothing_is_dismissed_without_a_reason(office: Workspace) -> None:
    with pytest.raises(UsageError, match="why"):
        dismiss_rejects(office, RACING, ALL, by="ann", reason="  ")


def test_rejects_are_grouped_by_reason_and_compared_with_the_week_before(
    office: Workspace, tmp_path: Path
) -> None:
    clock = office.clock
    assert isinstance(clock, Clock)
    load(office, tmp_path, [*card(), line(3, "1", venue="月球"), line(3, "2", venue="火星")])
    clock.now += timedelta(days=8)
    load(office, tmp_path, [*card(), line(4, "1", venue="木星")], "results_2025-03-02b.csv")

    (group,) = reject_groups(office, RACING, [])

    assert (group.dataset, group.code, group.shape) == ("ra_runners", "line", "unknown venue …")
    assert (group.count, group.this_week, group.last_week, group.change) == (3, 1, 2, -1)


def twins() -> list[dict[str, str]]:
    first, second = line(1, "1"), line(1, "1", jockey="丙", draw="7")
    return [first, second, *card()[1:]]


KEY = {"race_id": "hk_2025-03-02_ST_01", "horse_id": "hk_Z011"}
STORED = (
    "select jockey_name, draw from racing.ra_runners"
    " where race_id = 'hk_2025-03-02_ST_01' and horse_id = 'hk_Z011'"
)


def pair_of(office: Workspace) -> Any:
    (pair,) = list_duplicates(office, RACING, PAIRS, limit=9)
    return pair


def test_a_pair_is_merged_column_by_column(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, twins())
    pair = pair_of(office)
    choice = Choice("merged", ("draw",))

    told = rehearse_duplicate(office, RACING, pair.duplicate_id, choice, by="ann")
    between = rows(office, STORED)
    done = settle_duplicate(office, RACING, pair.duplicate_id, choice, by="ann")

    assert {"jockey_name", "draw"} <= set(pair.differing)
    assert between == [("甲", 2)]
    assert [(one.dataset, one.before, one.after) for one in told.changes] == [
        ("ra_runners", {"draw": 2}, {"draw": 7})
    ]
    assert done is not None
    assert rows(office, STORED) == [("甲", 7)]
    (decision,) = trace_row(office, RACING, RUNNERS, KEY).decisions
    assert (decision.decided_by, decision.state, decision.from_other) == ("ann", "merged", ["draw"])


def test_a_decision_holds_when_the_same_pair_comes_again(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, twins())
    settle_duplicate(office, RACING, pair_of(office).duplicate_id, Choice("replaced"), by="ann")

    done = replay(office, RACING, [RUNNERS], Range(), report=silent)

    assert done.rows["ra_runners"].updated == 0
    assert rows(office, STORED) == [("丙", 7)]
    assert list_duplicates(office, RACING, PAIRS, limit=9) == []


def test_a_decision_taken_back_leaves_the_row_as_it_was(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, twins())
    before = rows(office, STORED)
    number = pair_of(office).duplicate_id
    settle_duplicate(office, RACING, number, Choice("replaced"), by="ann")

    reopen_duplicate(office, RACING, number)

    assert rows(office, STORED) == before
    assert pair_of(office).duplicate_id == number


@pytest.mark.parametrize("decision", ["kept", "both", "distinct"])
def test_a_pair_that_stays_is_remembered_and_no_row_changes(
    office: Workspace, tmp_path: Path, decision: Any
) -> None:
    load(office, tmp_path, twins())
    before = rows(office, STORED)

    done = settle_duplicate(office, RACING, pair_of(office).duplicate_id, Choice(decision), by="bo")
    replay(office, RACING, [RUNNERS], Range(), report=silent)

    assert done is None
    assert rows(office, STORED) == before
    assert [one.state for one in list_duplicates(office, RACING, PAIRS, limit=9, state=None)] == [
        decision
    ]


def test_a_pair_that_changed_since_is_open_again(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, twins())
    settle_duplicate(office, RACING, pair_of(office).duplicate_id, Choice("kept"), by="ann")
    clock = office.clock
    assert isinstance(clock, Clock)
    clock.now += timedelta(hours=1)
    changed = [line(1, "1", trainer="丁"), twins()[1], *card()[1:]]

    load(office, tmp_path, changed)

    assert pair_of(office).kept["trainer_name"] == "丁"


def test_only_columns_that_differ_can_be_taken(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, twins())

    with pytest.raises(UsageError, match="do not differ in horse_name"):
        settle_duplicate(
            office,
            RACING,
            pair_of(office).duplicate_id,
            Choice("merged", ("horse_name",)),
            by="ann",
        )


def test_a_decided_pair_is_not_decided_twice(office: Workspace, tmp_path: Path) -> None:
    load(office, tmp_path, twins())
    number = pair_of(office).duplicate_id
    settle_duplicate(office, RACING, number, Choice("both"), by="ann")

    with pytest.raises(UsageError, match="decided already: both, by ann"):
        settle_duplicate(office, RACING, number, Choice("kept"), by="bo")


def test_parsing_again_tells_the_difference_and_loading_makes_it(
    office: Workspace, tmp_path: Path
) -> None:
    load(office, tmp_path, card())
    ((capture,),) = rows(
        office, "select capture_id from stocktake.capture where feed = 'hkjc' limit 1"
    )
    with office.database.connection() as conn:
        conn.execute("update racing.ra_runners set draw = 9, _result_hash = 0 where draw = 2")

    told = rehearse_answer(office, RACING, capture)
    load_again(office, RACING, capture)

    assert told.rows["ra_runners"].updated == len(card())
    assert {(one.before["draw"], one.after["draw"]) for one in told.changes} == {(9, 2)}
    assert rehearse_answer(office, RACING, capture).changed == 0


def test_a_json_row_is_replaced_where_it_stands() -> None:
    body = b'{"races":[{"id":1,"runners":[{"n":"a"},{"n":"b"}]},{"id":2,"runners":[{"n":"b"}]}]}'

    changed = with_row([body], position="races[1].runners[0]", raw='{"n":"b"}', text='{"n": "c"}')

    assert changed == [
        b'{"races":[{"id":1,"runners":[{"n":"a"},{"n":"b"}]},{"id":2,"runners":[{"n":"c"}]}]}'
    ]


def test_an_edit_of_json_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="came as JSON"):
        with_row([b'[{"n":1}]'], position="[0]", raw='{"n":1}', text="{n:2}")


def test_a_line_is_replaced_in_its_own_encoding() -> None:
    body = "a,b\r\n1,é\r\n2,x\r\n".encode("utf-16")

    changed = with_row([body], position="line 2", raw="1,é", text="1,e")

    assert changed is not None
    assert changed[0].decode("utf-16") == "a,b\r\n1,e\r\n2,x\r\n"


def test_a_row_that_is_nowhere_is_not_replaced() -> None:
    assert with_row([b"a,b\n1,2\n"], position="line 9", raw="7,8", text="x") is None
    assert with_row([b"[]"], position="races[0]", raw='{"a":1}', text="{}") is None


def test_the_smallest_object_with_all_keys_is_the_row() -> None:
    shown = (
        '{"races":[{"id":"r1","x":{"a":1}},{"id":"r2","runners":[{"h":"h1"},{"h":"h2","w":31}]}]}'
    )

    found = row_spot(shown, ["h2"])

    assert found is not None
    assert shown[slice(*found)] == '{"h":"h2","w":31}'
    inside = spot_of(shown[slice(*found)], ["31"])
    assert inside is not None
    assert (inside.start, inside.end) == (14, 16)
