"""How programs that run until they are told to stop learn of it."""

from __future__ import annotations

import asyncio
import signal


def stopped_by_signals() -> asyncio.Event:
    """Return an event that Ctrl-C sets, or whoever ends this program as a service.

    Call it within the loop, in the main thread.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not the loop's own handlers, which Windows has not.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    return stop
