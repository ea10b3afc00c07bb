"""What does the engine add to the bare SQL of a derived table, and what does one new day cost?

Goals: a full rebuild at 1.5 million runners takes at most 1.3 times the plain SQL; a new race day
takes at most 250 ms. The work is the server's, so wall seconds are compared, by turns in one run.
Plain SQL is the same SELECT written into a table with the same indexes: no list of touched keys,
no row hash, no merge.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.measure import LEAST_ROUNDS, text_table
from benchmarks.racing_rows import ROWS, add_day, racing_database
from stocktake.derive.recompute import derive
from stocktake.derive.target import names, target_of
from stocktake.systems.racing import system

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from stocktake.model import Derivation
    from stocktake.store import Database

TABLES = (
    "ra_runner_statistics",
    "ra_entity_combinations",
    "ra_performance_by_distance",
    "ra_performance_by_venue",
)
NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


def seconds(database: Database, work: Callable[[Connection[Any]], object]) -> float:
    """Return how long a piece of work takes in a transaction of its own."""
    began = time.perf_counter()
    with database.connection() as conn:
        work(conn)
    return time.perf_counter() - began


def plain(conn: Connection[Any], derivation: Derivation) -> None:
    """Write the derived rows by hand into an empty table with the same indexes."""
    target = target_of(conn, system, derivation)
    every = target.required("every")
    parameters = {**dict(derivation.parameters), "now": NOW}
    # a view takes no parameters from outside
    psycopg.ClientCursor(conn).execute(ROWS["plain_keys"].format(every=every), parameters)
    conn.execute(ROWS["plain_table"].format(target=target.table))
    statement = ROWS["plain_rows"].format(
        columns=names(target.columns), compute=target.required("compute")
    )
    conn.execute(statement, parameters, prepare=False)
    conn.execute(ROWS["plain_drop"])


def empty(database: Database, derivation: Derivation) -> None:
    """Empty the derived table, so that each round writes the same rows."""
    with database.owner() as conn:
        conn.execute(SQL("truncate {}").format(Identifier(system.name, derivation.dataset)))


def rebuild(database: Database, derivation: Derivation, rounds: int) -> list[str]:
    """Compare a full rebuild with the plain SQL."""
    took: dict[str, list[float]] = {"plain": [], "engine": []}
    for turn in range(rounds):
        for name in ("plain", "engine") if turn % 2 else ("engine", "plain"):
            if name == "plain":
                took[name].append(seconds(database, lambda conn: plain(conn, derivation)))
            else:
                empty(database, derivation)
                took[name].append(
                    seconds(
                        database,
                        lambda conn: derive(conn, system, derivation, full=True, run_id=1, now=NOW),
                    )
                )
    bare, ours = (statistics.median(took[name]) for name in ("plain", "engine"))
    spread = f"{min(took['engine']):.1f}–{max(took['engine']):.1f}"
    return [derivation.dataset, f"{bare:.2f}", f"{ours:.2f}", spread, f"{ours / bare:.2f}"]


def new_days(database: Database, days: int) -> list[list[str]]:
    """Load one day after another, and time each derivation."""
    took: dict[str, list[float]] = {}
    touched: dict[str, int] = {}
    derivations = [one for one in system.derivations if one.dataset in TABLES]
    for derivation in derivations:
        with database.connection() as conn:
            derive(conn, system, derivation, run_id=1, now=NOW)
    for number in range(1, days + 1):
        with database.connection() as conn:
            add_day(conn, number)
        for derivation in derivations:
            began = time.perf_counter()
            with database.connection() as conn:
                done = derive(conn, system, derivation, run_id=2, now=NOW)
            took.setdefault(derivation.dataset, []).append(time.perf_counter() - began)
            touched[derivation.dataset] = done.touched_keys
    return [
        [
            name,
            f"{1000 * statistics.median(each):.0f}",
            f"{1000 * min(each):.0f}–{1000 * max(each):.0f}",
            f"{touched[name]}",
        ]
        for name, each in took.items()
    ]


def main() -> None:
    """Make the rows, compare, print two tables."""
    options = argparse.ArgumentParser()
    options.add_argument("--runners", type=int, default=1_500_000)
    options.add_argument("--rounds", type=int, default=LEAST_ROUNDS)
    options.add_argument("--days", type=int, default=10)
    options.add_argument("--tables", nargs="*", default=list(TABLES))
    chosen = options.parse_args()
    with racing_database(chosen.runners) as database:
        for derivation in system.derivations:
            if derivation.dataset in chosen.tables:
                head = ("full rebuild", "plain SQL s", "engine s", "lowest–highest", "×")
                print(text_table(head, [rebuild(database, derivation, chosen.rounds)]), flush=True)
        daily = ("one new race day", "ms", "lowest–highest", "keys touched")
        print(text_table(daily, new_days(database, chosen.days)))


if __name__ == "__main__":
    main()
