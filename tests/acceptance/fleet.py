"""Workers on an installation, started and stopped as a person or a service would."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from tests.acceptance.installation import finish

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from tests.acceptance.installation import Installation

SOURCE = "STOCKTAKE_SOURCE_THERACINGAPI_"


class Fleet:
    """Workers on an installation, with small chunks and a short lease.

    Args:
        installation: Where.
        chunk_requests: Requests in a chunk; 0 as usual.
        lease_seconds: Of the workers; 0 as usual.
    """

    def __init__(
        self, installation: Installation, *, chunk_requests: int = 12, lease_seconds: int = 2
    ) -> None:
        self.installation = installation
        self.workers: list[subprocess.Popen[str]] = []
        self._lease = ("--lease", str(lease_seconds)) if lease_seconds else ()
        if chunk_requests:
            installation.environment[f"{SOURCE}CHUNK_REQUESTS"] = str(chunk_requests)

    def slow(self, factor: float) -> None:
        """Let programs that are started from now on ask at ``factor`` times the real rate."""
        self.installation.environment[f"{SOURCE}RATE_FACTOR"] = str(factor)

    def worker(
        self, *options: str, fail_at: str = "", within: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Start one more worker, by another program when ``within`` names one."""
        command = ("worker", *self._lease, *options)
        started = self.installation.start(*command, fail_at=fail_at, within=within)
        self.workers.append(started)
        return started

    def queue(self, *command: str) -> int:
        """Queue a run and return its number."""
        done = self.installation.run(*command, "--detach")
        assert done.code == 0, done.said
        return int(done.document["run_id"])

    def show(self, run_id: int) -> dict[str, Any]:
        """Return what is known of a run."""
        return self.installation.run("run", "show", str(run_id), "--json").document

    def state(self, run_id: int) -> str:
        """Return a run's state."""
        return str(dict(self.installation.rows("run_states"))[run_id])

    def follow(self, run_id: int) -> dict[str, Any]:
        """Wait until a run has ended and return what is known of it."""
        done = self.installation.run("run", "show", str(run_id), "--follow", "--json")
        assert done.document["state"] == "done", done.said
        return done.document

    def stop(self) -> list[int]:
        """End all workers as a service would; return their exit codes."""
        for one in self.workers:
            one.send_signal(signal.SIGTERM)
        codes = [finish(one, seconds=30).code for one in self.workers]
        self.workers.clear()
        return codes

    def kill(self) -> None:
        """End what is left of the workers."""
        for one in self.workers:
            one.kill()
            one.communicate()
        self.workers.clear()

    def chunks(self, *states: str) -> int:
        """Return how many chunks are in one of these states."""
        return sum(n for state, n in self.installation.rows("chunk_states") if state in states)

    def owners(self) -> set[str]:
        """Return who has a chunk in hand at this moment."""
        return {owner for (owner,) in self.installation.rows("chunk_owners")}
