"""What does loading 1.5 million identical rows again cost, beside the bare SQL that finds it out?

Goal: at most 1.5 × the bare SQL prefilter, 0 rows touched. The prefilter copies the same rows into
a temporary table and counts those whose key and hash the table does not hold; it is given keys and
hashes ready made. Facts: CPU seconds of this process (``client``) and of its PostgreSQL backend
(``server``), bytes of WAL written, and rows touched. Runners of cards, in batches of 12,000.

The number of rows can be given: ``python -m benchmarks.load_identical_reload 100000 --rounds 5``.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.load_small_batches import (
    CARD,
    NOW,
    made_rows,
    racing_database,
    server_cpu,
    stored_load,
    system,
)
from benchmarks.measure import Contender, main
from stocktake.load.known import KeyCache
from stocktake.load.merge import merge
from stocktake.load.rows import row_hash
from stocktake.load.tables import facet_table

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

BATCH = 12_000
ROWS = 1_500_000


def reload(*, rows: int, kind: str) -> dict[str, float]:
    """Load rows, then find out that they are all there: by ``merge`` or by ``bare`` SQL."""
    with racing_database() as conn:
        for first in range(0, rows, BATCH):
            _merge(conn, first, minute=0)
        before = _written(conn)
        client, server, wall = 0.0, server_cpu(conn), 0.0
        touched = 0
        for first in range(0, rows, BATCH):
            made = made_rows(conn, "ra_runners", facet=CARD, first=first, rows=BATCH)
            load = stored_load(conn, {type(made[0]): made}, minute=1)
            lines = [(n, row_hash(row), *row) for n, row in enumerate(made)]
            conn.commit()
            cpu, began = time.process_time(), time.perf_counter()
            if kind == "bare":
                touched += _prefilter(conn, lines)
            else:
                merged = merge(conn, system, [load], run_id=2, now=NOW, known=KeyCache())
                counts = merged.rows["ra_runners"]
                touched += counts.inserted + counts.updated
            conn.commit()
            client += time.process_time() - cpu
            wall += time.perf_counter() - began
        server = server_cpu(conn) - server
        wal = _written(conn) - before
    if touched:
        raise AssertionError(touched)
    return {
        "rows": rows,
        "touched": touched,
        "client_cpu": client,
        "server_cpu": server,
        "wal_bytes_per_row": wal / rows,
        "reload_wall": wall,
    }


def _merge(conn: Connection, first: int, *, minute: int) -> None:
    made = made_rows(conn, "ra_runners", facet=CARD, first=first, rows=BATCH)
    load = stored_load(conn, {type(made[0]): made}, minute=minute)
    merge(conn, system, [load], run_id=1, now=NOW, known=KeyCache())
    conn.commit()


def _prefilter(conn: Connection, lines: list[tuple[Any, ...]]) -> int:
    """Copy whole rows beside the table and count those that it lacks or holds otherwise."""
    target = system.dataset("ra_runners")
    table = facet_table(conn, system.name, dataset=target, facet=target.facets[CARD])
    columns = ", ".join(f'"{name}"' for name in table.facet.columns)
    conn.execute(
        f"create temp table if not exists bare on commit delete rows as"
        f" select 0 as _n, 0::bigint as _hash, {columns} from racing.ra_runners"
        f" with no data".encode()
    )
    with conn.cursor().copy(
        f"copy bare (_n, _hash, {columns}) from stdin (format binary)".encode()
    ) as copy:
        copy.set_types([23, 20, *(column.oid for column in table.told)])
        for line in lines:
            copy.write_row(line)
    found = conn.execute(
        "select count(*) from bare where not exists (select from racing.ra_runners held"
        " where held.race_id = bare.race_id and held.horse_id = bare.horse_id"
        " and held._card_hash = bare._hash)"
    ).fetchone()
    return found[0] if found else -1


def _written(conn: Connection) -> int:
    row = conn.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    conn.commit()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:2] if argument.isdigit()]
    size = int(given[0]) if given else ROWS
    main(
        [
            Contender.calling(name, "benchmarks.load_identical_reload:reload", kind=kind, rows=size)
            for name, kind in (("bare SQL prefilter", "bare"), ("merge", "merge"))
        ],
        arguments=sys.argv[1 + len(given) :],
    )
