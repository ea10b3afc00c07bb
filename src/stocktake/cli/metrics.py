"""``metrics``: figures for Prometheus, as ``/metrics`` serves them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from stocktake.cli.output import output_of
from stocktake.observe.metrics import render
from stocktake.run.metered import measured

if TYPE_CHECKING:
    from rich.console import Console


def metrics(context: typer.Context) -> int:
    """Print every figure in Prometheus' text format; a textfile collector can read it.

    With --json the same text is the value of ``metrics``.
    """
    out = output_of(context)
    with out.workspace("metrics") as workspace:
        text = render(measured(workspace)).decode("utf-8")

    def render_text(_: Console) -> None:
        sys.stdout.write(text)

    out.emit({"metrics": text}, render_text)
    return 0
