"""Regions, courses, one horse; pages that follow; lists we ship or users bring."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from stocktake import Request, SourceChanged, State
from stocktake.systems.racing import rows
from stocktake.systems.racing.bookmakers import parse_bookmakers
from stocktake.systems.racing.coordinates import parse_coordinates
from stocktake.systems.racing.parse import (
    following_page,
    parse_courses,
    parse_horse_pro,
    parse_regions,
)
from tests.systems.racing.real import LATER, encoded, sample

REGIONS = Request("regions", "/v1/courses/regions", (), (("all",),))
COURSES = Request("courses", "/v1/courses", (), (("gb",), ("ire",)))
HORSE = Request("horse_pro", "/v1/horses/hrs_6181308/pro", (), (("hrs_6181308",),))
FILE = Request("files", "mine.csv")
next_page = following_page(20_000)


def page(total: int, *, skip: int, limit: int = 100) -> bytes:
    return encoded({"results": [], "total": total, "limit": limit, "skip": skip, "query": []})


def course(course_id: str, region: str) -> dict[str, str]:
    return {"id": course_id, "course": "Ayr", "region_code": region, "region": "Great Britain"}


def test_real_regions_become_rows_and_bring_the_shipped_bookmakers() -> None:
    parsed = parse_regions([encoded(sample("GET /v1/courses/regions"))], REGIONS, LATER)

    assert rows.RegionRow("spa", "Spain") in parsed.rows[rows.RegionRow]
    assert len(parsed.rows[rows.BookmakerRow]) == 22


@pytest.mark.fault("H11")
@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"<html>", b'[{"region": "Spain"}]'])
def test_a_list_without_regions_is_a_broken_contract(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_regions([body], REGIONS, LATER)


def test_courses_fill_the_regions_asked_for() -> None:
    body = encoded({"courses": [course("crs_3", "gb"), course("crs_4", "ire")], "total": 2})
    parsed = parse_courses([body], COURSES, LATER)

    assert parsed.rows[rows.CourseRow][0] == ("crs_3", "Ayr", None, "gb", "Great Britain")
    assert [outcome.state for outcome in parsed.outcomes] == [State.COMPLETE, State.COMPLETE]


def test_courses_counted_but_not_sent_make_the_region_thin() -> None:
    body = encoded({"courses": [course("crs_3", "gb")], "total": 69})
    outcome = parse_courses([body], COURSES, LATER).outcomes[0]

    assert (outcome.state, outcome.reason) == (State.THIN, "68 of 69 courses not sent")


def test_a_course_without_a_course_id_is_rejected() -> None:
    body = encoded({"courses": [course("x", "gb")], "total": 1})

    assert [one.position for one in parse_courses([body], COURSES, LATER).rejects] == ["courses[0]"]


def test_a_real_horse_gives_itself_its_pedigree_and_its_parents() -> None:
    parsed = parse_horse_pro([encoded(sample("GET /v1/horses/hrs_6181308/pro"))], HORSE, LATER)

    assert parsed.rows[rows.HorsePro] == [
        (
            "hrs_6181308", "Flaggan (IRE)", "sir_3188248", "dam_3194996", "dsi_2117444",
            date(2011, 6, 19), "gelding", "G", "b", "B", "Liam Delahunty & Dick O'Hara", "IRE",
        )
    ]  # fmt: skip
    assert parsed.rows[rows.PedigreePro][0][5:7] == ("dsi_2117444", "Thatching (GB)")
    assert parsed.rows[rows.SireRow] == [("sir_3188248", "Stowaway (GB)")]


def test_a_horse_of_which_only_the_id_is_told_is_still_complete() -> None:
    parsed = parse_horse_pro([b'{"id": "hrs_6181308"}'], HORSE, LATER)

    assert (parsed.rows[rows.PedigreePro][0][1:], rows.SireRow in parsed.rows) == (
        (None,) * 8,
        False,
    )


@pytest.mark.parametrize("body", [b'{"id": "hrs_7"}', b'{"id": "hrs_6181308", "dam_id": "x"}'])
def test_another_horse_or_ids_that_are_none_break_the_contract(body: bytes) -> None:
    with pytest.raises(SourceChanged):
        parse_horse_pro([body], HORSE, LATER)


def test_the_next_page_skips_what_was_sent() -> None:
    request = Request("results", "/v1/results", (("limit", "100"),))
    second = next_page(request, [page(130, skip=0)])

    assert second is not None
    assert second.params == (("limit", "100"), ("skip", "100"))


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (page(100, skip=0), "0"),
        (page(130, skip=100), "100"),
        (page(130, skip=0, limit=0), "0"),
        (page(130, skip=0), "100"),
        (page(99_999, skip=20_000), "20000"),
        (b"<html>", "0"),
    ],
)
@pytest.mark.fault("H18")
def test_no_page_follows_the_last_a_repeated_or_an_unreadable_one(sent: bytes, told: str) -> None:
    assert next_page(Request("results", "/v1/results", (("skip", told),)), [sent]) is None


def test_coordinates_of_a_user_become_rows() -> None:
    body = "id,longitude,latitude\ncrs_3,-4.61,55.46\n".encode("utf-8-sig")
    parsed = parse_coordinates([body], FILE, LATER)

    assert parsed.rows[rows.CourseCoordinates] == [("crs_3", Decimal("-4.61"), Decimal("55.46"))]


@pytest.mark.parametrize("line", ["crs_3,181,0", "crs_3,0,-91", "crs_3,,1", ",1,1", "crs_3,x,1"])
def test_coordinates_off_the_globe_are_rejected_with_their_line(line: str) -> None:
    parsed = parse_coordinates([f"id,longitude,latitude\n{line}\n".encode()], FILE, LATER)

    assert [one.position for one in parsed.rejects] == ["line 2"]


def test_a_file_with_other_columns_is_refused() -> None:
    with pytest.raises(SourceChanged):
        parse_coordinates([b"a,b\n1,2\n"], FILE, LATER)


def test_a_list_of_bookmakers_of_ones_own_is_read() -> None:
    body = b"id,code,name,type,is_active\n90,pitch_7,Pitch 7,on_course,true\n"

    parsed = parse_bookmakers([body], FILE, LATER)
    assert parsed.rows[rows.BookmakerRow] == [("pitch_7", 90, "Pitch 7", "on_course", True)]


@pytest.mark.parametrize("line", ["x,c,n,online,true", "1,c,n,shop,true", "1"])
def test_a_list_of_bookmakers_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(SourceChanged):
        parse_bookmakers([f"id,code,name,type,is_active\n{line}\n".encode()], FILE, LATER)
