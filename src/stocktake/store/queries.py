"""Named SQL statements from ``.sql`` files.

A file holds blocks; the comment lines under a name document it::

    -- name: units_held
    -- Ordinals held of one series.
    select held from stocktake.series where series_id = %(series_id)s;
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from psycopg.sql import SQL

__all__ = ["Queries", "embedded", "load_queries", "parse_queries"]

_NAME = re.compile(r"^-- name: *([a-z_][a-z0-9_]*) *$", re.MULTILINE)


class Queries(Mapping[str, SQL]):
    """The statements of one file, as attributes and as a mapping, in the file's order.

    They are ``psycopg.sql.SQL``: execute them with ``%(name)s`` parameters, or fill identifiers
    first with ``queries.name.format(table=Identifier(…))``.
    """

    def __init__(self, place: str, statements: Mapping[str, str]) -> None:
        """Keep the statements of the file at ``place``."""
        self._place = place
        self._statements = {name: SQL(text) for name, text in statements.items()}

    def __getattr__(self, name: str) -> SQL:
        """Return one statement; an unknown name names the file."""
        try:
            return self._statements[name]
        except KeyError:
            msg = f"{self._place} has no query {name!r}"
            raise AttributeError(msg) from None

    def __getitem__(self, name: str) -> SQL:
        """Return one statement."""
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names in the file's order."""
        return iter(self._statements)

    def __len__(self) -> int:
        """Return the number of statements."""
        return len(self._statements)


def embedded(statement: SQL) -> SQL:
    """Return a statement without its final semicolon, to stand inside another one."""
    return SQL(statement.as_string(None).rstrip().removesuffix(";") + "\n")


@cache
def load_queries(package: str, filename: str) -> Queries:
    """Read a package's ``.sql`` file once; ``filename`` may hold folders (``sql/count.sql``).

    Raises:
        ValueError: Text before the first name, an empty statement, or a name used twice.
    """
    text = files(package).joinpath(*filename.split("/")).read_text(encoding="utf-8")
    return parse_queries(text, place=f"{package}/{filename}")


def parse_queries(text: str, *, place: str) -> Queries:
    """Return the statements in ``text``; ``place`` names it in errors.

    Raises:
        ValueError: Text before the first name, an empty statement, or a name used twice.
    """
    preamble, *parts = _NAME.split(text)
    names, bodies = parts[::2], [body.strip() for body in parts[1::2]]
    loose = any(line and not line.startswith("--") for line in preamble.splitlines())
    if loose or len(set(names)) != len(names) or not all(map(_has_statement, bodies)):
        msg = f"{place}: text before the first '-- name:', an empty query, or a name used twice"
        raise ValueError(msg)
    return Queries(place, dict(zip(names, bodies, strict=True)))


def _has_statement(body: str) -> bool:
    return any(line and not line.lstrip().startswith("--") for line in body.splitlines())
