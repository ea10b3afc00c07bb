"""Searches by name, and the odds of one runner: asked by hand, not by feeds."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from stocktake.systems.racing.sandbox import cards, wire, words
from stocktake.systems.racing.sandbox.params import Params
from stocktake.systems.racing.sandbox.population import animal_number
from stocktake.systems.racing.sandbox.world import World
from stocktake.testing import Asked, Reply

SEARCH_MOST: Final = 20
KINDS: Final = ("jockeys", "trainers", "owners", "sires", "dams", "damsires")


class Lookups:
    """Answers about one name or one runner.

    Args:
        world: The racing.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def by_pattern(self) -> Mapping[str, Callable[[Asked], Reply]]:
        """Return the answer of each endpoint by its pattern."""
        return {
            "/v1/horses/search": self._horses,
            **{f"/v1/{kind}/search": partial(self._search, kind) for kind in KINDS},
            "/v1/odds/{race_id}/{horse_id}": self._odds,
        }

    def _horses(self, asked: Asked) -> Reply:
        wanted = Params(asked).required("name").lower()
        population = self._world.population
        found: list[dict[str, Any]] = []
        for index in range(population.horse_count(self._world.until.year)):
            if wanted in words.horse_name(animal_number(index)).lower():
                found.append(wire.horse_standard(population.horse(index)))
                if len(found) == SEARCH_MOST:
                    break
        return Reply.of_json({"search_results": found})

    def _search(self, kind: str, asked: Asked) -> Reply:
        wanted = Params(asked).required("name").lower()
        found = islice(self._world.population.named(kind, wanted), SEARCH_MOST)
        return Reply.of_json({"search_results": [{"id": one, "name": name} for one, name in found]})

    def _odds(self, asked: Asked) -> Reply:
        race = self._world.race(asked.parts["race_id"])
        card: dict[str, Any] = {"runners": []}
        if race is not None:
            card = cards.racecard(race, self._world.until)
        for runner in card["runners"]:
            if runner["horse_id"] == asked.parts["horse_id"]:
                names = ("horse_id", "horse", "odds")
                told = {name: runner[name] for name in names}
                return Reply.of_json({"race_id": asked.parts["race_id"], **told})
        return Reply.of_json({"detail": "Not Found"}, status=404)
