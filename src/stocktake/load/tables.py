"""What the database says of a dataset's table, and the statements that merge one facet into it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composable, Identifier, Literal, Placeholder

from stocktake.errors import StoreError
from stocktake.store.queries import Queries, load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import psycopg

    from stocktake.model import Dataset, Facet


def _without_comments(fragments: Queries) -> Queries:
    """Return fragments fit to stand in the middle of a line."""
    return Queries(
        "sql/load_fragments.sql",
        {
            name: "\n".join(
                line for line in fragment.as_string(None).splitlines() if not line.startswith("--")
            )
            for name, fragment in fragments.items()
        },
    )


QUERIES = load_queries("stocktake.store", "sql/load.sql")
FRAGMENTS = _without_comments(load_queries("stocktake.store", "sql/load_fragments.sql"))
COMMA = SQL(", ")
AND = SQL(" and ")
CONCAT = SQL(" || ")
BIGINT = 20
INTEGER = 23
_NAME_BYTES = 63
_MOST_PAIRS = 40
"""A function takes 100 arguments at most."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its name.
        oid: Type that is sent; text for every type whose binary form is its text.
        length: Most characters, ``None`` for any number.
        precision: Most digits of a numeric, ``None`` for any number.
        scale: Digits behind the point, when ``precision`` is given.
        is_required: Whether NULL is refused.
    """

    name: str
    oid: int
    length: int | None
    precision: int | None
    scale: int | None
    is_required: bool


@dataclass(frozen=True)
class FacetTable:
    """One facet's view of its dataset's table: columns, names, and composed statements.

    Statements are bytes, composed on first use and kept as long as the object.
    """

    schema: str
    dataset: Dataset
    facet: Facet
    columns: Mapping[str, Column]

    @property
    def place(self) -> str:
        """Schema and table, as text."""
        return f"{self.schema}.{self.dataset.name}"

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that make a row unique."""
        return self.dataset.key

    @cached_property
    def key_positions(self) -> tuple[int, ...]:
        """Where the key stands in the facet's rows."""
        return tuple(self.facet.columns.index(name) for name in self.key)

    @cached_property
    def told(self) -> tuple[Column, ...]:
        """The facet's columns, in the order of its rows."""
        return tuple(self.columns[name] for name in self.facet.columns)

    @cached_property
    def is_alone(self) -> bool:
        """Whether the table has no other facet, hence no columns of this one's own."""
        return len(self.dataset.facets) == 1

    @cached_property
    def longest(self) -> tuple[str, ...]:
        """Columns of which the longest text wins."""
        names = set().union(*(facet.longest for facet in self.dataset.facets))
        return tuple(name for name in self.facet.columns if name in names)

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """Columns that other facets tell too and of which the strongest one's value is shown."""
        others = [facet for facet in self.dataset.facets if facet.name != self.facet.name]
        return tuple(
            name
            for name in self.facet.columns
            if name not in self.key
            and name not in self.longest
            and any(name in other.columns for other in others)
        )

    @cached_property
    def hash_column(self) -> str:
        """Column with the hash of what this facet told last."""
        return "_row_hash" if self.is_alone else f"_{self.facet.name}_hash"

    @cached_property
    def capture_column(self) -> str:
        """Column with the capture that told it."""
        return "_capture_id" if self.is_alone else f"_{self.facet.name}_capture_id"

    @cached_property
    def engine_columns(self) -> tuple[str, ...]:
        """Engine columns a new row is written with, in the order of ``insert_oids``."""
        own = () if self.is_alone else (self.hash_column, self.capture_column)
        return ("_capture_id", "_run_id", "_row_hash", *own)

    @cached_property
    def insert_oids(self) -> list[int]:
        """Types of ``copy_new``."""
        return [column.oid for column in self.told] + [BIGINT] * len(self.engine_columns)

    @cached_property
    def stage_oids(self) -> list[int]:
        """Types of ``copy_stage``."""
        return [INTEGER, BIGINT, BIGINT, *(column.oid for column in self.told)]

    @cached_property
    def key_oids(self) -> list[int]:
        """Types of ``copy_keys``."""
        return [INTEGER, BIGINT, *(self.columns[name].oid for name in self.key)]

    @cached_property
    def table(self) -> Identifier:
        """The table, schema-qualified."""
        return Identifier(self.schema, self.dataset.name)

    @cached_property
    def stage(self) -> str:
        """Name of the staging table for whole rows."""
        return _short(f"stage_{self.schema}_{self.dataset.name}_{self.facet.name}")

    @cached_property
    def key_stage(self) -> str:
        """Name of the staging table for keys and hashes."""
        return _short(f"keys_{self.schema}_{self.dataset.name}_{self.facet.name}")

    @cached_property
    def is_isolated(self) -> bool:
        """Whether its rows belong to tenants: the server copies into no table with row security."""
        return "tenant_id" in self.columns

    @cached_property
    def new_stage(self) -> str:
        """Name of the staging table for new rows of an isolated table."""
        return _short(f"new_{self.schema}_{self.dataset.name}_{self.facet.name}")

    @cached_property
    def copy_new(self) -> bytes:
        """COPY of new rows into the table; into ``new_stage`` when it is isolated."""
        target = Identifier(self.new_stage) if self.is_isolated else self.table
        return self._copy(target, (*self.facet.columns, *self.engine_columns))

    @cached_property
    def insert_new(self) -> bytes:
        """INSERT of the rows in ``new_stage``."""
        columns = _names((*self.facet.columns, *self.engine_columns))
        return _bytes(
            QUERIES.insert_new.format(
                table=self.table, columns=columns, stage=Identifier(self.new_stage)
            )
        )

    @cached_property
    def copy_stage(self) -> bytes:
        """COPY of whole rows into their staging table."""
        return self._copy(Identifier(self.stage), ("_n", "_hash", "_capture", *self.facet.columns))

    @cached_property
    def copy_keys(self) -> bytes:
        """COPY of keys and hashes into their staging table."""
        return self._copy(Identifier(self.key_stage), ("_n", "_hash", *self.key))

    def create_stage(self, stage: str) -> bytes:
        """CREATE of a staging table: of keys when it is ``key_stage``, else of whole rows."""
        columns = self.key if stage == self.key_stage else self.facet.columns
        if stage == self.new_stage:
            columns = (*columns, *self.engine_columns)
        return _bytes(
            QUERIES.create_stage.format(
                stage=Identifier(stage), columns=_names(columns), table=self.table
            )
        )

    def empty_stage(self, stage: str) -> bytes:
        """DELETE of all rows of a staging table."""
        return _bytes(QUERIES.empty_stage.format(stage=Identifier(stage)))

    @cached_property
    def any_held(self) -> bytes:
        """Whether one of a few keys is held; parameters ``k0``, ``k1``, … are arrays."""
        one_of = AND.join(
            FRAGMENTS.one_of.format(column=Identifier(name), array=Placeholder(f"k{index}"))
            for index, name in enumerate(self.key)
        )
        return _bytes(QUERIES.any_held.format(table=self.table, one_of=one_of))

    @cached_property
    def differing(self) -> bytes:
        """Staged keys that are new or changed; for an ``absent`` facet the new ones alone."""
        if self.facet.keep == "absent":
            return _bytes(
                QUERIES.lacking.format(
                    stage=Identifier(self.key_stage),
                    table=self.table,
                    same_key=self.same_key("given"),
                    held=_names(self.key[:1]),
                    first_key=Identifier(self.key[0]),
                )
            )
        return _bytes(
            QUERIES.differing.format(
                stage=Identifier(self.key_stage),
                table=self.table,
                same_key=self.same_key("given"),
                held=_names((self.key[0], self.hash_column)),
                first_key=Identifier(self.key[0]),
                hash=Identifier(self.hash_column),
            )
        )

    @cached_property
    def lock_changed(self) -> bytes:
        """Locks the rows staged."""
        return _bytes(
            QUERIES.lock_changed.format(
                stage=Identifier(self.stage),
                table=self.table,
                same_key=self.same_key("given"),
            )
        )

    @cached_property
    def judge_changed(self) -> bytes:
        """Compares the rows staged with those locked."""
        return _bytes(
            QUERIES.judge_changed.format(
                stage=Identifier(self.stage),
                table=self.table,
                same_key=self.same_key("given"),
                hash=Identifier(self.hash_column),
                capture=Identifier(self.capture_column),
            )
        )

    @cached_property
    def overwrite(self) -> bytes:
        """Merges staged rows that tell the facet's latest."""
        return _bytes(_overwrite(self, names=self._values, is_latest=True))

    @cached_property
    def lengthen(self) -> bytes:
        """Merges staged rows older than what is held: only longer texts count."""
        return _bytes(_overwrite(self, names=self.longest, is_latest=False))

    @cached_property
    def retell(self) -> bytes:
        """Notes hash and capture of staged rows that tell nothing new."""
        return _bytes(
            QUERIES.retell.format(
                stage=Identifier(self.stage),
                table=self.table,
                same_key_compared=self.same_key("compared"),
                hash=Identifier(self.hash_column),
                assignments=COMMA.join(_engine_assignments(self)),
            )
        )

    @cached_property
    def _values(self) -> tuple[str, ...]:
        return tuple(name for name in self.facet.columns if name not in self.key)

    def _copy(self, target: Composable, columns: Sequence[str]) -> bytes:
        return _bytes(QUERIES.copy_rows.format(target=target, columns=_names(columns)))

    def same_key(self, other: str) -> Composable:
        """Return the condition that ``held`` and another row have one key."""
        return AND.join(
            FRAGMENTS.same_column.format(column=Identifier(name), other=Identifier(other))
            for name in self.key
        )


def _overwrite(table: FacetTable, *, names: Sequence[str], is_latest: bool) -> Composable:
    """Return the statement that merges ``names``; the latest word also leaves its hash."""
    others = _other_tellers(table) if is_latest else ()
    shared = [name for name in names if name in table.shared]
    overruled = _overruled(table, others, shared) if shared else FRAGMENTS.overruled_none
    assignments: list[Composable] = [
        FRAGMENTS.assign_column.format(column=Identifier(name)) for name in names
    ]
    if is_latest:
        assignments += _engine_assignments(table)
    if shared:
        assignments.append(FRAGMENTS.assign_overruled)
    return QUERIES.overwrite.format(
        columns=COMMA.join(
            part
            for part in (
                each_column(FRAGMENTS.held_column, table.key),
                each_column(FRAGMENTS.shown_column, names) if names else None,
            )
            if part is not None
        ),
        key_object=_pairs(table.key),
        former_engine=_pairs(_former_engine(table, has_overruled=bool(shared))),
        changes=_changes(names),
        overruled=overruled,
        stage=Identifier(table.stage),
        table=table.table,
        same_key=table.same_key("given"),
        told=told_laterals(others),
        shown=COMMA.join(_shown(table, others, names)),
        same_key_compared=table.same_key("compared"),
        assignments=COMMA.join(assignments),
        applies=_applies(table, is_latest=is_latest),
    )


def told_laterals(tellers: Sequence[Facet]) -> Composable:
    """Return the joins that bring rows as other facets told them."""
    return SQL(" ").join(
        FRAGMENTS.told_by.format(facet=Literal(other.name), told=told_row(other))
        for other in tellers
    )


def _applies(table: FacetTable, *, is_latest: bool) -> Composable:
    """Return when a staged row touches the row held."""
    if not is_latest:
        return FRAGMENTS.applies_when_changed
    if not table.longest:
        return FRAGMENTS.applies_always
    return FRAGMENTS.applies_when_telling.format(hash=Literal(table.hash_column))


def _changes(names: Sequence[str]) -> Composable:
    """Return what the columns that change were, as JSON."""
    if not names:
        return FRAGMENTS.nothing_changes
    parts = (names[start : start + _MOST_PAIRS] for start in range(0, len(names), _MOST_PAIRS))
    return FRAGMENTS.changes.format(
        former=CONCAT.join(map(_pairs, parts)),
        unchanged=COMMA.join(
            FRAGMENTS.unchanged_name.format(column=Identifier(name), name=Literal(name))
            for name in names
        ),
    )


def _other_tellers(table: FacetTable) -> tuple[Facet, ...]:
    return tuple(
        facet
        for facet in table.dataset.facets
        if facet.name != table.facet.name and set(facet.columns) & set(table.shared)
    )


def _shown(
    table: FacetTable, others: Sequence[Facet], names: Sequence[str]
) -> Iterable[Composable]:
    """Yield what becomes of each column."""
    yield FRAGMENTS.staged_row
    for name in names:
        if name in table.longest:
            yield FRAGMENTS.longest_value.format(column=Identifier(name))
        elif name in table.shared and others:
            yield FRAGMENTS.strongest_value.format(
                values=COMMA.join(_told_values(table, name)), column=Identifier(name)
            )
        else:
            yield FRAGMENTS.own_value.format(column=Identifier(name))


def _told_values(table: FacetTable, name: str) -> Iterable[Composable]:
    """Yield what each facet told of a column, the strongest first."""
    for facet in reversed(table.dataset.facets):
        if facet.name == table.facet.name:
            yield FRAGMENTS.given_value.format(column=Identifier(name))
        elif name in facet.columns:
            yield FRAGMENTS.told_value.format(
                hash=Identifier(f"_{facet.name}_hash"),
                told=told_row(facet),
                column=Identifier(name),
            )


def _overruled(table: FacetTable, others: Sequence[Facet], shared: Sequence[str]) -> Composable:
    """Return what facets told of shared columns that is not the value shown, by facet."""
    parts = [overruled_by(other, shared) for other in others]
    given = [FRAGMENTS.given_value.format(column=Identifier(name)) for name in shared]
    parts.append(
        FRAGMENTS.overruled_given.format(
            told_values=COMMA.join(given),
            shown_values=each_column(FRAGMENTS.shown_column, shared),
            facet=Literal(table.facet.name),
            differences=_differences(shared, given),
        )
    )
    return FRAGMENTS.overruled_all.format(parts=CONCAT.join(parts))


def overruled_by(other: Facet, shared: Sequence[str]) -> Composable:
    """Return what one other facet told of shared columns that is not the value shown."""
    names = [name for name in shared if name in other.columns]
    fields = [
        FRAGMENTS.told_field.format(told=told_row(other), column=Identifier(name)) for name in names
    ]
    return FRAGMENTS.overruled_told.format(
        hash=Identifier(f"_{other.name}_hash"),
        told_values=COMMA.join(fields),
        shown_values=each_column(FRAGMENTS.shown_column, names),
        facet=Literal(other.name),
        differences=_differences(names, fields),
    )


def each_column(fragment: SQL, names: Iterable[str]) -> Composable:
    """Return a fragment for each column, joined by commas."""
    return COMMA.join(fragment.format(column=Identifier(name)) for name in names)


def _differences(names: Sequence[str], told: Sequence[Composable]) -> Composable:
    return CONCAT.join(
        FRAGMENTS.overruled_value.format(told=field, column=Identifier(name), name=Literal(name))
        for name, field in zip(names, told, strict=True)
    )


def _engine_assignments(table: FacetTable) -> list[Composable]:
    if table.is_alone:
        return [FRAGMENTS.assign_given, FRAGMENTS.assign_row_hash]
    own = FRAGMENTS.assign_facet_hash.format(
        hash=Identifier(table.hash_column), capture=Identifier(table.capture_column)
    )
    return [FRAGMENTS.assign_given, own]


def _former_engine(table: FacetTable, *, has_overruled: bool) -> tuple[str, ...]:
    names = (*table.engine_columns, "_loaded_at", "updated_at")
    return (*names, "_overruled") if has_overruled else names


def _pairs(names: Iterable[str]) -> Composable:
    pairs = (
        FRAGMENTS.held_pair.format(name=Literal(name), column=Identifier(name)) for name in names
    )
    return FRAGMENTS.json_object.format(pairs=COMMA.join(pairs))


def told_row(facet: Facet) -> Identifier:
    """Return how statements call the row as a facet told it."""
    return Identifier(_short(f"_told_{facet.name}"))


def _names(names: Iterable[str]) -> Composable:
    return COMMA.join(map(Identifier, names))


def _bytes(statement: Composable) -> bytes:
    return statement.as_bytes(None)


def _short(name: str) -> str:
    """Return ``name``, cut to what PostgreSQL keeps of an identifier, still unique."""
    if len(name.encode()) <= _NAME_BYTES:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=6).hexdigest()
    return f"{name[: _NAME_BYTES - 13]}_{digest}"


_TABLES: dict[tuple[str, ...], FacetTable] = {}


def facet_table(
    conn: psycopg.Connection[Any], schema: str, *, dataset: Dataset, facet: Facet
) -> FacetTable:
    """Return a facet's view of its table, read from the catalog once per program and database.

    Raises:
        StoreError: The table is not there, or lacks a column.
    """
    info = conn.info
    place = (info.host, str(info.port), info.dbname, schema, dataset.name, facet.name)
    known = _TABLES.get(place)
    if known is not None and known.dataset is dataset:
        return known
    found = FacetTable(schema, dataset, facet, _read_columns(conn, schema, dataset))
    wanted = {*facet.columns, *found.engine_columns, "_loaded_at", "created_at", "updated_at"}
    if found.shared:
        wanted.add("_overruled")
    if lacking := sorted(wanted - found.columns.keys()):
        msg = f"{schema}.{dataset.name}: the table lacks {', '.join(lacking)}."
        raise StoreError(msg, hint="Apply the system's migrations: stocktake db migrate.")
    _TABLES[place] = found
    return found


def forget_tables() -> None:
    """Forget what was read from catalogs; needed after a migration in the same program."""
    _TABLES.clear()


def _read_columns(
    conn: psycopg.Connection[Any], schema: str, dataset: Dataset
) -> Mapping[str, Column]:
    rows = conn.execute(QUERIES.table_columns, {"schema": schema, "name": dataset.name})
    return {row[0]: Column(*row) for row in rows}
