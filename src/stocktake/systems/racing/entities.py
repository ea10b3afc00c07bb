"""People and horses met in an answer: each id once, with the name told last."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from stocktake.systems.racing.answers import refuse
from stocktake.systems.racing.columns import looked_up, rows_of
from stocktake.systems.racing.normalise import NONE, missing
from stocktake.systems.racing.rows import (
    DamRow,
    DamsireRow,
    HorseRow,
    JockeyRow,
    OwnerRow,
    PedigreeEntry,
    SireRow,
    TrainerRow,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocktake import Parsed
    from stocktake.systems.racing.columns import Columns
    from stocktake.systems.racing.wire import CardRunner, ResultRunner

    Column = Sequence[str | None]

ID_FIELDS = (
    "horse_id",
    "jockey_id",
    "trainer_id",
    "owner_id",
    "sire_id",
    "dam_id",
    "damsire_id",
)
KINDS = ("horses", "jockeys", "trainers", "owners", "sires", "dams", "damsires")
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

    def column(self, values: Column) -> Column:
        """Return the ids of many rows; most often all are, which is soon seen.

        Raises:
            ValueError: One is none.
        """
        if None not in values and all(map(str.startswith, values, repeat(self._prefix))):  # type: ignore[arg-type]
            return values
        return looked_up(values, self)


class Entities:
    """Ids of an answer with their names."""

    __slots__ = (
        "_kinds",
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
        "pedigrees",
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
        self._kinds = {name: getattr(self, f"{name}s") for name in ID_FIELDS}
        self.horses: dict[str, str | None] = {}
        self.jockeys: dict[str | None, str | None] = {}
        self.trainers: dict[str | None, str | None] = {}
        self.owners: dict[str | None, str | None] = {}
        self.sires: dict[str | None, str | None] = {}
        self.dams: dict[str | None, str | None] = {}
        self.damsires: dict[str | None, str | None] = {}
        self.pedigrees: dict[str | None, tuple[object, ...]] = {}

    def ids(self, told: Columns) -> list[Column]:
        """Return the ids of runners, a column each in the order of `KINDS`.

        Raises:
            ValueError: One is none, or a runner has no horse.
        """
        columns = [self._kinds[name].column(told[name]) for name in ID_FIELDS]
        if None in columns[0]:
            missing("horse_id")
        return columns

    def check(self, runner: ResultRunner | CardRunner) -> None:
        """Refuse a runner one of whose ids is none; raises `ValueError`."""
        for name in ID_FIELDS:
            if self._kinds[name][getattr(runner, name)] is None and name == "horse_id":
                missing(name)

    def saw(self, ids: Sequence[Column], names: Sequence[Column]) -> None:
        """Remember names, and who descends from whom; both come in the order of `KINDS`."""
        for kind, kind_ids, kind_names in zip(KINDS, ids, names, strict=True):
            getattr(self, kind).update(zip(kind_ids, kind_names, strict=True))
        parents = [column for pair in zip(ids[4:], names[4:], strict=True) for column in pair]
        entries = rows_of(PedigreeEntry, ids[0], *parents)
        self.pedigrees.update(zip(ids[0], entries, strict=True))

    def into(self, parsed: Parsed) -> None:
        """Add one row per id; an empty id is nobody."""
        for kind, row_type in _NAMED:
            names: dict[str, str | None] = getattr(self, kind)
            names.pop(None, None)  # type: ignore[call-overload] # nobody
            if names:
                parsed.rows[row_type] = rows_of(row_type, names.keys(), names.values())
        if self.horses:
            ids = self.horses.keys()
            parsed.rows[HorseRow] = rows_of(HorseRow, ids, self.horses.values(), ids)
