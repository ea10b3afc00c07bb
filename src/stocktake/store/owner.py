"""How this program is called: in lists of runs and workers, and in its database sessions."""

import os
import socket

MOST_OF_HOST = 30
"""PostgreSQL keeps 63 bytes of an application's name, and the program's own name comes first."""


def owner_name() -> str:
    """Return host and process number, such as ``vm:4711``."""
    return f"{socket.gethostname()[:MOST_OF_HOST]}:{os.getpid()}"
