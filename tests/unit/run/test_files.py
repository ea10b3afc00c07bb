"""Which file format a dataset is loaded through when nobody names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stocktake.errors import UsageError
from stocktake.model import Dataset, FileFormat, Parsed, Source, System, Values
from stocktake.run.files import find_format
from stocktake.run.registry import find_datasets, find_system

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stocktake.model import Request

DATASETS = tuple(Dataset(name, ("id",), Values(("all",))) for name in ("visits", "guests"))


def unparsed(bodies: Sequence[bytes], request: Request, at: datetime) -> Parsed:
    return Parsed()


def form(name: str, *fills: str, also: tuple[str, ...] = ()) -> FileFormat:
    return FileFormat(name, fills, (".csv",), unparsed, also=also)


def chosen(*forms: FileFormat) -> str:
    system = System("little", "", DATASETS, (Source("files", files=forms),))
    return find_format(system, system.dataset("guests"), "")[1].name


def test_courses_are_loaded_from_a_list_of_courses_not_of_results() -> None:
    racing = find_system("racing")
    (courses,) = find_datasets(racing, ["ra_mst_courses"])

    assert find_format(racing, courses, "")[1].name == "coordinates"


def test_a_format_that_fills_a_dataset_comes_before_those_that_mention_it() -> None:
    diary = form("diary", "visits", also=("guests",))
    letters = form("letters", "visits", also=("guests",))

    assert chosen(diary, form("book", "visits", "guests"), letters) == "book"


def test_a_format_that_is_about_a_dataset_comes_before_those_that_fill_it_too() -> None:
    assert chosen(form("book", "visits", "guests"), form("list", "guests")) == "list"


def test_two_formats_about_one_dataset_must_be_told_apart() -> None:
    with pytest.raises(UsageError, match="several file sources hold guests"):
        chosen(form("book", "guests"), form("list", "guests"))
