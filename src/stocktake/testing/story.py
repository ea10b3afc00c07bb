"""What a system's demo plays with: a sandbox that goes wrong in a known place, then recovers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from stocktake.testing.server import SandboxServer


@dataclass(frozen=True, slots=True)
class Story:
    """A demo of one system.

    Attributes:
        server: Its sandbox, not yet started, with the faults of the story in force.
        settings: Settings of the sandbox's sources by source name, logins included, without the
            address.
        datasets: Datasets filled; they should be done within seconds.
        since: First day of the history.
        until: Last day, included.
        hole: Dataset and unit that the fault leaves missing.
        telling: One sentence on what is wrong with the source.
        mend: Makes the source answer rightly again.
        cast: What the sandbox is peopled with.
        healing: What the run after ``mend`` does, in a sentence.
    """

    server: SandboxServer
    datasets: tuple[str, ...]
    since: date
    until: date
    hole: tuple[str, str]
    telling: str
    mend: Callable[[], None]
    cast: str = "made-up rows"
    healing: str = "The source is well again. Only gaps are asked for."
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
