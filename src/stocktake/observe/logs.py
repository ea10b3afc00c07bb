"""Structured logs on stderr: readable lines on a terminal, JSON for machines."""

from __future__ import annotations

import logging
import sys

import structlog

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure_logs(*, level: str, style: str) -> None:
    """Send logs of ``level`` and above to stderr as ``console`` lines or ``json``.

    ``auto`` suits who reads: a terminal gets console lines from warnings on, because progress is
    drawn there; anything else gets JSON from info on.

    Secrets are wrapped in ``Secret``, whose text form is ``***``; nothing here can undo that.
    """
    is_terminal = sys.stderr.isatty()
    if style == "auto":
        style = "console" if is_terminal else "json"
    if level == "auto":
        level = "warning" if is_terminal else "info"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=is_terminal)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
