"""A server that speaks S3 over HTTP on loopback, and can go away and come back as it was."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAM = str(Path(sys.executable).with_name("rclone"))
BUCKET = "captures"
LOGIN = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "canary-7Qx1vB9s"}
PATIENCE_SECONDS = 30.0


class S3:
    """One bucket on a server of its own, which lets in whoever has ``LOGIN``.

    Attributes:
        url: Address of a place in the bucket, with the server's.
        login: Variables that let a program in.
        number: Of the server's process.
    """

    def __init__(self, folder: Path) -> None:
        """Serve what is in ``folder``."""
        (folder / BUCKET).mkdir(parents=True, exist_ok=True)
        self._folder = folder
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self._port: int = taken.getsockname()[1]
        place = f"http://127.0.0.1:{self._port}"
        self.url = f"s3://{BUCKET}/stocktake?endpoint={place}&region=us-east-1"
        self.login: Mapping[str, str] = LOGIN
        self._started: subprocess.Popen[bytes] | None = None
        self.come_back()

    @property
    def number(self) -> int:
        assert self._started is not None
        return self._started.pid

    def leave(self) -> None:
        """Go away: connections are refused."""
        if self._started is not None:
            self._started.kill()
            self._started.wait()
            self._started = None

    def come_back(self) -> None:
        """Be there again, at the same address, with everything."""
        assert self._started is None
        key = ",".join(self.login.values())
        address = f"127.0.0.1:{self._port}"
        command = (PROGRAM, "serve", "s3", "--addr", address, "--auth-key", key, self._folder)
        self._started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the S3 server does not start")

    def change_login(self) -> None:
        """Let in whoever has another secret, which ``login`` has from now on."""
        self.leave()
        self.login = {**LOGIN, "AWS_SECRET_ACCESS_KEY": "another-3Kd9wQ2m"}
        self.come_back()


@contextmanager
def s3_server() -> Iterator[S3]:
    """Serve a bucket for the length of a block."""
    folder = Path(tempfile.mkdtemp(prefix="stocktake-s3-"))
    served = S3(folder)
    try:
        yield served
    finally:
        served.leave()
        shutil.rmtree(folder, ignore_errors=True)
