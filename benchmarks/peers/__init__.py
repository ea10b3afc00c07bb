"""Other tools doing the same work, each its best documented way, in an environment of their own.

Their packages are the dependency group ``bench``; ``./do bench`` installs it beside ours.
"""

import os
from pathlib import Path

__all__ = ["peers_python"]

ROOT = Path(__file__).resolve().parents[2]


def peers_python() -> Path | None:
    """Return the interpreter that has the peers, None when ``./do bench`` did not install them."""
    named = os.environ.get("STOCKTAKE_BENCH_PYTHON")
    python = Path(named) if named else ROOT / ".venv" / "peers" / "bin" / "python"
    return python if python.exists() else None
