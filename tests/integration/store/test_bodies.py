"""Bodies of captures as objects: in a folder, and in S3 over HTTP."""

from __future__ import annotations

import hashlib
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.request import url2pathname

import pytest

from stocktake.access.audit import Actor
from stocktake.access.tenants import add_tenant
from stocktake.errors import ConfigurationError, LoadError, StoreError, UsageError
from stocktake.fetch.captures import read_answer, read_capture, store_captures, unloaded_captures
from stocktake.model import Capture, Request
from stocktake.run.again import again
from stocktake.run.healthy import health
from stocktake.run.workspace import Workspace
from stocktake.store.backup import backup, restore, table_sums
from stocktake.store.bodies import (
    QUERIES,
    agree,
    read_place,
    standing,
    use_database,
    use_objects,
)
from stocktake.store.doctor import examine
from stocktake.store.installation import init
from stocktake.store.moved import Moved, Verified, captures_of, move, verify
from stocktake.store.objects import checked_url
from stocktake.testing.database import temporary_database, unprepared
from tests.s3 import S3, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg import Connection

    from stocktake.settings import Settings
    from stocktake.store.cluster import LocalCluster
    from stocktake.store.database import Database

NOW = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)
REQUEST = Request("days", "results", (("date", "2024-05-01"),), (("2024-05-01",),))
ONE, TWO, THREE = b"[1]" * 900, b"[2]" * 70_000, b"[3]"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as served:
        yield served


@pytest.fixture(params=["file", "s3"])
def url(
    request: pytest.FixtureRequest, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The address of a store, whose login this program has."""
    for name, text in s3.login.items():
        monkeypatch.setenv(name, text)
    return s3.url if request.param == "s3" else (tmp_path / "captures").as_uri()


@pytest.fixture
def fresh(database: Database) -> Database:
    init(database, "real")
    return database


@pytest.fixture
def folder(fresh: Database, tmp_path: Path) -> Path:
    """The folder in which the installation keeps its objects."""
    place = use_objects(fresh, (tmp_path / "captures").as_uri())
    return tmp_path / "captures" / str(place.installation_id)


def capture(body: bytes, page: int = 0) -> Capture:
    sha256 = hashlib.sha256(body).digest()
    return Capture(REQUEST, 200, body, sha256, fetched_at=NOW, seconds=0.25, page=page)


def store(database: Database, *bodies: bytes) -> list[int]:
    with database.connection() as conn:
        return stored(conn, *bodies)


def stored(conn: Connection[Any], *bodies: bytes) -> list[int]:
    captures = [capture(body, page) for page, body in enumerate(bodies)]
    kept = store_captures(
        conn, captures, system="racing", source="vendor", endpoint="results", run_id=1
    )
    return [one.capture_id for one in kept if one.capture_id is not None]


def read(database: Database, number: int) -> bytes:
    with database.connection() as conn:
        return read_capture(conn, number).capture.body


def places(database: Database) -> tuple[int, int]:
    """Return how many bodies are in the database, and how many are objects."""
    with database.connection() as conn:
        found = standing(conn)
    return found.in_database, found.in_objects


def compared(database: Database, **options: bool) -> Verified:
    return verify(database, now=NOW, report=silent, **options)


def moved(database: Database) -> Moved:
    return move(database, report=silent)


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def object_of(folder: Path, body: bytes) -> Path:
    name = hashlib.sha256(body).hexdigest()
    return folder / name[:2] / f"{name}.zst"


def test_every_statement_about_bodies_is_understood_by_the_server(database: Database) -> None:
    with database.connection() as conn:
        assert unprepared(conn, QUERIES) == {}


def test_bodies_are_read_from_the_store_as_they_were_received(fresh: Database, url: str) -> None:
    use_objects(fresh, url)

    first, *_ = store(fresh, ONE, TWO, THREE)

    with fresh.connection() as conn:
        assert [page.body for page in read_answer(conn, first)] == [ONE, TWO, THREE]
        assert [page.body for page in unloaded_captures(conn, 1)] == [ONE, TWO, THREE]
    assert places(fresh) == (0, 3)


def test_a_switch_leaves_what_is_stored_readable_where_it_is(fresh: Database, url: str) -> None:
    numbers = store(fresh, ONE)
    use_objects(fresh, url)
    numbers += store(fresh, TWO)
    use_database(fresh)
    numbers += store(fresh, THREE)

    assert [read(fresh, number) for number in numbers] == [ONE, TWO, THREE]
    assert places(fresh) == (2, 1)


def test_a_content_that_came_twice_is_one_object(fresh: Database, url: str) -> None:
    place = use_objects(fresh, url)

    store(fresh, ONE, ONE)
    store(fresh, ONE)

    assert sum(len(place.objects.listed(first)) for first in range(256)) == 1
    assert places(fresh) == (0, 1)


def test_without_a_store_bodies_are_in_the_database(fresh: Database) -> None:
    store(fresh, ONE)

    assert places(fresh) == (1, 0)


def test_a_move_there_and_back_leaves_the_table_as_it_was(fresh: Database, url: str) -> None:
    numbers = store(fresh, ONE, TWO, THREE)
    before = sums(fresh)

    use_objects(fresh, url)
    there = moved(fresh)
    away = places(fresh), [read(fresh, number) for number in numbers]
    use_database(fresh)
    back = moved(fresh)

    assert (there.bodies, back.bodies, there.stored_bytes) == (3, 3, back.stored_bytes)
    assert away == ((0, 3), [ONE, TWO, THREE])
    assert (places(fresh), sums(fresh)) == ((3, 0), before)


def sums(database: Database) -> object:
    with database.login() as conn:
        return table_sums(conn)["stocktake.body"]


def test_a_move_that_was_stopped_goes_on_where_it_was(fresh: Database, url: str) -> None:
    store(fresh, *(str(number).encode() for number in range(500)))
    use_objects(fresh, url)

    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(fresh, report=stop)
    first = places(fresh)
    rest = moved(fresh)

    assert first == (300, 200)
    assert (rest.bodies, places(fresh)) == (300, (0, 500))


def test_objects_that_a_move_back_left_are_removed_on_demand_alone(
    fresh: Database, url: str
) -> None:
    use_objects(fresh, url)
    number, *_ = store(fresh, ONE, TWO)
    use_database(fresh)
    moved(fresh)

    kept = compared(fresh)
    removed = compared(fresh, prunes=True)

    assert (kept.spare, kept.removed, removed.removed) == (2, 0, 2)
    assert compared(fresh).spare == 0
    assert read(fresh, number) == ONE


def test_a_transaction_that_failed_leaves_at_most_an_object(fresh: Database, url: str) -> None:
    use_objects(fresh, url)
    with fresh.connection() as conn:
        stored(conn, ONE)
        conn.rollback()

    found = compared(fresh)

    assert (places(fresh), found.spare, found.missing) == ((0, 0), 1, [])


def test_an_object_of_a_batch_under_way_is_never_removed(fresh: Database, url: str) -> None:
    use_objects(fresh, url)
    found: list[Verified] = []
    removing = threading.Thread(target=lambda: found.append(compared(fresh, prunes=True)))
    with fresh.connection() as conn:
        (number,) = stored(conn, ONE)
        removing.start()
        removing.join(timeout=1)
        waits = removing.is_alive()
    removing.join(timeout=60)

    assert waits
    assert [one.removed for one in found] == [0]
    assert read(fresh, number) == ONE


@pytest.mark.parametrize("harm", [b"", b"something else", None])
def test_a_lost_object_is_named_with_its_capture_and_what_to_do(
    fresh: Database, folder: Path, harm: bytes | None
) -> None:
    number, other = store(fresh, ONE, TWO)
    spoil(object_of(folder, ONE), harm)

    with pytest.raises(LoadError, match=f"bytes of capture {number} are missing") as told:
        read(fresh, number)

    assert told.value.hint is not None
    assert "backfill racing --refetch" in told.value.hint
    assert read(fresh, other) == TWO


def spoil(path: Path, harm: bytes | None) -> None:
    if harm is None:
        path.unlink()
    else:
        path.write_bytes(harm)


@pytest.mark.parametrize("harm", [b"same size", None])
def test_a_lost_object_is_found_and_comes_back_with_the_next_answer(
    fresh: Database, folder: Path, harm: bytes | None
) -> None:
    number, _ = store(fresh, ONE, TWO)
    path = object_of(folder, ONE)
    spoil(path, harm and harm.ljust(path.stat().st_size, b"x")[: path.stat().st_size])

    found = compared(fresh, reads=True)
    lost = captures_of(fresh, [*found.missing, *found.damaged])
    store(fresh, ONE)

    assert lost == [(number, 1)]
    assert read(fresh, number) == ONE
    assert compared(fresh, reads=True).damaged == []


def test_a_lost_object_that_is_put_back_is_not_lost_any_more(fresh: Database, folder: Path) -> None:
    store(fresh, ONE)
    path = object_of(folder, ONE)
    content = path.read_bytes()
    path.unlink()
    compared(fresh)
    with fresh.connection() as conn:
        lost = standing(conn).lost
    path.write_bytes(content)
    compared(fresh)

    with fresh.connection() as conn:
        assert (lost, standing(conn).lost) == (1, 0)


def test_a_body_damaged_in_the_store_stays_there_when_others_move(
    fresh: Database, folder: Path
) -> None:
    store(fresh, ONE, TWO)
    object_of(folder, ONE).write_bytes(b"something else")
    use_database(fresh)

    done = moved(fresh)

    assert (done.bodies, done.damaged) == (1, [hashlib.sha256(ONE).digest()])
    assert places(fresh) == (1, 1)


def test_a_host_that_sees_another_folder_says_so_and_writes_nothing(
    fresh: Database, folder: Path
) -> None:
    (folder / "stocktake").unlink()

    with pytest.raises(ConfigurationError, match="does not see the captures"):
        store(fresh, ONE)

    assert places(fresh) == (0, 0)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_setting_that_differs_from_the_database_is_refused(fresh: Database, folder: Path) -> None:
    here = folder.parent.as_uri()
    agree(fresh, here)

    with pytest.raises(ConfigurationError, match="but the installation keeps captures in file:"):
        agree(fresh, "s3://elsewhere")

    use_database(fresh)
    with pytest.raises(ConfigurationError, match="keeps captures in the database"):
        agree(fresh, here)


def test_the_setting_decides_for_a_database_made_just_now(fresh: Database, tmp_path: Path) -> None:
    here = (tmp_path / "captures").as_uri()

    agree(fresh, here, is_new=True)

    with fresh.connection() as conn:
        place = read_place(conn)
    assert place is not None
    assert (place.url, place.is_used) == (here, True)


def test_the_setting_does_not_decide_once_something_is_stored(
    fresh: Database, tmp_path: Path
) -> None:
    store(fresh, ONE)

    with pytest.raises(ConfigurationError, match="keeps captures in the database"):
        agree(fresh, (tmp_path / "captures").as_uri(), is_new=True)


@pytest.mark.parametrize(
    "address",
    [
        "s3://canary:canary@bucket/x",
        "s3://bucket/x?secret_access_key=canary",
        "s3://bucket#canary",
        "https://canary.example/x",
        "file://canary/x",
        "s3://bucket?endpoint=canary",
        "s3://bucket?endpoint=http://canary:canary@host",
        "s3://",
        "canary",
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_repeating_it(
    address: str,
) -> None:
    with pytest.raises(UsageError) as told:
        checked_url(address)

    assert "canary" not in told.value.message + str(told.value.hint)


def test_another_store_is_taken_only_with_every_object_in_it(
    fresh: Database, folder: Path, tmp_path: Path
) -> None:
    (number,) = store(fresh, ONE)
    other = tmp_path / "other"

    with pytest.raises(UsageError, match="would not be found any more"):
        use_objects(fresh, other.as_uri())
    with pytest.raises(UsageError, match=r"1 bodies of .* are not in"):
        use_objects(fresh, other.as_uri(), copied=True)
    path = object_of(other / folder.name, ONE)
    path.parent.mkdir(parents=True, exist_ok=True)
    object_of(folder, ONE).rename(path)
    use_objects(fresh, other.as_uri(), copied=True)

    assert read(fresh, number) == ONE


def test_a_store_that_is_away_leaves_no_row_and_passes(
    fresh: Database, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in s3.login.items():
        monkeypatch.setenv(name, text)
    use_objects(fresh, s3.url)
    s3.leave()
    coming = threading.Timer(4, s3.come_back)
    coming.start()
    try:
        with pytest.raises(StoreError, match="cannot be reached") as told:
            store(fresh, ONE, TWO)
        nothing = places(fresh)
        first, *_ = again(lambda: store(fresh, ONE, TWO))
    finally:
        coming.join()

    assert told.value.is_momentary
    assert nothing == (0, 0)
    assert read(fresh, first) == ONE


def test_a_login_the_store_refuses_is_told_and_leaves_no_row(
    fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server() as guarded:
        for name, text in guarded.login.items():
            monkeypatch.setenv(name, text)
        use_objects(fresh, guarded.url)
        (number,) = store(fresh, ONE)
        guarded.change_login()

        with pytest.raises(ConfigurationError, match="refuses this host") as told:
            store(fresh, TWO)
        with pytest.raises(ConfigurationError, match="refuses this host"):
            read(fresh, number)

    assert "canary" not in str(told.value)
    assert places(fresh) == (0, 1)


def test_a_bucket_that_is_not_there_is_told(
    fresh: Database, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in s3.login.items():
        monkeypatch.setenv(name, text)

    with pytest.raises(ConfigurationError, match="is not there"):
        use_objects(fresh, s3.url.replace("s3://captures", "s3://nowhere"))


def test_doctor_tries_the_store(fresh: Database, settings: Settings, url: str) -> None:
    use_objects(fresh, url)

    found = {one.name: one for one in examine(settings, now=datetime.now(UTC))}

    assert found["captures"].status == "pass"
    assert "can be written, read and deleted from" in found["captures"].message


def test_doctor_tells_of_a_folder_that_is_gone(
    fresh: Database, settings: Settings, folder: Path
) -> None:
    (folder / "stocktake").unlink()

    found = {one.name: one for one in examine(settings, now=datetime.now(UTC))}

    assert found["captures"].status == "fail"
    assert found["captures"].hint


def test_health_reads_the_store(fresh: Database, settings: Settings, folder: Path) -> None:
    def judged() -> dict[str, str]:
        report = health(Workspace(settings, fresh, "real"))
        return {vital.name: vital.status for vital in report.vitals}

    sound = judged()
    (folder / "stocktake").unlink()

    assert sound["captures:responseTime"] == "pass"
    assert judged()["captures:responseTime"] == "fail"


def test_a_capture_of_a_tenant_is_read_by_that_tenant_alone(fresh: Database, url: str) -> None:
    with fresh.connection() as conn:
        tenant = add_tenant(conn, "north-radio", by=Actor("test", "cli"), now=NOW)
    use_objects(fresh, url)
    (number,) = store(fresh.of(tenant.tenant_id), ONE)

    assert read(fresh.of(tenant.tenant_id), number) == ONE
    with pytest.raises(UsageError, match="There is no capture"):
        read(fresh, number)
    assert compared(fresh).spare == 0


def test_a_restored_backup_finds_its_objects_again(
    fresh: Database, cluster: LocalCluster, url: str, tmp_path: Path
) -> None:
    use_objects(fresh, url)
    (number,) = store(fresh, ONE)

    with temporary_database(cluster, components=()) as copy:
        restore(backup(fresh, tmp_path / "one.backup").path, copy)
        assert read(copy, number) == ONE


def test_without_the_library_a_host_says_what_to_install(
    fresh: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)

    with pytest.raises(ConfigurationError, match="needs the library obstore") as told:
        store(fresh, ONE)

    assert told.value.hint == "pip install 'stocktake[objects]'"


def test_a_file_address_is_a_folder_of_this_machine(tmp_path: Path) -> None:
    address = checked_url(f"{tmp_path.as_uri()}/with%20space/")

    assert url2pathname(address.removeprefix("file://")) == str(tmp_path / "with space")
