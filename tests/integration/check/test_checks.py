"""Checks on a real table: one pass, limits, groups, failing keys, errors, history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from stocktake import checks
from stocktake.check.compiled import ADDING_UP
from stocktake.check.measure import batches, judge, run_checks
from stocktake.check.results import exit_code, junit, latest_results, store_results, trend
from stocktake.model import (
    Check,
    CheckResult,
    Coverage,
    Dataset,
    Limit,
    Range,
    Severity,
    System,
    Values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from stocktake.store import Database

NOW = datetime(2024, 3, 10, 12, tzinfo=UTC)
ALL = Values(("all",))
SHOP = System(
    "shop",
    "stocktake.testing",
    (Dataset("sale", ("sale_id",), ALL), Dataset("customer", ("customer_id",), ALL)),
    (),
)


@pytest.fixture
def shop(database: Database) -> Iterator[Connection[Any]]:
    """Five sales of two customers over four days; one sale lacks a price, one its customer."""
    with database.login() as conn:
        conn.execute("create schema shop")
        conn.execute("grant usage on schema shop to stocktake_app")
        conn.execute("create table shop.customer (customer_id text)")
        conn.execute(
            "create table shop.sale (sale_id int, day date, customer_id text, price numeric,"
            " kind text, at timestamptz)"
        )
        conn.execute("insert into shop.customer values ('ann'), ('bob')")
        conn.execute(
            "insert into shop.sale values"
            " (1, '2024-03-01', 'ann', 10, 'cash', '2024-03-01 12:00Z'),"
            " (2, '2024-03-02', 'ann', 20, 'cash', '2024-03-02 12:00Z'),"
            " (3, '2024-03-02', 'bob', null, 'card', '2024-03-02 12:00Z'),"
            " (4, '2024-03-03', 'eve', 40, 'card', '2024-03-03 12:00Z'),"
            " (5, '2024-03-04', null, 50, '100%', '2024-03-10 09:00Z')"
        )
        conn.execute("grant all on all tables in schema shop to stocktake_app")
    with database.connection() as conn:
        yield conn


def measure(conn: Connection[Any], *wanted: Check, window: Range | None = None) -> list[Any]:
    """Return severity and value of each result."""
    results = run_checks(conn, SHOP, wanted, window=window or Range(), now=NOW)
    return [(one.severity.value, one.group, one.value) for one in results]


PRICE = checks.null_rate_at_most("sale", "price", warn=0.1, fail=0.3, day="day")


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        pytest.param(PRICE, ("warn", "", 0.2), id="missing"),
        pytest.param(replace(PRICE, scope="kind = 'card'"), ("fail", "", 0.5), id="scope"),
        pytest.param(
            checks.in_set("sale", "kind", values=("cash", "card", "100%")),
            ("pass", "", 0.0),
            id="set",
        ),
        pytest.param(
            checks.in_range("sale", "price", low=0, high=40), ("fail", "", 0.25), id="range"
        ),
        pytest.param(
            checks.matches("sale", "customer_id", pattern="^[a-z]{3}$"),
            ("pass", "", 0.0),
            id="pattern",
        ),
        pytest.param(
            checks.failed_rows("dear", "sale", where="price > 45", fail=0.5),
            ("warn", "", 0.2),
            id="failed",
        ),
        pytest.param(
            checks.share("cheap", "sale", where="price < 45", warn=Limit(low=0.5)),
            ("pass", "", 0.6),
            id="share",
        ),
        pytest.param(
            checks.row_count("sales", "sale", warn=Limit(low=6)), ("warn", "", 5.0), id="row count"
        ),
        pytest.param(checks.unique_key("sale", "sale_id"), ("pass", "", 0.0), id="unique"),
        pytest.param(checks.unique_key("sale", "day"), ("fail", "", 1.0), id="duplicate"),
        pytest.param(
            checks.foreign_key("sale", "customer_id", parent="customer", key="customer_id"),
            ("fail", "", 0.25),
            id="orphan",
        ),
        pytest.param(
            checks.ratio("mean", "sale", numerator="price", denominator="1"),
            ("pass", "", 24.0),
            id="ratio",
        ),
        pytest.param(
            checks.aggregate("dearest", "sale", value="max(price)", warn=Limit(high=49)),
            ("warn", "", 50.0),
            id="aggregate",
        ),
        pytest.param(
            checks.freshness("sale", "at", warn_hours=2, fail_hours=4), ("warn", "", 3.0), id="age"
        ),
        pytest.param(
            checks.rows_per(
                "sales_per_customer", "sale", parent="customer", warn=Limit(1, 2), fail=Limit(1, 3)
            ),
            ("warn", "", 2.5),
            id="rows per",
        ),
    ],
)
def test_a_kind_measures_what_it_says(
    shop: Connection[Any], check: Check, expected: tuple[str, str, float]
) -> None:
    assert measure(shop, check) == [expected]


def test_a_group_gets_a_result_each(shop: Connection[Any]) -> None:
    by_kind = replace(PRICE, group="kind")

    assert measure(shop, by_kind) == [
        ("pass", "100%", 0.0),
        ("fail", "card", 0.5),
        ("pass", "cash", 0.0),
    ]


def test_groups_of_one_table_do_not_disturb_each_other(shop: Connection[Any]) -> None:
    by_kind = replace(PRICE, name="by_kind", group="kind")
    by_day = replace(PRICE, name="by_day", group="extract(day from day)::integer")

    together = measure(shop, PRICE, by_kind, by_day)

    assert together == measure(shop, PRICE) + measure(shop, by_kind) + measure(shop, by_day)


def test_checks_of_one_table_are_one_statement() -> None:
    adding = [Check(kind, "sale", kind, column="price", where="true") for kind in ADDING_UP]

    assert [len(batch) for batch in batches(adding)] == [len(ADDING_UP)]


def test_days_outside_the_range_are_not_measured(shop: Connection[Any]) -> None:
    window = Range(date(2024, 3, 2), date(2024, 3, 3))

    assert measure(shop, PRICE, window=window) == [("fail", "", 1 / 3)]


def test_failing_rows_are_named(shop: Connection[Any]) -> None:
    (result,) = run_checks(shop, SHOP, [PRICE], now=NOW)

    assert list(result.failing_keys) == [{"sale_id": 3}]


def test_orphans_are_named(shop: Connection[Any]) -> None:
    check = checks.foreign_key("sale", "customer_id", parent="customer", key="customer_id")

    (result,) = run_checks(shop, SHOP, [check], now=NOW)

    assert list(result.failing_keys) == [{"sale_id": 4}]


@pytest.mark.fault("Q02")
def test_a_check_that_cannot_be_measured_is_an_error_and_the_others_go_on(
    shop: Connection[Any],
) -> None:
    broken = checks.null_rate_at_most("sale", "colour", warn=0, fail=0, day="day")

    assert [one[0] for one in measure(shop, PRICE, broken)] == ["warn", "error"]


@pytest.mark.fault("Q02")
def test_a_dropped_table_is_an_error_with_exit_code_3(
    database: Database, shop: Connection[Any]
) -> None:
    shop.rollback()
    with database.login() as conn:
        conn.execute("drop table shop.sale")

    (result,) = run_checks(shop, SHOP, [PRICE], now=NOW)

    assert (result.severity, exit_code([result])) == (Severity.ERROR, 3)
    assert "does not exist" in result.detail


@pytest.mark.fault("Q02")
def test_a_check_that_takes_too_long_is_an_error(shop: Connection[Any]) -> None:
    shop.execute("set local statement_timeout = '50ms'")
    slow = checks.aggregate("slow", "sale", value="count(pg_sleep(1))")

    (result,) = run_checks(shop, SHOP, [slow], now=NOW)

    assert result.severity is Severity.ERROR


@pytest.mark.fault("Q02")
def test_a_statement_that_does_not_exist_is_an_error(shop: Connection[Any]) -> None:
    assert [one[0] for one in measure(shop, checks.statement("nowhere", "sale"))] == ["error"]


@pytest.mark.fault("Q03")
@pytest.mark.parametrize("group", ["", "kind"])
def test_an_empty_table_gives_nothing_to_measure(shop: Connection[Any], group: str) -> None:
    shop.execute("delete from shop.sale")

    assert measure(shop, replace(PRICE, group=group)) == [("n/a", "", None)]


@pytest.mark.fault("Q03")
def test_coverage_of_nothing_expected_is_not_applicable(shop: Connection[Any]) -> None:
    check = checks.coverage_at_least("sale", warn=1, fail=0.9)
    coverages = {"sale": [("2023", Coverage("sale", 0, 0)), ("2024", Coverage("sale", 10, 8))]}

    results = run_checks(shop, SHOP, [check], now=NOW, coverages=coverages)

    assert [(one.group, one.severity, one.value) for one in results] == [
        ("2023", Severity.NOT_APPLICABLE, None),
        ("2024", Severity.FAIL, 0.8),
    ]


def test_coverage_that_nobody_counted_is_an_error(shop: Connection[Any]) -> None:
    check = checks.coverage_at_least("sale", warn=1, fail=0.9)

    assert measure(shop, check) == [("error", "", None)]


def test_a_day_unlike_its_weekday_stands_out(shop: Connection[Any]) -> None:
    shop.execute("delete from shop.sale")
    for week in range(9):
        rows = 2 if week == 0 else 20 + week % 3
        day = date(2024, 3, 8) - timedelta(weeks=week)
        shop.execute(
            "insert into shop.sale (sale_id, day) select n, %s from generate_series(1, %s) n",
            (day, rows),
        )

    ((severity, group, _),) = measure(shop, checks.volume("sale", "day"))

    assert (severity, group) == ("fail", "2024-03-08")


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        (None, Severity.NOT_APPLICABLE),
        (0.1, Severity.PASS),
        (0.2, Severity.WARN),
        (0.4, Severity.FAIL),
    ],
)
def test_a_value_is_judged_by_both_limits(value: float | None, severity: Severity) -> None:
    assert judge(PRICE, value) is severity


def at(hour: int, severity: Severity) -> CheckResult:
    return CheckResult(
        "price", "sale", "", severity, 0.5, 5, [{"sale_id": 3}], "", NOW + timedelta(hours=hour)
    )


def test_a_failure_is_dated_to_its_first_sight(shop: Connection[Any]) -> None:
    story = [Severity.FAIL, Severity.PASS, Severity.WARN, Severity.FAIL]
    for hour, severity in enumerate(story):
        store_results(shop, "shop", [at(hour, severity)], run_id=None)

    (standing,) = latest_results(shop, "shop")

    assert standing.first_seen_at == NOW + timedelta(hours=2)


def test_the_trend_starts_with_the_newest(shop: Connection[Any]) -> None:
    for hour, severity in enumerate([Severity.PASS, Severity.FAIL]):
        store_results(shop, "shop", [at(hour, severity)], run_id=None)

    found = trend(shop, "shop", check="price")

    assert [severity for _, severity, _ in found] == [Severity.FAIL, Severity.PASS]


def test_junit_counts_failures_errors_and_what_was_skipped() -> None:
    results = [at(hour, severity) for hour, severity in enumerate(Severity)]

    suite = ET.fromstring(junit("shop", results)).find("testsuite")

    assert suite is not None
    assert suite.attrib == {
        "name": "shop",
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }


def test_junit_survives_what_xml_forbids() -> None:
    odd = replace(at(0, Severity.ERROR), detail="\x00 <&> \x1b ]]>", check='a "b"')

    assert ET.fromstring(junit("shop", [odd])).find("testsuite/testcase/error") is not None
