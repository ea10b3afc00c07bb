"""What do compiled checks cost against the SELECT one would write by hand?

Goal: at most 1.3 times the bare SQL on 1.5 million rows. The bare SELECT has the same aggregates
(racing's fifteen ceilings on NULLs of results, starters of GB and IRE only) and nothing else; the
checks are also judged and their failing keys looked up. Wall seconds: the work is the server's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Identifier

from benchmarks.measure import LEAST_ROUNDS, text_table
from benchmarks.racing_rows import ROWS, racing_database
from stocktake.check.measure import run_checks
from stocktake.systems.racing import system

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg import Connection

    from stocktake.model import Check

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


def bare(conn: Connection[Any], checks: Sequence[Check]) -> None:
    """Run the SELECT by hand."""
    counts = SQL(", ").join(
        SQL("count({}) filter (where is_starter and region in ('GB', 'IRE'))").format(
            Identifier(check.column)
        )
        for check in checks
    )
    conn.execute(ROWS["bare_checks"].format(counts=counts)).fetchall()


def seconds(work: Callable[[], object]) -> float:
    """Return how long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Make the rows, compare, print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--runners", type=int, default=1_500_000)
    options.add_argument("--rounds", type=int, default=LEAST_ROUNDS)
    chosen = options.parse_args()
    nulls = [
        check
        for check in system.checks
        if check.kind == "missing"
        and check.dataset == "ra_race_results"
        and not check.name.startswith("hk_")
    ]
    took: dict[str, list[float]] = {"bare SELECT": [], "checks": [], "all checks of racing": []}
    with racing_database(chosen.runners) as database, database.connection() as conn:
        bare(conn, nulls)  # whatever the first pass over new rows costs, neither side pays it
        for _ in range(chosen.rounds):
            took["bare SELECT"].append(seconds(lambda: bare(conn, nulls)))
            took["checks"].append(seconds(lambda: run_checks(conn, system, nulls, now=NOW)))
            took["all checks of racing"].append(
                seconds(lambda: run_checks(conn, system, system.checks, now=NOW))
            )
    first = statistics.median(took["bare SELECT"])
    rows = [
        [
            name,
            f"{statistics.median(each):.3f}",
            f"{min(each):.3f}–{max(each):.3f}",
            f"{statistics.median(each) / first:.2f}",
        ]
        for name, each in took.items()
    ]
    print(text_table(("", "wall s", "lowest–highest", "×"), rows))


if __name__ == "__main__":
    main()
