"""Run a program and report what it took: ``launch.py REPORT PROGRAM [ARGUMENT ...]``.

A process of its own, and small: Linux counts the peak memory of the process that starts a program
as the program's own, so a figure taken from inside a large test run would be the test run's.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def launch(report: Path, command: list[str]) -> None:
    """Run one program to its end and write its seconds, peak and exit code as JSON."""
    began = time.perf_counter()
    child = subprocess.Popen(command)
    # wait4 alone tells what this child took; getrusage adds all children up.
    _, status, usage = os.wait4(child.pid, 0)
    taken = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall_seconds": time.perf_counter() - began,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss,
    }
    report.write_text(json.dumps(taken), "utf-8")


if __name__ == "__main__":
    launch(Path(sys.argv[1]), sys.argv[2:])
