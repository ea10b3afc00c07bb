"""Orders of tables, as heads give them and addresses keep them."""

from __future__ import annotations

from urllib.parse import parse_qs

from hypothesis import given
from hypothesis import strategies as st

from stocktake.web.sorting import Sorting

COLUMNS = {"size": lambda row: row}
rows = st.lists(st.none() | st.integers(-5, 5))


@given(rows)
def test_what_tells_nothing_comes_last_in_both_orders(listed: list[int | None]) -> None:
    known = sorted(one for one in listed if one is not None)
    nothing = [None] * (len(listed) - len(known))

    assert Sorting(COLUMNS, {"sort": "size"}).rows(listed) == [*known, *nothing]
    assert Sorting(COLUMNS, {"sort": "-size"}).rows(listed) == [*reversed(known), *nothing]


@given(rows, st.sampled_from(["", "age", "-age", "--size", "size,"]))
def test_a_column_that_is_not_there_changes_nothing(listed: list[int | None], asked: str) -> None:
    assert Sorting(COLUMNS, {"sort": asked}).rows(listed) == listed


def test_a_head_turns_its_own_order_round_and_keeps_the_rest_of_the_address() -> None:
    query, seen = {"dataset": "ra_races", "before": ""}, []
    for _ in range(3):
        query = {
            name: texts[0]
            for name, texts in parse_qs(Sorting(COLUMNS, query).link("size", first="-")[1:]).items()
        }
        seen.append(query)

    assert [one["sort"] for one in seen] == ["-size", "size", "-size"]
    assert {one["dataset"] for one in seen} == {"ra_races"}


def test_a_head_says_how_its_column_is_sorted() -> None:
    told = [Sorting(COLUMNS, {"sort": text}).state("size") for text in ("", "size", "-size")]

    assert told == ["none", "ascending", "descending"]
