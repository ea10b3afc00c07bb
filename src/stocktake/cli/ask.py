"""``ask``: one question to a source, by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stocktake.cli import words
from stocktake.cli.arguments import SystemName
from stocktake.cli.output import output_of
from stocktake.cli.reports import print_report
from stocktake.errors import UsageError
from stocktake.run.asked import ask as ask_source
from stocktake.run.asked import find_endpoint, form_of, load_answer
from stocktake.run.registry import find_system

if TYPE_CHECKING:
    from rich.console import Console

    from stocktake.model import Capture


def ask(
    context: typer.Context,
    system: SystemName,
    endpoint: Annotated[str, typer.Argument(help="As `stocktake sources SYSTEM` names it.")],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE…", help="Parts of path and query.")
    ] = None,
    out_path: Annotated[
        Path | None, typer.Option("--out", help="Write the answer's bytes to this file.")
    ] = None,
    is_loaded: Annotated[
        bool, typer.Option("--load", help="Merge what the answer tells, to repair one race.")
    ] = False,
) -> int:
    """Send one question at the allowed rate, show the answer, keep it as a capture."""
    out = output_of(context)
    found = find_system(system)
    source, known = find_endpoint(found, endpoint)
    if is_loaded:
        form_of(source, known)
    with out.workspace("ask") as workspace:
        pages = ask_source(workspace, found, endpoint, [_pair(text) for text in values or []])
        if out_path is not None:
            out_path.write_bytes(b"".join(page.body for page in pages))
        if is_loaded:
            done = load_answer(workspace, found, endpoint, pages)
            return print_report(out, workspace, found, done, datasets=None)
    document = {
        "source": source.name,
        "endpoint": endpoint,
        "captures": [page.capture_id for page in pages],
        "answer": _read(pages[0].body),
    }
    out.emit(document, lambda console: _render(console, pages))
    out.hint(f"stocktake capture show {pages[0].capture_id}")
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"{text!r} is not NAME=VALUE.", hint="Such as name=Bold.")
    return name, value


def _read(body: bytes) -> Any:
    """Return JSON as it is, anything else as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _render(console: Console, pages: tuple[Capture, ...]) -> None:
    for page in pages:
        text = _read(page.body)
        shown = text if isinstance(text, str) else json.dumps(text, indent=1, ensure_ascii=False)
        console.print(shown, markup=False, highlight=False, soft_wrap=True)
        console.print(f"[dim]status {page.status}, {words.size(len(page.body))}[/]")
