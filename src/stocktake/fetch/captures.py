"""Responses as received: stored before they are parsed, each content once, without secrets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import zstandard
from psycopg.types.json import Jsonb

from stocktake.errors import LoadError, UsageError
from stocktake.fetch.answer import Known
from stocktake.fetch.login import shown_params
from stocktake.model import Capture, Request
from stocktake.observe.failpoints import reach
from stocktake.store.bodies import read_objects, store_objects
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    import psycopg

QUERIES = load_queries("stocktake.store", "sql/fetch.sql")

LEVEL = 1  # level 3 saves 8 % of the space and takes 1.6 times the time
HASH_BYTES = 32
READ_TOGETHER = 20
HASH_AT = 12
"""Where the hash stands in a row of ``captures_by_id``; the content stands last."""


@dataclass(frozen=True, slots=True)
class StoredCapture:
    """A capture with where it came from.

    Args:
        capture: The response; parameters that held secrets read ``***``.
        system: System it was fetched for.
        source: Source asked.
        endpoint: Endpoint asked.
        run_id: Run that fetched it, ``None`` outside one.
        first_page_id: Capture of the answer's first page, its own number for the first page.
        is_loaded: Whether its rows were loaded, or it is evidence that nobody loads.
    """

    capture: Capture
    system: str
    source: str
    endpoint: str
    run_id: int | None
    first_page_id: int
    is_loaded: bool


def store_captures(
    conn: psycopg.Connection[Any],
    captures: Sequence[Capture],
    *,
    system: str,
    source: str,
    endpoint: str,
    run_id: int | None,
) -> list[Capture]:
    """Store responses and return them, in order, with their numbers.

    Args:
        conn: In a transaction that the caller commits.
        captures: Pages of one or several answers; page 0 begins a new answer.
        system: System they were fetched for.
        source: Source asked.
        endpoint: Endpoint asked.
        run_id: Run that fetched them.
    """
    if not captures:
        return []
    _store_bodies(conn, captures)
    numbers = conn.execute(QUERIES.reserve_captures, {"count": len(captures)}).fetchall()
    origin = {"system": system, "source": source, "endpoint": endpoint, "run_id": run_id}
    rows: list[dict[str, object]] = []
    first_page_id = 0
    for capture, (number,) in zip(captures, numbers, strict=True):
        if capture.page == 0 or not first_page_id:
            first_page_id = number
        further = first_page_id if first_page_id != number else None
        rows.append({**origin, **_row(capture), "capture_id": number, "first_page_id": further})
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES.add_capture, rows)
    return [
        replace(capture, capture_id=number)
        for capture, (number,) in zip(captures, numbers, strict=True)
    ]


def read_capture(conn: psycopg.Connection[Any], capture_id: int) -> StoredCapture:
    """Return one capture with its bytes.

    Raises:
        UsageError: There is none with this number.
    """
    for stored in _read(conn, [capture_id]):
        return stored
    raise UsageError(
        f"There is no capture {capture_id}.", hint="why and trace name the captures of a unit."
    )


def read_answer(conn: psycopg.Connection[Any], capture_id: int) -> list[Capture]:
    """Return all pages, in order, of the answer that ``capture_id`` is a page of."""
    ids = conn.execute(QUERIES.page_ids, {"capture_id": capture_id}).fetchall()
    return [stored.capture for stored in _read(conn, [number for (number,) in ids])]


def latest_answers(conn: psycopg.Connection[Any], system: str, feed: str) -> list[int]:
    """Return the first page of the latest good answer to each request of ``feed``, oldest first."""
    rows = conn.execute(QUERIES.latest_answer_ids, {"system": system, "feed": feed})
    return [number for (number,) in rows]


def known_body(conn: psycopg.Connection[Any], system: str, request: Request) -> Known | None:
    """Return what is stored and loaded of the latest good answer to ``request``."""
    return known_bodies(conn, system, [request])[0]


def known_bodies(
    conn: psycopg.Connection[Any], system: str, requests: Sequence[Request]
) -> list[Known | None]:
    """Return what ``known_body`` does for each request, asked all at once."""
    with conn.pipeline():
        cursors = [
            conn.execute(
                QUERIES.known_answer, {"system": system, "feed": request.feed, **_address(request)}
            )
            for request in requests
        ]
    return [_known(cursor.fetchone()) for cursor in cursors]


def _known(row: tuple[Any, ...] | None) -> Known | None:
    if row is None:
        return None
    capture_id, headers, hashes = row
    return Known(
        capture_id,
        tuple(hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)),
        etag=headers.get("etag", ""),
        last_modified=headers.get("last-modified", ""),
    )


def unloaded_captures(
    conn: psycopg.Connection[Any], run_id: int, *, feed: str | None = None
) -> list[Capture]:
    """Return what a run fetched but did not load: answers in order, each with its pages.

    Args:
        feed: Only what this feed asked for.
    """
    parameters = {"run_id": run_id, "feed": feed}
    ids = conn.execute(QUERIES.unloaded_capture_ids, parameters).fetchall()
    return [stored.capture for stored in _read(conn, [number for (number,) in ids])]


def mark_loaded(conn: psycopg.Connection[Any], capture_ids: Iterable[int]) -> None:
    """Note, in the transaction that loads them, that captures were loaded."""
    conn.execute(QUERIES.mark_loaded, {"capture_ids": list(capture_ids)})


def unload(conn: psycopg.Connection[Any], run_id: int) -> None:
    """Note that what a run loaded is not loaded any more, where no earlier run had loaded it."""
    conn.execute(QUERIES.unload_captures, {"run_id": run_id})


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """First page of a stored answer that nobody has loaded, and the units it is for."""

    capture_id: int
    feed: str
    units: tuple[tuple[str, ...], ...]
    fetched_at: datetime


def undone_answers(conn: psycopg.Connection[Any], system: str) -> list[KeptAnswer]:
    """Return the good answers that runs taken back had fetched, oldest first."""
    return [
        KeptAnswer(number, feed, tuple(_unit_key(unit) for unit in units), fetched_at)
        for number, feed, units, fetched_at in conn.execute(
            QUERIES.undone_answers, {"system": system}
        )
    ]


def name_units(
    conn: psycopg.Connection[Any], capture_id: int, units: Iterable[Sequence[str]]
) -> None:
    """Note which units a capture holds, where its request could not say so: a file's."""
    told = [unit_text(key) for key in units]
    conn.execute(QUERIES.name_units, {"capture_id": capture_id, "units": told})


def unit_text(key: Sequence[str]) -> str:
    """Return a unit's key as stored: parts joined by slashes, slashes within parts encoded.

    >>> unit_text(("london", "jazz/blues"))
    'london/jazz%2Fblues'
    """
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in key)


def _unit_key(text: str) -> tuple[str, ...]:
    return tuple(unquote(part) for part in text.split("/"))


def _store_bodies(conn: psycopg.Connection[Any], captures: Sequence[Capture]) -> None:
    """Compress and store the contents that are not there yet; the same order for every writer."""
    bodies = {capture.sha256: capture.body for capture in captures}
    stored, are_objects = conn.execute(QUERIES.stored_bodies, {"hashes": list(bodies)}).fetchall()[
        0
    ]
    for sha256 in stored:
        del bodies[bytes(sha256)]
    if not bodies:
        return
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    contents = {sha256: compressor.compress(body) for sha256, body in sorted(bodies.items())}
    are_objects = are_objects and store_objects(conn, contents)
    if are_objects:
        reach("objects_put")
    rows = [
        {
            "sha256": sha256,
            "bytes": len(bodies[sha256]),
            "content": None if are_objects else content,
            "object_bytes": len(content) if are_objects else None,
        }
        for sha256, content in contents.items()
    ]
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES.add_body, rows)


def _row(capture: Capture) -> dict[str, object]:
    return {
        "feed": capture.request.feed,
        **_address(capture.request),
        "units": [unit_text(key) for key in capture.request.units],
        "page": capture.page,
        "status": capture.status,
        "headers": Jsonb(dict(capture.headers)),
        "sha256": capture.sha256,
        "bytes": len(capture.body),
        "fetched_at": capture.fetched_at,
        "seconds": capture.seconds,
        "is_loaded": bool(capture.flaw),
        "flaw": capture.flaw,
    }


def _address(request: Request) -> Mapping[str, object]:
    flat = [text for pair in shown_params(request.params) for text in pair]
    return {"path": request.path, "params": flat}


def _read(conn: psycopg.Connection[Any], capture_ids: Sequence[int]) -> Iterator[StoredCapture]:
    decompressor = zstandard.ZstdDecompressor()
    for start in range(0, len(capture_ids), READ_TOGETHER):
        ids = list(capture_ids[start : start + READ_TOGETHER])
        rows = conn.execute(QUERIES.captures_by_id, {"capture_ids": ids}).fetchall()
        objects = _objects_of(conn, rows)
        for *row, content in rows:
            is_object = content is None
            body = objects[row[HASH_AT]] if is_object else decompressor.decompress(content)
            yield _stored(row, body)


def _objects_of(
    conn: psycopg.Connection[Any], rows: Sequence[Sequence[Any]]
) -> Mapping[bytes, bytes]:
    """Return the bodies of those rows that have none themselves.

    Raises:
        LoadError: One is not there, or is not what was stored.
    """
    hashes = list(dict.fromkeys(bytes(row[HASH_AT]) for row in rows if row[-1] is None))
    if not hashes:
        return {}
    found = read_objects(conn, hashes)
    for number, system, *_ in (row for row in rows if found.get(row[HASH_AT], b"") is None):
        raise LoadError(
            f"The bytes of capture {number} are missing from the store of captures, or damaged.",
            hint="stocktake db captures verify --read lists all of them. Put the objects back from "
            f"a copy of the store; or fetch their units again: stocktake backfill {system} "
            "--refetch --since DAY --until DAY.",
        )
    return {sha256: body for sha256, body in found.items() if body is not None}


def _stored(row: Sequence[Any], body: bytes) -> StoredCapture:
    number, system, source, feed, endpoint, path, params, units = row[:8]
    page, first_page_id, status, headers, sha256, fetched_at = row[8:14]
    seconds, run_id, is_loaded, flaw = row[14:]
    pairs = tuple(zip(params[::2], params[1::2], strict=True))
    capture = Capture(
        Request(feed, path, pairs, tuple(_unit_key(unit) for unit in units)),
        status,
        body,
        bytes(sha256),
        fetched_at=fetched_at,
        seconds=seconds,
        headers=headers,
        capture_id=number,
        page=page,
        flaw=flaw,
    )
    return StoredCapture(
        capture, system, source, endpoint, run_id, first_page_id or number, is_loaded
    )
