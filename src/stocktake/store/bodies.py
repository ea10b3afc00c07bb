"""Where the bodies of captures are: in the database, or as objects in one store for all hosts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import zstandard

from stocktake.errors import ConfigurationError, StoreError, UsageError
from stocktake.store.installation import read_installation
from stocktake.store.objects import Objects, checked_url
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from stocktake.store.database import Database

QUERIES = load_queries("stocktake.store", "sql/bodies.sql")
FANOUT = 256
MOST_BYTES = 2**31
"""What a compressed body may claim to hold; far more than any answer may have."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where objects with bodies are.

    Args:
        url: The store.
        is_used: Whether new bodies go there, too.
        installation_id: Whose they are.
    """

    url: str
    is_used: bool
    installation_id: UUID

    @property
    def objects(self) -> Objects:
        """The store, opened once by each program, after a look whether it is the right one."""
        return _known_store(self.url, self.installation_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many bodies there are, and their stored bytes.

    Args:
        place: Store of objects; ``None`` when there is none.
        in_database: Bodies in the database.
        database_bytes: Their compressed size.
        in_objects: Bodies that are objects.
        object_bytes: Their compressed size.
        lost: Objects that were found gone or damaged.
    """

    place: Place | None
    in_database: int
    database_bytes: int
    in_objects: int
    object_bytes: int
    lost: int


@cache
def _known_store(url: str, installation_id: UUID) -> Objects:
    found = Objects(url, installation_id)
    found.require_mark()
    return found


def read_place(conn: Connection[Any]) -> Place | None:
    """Return where objects with bodies are; ``None`` while every body is in the database."""
    row = conn.execute(QUERIES.read_place).fetchone()
    return Place(*row) if row else None


def standing(conn: Connection[Any]) -> Standing:
    """Return how many bodies are where; it reads every line of the table."""
    row = conn.execute(QUERIES.standing).fetchone()
    assert row is not None  # noqa: S101 -- an aggregate gives a row
    return Standing(read_place(conn), *row)


def store_objects(conn: Connection[Any], contents: dict[bytes, bytes]) -> bool:
    """Put new contents where the installation keeps objects; return whether it still does.

    They are there for good when this returns, so the transaction may name them. Until it ends,
    nobody moves the store or removes an object.

    Raises:
        StoreError: The store is away for the moment; the transaction may be tried again.
        ConfigurationError: This host may not, or cannot, write there.
    """
    conn.execute(QUERIES.hold_store)
    place = read_place(conn)
    if place is None or not place.is_used:
        return False
    place.objects.put(contents)
    return True


def read_objects(conn: Connection[Any], hashes: Sequence[bytes]) -> dict[bytes, bytes | None]:
    """Return bodies that are objects, proven by their hash; ``None`` for one lost or damaged.

    Raises:
        StoreError, ConfigurationError: As ``store_objects``.
    """
    place = read_place(conn)
    found = place.objects.get(hashes) if place else dict.fromkeys(hashes)
    gone = [sha256 for sha256, content in found.items() if content is None]
    if gone:  # it may have come back into the database since its row was read
        rows = conn.execute(QUERIES.contents, {"hashes": gone}).fetchall()
        found |= {bytes(sha256): bytes(content) for sha256, content in rows}
    return {sha256: unpacked(content, sha256) for sha256, content in found.items()}


def unpacked(content: bytes | None, sha256: bytes) -> bytes | None:
    """Return a body whose hash is ``sha256``; ``None`` when what is stored is not that."""
    if content is None:
        return None
    try:
        body = zstandard.ZstdDecompressor().decompress(content, max_output_size=MOST_BYTES)
    except (zstandard.ZstdError, MemoryError):
        return None
    return body if hashlib.sha256(body).digest() == sha256 else None


def use_objects(database: Database, url: str, *, copied: bool = False) -> Place:
    """Keep new bodies as objects from now on, on every host at once; others stay where they are.

    Args:
        database: An initialised one.
        url: The store.
        copied: Whether objects of the store so far were copied to this one; they are looked for.

    Raises:
        UsageError: An address that makes no sense, or objects that would be left behind.
        StoreError, ConfigurationError: The store cannot be written, read and deleted from.
    """
    installation = read_installation(database)
    if installation is None:
        raise UsageError("The database was not yet initialised.", hint="Run 'stocktake init'.")
    place = Place(checked_url(url), is_used=True, installation_id=installation.installation_id)
    objects = Objects(place.url, place.installation_id)
    objects.probe()
    with database.owner() as conn:
        conn.execute(QUERIES.take_store)
        before = read_place(conn)
        if before is not None and before.url != place.url:
            _require_all(conn, before, objects, copied=copied)
        objects.mark()
        conn.execute(QUERIES.set_place, {"url": place.url, "is_used": True})
    return place


def use_database(database: Database) -> None:
    """Keep new bodies in the database from now on; objects stay readable where they are."""
    with database.owner() as conn:
        conn.execute(QUERIES.take_store)
        place = read_place(conn)
        if place is not None and conn.execute(QUERIES.has_objects).fetchone() == (True,):
            conn.execute(QUERIES.set_place, {"url": place.url, "is_used": False})
        else:
            conn.execute(QUERIES.forget_place)


def _require_all(conn: Connection[Any], before: Place, objects: Objects, *, copied: bool) -> None:
    if conn.execute(QUERIES.has_objects).fetchone() != (True,):
        return
    if not copied:
        raise UsageError(
            f"Bodies are in {before.url}, and would not be found any more.",
            hint="Copy all below it to the new place and add --copied; or bring them into the "
            "database first: stocktake db captures use database, then stocktake db captures move.",
        )
    lacking = sum(
        objects.listed(first).get(sha256) != size
        for first in range(FANOUT)
        for sha256, size in rows_between(conn, first)
    )
    if lacking:
        raise UsageError(
            f"{lacking:,} bodies of {before.url} are not in {objects.url}; nothing was changed.",
            hint="Copy what is missing, then run the same command again.",
        )


def span(first: int) -> dict[str, bytes]:
    """Return the bounds of hashes that begin with the byte ``first``."""
    return {"low": bytes([first]), "high": bytes([first]) + b"\xff" * 32}


def rows_between(conn: Connection[Any], first: int) -> list[tuple[bytes, int]]:
    """Return hash and size of the bodies that are objects and begin with the byte ``first``."""
    rows = conn.execute(QUERIES.objects_between, span(first))
    return [(bytes(sha256), size) for sha256, size in rows]


def agree(database: Database, captures_url: str | None, *, is_new: bool = False) -> None:
    """Make sure that what this host was told about captures, if anything, is what holds.

    Args:
        database: An initialised one.
        captures_url: The host's setting.
        is_new: Whether the installation is being made: while nothing is stored, the setting
            decides for all hosts.

    Raises:
        UsageError: It is no address of a store.
        ConfigurationError: They differ; nothing may be written elsewhere than the fleet writes.
    """
    if captures_url is None:
        return
    wanted = checked_url(captures_url)
    with database.connection() as conn:
        found = read_place(conn)
        is_new = (
            is_new and found is None and conn.execute(QUERIES.has_bodies).fetchone() == (False,)
        )
    if is_new:
        use_objects(database, wanted)
        return
    holds = found.url if found is not None and found.is_used else "the database"
    if holds != wanted:
        raise ConfigurationError(
            f"This host was told to keep captures in {wanted} (captures_url), but the "
            f"installation keeps captures in {holds}.",
            hint="Unset it: the database tells every host. To change it for all of them: "
            "stocktake db captures use URL.",
        )


def require_proof(objects: Objects, contents: dict[bytes, bytes]) -> None:
    """Read objects that were just written.

    Raises:
        StoreError: The store returns something else.
    """
    found = objects.get(list(contents))
    wrong = [sha256 for sha256, content in contents.items() if found[sha256] != content]
    if wrong:
        raise StoreError(f"{objects.address(wrong[0])} does not hold what was written to it.")
