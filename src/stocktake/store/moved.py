"""Bodies brought where new ones go, and the store of objects compared with its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stocktake.errors import UsageError
from stocktake.store.bodies import (
    FANOUT,
    QUERIES,
    Place,
    read_place,
    require_proof,
    rows_between,
    span,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection

    from stocktake.store.database import Database

Report = Callable[[str, int, int], None]
"""Told what is done, how many bodies are, and of how many."""

TOGETHER_BYTES = 32 * 2**20
"""Contents in memory at once, and moved in one transaction."""
TOGETHER = 64


@dataclass(slots=True)
class Moved:
    """What a move did.

    Args:
        to: Where bodies were brought: the store's address, or ``database``.
        bodies: How many.
        stored_bytes: Their compressed size.
        damaged: SHA-256 of those that are not what was stored, and stay where they are.
    """

    to: str
    bodies: int = 0
    stored_bytes: int = 0
    damaged: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Verified:
    """What a comparison of rows and objects found.

    Args:
        objects: Objects that rows name.
        object_bytes: Their size.
        missing: SHA-256 of bodies without an object, or with one of another size.
        damaged: SHA-256 of bodies whose object was read and holds something else.
        spare: Objects that no row needs: left by a program that was killed, or by a move.
        spare_bytes: Their size.
        removed: How many of them were removed.
    """

    objects: int = 0
    object_bytes: int = 0
    missing: list[bytes] = field(default_factory=list)
    damaged: list[bytes] = field(default_factory=list)
    spare: int = 0
    spare_bytes: int = 0
    removed: int = 0


def move(database: Database, *, report: Report) -> Moved:
    """Bring every body to where new ones go, each proven by its hash before and after.

    A batch at a time, so it may be stopped and begun again at any moment, while runs go on.
    Objects stay when their bodies come into the database: older backups still name them, until
    ``verify`` removes what no row needs.

    Raises:
        UsageError: Where new bodies go was changed meanwhile.
        StoreError, ConfigurationError: The store is away, or refuses this host.
    """
    with database.connection() as conn:
        place = read_place(conn)
        row = conn.execute(QUERIES.standing).fetchone()
    assert row is not None  # noqa: S101 -- an aggregate gives a row
    into_objects = place is not None and place.is_used
    moved = Moved(place.url if place is not None and into_objects else "database")
    total, after = row[0] if into_objects else row[2], b""
    while place is not None:
        with database.connection() as conn:
            conn.execute(QUERIES.hold_store)
            if read_place(conn) != place:
                raise UsageError(
                    "Where new bodies go was changed meanwhile.", hint="Run the command again."
                )
            seen = (_to_objects if into_objects else _to_database)(conn, place, after, moved)
        if not seen:
            break
        after = seen[-1]
        report("moved", moved.bodies, total)
    return moved


def _to_objects(conn: Connection[Any], place: Place, after: bytes, moved: Moved) -> Sequence[bytes]:
    facts = {"after": after, "bytes": TOGETHER_BYTES}
    rows = conn.execute(QUERIES.next_in_database, facts).fetchall()
    contents = {bytes(sha256): bytes(content) for sha256, content in rows}
    sound = {
        sha: content for sha, content in contents.items() if unpacked(content, sha) is not None
    }
    place.objects.put(sound)
    require_proof(place.objects, sound)
    with conn.cursor() as cursor:
        cursor.executemany(
            QUERIES.become_object,
            [{"sha256": sha256, "bytes": len(content)} for sha256, content in sound.items()],
        )
    return _noted(moved, contents, sound)


def _to_database(
    conn: Connection[Any], place: Place, after: bytes, moved: Moved
) -> Sequence[bytes]:
    facts = {"after": after, "bytes": TOGETHER_BYTES}
    rows = conn.execute(QUERIES.next_in_objects, facts).fetchall()
    contents = place.objects.get([bytes(sha256) for (sha256,) in rows])
    sound = {
        sha256: content
        for sha256, content in contents.items()
        if content is not None and unpacked(content, sha256) is not None
    }
    with conn.cursor() as cursor:
        cursor.executemany(
            QUERIES.become_content,
            [{"sha256": sha256, "content": content} for sha256, content in sound.items()],
        )
    return _noted(moved, contents, sound)


def _noted(
    moved: Moved, contents: Mapping[bytes, bytes | None], sound: Mapping[bytes, bytes]
) -> Sequence[bytes]:
    moved.bodies += len(sound)
    moved.stored_bytes += sum(map(len, sound.values()))
    moved.damaged += [sha256 for sha256 in contents if sha256 not in sound]
    return list(contents)


def verify(
    database: Database,
    *,
    now: datetime,
    reads: bool = False,
    prunes: bool = False,
    report: Report,
) -> Verified:
    """Compare the objects in the store with the rows that name them, and note which are lost.

    Writers wait for as long as a two-hundred-and-fifty-sixth of the objects takes to be listed.

    Args:
        database: An initialised one.
        now: The present instant.
        reads: Read every object and prove its hash, instead of comparing sizes alone.
        prunes: Remove objects that no row needs. Backups from before may need them.
        report: Told how far it is.

    Raises:
        StoreError, ConfigurationError: The store is away, or refuses this host.
    """
    found = Verified()
    with database.connection() as conn:
        place = read_place(conn)
    for first in range(FANOUT) if place is not None else ():
        with database.connection() as conn:
            conn.execute(QUERIES.take_store)
            place = read_place(conn)
            if place is None:
                break
            rows = _compared(conn, place, first, found, prunes=prunes)
        damaged = _read(place, rows, found) if reads else []
        lost = [sha256 for sha256 in found.missing if sha256[0] == first] + damaged
        with database.connection() as conn:
            conn.execute(QUERIES.note_lost, {**span(first), "hashes": lost, "now": now})
        report("compared", first + 1, FANOUT)
    return found


def _compared(
    conn: Connection[Any], place: Place, first: int, found: Verified, *, prunes: bool
) -> list[bytes]:
    """Compare one byte's objects with their rows, while no writer is at work."""
    rows = dict(rows_between(conn, first))
    listed = place.objects.listed(first)
    missing = [sha256 for sha256, size in rows.items() if listed.get(sha256) != size]
    spare = [sha256 for sha256 in listed if sha256 not in rows]
    found.objects += len(rows)
    found.object_bytes += sum(rows.values())
    found.missing += missing
    found.spare += len(spare)
    found.spare_bytes += sum(listed[sha256] for sha256 in spare)
    if prunes:
        place.objects.delete(spare)
        found.removed += len(spare)
    return [sha256 for sha256 in rows if listed.get(sha256) == rows[sha256]]


def _read(place: Place, hashes: Sequence[bytes], found: Verified) -> list[bytes]:
    damaged = [
        sha256
        for start in range(0, len(hashes), TOGETHER)
        for sha256, content in place.objects.get(hashes[start : start + TOGETHER]).items()
        if unpacked(content, sha256) is None
    ]
    found.damaged += damaged
    return damaged


def captures_of(database: Database, hashes: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return a capture of each of these bodies, and how many have it; those of tenants left out."""
    with database.connection() as conn:
        rows = conn.execute(QUERIES.captures_of, {"hashes": list(hashes)}).fetchall()
    return [(capture_id, count) for _, capture_id, count in rows]
