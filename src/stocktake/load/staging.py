"""How rows of one facet get into their table: compared by hash, new ones copied, others merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice, repeat
from operator import add, itemgetter
from typing import TYPE_CHECKING, Any

from psycopg import DataError, IntegrityError
from psycopg.errors import UniqueViolation

from stocktake.load.dumpers import quicken
from stocktake.load.lines import Lines, RefusedLine, Row
from stocktake.load.tables import QUERIES
from stocktake.observe.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

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
        inserted: Loads of the lines whose key was new.
        updated: Loads of the lines that changed a row.
        refused: Lines the table does not take.
        met: Keys of the lines that met a row with another hash: what it holds now is not said.
    """

    inserted: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)
    met: list[Any] = field(default_factory=list)

    def __add__(self, other: Written) -> Written:
        return Written(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.refused + other.refused,
            self.met + other.met,
        )


def write(conn: Connection, table: FacetTable, *, lines: Lines, run_id: int) -> Written:
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
                return Written(inserted=list(lines.loads))
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


def write_apart(conn: Connection, table: FacetTable, *, lines: Lines, run_id: int) -> Written:
    """Write lines as ``write`` does, leaving out those that the table does not take."""
    if not lines:
        return Written()
    try:
        return write(conn, table, lines=lines, run_id=run_id)
    except NOT_STORABLE as error:
        if len(lines) == 1:
            refused = RefusedLine(lines.keys[0], lines.rows[0], lines.loads[0], _reason(error))
            return Written(refused=[refused])
    middle = len(lines) // 2
    halves = (lines.at(range(middle)), lines.at(range(middle, len(lines))))
    parts = [write_apart(conn, table, lines=half, run_id=run_id) for half in halves]
    return parts[0] + parts[1]


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _sample(lines: Lines) -> list[Row]:
    """Return one row of each load, so that a load that was merged before is noticed."""
    places = dict(zip(lines.loads, range(len(lines)), strict=True))
    return [lines.rows[at] for at in islice(places.values(), MOST_SAMPLES)]


def _any_held(conn: Connection, table: FacetTable, rows: Sequence[Row]) -> bool:
    arrays = {
        f"k{index}": [row[at] for row in rows] for index, at in enumerate(table.key_positions)
    }
    row = conn.execute(table.any_held, arrays).fetchone()
    return row == (True,)


def _compare(conn: Connection, table: FacetTable, *, lines: Lines, run_id: int) -> Written:
    """Find out by hash which lines are new or changed, and write those."""
    _fresh_stage(conn, table, table.key_stage)
    digests: Sequence[int | None] = lines.digests
    if lines.lengthened:
        digests = [None if at in lines.lengthened else digest for at, digest in enumerate(digests)]
    columns = (map(itemgetter(at), lines.rows) for at in table.key_positions)
    keyed = zip(range(len(lines)), digests, *columns, strict=True)
    _copy(conn, table.copy_keys, oids=table.key_oids, rows=keyed)
    reach("staged")
    differing = sorted(conn.execute(table.differing, prepare=False).fetchall())
    new = lines.at([number for number, is_held in differing if not is_held])
    changed = lines.at([number for number, is_held in differing if is_held])
    if new:
        _copy_new(conn, table, lines=new, run_id=run_id)
    written = Written(inserted=list(new.loads))
    if changed:
        written += _change(conn, table, lines=changed, run_id=run_id)
    return written


def _change(conn: Connection, table: FacetTable, *, lines: Lines, run_id: int) -> Written:
    """Merge lines into rows that exist, as of now: each is locked and compared again."""
    _fresh_stage(conn, table, table.stage)
    heads = zip(range(len(lines)), lines.digests, lines.captures, strict=True)
    _copy(conn, table.copy_stage, oids=table.stage_oids, rows=map(add, heads, lines.rows))
    conn.execute(table.lock_changed, prepare=False)
    locked = conn.execute(table.judge_changed, prepare=False).fetchall()
    differing = [
        (number, is_older)
        for number, is_equal, is_older in locked
        if not is_equal or number in lines.lengthened
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
    removed = lines.at([number for number in range(len(lines)) if number not in held])
    if removed:
        _copy_new(conn, table, lines=removed, run_id=run_id)
    updated = [lines.loads[number] for number in applied]
    return Written(list(removed.loads), updated, met=list(lines.keys))


def _copy_new(conn: Connection, table: FacetTable, *, lines: Lines, run_id: int) -> None:
    captures = lines.captures
    own = () if table.is_alone else (lines.digests, captures)
    tails = zip(captures, repeat(run_id), lines.digests, *own, strict=False)
    if table.is_isolated:
        _fresh_stage(conn, table, table.new_stage)
    _copy(conn, table.copy_new, oids=table.insert_oids, rows=map(add, lines.rows, tails))
    if table.is_isolated:
        conn.execute(table.insert_new, prepare=False)


def _copy(
    conn: Connection, statement: bytes, *, oids: Sequence[int], rows: Iterable[tuple[Any, ...]]
) -> None:
    cursor = conn.cursor()
    quicken(cursor)
    with cursor.copy(statement) as copy:
        copy.set_types(oids)
        write_row = copy.write_row
        for row in rows:
            write_row(row)


def _fresh_stage(conn: Connection, table: FacetTable, stage: str) -> None:
    """Make the connection's staging table, or empty it of an earlier merge of this transaction."""
    found = conn.execute(QUERIES.stage_exists, {"stage": f'pg_temp."{stage}"'}).fetchone()
    if found == (True,):
        conn.execute(table.empty_stage(stage))
    else:
        conn.execute(table.create_stage(stage))
