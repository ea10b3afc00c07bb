from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocktake.fetch.retry_after import retry_after_seconds

NOW = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)


@pytest.mark.fault("H09")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        (" 5 ", 5.0),
        ("1.5", 1.5),
        ("999999999999", 999_999_999_999.0),
        ("Thu, 02 May 2024 12:01:00 GMT", 60.0),
        ("Thursday, 02-May-24 12:01:00 GMT", 60.0),
        ("Thu, 02 May 2024 11:59:00 GMT", None),
        ("-5", None),
        ("0", None),
        ("", None),
        ("soon", None),
        ("1e9", None),
        ("\N{FULLWIDTH DIGIT NINE}", None),
        ("9" * 400, None),
        ("Thu, 99 May 2024 12:01:00 GMT", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    assert retry_after_seconds({"retry-after": header}, now=NOW) == seconds


@pytest.mark.fault("H09")
def test_a_date_is_measured_by_the_clock_that_wrote_it() -> None:
    headers = {
        "date": "Thu, 02 May 2024 17:00:00 GMT",
        "retry-after": "Thu, 02 May 2024 17:00:30 GMT",
    }

    assert retry_after_seconds(headers, now=NOW) == 30.0


@pytest.mark.fault("H09")
@given(st.text(), st.text())
def test_any_header_gives_a_wait_above_zero_or_none(header: str, date: str) -> None:
    found = retry_after_seconds({"retry-after": header, "date": date}, now=NOW)

    assert found is None or found > 0
