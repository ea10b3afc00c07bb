"""What is kept of a run suffices to take it back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.integration.load.yard import (
    Horse,
    Race,
    RunnerCard,
    RunnerResult,
    merge_all,
    stored,
)

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]


def whole_rows(conn: Connection, table: str) -> list[Any]:
    return conn.execute(f"select to_jsonb(t) from yard.{table} t order by 1".encode()).fetchall()


def take_back(conn: Connection, run_id: int) -> None:
    """Put back what the run changed, latest change first; then remove the rows that are its own."""
    versions = conn.execute(
        "select dataset, row_key, before from stocktake.row_version where run_id = %s"
        " order by version_id desc",
        (run_id,),
    ).fetchall()
    for dataset, row_key, before in versions:
        columns = ", ".join(f'"{name}"' for name in before)
        former = ", ".join(f'former."{name}"' for name in before)
        conn.execute(
            f"""update yard.{dataset} t set ({columns}) = (select {former}
                  from jsonb_populate_record(null::yard.{dataset}, %s::jsonb) former)
                 where to_jsonb(t) @> %s::jsonb""".encode(),
            (json.dumps(before), json.dumps(row_key)),
        )
    for dataset in ("race", "runner", "horse"):
        conn.execute(f"delete from yard.{dataset} where _run_id = %s".encode(), (run_id,))


def test_a_run_that_inserted_and_updated_through_two_facets_can_be_taken_back(
    conn: Connection,
) -> None:
    merge_all(
        conn,
        [
            stored(
                conn,
                Race("r1", "Derby"),
                RunnerCard("r1", "h1", "Create", 1, "Ann", Decimal(9), "0-7", ["C"], [{"x": 1}]),
                RunnerCard("r1", "h2", "Other"),
                Horse("h1", "Create"),
            )
        ],
        run_id=1,
    )
    before = [whole_rows(conn, table) for table in ("race", "runner", "horse")]
    for minute in (1, 2):  # twice, so that rows of the run's own are updated by it as well
        merge_all(
            conn,
            [
                stored(
                    conn,
                    Race("r1", f"The Derby {minute}"),
                    Race("r2", f"Oaks {minute}"),
                    RunnerCard("r1", "h1", "Create", 2, "Ann", Decimal(9), None, None, None),
                    RunnerResult("r1", "h1", "Create (IRE)", 3, f"Ben {minute}", position=minute),
                    RunnerResult("r1", "h3", position=2),
                    RunnerCard("r1", "h3", form=f"{minute}"),
                    Horse("h3"),
                    minute=minute,
                )
            ],
            run_id=2,
        )
    assert [whole_rows(conn, table) for table in ("race", "runner", "horse")] != before

    take_back(conn, run_id=2)

    assert [whole_rows(conn, table) for table in ("race", "runner", "horse")] == before
