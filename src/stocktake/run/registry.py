"""The systems installed: ours and any stranger's, found through entry points."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from stocktake.errors import ConfigurationError, UsageError
from stocktake.model import Dataset, System

GROUP = "stocktake.systems"


@cache
def installed_systems() -> dict[str, System]:
    """Return every installed system by name, sorted.

    Raises:
        ConfigurationError: An entry point does not lead to a ``System``.
    """
    found: dict[str, System] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        system = entry.load()
        if not isinstance(system, System) or system.name != entry.name:
            raise ConfigurationError(
                f"entry point {entry.name!r} of group {GROUP} is not a System of that name.",
                hint=f"Check {entry.value}: it must be a stocktake.System named {entry.name!r}.",
            )
        found[entry.name] = system
    return found


def find_system(name: str, among: Mapping[str, System] | None = None) -> System:
    """Return a system ``among`` those, or of all installed; ``UsageError`` names them."""
    systems = installed_systems() if among is None else among
    if name not in systems:
        known = ", ".join(systems) or "none"
        raise UsageError(f"no system {name!r} is installed.", hint=f"Installed: {known}.")
    return systems[name]


def find_datasets(system: System, names: tuple[str, ...] | list[str]) -> tuple[Dataset, ...]:
    """Return the named datasets (old names too) in the system's order; all when none is named.

    Raises:
        UsageError: A name is not a dataset of the system.
    """
    if not names:
        return system.datasets
    wanted = set()
    for name in names:
        try:
            wanted.add(system.dataset(name).name)
        except KeyError:
            known = ", ".join(dataset.name for dataset in system.datasets)
            raise UsageError(
                f"{system.name} has no dataset {name!r}.", hint=f"Datasets: {known}."
            ) from None
    return tuple(dataset for dataset in system.datasets if dataset.name in wanted)
