"""A file that is either whole or absent, whatever happens while it is written."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, BinaryIO

from stocktake.observe.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the name ``path`` only when the block ends without an error.

    Until then it lies beside it as ``NAME.partial``; what was at ``path`` stays untouched. A file
    left by a killed program is overwritten by the next.

    Raises:
        OSError: The folder is missing, not writable or full.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        reach("before_rename")
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
