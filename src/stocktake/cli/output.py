"""What commands print: one JSON document for programs, tables for people, errors that help."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer
from rich.console import Console

from stocktake.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stocktake.run.workspace import Workspace
    from stocktake.settings import Settings


OPENING = "stocktake.cli.opening"
"""Imported on first use, as commands are: it brings the whole engine along."""

FILE_WIDTH = 140
"""Columns of tables that go to a file or a pipe, which have no width of their own."""


@dataclass(frozen=True, slots=True)
class Output:
    """The global options of one call, and the two ways to answer it."""

    home: str
    database_url: str
    as_json: bool
    is_quiet: bool

    def settings(self) -> Settings:
        """Return the settings with this call's options over environment and file."""
        settings = load_settings(
            home=Path(self.home) if self.home else None, database_url=self.database_url or None
        )
        import_module(OPENING).log_as_told(settings)
        return settings

    @contextlib.contextmanager
    def workspace(self, application: str) -> Iterator[Workspace]:
        """Open the installation for a command."""
        with import_module(OPENING).opened(self.settings(), application) as workspace:
            yield workspace

    def emit(self, document: Any, render: Callable[[Console], None]) -> None:
        """Print ``document`` as JSON or let ``render`` draw it."""
        if self.as_json:
            sys.stdout.write(to_json(document) + "\n")
        else:
            render(console())

    def hint(self, text: str) -> None:
        """Print what to do next, for people only."""
        if not (self.as_json or self.is_quiet):
            console().print(f"[dim]next:[/dim] {text}", soft_wrap=True)


def output_of(context: typer.Context) -> Output:
    """Return the call's output; every command has one."""
    found = context.find_object(Output)
    assert found is not None  # noqa: S101 -- the root callback set it
    return found


def console() -> Console:
    """Return the console for stdout; it follows the terminal's width and colours."""
    screen = Console(highlight=False)
    if not screen.is_terminal and "COLUMNS" not in os.environ:
        screen.width = FILE_WIDTH
    return screen


def to_json(document: Any) -> str:
    """Return indented JSON; days and instants in ISO 8601, states as their words."""
    return msgspec.json.format(JSON.encode(document), indent=2).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, range | set | frozenset):
        return sorted(value)
    return str(value)


JSON = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")


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
