"""``export``: a dataset as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stocktake.cli import words
from stocktake.cli.arguments import SystemName
from stocktake.cli.output import output_of
from stocktake.run.exported import export_dataset
from stocktake.run.registry import find_datasets, find_system


def export(
    context: typer.Context,
    system: SystemName,
    dataset: Annotated[str, typer.Argument(help="Dataset, old names too.")],
    out_path: Annotated[Path, typer.Option("--out", help="File to write; replaced when whole.")],
    file_format: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "csv",
) -> int:
    """Write a dataset to a file, ordered by its key; formula cells of CSV are made harmless.

    The file appears under its name only when it is whole.
    """
    out = output_of(context)
    found = find_system(system)
    (target,) = find_datasets(found, [dataset])
    with out.workspace("export") as workspace:
        made = export_dataset(workspace, found, target, path=out_path, file_format=file_format)
    document = {"system": found.name, "dataset": target.name, "format": file_format}
    out.emit(
        {
            **document,
            "path": made.path,
            "rows": made.rows,
            "bytes": made.bytes,
            "sha256": made.sha256,
        },
        lambda console: console.print(
            f"{made.path}: {words.number(made.rows)} rows of {target.name}, "
            f"{words.size(made.bytes)}",
            soft_wrap=True,
        ),
    )
    return 0
