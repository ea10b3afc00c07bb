"""Units that are listed for every dataset of their kind, but that one dataset does not promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stocktake.errors import ConfigurationError
from stocktake.model import FromDataset, State, dimensions
from stocktake.model.ordinals import Ranges, as_text, from_text, subtract, union
from stocktake.store.queries import embedded, load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import psycopg

    from stocktake.model import Dataset, System

Rule = tuple[int, str, str, str, str]
"""Profile, feed, state, reason, ranges."""

WITHDRAWN = frozenset({State.MISSING.value, State.FUTURE.value})
QUERIES = load_queries("stocktake.store", "sql/count.sql")


def waived_ranges(
    conn: psycopg.Connection[tuple[Any, ...]],
    system: System,
    dataset: Dataset,
    *,
    members: int | None,
    lifted: Collection[str],
) -> dict[str, Ranges]:
    """Return the ordinals that ``Dataset.waived`` names, by reason.

    Args:
        members: The series that numbers the units, ``None`` before any was seen.
        lifted: Names of the source settings that are true.

    Raises:
        ConfigurationError: The statement is not shipped, or the units are not members alone.
    """
    statement = load_queries(system.package, "count.sql").get(dataset.waived)
    plain = dimensions(dataset.partitions)
    if statement is None or len(plain) != 1 or not isinstance(plain[0], FromDataset):
        raise ConfigurationError(
            f"{system.name}.{dataset.name}: its units cannot be waived by {dataset.waived!r}.",
            hint=f"Add '-- name: {dataset.waived}' to {system.package}/count.sql; only units read "
            "from another dataset can be waived.",
        )
    parameters = {"series_id": members, "settings": sorted(lifted)}
    found = conn.execute(QUERIES.waived_members.format(waived=embedded(statement)), parameters)
    return {reason: from_text(text) for reason, text in found}


def without(rules: Sequence[Rule], waived: Mapping[str, Ranges]) -> list[Rule]:
    """Return rules that promise nothing of what is waived, and say why."""
    every = union(part for ranges in waived.values() for part in ranges)
    kept = [
        (*rule[:4], as_text(subtract(from_text(rule[4]), every)))
        if not rule[1] and rule[2] in WITHDRAWN
        else rule
        for rule in rules
    ]
    profiles = sorted({rule[0] for rule in rules})
    return kept + [
        (profile, "", State.NOT_EXPECTED.value, reason, as_text(ranges))
        for profile in profiles
        for reason, ranges in waived.items()
    ]
