"""People and horses met in an answer: each id once, with the name told last."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stocktake.systems.racing.answers import refuse
from stocktake.systems.racing.normalise import NONE, text
from stocktake.systems.racing.rows import (
    DamRow,
    DamsireRow,
    HorseRow,
    JockeyRow,
    OwnerRow,
    SireRow,
    TrainerRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stocktake import Parsed

Row = tuple[object, ...]

_NAMED = (
    ("jockeys", JockeyRow),
    ("trainers", TrainerRow),
    ("owners", OwnerRow),
    ("sires", SireRow),
    ("dams", DamRow),
    ("damsires", DamsireRow),
)


class Ids(dict[str | None, str | None]):
    """Ids of one kind, each looked at once.

    A value without the kind's prefix is no id of ours: the columns of its row are shifted.
    """

    def __init__(self, prefix: str, field_name: str) -> None:
        self._prefix = prefix
        self._field_name = field_name

    def __missing__(self, value: str | None) -> str | None:
        """Accept an id seen for the first time; raises `ValueError` for anything else."""
        if value is not None and value.startswith(self._prefix):
            self[value] = value
            return value
        if value not in NONE:
            refuse(f"{self._field_name} {value!r} is not an id ({self._prefix}…)")
        self[value] = None
        return None


class Entities:
    """Ids of an answer with their names."""

    __slots__ = (
        "dam_ids",
        "dams",
        "damsire_ids",
        "damsires",
        "horse_ids",
        "horses",
        "jockey_ids",
        "jockeys",
        "owner_ids",
        "owners",
        "sire_ids",
        "sires",
        "trainer_ids",
        "trainers",
    )

    def __init__(self) -> None:
        self.horse_ids = Ids("hrs_", "horse_id")
        self.jockey_ids = Ids("jky_", "jockey_id")
        self.trainer_ids = Ids("trn_", "trainer_id")
        self.owner_ids = Ids("own_", "owner_id")
        self.sire_ids = Ids("sir_", "sire_id")
        self.dam_ids = Ids("dam_", "dam_id")
        self.damsire_ids = Ids("dsi_", "damsire_id")
        self.horses: dict[str, str | None] = {}
        self.jockeys: dict[str | None, str | None] = {}
        self.trainers: dict[str | None, str | None] = {}
        self.owners: dict[str | None, str | None] = {}
        self.sires: dict[str | None, str | None] = {}
        self.dams: dict[str | None, str | None] = {}
        self.damsires: dict[str | None, str | None] = {}

    def into(self, parsed: Parsed) -> None:
        """Add one row per id; an empty id is nobody."""
        for kind, row_type in _NAMED:
            names: dict[str, str | None] = getattr(self, kind)
            names.pop(None, None)  # type: ignore[call-overload] # nobody
            if names:
                parsed.rows[row_type] = _made(row_type, names.keys(), map(text, names.values()))
        if self.horses:
            ids = self.horses.keys()
            parsed.rows[HorseRow] = _made(HorseRow, ids, map(text, self.horses.values()), ids)


def _made(row_type: type[tuple[object, ...]], *columns: Iterable[object]) -> list[Row]:
    """Return rows made of columns; there are eight tables of these per answer, so in one go."""
    return list(map(partial(tuple.__new__, row_type), zip(*columns, strict=True)))
