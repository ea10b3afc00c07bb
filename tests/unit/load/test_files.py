"""Files are read for what they are, and refused with what to do."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
import zstandard

from stocktake.errors import LoadError
from stocktake.load.files import open_files, paths_in, read_file
from stocktake.model import FileFormat, Parsed

if TYPE_CHECKING:
    from pathlib import Path

FORM = FileFormat("results", ("races",), (".csv",), lambda *_: Parsed())
BODY = b"id,name\n" + b"1,Derby\n" * 200_000


@pytest.mark.parametrize(
    "packed",
    [
        BODY,
        gzip.compress(BODY),
        gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]) + bytes(512),
        zstandard.compress(BODY),
        zstandard.compress(BODY[:9]) + zstandard.compress(BODY[9:]),
    ],
    ids=["plain", "gzip", "gzip of two members, padded", "zstd", "zstd of two frames"],
)
def test_a_file_is_unpacked_by_its_content_whatever_its_name(tmp_path: Path, packed: bytes) -> None:
    path = tmp_path / "races.txt"
    path.write_bytes(packed)

    assert read_file(path) == BODY


@pytest.mark.fault("U02")
@pytest.mark.parametrize("packed", [gzip.compress(BODY), zstandard.compress(BODY)])
def test_half_a_packed_file_is_refused_with_what_to_do(tmp_path: Path, packed: bytes) -> None:
    path = tmp_path / "races.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])

    with pytest.raises(LoadError, match="ends in the middle of its packed content") as refused:
        read_file(path)
    assert refused.value.hint == "The copy is not complete: fetch or copy the file again."


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "races.csv.gz"
    path.write_bytes(b"\x1f\x8b" + bytes(range(100)))

    with pytest.raises(LoadError, match="damaged"):
        read_file(path)


@pytest.mark.parametrize("packed", [BODY, gzip.compress(BODY), zstandard.compress(BODY)])
def test_a_file_too_large_unpacked_is_refused(tmp_path: Path, packed: bytes) -> None:
    path = tmp_path / "races.csv"
    path.write_bytes(packed)

    with pytest.raises(LoadError, match="larger than 1 MiB unpacked"):
        read_file(path, most_bytes=1 << 20)


def test_a_folder_gives_its_files_of_the_format_in_order(tmp_path: Path) -> None:
    for name in ("b.csv", "a.CSV.gz", "notes.txt", "deeper/c.csv.zst"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"id\n")

    found = paths_in([tmp_path, tmp_path / "b.csv"], FORM)

    assert [path.name for path in found] == ["a.CSV.gz", "b.csv", "c.csv.zst"]
    assert [request.path for request, _ in open_files(found, FORM)] == [
        "a.CSV.gz",
        "b.csv",
        "c.csv.zst",
    ]


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="there is no such file"):
        paths_in([tmp_path / "absent.csv"], FORM)


def test_a_folder_without_files_of_the_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="no file of results in this folder"):
        paths_in([tmp_path], FORM)
