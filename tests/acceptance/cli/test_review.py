"""Rejects and duplicates as a user works through them on the command line."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.cli.command import installation, stocktake
from tests.integration.run.test_reviewed import text_of, twins, with_a_bad_line
from tests.systems.racing.test_hkjc import line, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster

ROW = ("race_id=hk_2025-03-02_ST_03", "horse_id=hk_Z032")


@pytest.fixture
def home(cluster: LocalCluster, tmp_path: Path) -> Iterator[Path]:
    """An installation with a file of which one row was refused and one came twice."""
    with installation(cluster, tmp_path, kind="real"):
        path = tmp_path / "results_2025-03-02.csv"
        path.write_bytes(written([*twins(), *with_a_bad_line()[4:]]))
        loaded = stocktake("load", "racing", "ra_runners", path, "--source", "hkjc")
        assert loaded.code in {0, 1}, loaded.err
        yield tmp_path


def test_a_refused_row_is_tried_edited_and_traced(home: Path) -> None:
    (group,) = stocktake("rejects", "groups", "racing", "--json").json["groups"]
    row = home / "row.csv"
    row.write_text(text_of(line(3, "2")), encoding="utf-8")
    edit = ("rejects", "edit", group["newest"], "--file", row)

    tried = stocktake(*edit, "--dry-run", "--json").json
    done = stocktake(*edit, "--by", "ann", "--reason", "misprint")
    traced = stocktake("trace", "racing", "ra_runners", *ROW)

    assert (group["code"], group["count"]) == ("line", 1)
    assert tried["rows"]["ra_runners"]["inserted"] == 1
    assert done.code in {0, 1}, done.err
    assert "changed by ann" in traced.out
    assert "misprint" in traced.out


def test_rejects_are_listed_as_csv_retried_and_dismissed(home: Path) -> None:
    del home
    listed = stocktake("rejects", "racing", "--csv")
    retried = stocktake("rejects", "retry", "racing", "--dry-run", "--json").json
    nameless = stocktake("rejects", "dismiss", "racing")
    dismissed = stocktake("rejects", "dismiss", "racing", "--reason", "a test", "--by", "ann")

    (refused,) = csv.DictReader(io.StringIO(listed.out))
    assert refused["position"] == "line 8"
    assert (retried["refused"], retried["left"], retried["changed"]) == (1, 1, 0)
    assert nameless.code == 2
    assert "1 dismissed" in dismissed.out


def test_a_listed_reject_runs_as_no_formula_in_a_spreadsheet(home: Path) -> None:
    path = home / "results_2025-03-03.csv"
    path.write_bytes(written([line(3, "2")]) + b"=HYPERLINK(1),too,few\n")
    stocktake("load", "racing", "ra_runners", path, "--source", "hkjc")

    listed = stocktake("rejects", "racing", "--csv")

    raws = [row["raw"] for row in csv.DictReader(io.StringIO(listed.out))]
    assert any(raw.startswith("'=HYPERLINK(1)") for raw in raws), raws


def test_a_pair_is_merged_and_opened_again(home: Path) -> None:
    del home
    pairs = stocktake("duplicates", "racing", "ra_runners", "--json").json["duplicates"]
    number = pairs[0]["duplicate_id"]
    decide = ("duplicates", "decide", number, "merged", "--take", "draw", "--by", "ann")

    tried = stocktake(*decide, "--dry-run", "--json").json
    done = stocktake(*decide, "--json").json
    again = stocktake(*decide)
    opened = stocktake("duplicates", "reopen", number)

    assert tried["changes"][0]["after"] == {"draw": 7}
    assert done["rows"]["ra_runners"]["updated"] == 1
    assert (again.code, opened.code) == (2, 0)
    assert "decided already" in again.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("rejects", "edit", "x"),
        ("rejects", "edit", "1"),
        ("rejects", "retry"),
        ("duplicates", "decide"),
        ("duplicates", "decide", "1", "perhaps"),
    ],
)
def test_what_lacks_a_number_or_a_word_says_so(home: Path, arguments: tuple[str, ...]) -> None:
    del home

    said = stocktake(*arguments)

    assert said.code == 2
    assert "stocktake" in said.err or "Decisions" in said.err or "--text" in said.err
