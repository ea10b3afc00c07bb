"""How long until the first sign of life: import, ``--help``, and the first line of the demo?

The demo is measured from nothing: a fresh home, so with ``initdb``, migrations and the sandbox.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Contender, Goal, Result, Sample, main
from stocktake.testing.database import temporary_home

COMMAND = str(Path(sys.executable).with_name("stocktake"))
BARE, IMPORT, HELP, DEMO = "python", "import stocktake", "stocktake --help", "demo's first output"


def first_output() -> dict[str, float]:
    """Start the demo in a home of its own, wait for the first byte and for the end.

    Raises:
        RuntimeError: The demo failed.
    """
    home = temporary_home()
    command = [COMMAND, "--home", str(home), "demo", "--no-serve"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as demo:
        assert demo.stdout is not None
        first = demo.stdout.read(1)
        first_seconds = time.perf_counter() - began
        said = first + demo.stdout.read()
    if demo.returncode not in {0, 1, 2}:  # gaps are part of its story
        raise RuntimeError(said.decode(errors="replace"))
    subprocess.run([COMMAND, "--home", str(home), "down"], check=False, capture_output=True)
    return {
        "first output s": round(first_seconds, 2),
        "demo s": round(time.perf_counter() - began, 2),
    }


def _cpu(sample: Sample) -> float:
    return sample.cpu_seconds


def _wall(sample: Sample) -> float:
    return sample.wall_seconds


def _more_cpu(by: Mapping[str, Result]) -> float:
    return by[IMPORT].median(_cpu) - by[BARE].median(_cpu)


GOALS = (
    Goal("CPU s of import stocktake, without Python's own", _more_cpu, most=0.2),
    Goal("s of stocktake --help", lambda by: by[HELP].median(_wall), most=0.4),
    Goal(
        "s until the demo says something",
        lambda by: by[DEMO].facts()["first output s"],
        most=15,
    ),
)

if __name__ == "__main__":
    main(
        [
            Contender(BARE, (sys.executable, "-c", "pass")),
            Contender(IMPORT, (sys.executable, "-c", "import stocktake")),
            Contender(HELP, (COMMAND, "--help")),
            Contender.calling(DEMO, "benchmarks.start:first_output"),
        ],
        goals=GOALS,
    )
