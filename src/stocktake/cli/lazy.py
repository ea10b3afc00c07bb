"""Commands whose modules are imported only when they are called: ``--help`` stays fast."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Sequence


class LazyCommand(TyperCommand):
    """Stands for a command in listings; hands over to the real one when it is invoked."""

    def __init__(
        self, name: str, place: str, *, summary: str, panel: str, examples: Sequence[str] = ()
    ) -> None:
        """Name the command and where it is.

        Args:
            name: As it is typed.
            place: ``module:attribute`` of its ``Typer`` app or function.
            summary: One line for listings.
            panel: Heading it stands under in listings.
            examples: What follows ``stocktake NAME`` in the examples of its help.
        """
        super().__init__(name, help=summary, short_help=summary, rich_help_panel=panel)
        self._place = place
        self.examples = tuple(examples)

    def _examples(self) -> str | None:
        lines = [f"stocktake {self.name} {text}" for text in self.examples]
        return "Examples:\n\n" + "\n\n".join(lines) if lines else None

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Parse with the real command's parameters."""
        return self.real().make_context(info_name, args, *rest, **extra)

    def real(self) -> Any:
        """Import and return the real command."""
        module, _, attribute = self._place.partition(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            app = target
        else:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(self.name, epilog=self._examples())(target)
        command = typer.main.get_command(app)
        command.name = self.name
        return command


class LazyGroup(TyperGroup):
    """A group that lists ``LazyCommand`` stand-ins besides its own commands."""

    lazy: tuple[LazyCommand, ...] = ()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return names in the order they are declared."""
        return [*(command.name or "" for command in self.lazy), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in or an own command; ``None`` for an unknown name."""
        for command in self.lazy:
            if command.name == cmd_name:
                return command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List commands under their headings, in the order in which they are declared."""
        del ctx
        panels: dict[str, list[tuple[str, str]]] = {}
        for command in self.lazy:
            line = (command.name or "", command.short_help or "")
            panels.setdefault(command.rich_help_panel or "Commands", []).append(line)
        longest = max(len(name) for lines in panels.values() for name, _ in lines)
        for heading, lines in panels.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(longest), text) for name, text in lines])
