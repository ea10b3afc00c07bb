"""Training a system's model: gate first, then the trainer, then its results loaded like files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from psycopg.rows import dict_row

from stocktake.errors import PlanRefused, UsageError
from stocktake.model.criterion import NOT_READY
from stocktake.run.files import load_files
from stocktake.run.measured import measure_gate
from stocktake.run.progress import silent
from stocktake.run.workspace import load_place
from stocktake.store.queries import load_queries

if TYPE_CHECKING:
    from stocktake.model import GateVerdict, Range, System, Trained
    from stocktake.run.workspace import Workspace

GATE = "ml"
"""Gate that guards training."""


class Wanted(TypedDict):
    """What is to be trained.

    Args:
        target: What the model foretells.
        seed: Of whatever is drawn.
        out: Folder for model, metrics, card and predictions; ``None``: below the home.
        is_forced: Whether a gate that says no is passed over.
    """

    target: str
    seed: int
    out: Path | None
    is_forced: bool


def train(
    workspace: Workspace, system: System, window: Range, **wanted: Unpack[Wanted]
) -> tuple[Trained, GateVerdict, Path]:
    """Train on the days of ``window``, keep the files, load card and predictions.

    Returns:
        The model, what the gate said, and the folder with the files.

    Raises:
        UsageError: The system trains nothing.
        PlanRefused: The gate says ``not_ready`` and nobody forces it.
        StocktakeError: As the trainer says: too few rows, a library that is missing.
    """
    if not system.trainer:
        raise UsageError(f"{system.name} trains no model.", hint="stocktake systems")
    verdict = measure_gate(workspace, system, GATE, window)
    if verdict.verdict == NOT_READY and not wanted["is_forced"]:
        raise PlanRefused(
            f"{system.name} is not ready to train on: {'; '.join(verdict.reasons)}.",
            hint=f"stocktake check {system.name} --gate {GATE} says what to do; --force trains "
            "anyway.",
        )
    trained: Trained = load_place(system.trainer)(
        _rows(workspace, system, window),
        target=wanted["target"],
        seed=wanted["seed"],
        trained_at=workspace.clock(),
    )
    folder = wanted["out"] or workspace.settings.home / "models" / system.name / trained.name
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in trained.files.items():
        (folder / name).write_bytes(body)
    for form, name in trained.loads.items():
        _load(workspace, system, form, folder / name)
    return trained, verdict, folder


def _rows(workspace: Workspace, system: System, window: Range) -> list[dict[str, Any]]:
    statement = load_queries(system.package, "training.sql")["training"]
    with (
        workspace.database.connection() as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        parameters = {"since": window.since, "until": window.until}
        return cursor.execute(statement, parameters).fetchall()


def _load(workspace: Workspace, system: System, form: str, path: Path) -> None:
    datasets = [
        system.dataset(one.fills[0])
        for source in system.sources
        for one in source.files
        if one.name == form
    ]
    (dataset,) = datasets
    load_files(workspace, system, dataset, [path], source=form, report=silent)
