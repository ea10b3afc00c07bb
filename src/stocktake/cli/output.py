"""What commands print: one JSON document for programs, tables for people."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stocktake.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import typer
    from rich.console import Console

    from stocktake.run.workspace import Workspace
    from stocktake.settings import Settings


OPENING = "stocktake.cli.opening"
"""Imported on first use, as commands are: it brings the whole engine along."""

SCREEN = "stocktake.cli.screen"
"""Imported on first use: ``--help`` draws nothing."""


@dataclass(frozen=True, slots=True)
class Output:
    """The global options of one call, and the two ways to answer it."""

    home: str
    database_url: str
    as_json: bool
    is_quiet: bool
    tenant: str = ""

    def settings(self) -> Settings:
        """Return the settings with this call's options over environment and file."""
        settings = load_settings(
            home=Path(self.home) if self.home else None, database_url=self.database_url or None
        )
        import_module(OPENING).log_as_told(settings)
        return settings

    @contextlib.contextmanager
    def workspace(self, application: str, **pool: int) -> Iterator[Workspace]:
        """Open the installation for a command, as the tenant named by ``--tenant`` sees it.

        ``pool_size`` is for one that does much at once.
        """
        opening = import_module(OPENING)
        with opening.opened(self.settings(), application, **pool) as workspace:
            yield opening.seen_by(workspace, self.tenant) if self.tenant else workspace

    def emit(self, document: Any, render: Callable[[Console], None]) -> None:
        """Print ``document`` as JSON or let ``render`` draw it."""
        screen = import_module(SCREEN)
        if self.as_json:
            sys.stdout.write(screen.to_json(document) + "\n")
            sys.stdout.flush()  # a service goes on, and somebody waits for this line
        else:
            render(screen.console())

    def hint(self, text: str) -> None:
        """Print what to do next, for people only."""
        if not (self.as_json or self.is_quiet):
            import_module(SCREEN).console().print(f"[dim]next:[/dim] {text}", soft_wrap=True)


def output_of(context: typer.Context) -> Output:
    """Return the call's output; every command has one."""
    found = context.find_object(Output)
    assert found is not None  # noqa: S101 -- the root callback set it
    return found
