"""What a system's trainer gives back: a model, how good it is, and what it foretold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Trained:
    """One trained model; ``System.trainer`` names the function that returns it.

    The function gets the rows of the statement ``training`` of the system's ``training.sql``
    (parameters ``since``, ``until``; in an order of its own) as dictionaries, and keywords
    ``target``, ``seed`` and ``trained_at``. It reads and writes nothing else.

    Args:
        name: Unique; equal rows, target and seed give an equal name.
        metrics: What was measured, as JSON.
        table: For people: heading and lines.
        files: Written to the output folder, by name.
        loads: File formats of the system with the name of the file each is to load.
        exit_code: 0 better than the baseline, 1 hardly or suspiciously so, 2 not better.
        verdict: One sentence.
    """

    name: str
    metrics: Mapping[str, Any]
    table: tuple[tuple[str, ...], ...]
    files: Mapping[str, bytes]
    loads: Mapping[str, str] = field(default_factory=dict)
    exit_code: int = 0
    verdict: str = ""
