"""How things look: the console for people, JSON for programs, errors that help.

Apart from ``output``, so that ``--help`` imports neither Rich nor msgspec.
"""

from __future__ import annotations

import os
import sys

from rich.console import Console

from stocktake.run.encoded import to_json

__all__ = ["FILE_WIDTH", "console", "print_error", "to_json"]

FILE_WIDTH = 140
"""Columns of tables that go to a file or a pipe, which have no width of their own."""


def console() -> Console:
    """Return the console for stdout; it follows the terminal's width and colours."""
    screen = Console(highlight=False)
    if not screen.is_terminal and "COLUMNS" not in os.environ:
        screen.width = FILE_WIDTH
    return screen


def print_error(message: str, *, hint: str | None, kind: str, as_json: bool) -> None:
    """Print an error to stderr, or as the JSON document on stdout."""
    if as_json:
        document = {"error": {"kind": kind, "message": message, "hint": hint}}
        sys.stdout.write(to_json(document) + "\n")
        return
    err = Console(stderr=True, highlight=False)
    err.print(f"[bold red]error:[/bold red] {_escaped(message)}", soft_wrap=True)
    if hint:
        err.print(f"[dim]next:[/dim]  {_escaped(hint)}", soft_wrap=True)


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")
