"""Plans that stop where the target is reached."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import TYPE_CHECKING

from stocktake.model import PlanOptions
from stocktake.run.planned import make_and_save
from tests.integration.run.conftest import DAYS

if TYPE_CHECKING:
    from stocktake.model import System
    from tests.integration.run.conftest import Stable

SINCE, UNTIL = date(2026, 2, 1), date(2026, 2, 10)


def aiming(system: System, target: float) -> System:
    """Return the system with another target for every dataset."""
    datasets = tuple(dataclasses.replace(one, target=target) for one in system.datasets)
    return dataclasses.replace(system, datasets=datasets)


def test_a_plan_up_to_the_target_asks_for_what_the_target_lacks(stable: Stable) -> None:
    stable.backfill(*DAYS, since=date(2026, 2, 9), until=UNTIL)
    half = aiming(stable.system, 0.5)
    options = PlanOptions(datasets=DAYS, since=SINCE, until=UNTIL, until_target=True)

    made = make_and_save(stable.workspace, half, options, save=False)

    results = next(part for part in made.parts if part.feed == "results")
    assert results.units == 6, "10 of 20 units are the target, 4 are held"


def test_a_plan_up_to_a_target_that_is_reached_asks_for_nothing(stable: Stable) -> None:
    stable.backfill(*DAYS, since=date(2026, 2, 9), until=UNTIL)
    lenient = aiming(stable.system, 0.2)
    options = PlanOptions(datasets=DAYS, since=SINCE, until=UNTIL, until_target=True)

    made = make_and_save(stable.workspace, lenient, options, save=False)

    assert made.requests == 0
