"""What one derivation writes and reads, as SQL: names, types and statements, composed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from stocktake.store.queries import embedded, load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import Connection

    from stocktake.model import Derivation, System

QUERIES = load_queries("stocktake.store", "sql/derive.sql")
COMMA = SQL(", ")


@dataclass(frozen=True, slots=True)
class Target:
    """A derivation against the tables of one database.

    Args:
        system: Its system.
        derivation: What is derived.
        key: Columns of the row key.
        columns: Columns written, the key first.
        types: Their full types, so that values are rounded as the table rounds them.
        tables: Columns and types of it and of its inputs, by dataset.
    """

    system: System
    derivation: Derivation
    key: tuple[str, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    tables: Mapping[str, Mapping[str, str]]

    @property
    def is_update_only(self) -> bool:
        """Whether only columns of rows that others own are written."""
        return bool(self.derivation.columns)

    @property
    def name(self) -> str:
        """How locks and messages call it."""
        return f"{self.system.name}.{self.derivation.dataset}/{self.derivation.sql}"

    @property
    def stored_as(self) -> dict[str, str]:
        """How its state is stored."""
        return {
            "system": self.system.name,
            "dataset": self.derivation.dataset,
            "sql": self.derivation.sql,
        }

    @property
    def table(self) -> Identifier:
        """The table written."""
        return Identifier(self.system.name, self.derivation.dataset)

    @property
    def scope(self) -> Composed:
        """The columns by which rows are recomputed together."""
        return names(self.derivation.scope)

    @property
    def typed_scope(self) -> Composed:
        """The columns of the scope as the table stores them."""
        return COMMA.join(
            SQL("{0}::{1} as {0}").format(Identifier(column), SQL(self.type_of(column)))
            for column in self.derivation.scope
        )

    def type_of(self, column: str) -> str:
        """Return the full type of a column of the table."""
        return self.tables[self.derivation.dataset][column]

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns whose change makes a row changed: neither its key nor its stamps."""
        left_out = {*self.key, *self.derivation.stamps}
        return tuple(column for column in self.columns if column not in left_out)

    def statement(self, name: str) -> SQL | None:
        """Return a statement of the derivation's file without its final semicolon."""
        queries = load_queries(self.system.package, f"derived/{self.derivation.sql}.sql")
        if name not in queries:
            return None
        return embedded(queries[name])

    def required(self, name: str) -> SQL:
        """Return a statement that every derivation must have.

        Raises:
            LookupError: The file lacks it.
        """
        found = self.statement(name)
        if found is None:
            msg = f"{self.system.package}/derived/{self.derivation.sql}.sql has no '{name}'"
            raise LookupError(msg)
        return found

    def rows(self) -> SQL:
        """Return the query that gives recomputed rows with the target's types and their hash."""
        typed = COMMA.join(
            SQL("c.{0}::{1} as {0}").format(Identifier(column), SQL(kind))
            for column, kind in zip(self.columns, self.types, strict=True)
        )
        rows = QUERIES.rows_of.format(
            compared=COMMA.join(Identifier("r", column) for column in self.compared),
            typed=typed,
            compute=self.required("compute"),
        )
        return SQL(rows.as_string(None))

    def parts(self) -> dict[str, SQL]:
        """Return the fragments that the statements of ``derive.sql`` share, written out."""
        same_key = equal(self.key, left="t", right="c")
        parts: dict[str, Composable] = {
            "target": self.table,
            "columns": names(self.columns),
            "scope": self.scope,
            "same_key": same_key,
            "stored_key": COMMA.join(Identifier("t", column) for column in self.key),
            "computed_key": COMMA.join(Identifier("c", column) for column in self.key),
            "in_scope": equal(self.derivation.scope, left="t", right="k"),
            "differs": SQL("({}) is distinct from ({})").format(
                COMMA.join(Identifier("t", column) for column in self.compared),
                COMMA.join(Identifier("c", column) for column in self.compared),
            ),
            "assignments": COMMA.join(
                SQL("{} = {}").format(Identifier(column), Identifier("c", column))
                for column in self.columns
                if column not in self.key
            ),
            "key_pairs": COMMA.join(
                SQL("{}, {}").format(Literal(column), Identifier("t", column))
                for column in self.key
            ),
        }
        # Most occur several times: quoting each column once a time takes longer than the statement.
        return {name: SQL(part.as_string(None)) for name, part in parts.items()}


def columns_of(
    conn: Connection[Any], system: System, datasets: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the columns of tables, in order, with their full types."""
    quoted = [Identifier(system.name, name).as_string(conn) for name in datasets]
    found: dict[str, dict[str, str]] = {name: {} for name in datasets}
    names_and_tables = {"names": list(datasets), "tables": quoted}
    for name, column, kind in conn.execute(QUERIES.table_columns, names_and_tables).fetchall():
        found[name][column] = kind
    return found


def target_of(conn: Connection[Any], system: System, derivation: Derivation) -> Target:
    """Look up the table of a derivation and those it reads."""
    tables = {derivation.dataset, *derivation.inputs}
    return target_among(system, derivation, columns_of(conn, system, sorted(tables)))


def target_among(
    system: System, derivation: Derivation, tables: Mapping[str, Mapping[str, str]]
) -> Target:
    """Return a derivation against its table.

    Args:
        tables: Columns and types of it and of its inputs, by dataset.
    """
    dataset = system.dataset(derivation.dataset)
    engine = {"created_at", "updated_at"}
    types = {
        column: kind
        for column, kind in tables[derivation.dataset].items()
        if not column.startswith("_") and column not in engine
    }
    if derivation.columns:
        columns = (*dataset.key, *derivation.columns)
    else:
        columns = (*dataset.key, *(column for column in types if column not in dataset.key))
    kinds = tuple(types[column] for column in columns)
    return Target(system, derivation, dataset.key, columns, kinds, tables)


def names(columns: Sequence[str]) -> Composed:
    """Return column names as a list."""
    return COMMA.join(map(Identifier, columns))


def equal(columns: Sequence[str], *, left: str, right: str) -> Composed:
    """Return the condition that two rows agree in ``columns``; keys are never NULL."""
    return SQL(" and ").join(
        SQL("{} = {}").format(Identifier(left, column), Identifier(right, column))
        for column in columns
    )
