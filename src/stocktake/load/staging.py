"""How rows of one facet get into their table: compared by hash, new ones copied, others merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import DataError, IntegrityError
from psycopg.errors import UniqueViolation

from stocktake.load.tables import QUERIES
from stocktake.observe.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from stocktake.load.rows import Line
    from stocktake.load.tables import FacetTable

    Connection = psycopg.Connection[Any]

NOT_STORABLE = (
    DataError,
    IntegrityError,
    TypeError,
    ValueError,
    OverflowError,
    IndexError,
    RecursionError,
)
"""What the driver and the server raise for a value that a column does not take."""
MOST_SAMPLES = 16
_MOST_RACES = 4


@dataclass(slots=True)
class Written:
    """What became of lines; those in neither list were equal to what the table holds.

    Attributes:
        inserted: Lines whose key was new.
        updated: Lines that changed a row.
        refused: Lines the table does not take, with the server's reason.
    """

    inserted: list[Line] = field(default_factory=list)
    updated: list[Line] = field(default_factory=list)
    refused: list[tuple[Line, str]] = field(default_factory=list)

    def __add__(self, other: Written) -> Written:
        return Written(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.refused + other.refused,
        )


def write(conn: Connection, table: FacetTable, *, lines: Sequence[Line], run_id: int) -> Written:
    """Write lines, all or none: straight into the table when their keys seem to be new.

    A sample of keys decides; should it err, or another transaction be faster, the lines are
    compared one and all.

    Raises:
        DataError: A value that a column does not take; so may other errors of ``NOT_STORABLE``.
    """
    try:
        with conn.transaction():
            if not _any_held(conn, table, _sample(lines)):
                _copy_new(conn, table, lines=lines, run_id=run_id)
                return Written(inserted=list(lines))
    except UniqueViolation:
        pass
    for races_left in reversed(range(_MOST_RACES)):
        try:
            with conn.transaction():
                return _compare(conn, table, lines=lines, run_id=run_id)
        except UniqueViolation:  # another transaction was faster, or a second unique index
            if not races_left:
                raise
    raise AssertionError


def write_apart(
    conn: Connection, table: FacetTable, *, lines: Sequence[Line], run_id: int
) -> Written:
    """Write lines as ``write`` does, leaving out those that the table does not take."""
    if not lines:
        return Written()
    try:
        return write(conn, table, lines=lines, run_id=run_id)
    except NOT_STORABLE as error:
        if len(lines) == 1:
            return Written(refused=[(lines[0], _reason(error))])
    middle = len(lines) // 2
    halves = (lines[:middle], lines[middle:])
    parts = [write_apart(conn, table, lines=half, run_id=run_id) for half in halves]
    return parts[0] + parts[1]


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _sample(lines: Sequence[Line]) -> list[Line]:
    """Return one line of each load, so that a load that was merged before is noticed."""
    firsts = {line.load: line for line in reversed(lines)}
    return list(firsts.values())[:MOST_SAMPLES]


def _any_held(conn: Connection, table: FacetTable, lines: Sequence[Line]) -> bool:
    arrays = {
        f"k{index}": [line.row[at] for line in lines]
        for index, at in enumerate(table.key_positions)
    }
    row = conn.execute(table.any_held, arrays).fetchone()
    return row == (True,)


def _compare(conn: Connection, table: FacetTable, *, lines: Sequence[Line], run_id: int) -> Written:
    """Find out by hash which lines are new or changed, and write those."""
    _fresh_stage(conn, table, table.key_stage)
    _copy(
        conn,
        table.copy_keys,
        oids=table.key_oids,
        rows=(
            (
                number,
                None if line.is_lengthened else line.digest,
                *[line.row[at] for at in table.key_positions],
            )
            for number, line in enumerate(lines)
        ),
    )
    reach("staged")
    differing = sorted(conn.execute(table.differing, prepare=False).fetchall())
    new = [lines[number] for number, is_held in differing if not is_held]
    changed = [lines[number] for number, is_held in differing if is_held]
    if new:
        _copy_new(conn, table, lines=new, run_id=run_id)
    written = Written(inserted=new)
    if changed:
        written += _change(conn, table, lines=changed, run_id=run_id)
    return written


def _change(conn: Connection, table: FacetTable, *, lines: Sequence[Line], run_id: int) -> Written:
    """Merge lines into rows that exist, as of now: each is locked and compared again."""
    _fresh_stage(conn, table, table.stage)
    _copy(
        conn,
        table.copy_stage,
        oids=table.stage_oids,
        rows=(
            (number, line.digest, line.capture_id, *line.row) for number, line in enumerate(lines)
        ),
    )
    conn.execute(table.lock_changed, prepare=False)
    locked = conn.execute(table.judge_changed, prepare=False).fetchall()
    differing = [
        (number, is_older)
        for number, is_equal, is_older in locked
        if not is_equal or lines[number].is_lengthened
    ]
    latest = [number for number, is_older in differing if not is_older]
    older = [number for number, is_older in differing if is_older]
    names = {
        "run_id": run_id,
        "system": table.schema,
        "dataset": table.dataset.name,
        "facet": table.facet.name,
    }
    applied: list[int] = []
    for statement, numbers in ((table.overwrite, latest), (table.lengthen, older)):
        if numbers and (statement is table.overwrite or table.longest):
            rows = conn.execute(statement, {**names, "numbers": numbers}, prepare=False)
            applied += [row[0] for row in rows]
    if table.longest and (silent := set(latest).difference(applied)):
        conn.execute(table.retell, {"numbers": list(silent)}, prepare=False)
    held = {row[0] for row in locked}
    removed = [line for number, line in enumerate(lines) if number not in held]
    if removed:
        _copy_new(conn, table, lines=removed, run_id=run_id)
    return Written(inserted=removed, updated=[lines[number] for number in applied])


def _copy_new(conn: Connection, table: FacetTable, *, lines: Iterable[Line], run_id: int) -> None:
    if table.is_alone:
        rows = ((*line.row, line.capture_id, run_id, line.digest) for line in lines)
    else:
        rows = (
            (*line.row, line.capture_id, run_id, line.digest, line.digest, line.capture_id)
            for line in lines
        )
    _copy(conn, table.copy_new, oids=table.insert_oids, rows=rows)


def _copy(
    conn: Connection, statement: bytes, *, oids: Sequence[int], rows: Iterable[tuple[Any, ...]]
) -> None:
    with conn.cursor().copy(statement) as copy:
        copy.set_types(oids)
        for row in rows:
            copy.write_row(row)


def _fresh_stage(conn: Connection, table: FacetTable, stage: str) -> None:
    """Make the connection's staging table, or empty it of an earlier merge of this transaction."""
    found = conn.execute(QUERIES.stage_exists, {"stage": f'pg_temp."{stage}"'}).fetchone()
    if found == (True,):
        conn.execute(table.empty_stage(stage))
    else:
        conn.execute(table.create_stage(stage))
