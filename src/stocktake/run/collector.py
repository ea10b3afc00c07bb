"""Python's garbage collector during a run: rows are many and hold no cycles."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW = (400_000, 20, 50)
"""Objects between collections of the youngest; of the older by multiples."""


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage cycles more seldom: it takes an eighth of a run's CPU otherwise.

    A batch makes some hundred thousand rows that live until it is committed and are freed by
    counting references; each is looked at again and again for cycles it cannot have.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*FEW)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
