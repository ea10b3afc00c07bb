"""Separated text: every record is read or told, with its line."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocktake.errors import LoadError
from stocktake.model.tabular import read_csv, read_number

ROWS = [(2, ["1", "Ann"]), (3, ["2", "Ben"])]
PLAIN = b"id,name\n1,Ann\n2,Ben\n"


@pytest.mark.fault("U01")
@pytest.mark.parametrize(
    "body",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.decode().encode("utf-16"),
        b"\xfe\xff" + PLAIN.decode().encode("utf-16-be"),
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"\n", b"\r"),
        b"id,name\r\n1,Ann\r2,Ben\n",
        PLAIN.replace(b",", b";"),
        PLAIN.replace(b",", b"\t"),
        b"ID, Name\n1,Ann\n2,Ben",
        b'"id","name"\n"1","Ann"\n2,"Ben"\n',
    ],
)
def test_the_same_table_in_many_dresses_is_the_same(body: bytes) -> None:
    table = read_csv(body, columns=("id", "name"))

    assert (table.header, table.rows, table.broken) == (("id", "name"), ROWS, [])


@pytest.mark.fault("U01")
@pytest.mark.fault("H15")
@pytest.mark.parametrize(
    ("record", "code"),
    [
        (b"9", "fields"),
        (b"9,Cat,extra", "fields"),
        (b"9,M\xfcller", "encoding"),
        (b"9,a\x00b", "nul"),
        (b'9,"Cat"x', "quotes"),
    ],
)
def test_a_broken_record_is_told_with_its_line_and_the_others_are_read(
    record: bytes, code: str
) -> None:
    table = read_csv(b"id,name\n1,Ann\n" + record + b"\n2,Ben\n")

    assert [(one.line, one.code) for one in table.broken] == [(3, code)]
    assert table.rows == [(2, ["1", "Ann"]), (4, ["2", "Ben"])]
    assert [reject.position for reject in table.rejects("people")] == ["line 3"]


@pytest.mark.fault("U01")
def test_quoted_fields_may_hold_line_ends_and_lines_are_still_counted() -> None:
    table = read_csv(b'id,name\n1,"Ann\r\nLee"\n\n2,Ben\n3\n')

    assert table.rows == [(2, ["1", "Ann\r\nLee"]), (5, ["2", "Ben"])]
    assert [one.line for one in table.broken] == [6]


@pytest.mark.fault("U01")
def test_a_line_without_end_is_told_and_not_kept_whole() -> None:
    table = read_csv(b"id,name\n1," + b"x" * 1_000_000 + b"\n2,Ben\n")

    assert [(one.line, one.code, len(one.raw)) for one in table.broken] == [(2, "quotes", 500)]
    assert table.rows == [(3, ["2", "Ben"])]


@pytest.mark.fault("U01")
@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "The file is empty"),
        (b"\n\n", "The file is empty"),
        (b"id,age\n1,2\n", "The header lacks name; it has id, age"),
        (b"id,name,ID\n", "The header names id twice"),
    ],
)
def test_a_header_that_is_not_the_one_wanted_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(LoadError, match=complaint):
        read_csv(body, columns=("id", "name"))


def test_a_header_alone_is_a_table_without_rows() -> None:
    assert read_csv(b"id,name\n").rows == []


@pytest.mark.fault("U01")
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        table = read_csv(body)
    except LoadError:
        return
    assert all(len(values) == len(table.header) for _, values in table.rows)


@pytest.mark.fault("U04")
@pytest.mark.parametrize(
    ("text", "marks", "value"),
    [
        ("1,234", ".,", "1234"),
        ("1,234,567.5", ".,", "1234567.5"),
        ("1.234,5", ",.", "1234.5"),
        ("(5)", ".,", "-5"),
        ("-0", ".,", "0"),
        (" 1e3 ", ".,", "1e3"),
        (".5", ".,", "0.5"),
        ("9223372036854775808", ".,", "9223372036854775808"),
    ],
)
def test_a_number_is_read_as_its_country_writes_it(text: str, marks: str, value: str) -> None:
    assert read_number(text, decimal_mark=marks[0], group_mark=marks[1]) == Decimal(value)


@pytest.mark.fault("U04")
@pytest.mark.parametrize(
    "text",
    ["", "NaN", "Infinity", "5%", "1.234,5", "1,23", "12,34,567", "--1", "(-5)", "0x1", "\u0661"],
)
def test_what_is_no_number_is_never_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number written with"):
        read_number(text)
