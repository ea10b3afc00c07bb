"""Datasets, the facets of their rows, what is derived from them, and systems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from stocktake.model.criterion import require_unique
from stocktake.model.partition import is_dated

if TYPE_CHECKING:
    from stocktake.model.check import Check
    from stocktake.model.criterion import Criterion, Gate
    from stocktake.model.expectation import Expectation
    from stocktake.model.freshness import Freshness
    from stocktake.model.pages import Page
    from stocktake.model.partition import Partitions
    from stocktake.model.schedule import Schedule
    from stocktake.model.source import Feed, Source
    from stocktake.model.views import View


@dataclass(frozen=True, slots=True)
class Facet:
    """The part of a row that one kind of answer knows.

    A table fed by racecards and by results has two facets. Each owns its columns: one never
    overwrites the other's. ``shared`` columns are told by several facets; the one listed last in
    ``Dataset.facets`` wins whatever came first, and NULL never overwrites its value.

    Args:
        name: Short name; names the engine columns ``_<name>_hash`` when there are several facets.
        row: The ``NamedTuple`` class parsers yield; its fields are table columns, the key first.
        shared: Fields of ``row`` that other facets tell too.
        longest: Shared text fields of which the longest spelling wins (names with a suffix).
        keep: ``replace`` updates changed rows; ``absent`` only inserts rows whose key is new.
    """

    name: str
    row: type[tuple[Any, ...]]
    shared: frozenset[str] = frozenset()
    longest: frozenset[str] = frozenset()
    keep: Literal["replace", "absent"] = "replace"

    @property
    def columns(self) -> tuple[str, ...]:
        """The row's fields, in order."""
        return self.row._fields  # type: ignore[attr-defined,no-any-return]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table with a promise of completeness.

    Args:
        name: Table name within the system's schema.
        key: Columns that make a row unique.
        partitions: How it is cut into units.
        expect: Rule for day units; ``None`` for ``Values`` and ``FromDataset`` (all promised).
        facets: Row shapes it receives, weakest first; empty for derived datasets.
        after: Datasets that must be merged or derived before.
        checks: Measured promises.
        waived: Statement of the system's ``count.sql`` naming units that are not expected here
            although their key is listed, and why: columns ``key text``, ``reason text``, parameter
            ``settings text[]`` (the source settings that are true). For units without other
            dimensions.
        target: Fraction of expected units that should be held, 0 to 1.
        aliases: Older names accepted in commands.
        priorities: How urgent its units are, 0 first, by the period they lie in: the newest one's,
            the one's before it, and so on; the last speaks for all older ones. Periods are those
            of the system, else its years. Only dated units can differ.
        title: For people.
        final_rows: About how many rows the finished history has, for reports. Never a test of
            completeness, which is by unit.
    """

    name: str
    key: tuple[str, ...]
    partitions: Partitions
    expect: Expectation | None = None
    facets: tuple[Facet, ...] = ()
    after: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    waived: str = ""
    target: float = 1.0
    aliases: tuple[str, ...] = ()
    priorities: tuple[int, ...] = (0,)
    title: str = ""
    final_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a derived dataset (or derived columns of a dataset) is computed.

    ``derived/<sql>.sql`` of the system holds two statements (see design.md, Derive): ``touched``
    lists the keys that changed inputs touch; ``compute`` gives the rows of the keys in
    ``touched_keys``. The same ``compute`` serves full and incremental work. Two more are optional:
    ``every`` lists each key there could be once, and ``units`` the units of ``touched_keys``.

    Args:
        dataset: Table written.
        sql: File stem in the system's ``derived`` folder.
        inputs: Datasets read; a change in one of them makes keys stale.
        scope: Columns of the key by which rows are recomputed together (a horse, a pair).
        columns: Columns written; empty means all of the table. When given, rows are only updated,
            never inserted or deleted (statistics kept on a master table).
        parameters: Named SQL parameters with their defaults (``min_runs``).
        stamps: Columns that tell when a row was computed (``calculated_at``): written with it, but
            a row in which nothing else changed is left alone.
    """

    dataset: str
    sql: str
    inputs: tuple[str, ...]
    scope: tuple[str, ...]
    columns: tuple[str, ...] = ()
    parameters: tuple[tuple[str, int | str], ...] = ()
    stamps: tuple[str, ...] = ()

    def using(self, **parameters: int | str) -> Derivation:
        """Return the derivation with other parameters (``derive --min-runs 10``).

        Raises:
            KeyError: It has no such parameter.
        """
        known = dict(self.parameters)
        for name in parameters:
            known[name]  # an unknown one must not be passed over
        return replace(self, parameters=tuple({**known, **parameters}.items()))


@dataclass(frozen=True, slots=True)
class System:
    """A group of datasets shipped together.

    Args:
        name: Also its PostgreSQL schema.
        package: Import path of its folder, where ``migrations``, ``derived``, ``count.sql`` are.
        datasets: In merge order, parents first.
        sources: Where rows come from.
        derivations: In order of computation.
        zone: IANA zone in which its days are told.
        order: Default order of a backfill.
        sandbox: ``module:function`` that makes its sandbox server; empty for none.
        story: ``module:function`` that makes its demo; empty for none.
        trainer: ``module:function`` that trains a model on its data (``stocktake train``); see
            ``Trained``.
        summary: One sentence for people.
        signoff: What must hold before a history is signed off (``stocktake.criteria``).
        gates: What must hold before something may use the data.
        freshness: How soon what sources have should be here, per dataset and slice.
        pages: Pages of its own, besides those every system has.
        first_month: Month in which its years begin; 7 gives seasons such as 2024-25.
        views: What it offers over HTTP besides the engine's own paths (``stocktake.views``).
        has_tenants: Whether its rows belong to tenants, each of which has a history of its own;
            tenants see no other systems.
    """

    name: str
    package: str
    datasets: tuple[Dataset, ...]
    sources: tuple[Source, ...]
    derivations: tuple[Derivation, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    checks: tuple[Check, ...] = ()
    zone: str = "UTC"
    order: str = "newest"
    sandbox: str = ""
    story: str = ""
    trainer: str = ""
    summary: str = ""
    signoff: tuple[Criterion, ...] = ()
    gates: tuple[Gate, ...] = ()
    first_month: int = 1
    pages: tuple[Page, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    views: tuple[View, ...] = ()
    has_tenants: bool = False

    def __post_init__(self) -> None:
        """Refuse names that occur twice, and ages of units that have none.

        Raises:
            ValueError: As named.
        """
        require_unique(one.name for one in self.signoff)
        require_unique(one.name for one in self.gates)
        for dataset in self.datasets:
            if len(dataset.priorities) > 1 and not is_dated(dataset.partitions):
                message = f"{dataset.name}: units without days cannot differ in priority"
                raise ValueError(message)

    def gate(self, name: str) -> Gate:
        """Return a gate by name; ``KeyError`` when there is none."""
        for gate in self.gates:
            if gate.name == name:
                return gate
        raise KeyError(name)

    def dataset(self, name: str) -> Dataset:
        """Return a dataset by name or alias; ``KeyError`` when there is none."""
        for dataset in self.datasets:
            if name == dataset.name or name in dataset.aliases:
                return dataset
        raise KeyError(name)

    def feeds(self) -> tuple[tuple[Source, Feed], ...]:
        """Return every feed with its source, in the order of their turns."""
        pairs = [(source, feed) for source in self.sources for feed in source.feeds]
        return tuple(sorted(pairs, key=lambda pair: pair[1].turn))

    def feed(self, name: str) -> tuple[Source, Feed]:
        """Return a feed and its source by the feed's name; ``KeyError`` when there is none."""
        for source, feed in self.feeds():
            if feed.name == name:
                return source, feed
        raise KeyError(name)

    def feeds_of(self, dataset: str) -> tuple[Feed, ...]:
        """Return the feeds whose units are those of a dataset."""
        return tuple(feed for _, feed in self.feeds() if dataset in feed.fills)

    def derivation_of(self, dataset: str) -> Derivation | None:
        """Return what computes a wholly derived dataset, ``None`` for fetched ones."""
        for derivation in self.derivations:
            if derivation.dataset == dataset and not derivation.columns:
                return derivation
        return None
