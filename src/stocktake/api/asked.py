"""What requests ask for: a system, datasets, a range of days, plan options."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal

from fastapi import Depends, Path, Query
from pydantic import AwareDatetime, Field

from stocktake.api.problems import FieldError, Problem, named_in_path
from stocktake.api.shapes import NUMBER, Asked
from stocktake.model import Dataset, PlanOptions, Range, State, System
from stocktake.run.periods import window_of
from stocktake.run.ranked import read_priorities
from stocktake.run.registry import find_datasets, find_system
from stocktake.run.workspace import Workspace

FIRST, LAST = date(1800, 1, 1), date(2200, 12, 31)
MOST_NAME, MOST_NAMES, MOST_TEXT = 120, 200, 1_000

Number = Annotated[int, Path(ge=1, le=NUMBER)]
Day = Annotated[date, Field(ge=FIRST, le=LAST)]
Name = Annotated[str, Field(min_length=1, max_length=MOST_NAME)]
Text = Annotated[str, Field(max_length=MOST_TEXT)]
Names = Annotated[list[Name], Field(max_length=MOST_NAMES)]
Order = Literal["newest", "oldest", "priority", "value"]

Since = Annotated[Day | None, Query(description="First day, included.", examples=["2024-01-01"])]
Until = Annotated[Day | None, Query(description="Last day, included.", examples=["2024-12-31"])]
PeriodName = Annotated[
    str,
    Query(max_length=MOST_NAME, description="Days a system knows by name.", examples=["2024-25"]),
]
DatasetNames = Annotated[
    Names, Query(alias="dataset", description="Only these datasets; repeat. Old names too.")
]
StateNames = Annotated[
    list[State], Query(alias="state", max_length=20, description="Only these states; repeat.")
]
AsOf = Annotated[AwareDatetime | None, Query(description="What was known at this instant.")]


def system_of(
    system: Annotated[str, Path(max_length=MOST_NAME, examples=["racing"])],
) -> System:
    """Return the system a path names.

    Raises:
        Problem: 404.
    """
    with named_in_path():
        return find_system(system)


TheSystem = Annotated[System, Depends(system_of)]


def dataset_of(
    system: TheSystem, dataset: Annotated[str, Path(max_length=MOST_NAME, examples=["ra_races"])]
) -> Dataset:
    """Return the dataset a path names.

    Raises:
        Problem: 404.
    """
    with named_in_path():
        (found,) = find_datasets(system, [dataset])
    return found


TheDataset = Annotated[Dataset, Depends(dataset_of)]


def datasets_of(system: TheSystem, dataset: DatasetNames = []) -> tuple[Dataset, ...]:
    """Return the datasets a query names; all when it names none."""
    return find_datasets(system, dataset)


TheDatasets = Annotated[tuple[Dataset, ...], Depends(datasets_of)]


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """The days a request asks for; ``is_open`` when neither an end nor a period was given."""

    of: Callable[[Workspace, System], Range]
    is_open: bool


def days_of(since: Since = None, until: Until = None, period: PeriodName = "") -> Window:
    """Return the days a query asks for; a period is looked up when they are needed.

    Raises:
        Problem: 422, the range is reversed.
    """
    asked = range_of(since, until, place="query")

    def of(workspace: Workspace, system: System) -> Range:
        return window_of(workspace, system, asked, period=period)

    return Window(of, is_open=not (until or period))


TheDays = Annotated[Window, Depends(days_of)]


def range_of(since: date | None, until: date | None, *, place: str) -> Range:
    """Return a range of days.

    Raises:
        Problem: 422, it is reversed.
    """
    if since and until and since > until:
        wrong = FieldError(f"{place}.since", "reversed", f"{since} is after {until}.")
        raise Problem(422, "invalid", "The range of days is reversed.", errors=(wrong,))
    return Range(since, until)


class DaysAsked(Asked):
    """A range of days in a body."""

    since: Day | None = None
    until: Day | None = None
    period: Annotated[str, Field(max_length=MOST_NAME)] = ""

    def window(self, workspace: Workspace, system: System) -> Range:
        """Return the days.

        Raises:
            Problem: 422, they are reversed.
            UsageError: The system knows no such period.
        """
        asked = range_of(self.since, self.until, place="body")
        return window_of(workspace, system, asked, period=self.period)


class PlanAsked(DaysAsked):
    """What is to be planned or filled; the options are those of the command line."""

    datasets: Names = []
    states: Annotated[list[State], Field(max_length=20)] = []
    order: Order = "newest"
    priorities: Annotated[
        list[Annotated[str, Field(max_length=MOST_NAME)]], Field(max_length=20)
    ] = []
    sample: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_requests: Annotated[int, Field(ge=1, le=NUMBER)] | None = None
    until_target: bool = False
    refetch: bool = False
    only: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]],
        Field(
            max_length=MOST_NAMES,
            description="Units picked by hand: `DATASET:FIRST..LAST/SERIES`, or parts of it.",
            examples=[["ra_races:2024-03-05..2024-03-09/gb", ":/ire"]],
        ),
    ] = []

    def options(self, workspace: Workspace, system: System) -> PlanOptions:
        """Return plan options with the datasets' own names."""
        window = self.window(workspace, system)
        chosen = find_datasets(system, self.datasets) if self.datasets else ()
        return PlanOptions(
            datasets=tuple(dataset.name for dataset in chosen),
            since=window.since,
            until=window.until,
            states=tuple(self.states),
            order=self.order,
            sample=self.sample,
            max_requests=self.max_requests,
            until_target=self.until_target,
            refetch=self.refetch,
            priorities=read_priorities(system, self.priorities),
            only=tuple(self.only),
        )
