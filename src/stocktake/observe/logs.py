"""Structured logs on stderr: readable lines on a terminal, JSON for machines."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

from stocktake.observe.plain import plain, without_secrets_in

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACE = "Traceback (most recent call last)"

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure_logs(*, level: str, style: str, secrets: Sequence[str] = ()) -> None:
    """Send logs of ``level`` and above to stderr as ``console`` lines or ``json``.

    ``auto`` suits who reads: a terminal gets console lines from warnings on, because progress is
    drawn there; anything else gets JSON from info on.

    Secrets are wrapped in ``Secret``, whose text form is ``***``. Should one get into a text all
    the same, it is replaced here; characters that forge lines or steer a terminal are escaped.

    Args:
        level: Least severity.
        style: ``auto``, ``console`` or ``json``.
        secrets: What must not appear, longest first.
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
            structlog.processors.format_exc_info,
            _harmless(secrets),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _harmless(secrets: Sequence[str]) -> structlog.typing.Processor:
    """Return the step that leaves neither secrets nor unseen characters in a line."""

    def cleaned(
        _logger: structlog.typing.WrappedLogger, _name: str, line: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return {
            plain(str(key)): _plain(without_secrets_in(_told(value), secrets))
            for key, value in line.items()
        }

    return cleaned


def _told(value: object) -> object:
    """Return what a renderer would write in its own way as the text that it is."""
    is_plain = value is None or isinstance(value, str | int | float | list | tuple | dict)
    return value if is_plain else str(value)


def _plain(value: object) -> object:
    """Return text as one line; tracebacks keep their lines, each of them harmless."""
    if not isinstance(value, str):
        return value
    return "\n".join(map(plain, value.split("\n"))) if value.startswith(TRACE) else plain(value)
