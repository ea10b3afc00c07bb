"""Racecards of made days, rendered once so that serving them costs next to nothing."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import msgspec

from stocktake.systems.racing.sandbox.cards import racecard
from stocktake.systems.racing.sandbox.world import World

__all__ = ["FIRST_DAY", "SEED", "Rendered", "days_from", "read_rendered", "render"]

SEED = 1
FIRST_DAY = date(2023, 2, 1)
_TODAY = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Rendered:
    """Days rendered into one folder.

    Attributes:
        places: Per day: where its body begins in ``bodies``, and its bytes.
        races: Races per day.
        runners: Runners per day.
    """

    places: dict[str, tuple[int, int]]
    races: dict[str, int]
    runners: dict[str, int]

    def rows(self, days: int) -> int:
        """Return races and runners of the first ``days`` days."""
        return sum(self.races[day] + self.runners[day] for day in days_from(FIRST_DAY, days))


def days_from(first: date, count: int) -> Iterator[str]:
    """Yield ``count`` days in order."""
    return (str(first + timedelta(days=at)) for at in range(count))


def render(folder: Path, days: int) -> Rendered:
    """Render the racecards of the first ``days`` days into ``folder``: ``bodies``, ``index``."""
    world = World(SEED, "full", _TODAY)
    rendered = Rendered({}, {}, {})
    with (folder / "bodies").open("wb") as sink:
        for day in days_from(FIRST_DAY, days):
            races = sorted(world.races_on(date.fromisoformat(day)), key=lambda race: race.off)
            cards = [racecard(race, _TODAY) for race in races]
            body = msgspec.json.encode(
                {"racecards": cards, "total": len(cards), "limit": 500, "skip": 0, "query": []}
            )
            rendered.places[day] = (sink.tell(), len(body))
            rendered.races[day] = len(cards)
            rendered.runners[day] = sum(len(race.entries) for race in races)
            sink.write(body)
    (folder / "index").write_text(json.dumps(asdict(rendered)), "utf-8")
    return rendered


def read_rendered(folder: Path) -> Rendered:
    """Return what ``render`` left in a folder."""
    return Rendered(**json.loads((folder / "index").read_text("utf-8")))
