"""The entry point: global options, exit codes, and errors without tracebacks."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Annotated

import typer

from stocktake.cli.commands import COMMANDS
from stocktake.cli.lazy import LazyGroup
from stocktake.cli.output import SCREEN, Output
from stocktake.errors import LeaseLost, StocktakeError

EXIT_INTERRUPTED = 130
EXIT_ERROR = 3


class _Group(LazyGroup):
    lazy = COMMANDS


app = typer.Typer(
    cls=_Group,
    name="stocktake",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # Rich takes a third of a second to draw a frame
    pretty_exceptions_enable=False,
    help="Count a long history against what should exist, name every gap, and fill it politely.",
    epilog="Exit codes: 0 pass, 1 warn, 2 fail, 3 error, 130 interrupted (state saved). "
    "Start with: stocktake demo",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    context: typer.Context,
    home: Annotated[
        str,
        typer.Option(help="Folder of the local database and settings (STOCKTAKE_HOME)."),
    ] = "",
    database_url: Annotated[
        str,
        typer.Option(help="Your own PostgreSQL instead (STOCKTAKE_DATABASE_URL)."),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no hints.")] = False,
    tenant: Annotated[
        str,
        typer.Option(
            envvar="STOCKTAKE_TENANT",
            show_envvar=False,
            help="Short name of the tenant whose rows are meant (STOCKTAKE_TENANT).",
        ),
    ] = "",
) -> None:
    context.obj = Output(home, database_url, as_json, quiet, tenant)


def main() -> None:
    """Run the command line and exit with the contract's code."""
    arguments = _globals_first(sys.argv[1:])
    as_json = "--json" in arguments
    # Whoever stops a service means what Ctrl-C means: save the state and end.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(arguments, prog_name="stocktake", standalone_mode=False)
    except StocktakeError as error:
        print_error(error.message, hint=error.hint, kind=type(error).__name__, as_json=as_json)
        is_paused = isinstance(error, LeaseLost) and error.is_paused
        sys.exit(EXIT_INTERRUPTED if is_paused else error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 -- the last resort: a sentence, then exit code 3
        sys.exit(_unforeseen(error, as_json=as_json))
    if code == EXIT_INTERRUPTED:  # Typer makes this code of Ctrl-C
        print_error(
            "interrupted; what was loaded is kept.",
            hint="Run the same command again to go on.",
            kind="Interrupted",
            as_json=as_json,
        )
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(*_: object) -> None:
    """Do as on Ctrl-C, also where a shell started this program in the background, deaf to that."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def _unforeseen(error: Exception, *, as_json: bool) -> int:
    """Print an error that is not ours and return its exit code; a traceback only for a bug."""
    show = getattr(error, "format_message", None)
    if show is not None:
        path = getattr(getattr(error, "ctx", None), "command_path", "stocktake")
        hint = f"{path} --help shows what it takes."
        print_error(_sentence(show()), hint=hint, kind="UsageError", as_json=as_json)
        return int(getattr(error, "exit_code", EXIT_ERROR))
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}."
        print_error(text, hint="Check the path and its rights.", kind="OSError", as_json=as_json)
        return EXIT_ERROR
    if type(error).__module__.partition(".")[0] == "psycopg":
        text = "the database could not do it: " + " ".join(str(error).split())
        print_error(text, hint="stocktake doctor", kind="StoreError", as_json=as_json)
        return EXIT_ERROR
    traceback.print_exception(error)
    text = f"this should not happen: {type(error).__name__}: {error}"
    hint = "Please report it with the lines above; what was loaded is kept."
    print_error(text, hint=hint, kind=type(error).__name__, as_json=as_json)
    return EXIT_ERROR


def print_error(message: str, *, hint: str | None, kind: str, as_json: bool) -> None:
    """Print an error to stderr, or as the JSON document on stdout."""
    import_module(SCREEN).print_error(message, hint=hint, kind=kind, as_json=as_json)


def _sentence(text: str) -> str:
    """Return a sentence of ours from one of the argument parser's."""
    text = text[:1].lower() + text[1:]
    return text if text.endswith((".", ")")) else f"{text}."


def _globals_first(arguments: list[str]) -> list[str]:
    """Let the global options stand anywhere: ``count racing --json`` as well as before."""
    first: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            return [*first, *rest, argument, *waiting]
        name, has_value, _ = argument.partition("=")
        if argument in {"--json", "--quiet", "-q"}:
            first.append(argument)
        elif name in {"--home", "--database-url", "--tenant"}:
            first.append(argument)
            if not has_value and waiting:
                first.append(waiting.pop(0))
        else:
            rest.append(argument)
    return [*first, *rest]
