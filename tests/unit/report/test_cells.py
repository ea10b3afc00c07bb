"""Cells that a spreadsheet would run become text; everything else stays as it is."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocktake.report.cells import cell, neutral, restored

SHARED = Path(os.environ.get("STOCKTAKE_SHARED", Path(__file__).parents[4] / "shared"))
CORPUS = SHARED / "data" / "corpora" / "own" / "formula_cells.json"
STARTERS = "=+-@\uff1d\uff0b\uff0d\uff20"


def corpus(name: str) -> list[str]:
    if not CORPUS.is_file():
        pytest.skip(f"no corpus at {CORPUS}; set STOCKTAKE_SHARED")
    cells: list[str] = json.loads(CORPUS.read_text(encoding="utf-8"))[name]
    return cells


@pytest.mark.fault("S04")
def test_every_formula_of_the_corpus_is_neutralised() -> None:
    assert [text for text in corpus("must_escape") if neutral(text) == text] == []


@pytest.mark.fault("S04")
def test_no_harmless_cell_of_the_corpus_is_changed() -> None:
    assert [text for text in corpus("must_not_escape") if neutral(text) != text] == []


@pytest.mark.fault("S04")
@given(st.text())
def test_what_was_neutralised_is_restored_exactly(text: str) -> None:
    assert restored(neutral(text)) == text


@pytest.mark.fault("S04")
@given(st.text(alphabet=st.sampled_from(STARTERS + " \t1a"), min_size=1))
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(text: str) -> None:
    shown = neutral(text)

    try:
        float(shown)
    except ValueError:
        assert not shown.lstrip().startswith(tuple(STARTERS))


@given(st.lists(st.text(), min_size=2, max_size=5))
def test_a_csv_reader_gives_the_texts_back(texts: list[str]) -> None:
    line = ",".join(map(cell, texts)) + "\n"

    (read,) = csv.reader(io.StringIO(line, newline=""))
    assert [restored(one) for one in read] == texts


def test_a_number_is_never_marked() -> None:
    assert [cell(-12.5), cell(3), cell("+3"), cell("1e-5")] == ["-12.5", "3", "+3", "1e-5"]


def test_null_and_an_empty_text_differ() -> None:
    assert (cell(None), cell("")) == ("", '""')
