"""``train``: a model on derived features, judged against a baseline on later dates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from stocktake.cli.arguments import Period, Since, SystemName, Until, read_range
from stocktake.cli.output import output_of
from stocktake.cli.queued import USUAL, Detach, Rank, queue_up
from stocktake.run.periods import window_of
from stocktake.run.queue import train_work
from stocktake.run.registry import find_system
from stocktake.run.trained import train as run_training

if TYPE_CHECKING:
    from rich.console import Console

    from stocktake.model import GateVerdict, Trained


def train(
    context: typer.Context,
    system: SystemName,
    since: Since = "",
    until: Until = "",
    period: Period = "",
    target: Annotated[str, typer.Option(help="What is to be foretold.")] = "points",
    out: Annotated[
        Path | None, typer.Option(help="Folder for model, metrics, card and predictions.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed and rows, same model.")] = 42,
    force: Annotated[
        bool, typer.Option("--force", help="Train although the gate says not_ready.")
    ] = False,
    detach: Detach = False,
    rank: Rank = USUAL,
) -> int:
    """Train a model and compare it with a baseline on dates it never saw.

    Refused while the gate says not_ready. Exit 0 when it is better than the baseline, 1 when it
    hardly is (or suspiciously much), 2 when it is not.
    """
    result = output_of(context)
    found = find_system(system)
    window = read_range(since, until)
    with result.workspace("train") as workspace:
        window = window_of(workspace, found, window, period=period)
        if detach:
            work = train_work(window=window, target=target, seed=seed, is_forced=force)
            return queue_up(result, workspace, found, work, priority=rank)
        trained, gate, folder = run_training(
            workspace, found, window, target=target, seed=seed, out=out, is_forced=force
        )
    document = {
        "model": trained.name,
        "verdict": trained.verdict,
        "gate": gate.verdict,
        "gate_reasons": gate.reasons,
        "folder": str(folder),
        "metrics": trained.metrics,
    }
    result.emit(document, lambda screen: _render(screen, trained, gate, folder))
    return trained.exit_code


def _render(screen: Console, trained: Trained, gate: GateVerdict, folder: Path) -> None:
    parts = trained.metrics.get("parts", {})
    screen.print(f"[bold]{trained.name}[/]")
    for name, part in parts.items():
        screen.print(f"  {name:<11}{part['rows']:>7,} rows  {part['since']} to {part['until']}")
    table = Table(box=None, pad_edge=False)
    heading, *lines = trained.table
    table.add_column(heading[0])
    for name in heading[1:]:
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(*line)
    screen.print(table)
    style = ("green", "yellow", "red")[trained.exit_code]
    screen.print(f"[{style}]{trained.verdict}[/]")
    if gate.reasons:
        screen.print(f"[dim]gate: {gate.verdict}: {'; '.join(gate.reasons)}[/]", soft_wrap=True)
    screen.print(f"[dim]{folder}[/]", soft_wrap=True)
