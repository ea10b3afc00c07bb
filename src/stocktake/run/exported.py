"""Exports, as every door of the product makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.report.export import Exported, export

if TYPE_CHECKING:
    from pathlib import Path

    from stocktake.model import Dataset, System
    from stocktake.run.workspace import Workspace


def export_dataset(
    workspace: Workspace, system: System, dataset: Dataset, *, path: Path, file_format: str
) -> Exported:
    """Write a dataset's rows to a file that is whole or absent."""
    with workspace.database.connection() as conn:
        return export(conn, system, dataset, path=path, file_format=file_format)
