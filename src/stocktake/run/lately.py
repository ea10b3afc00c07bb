"""Counts that pages share: counted anew when something changed, else remembered."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import psycopg
import structlog

from stocktake.errors import StocktakeError
from stocktake.run.counted import today_of
from stocktake.run.standing import stand_of
from stocktake.run.watch import free_bytes
from stocktake.store.bodies import read_place
from stocktake.store.queries import load_queries
from stocktake.store.trouble import TROUBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from datetime import date, datetime

    from stocktake.model import Coverage, Lag, State, System
    from stocktake.run.workspace import Workspace

Found = TypeVar("Found")
SQL = load_queries("stocktake.store", "sql/pages.sql")
FRESH_SECONDS = 2.0
"""So long a count is taken as it is: a run under way changes figures with every batch."""
LONGEST_SECONDS = 60.0
"""Then it is counted anew though nothing seems to have changed: time itself makes units due."""
OLDEST_SECONDS = 600.0
"""Nobody waits for such a count while the last one is younger."""
MOST_KEPT = 32
"""Things kept of the systems by each ``Kept``; what was not asked for longest makes room."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a system stands.

    Attributes:
        counted: One coverage per dataset, up to today.
        newest: Per dataset of days its newest final day.
        at: When it was counted.
        lags: How far each slice with a promise of freshness is behind.
    """

    counted: Sequence[Coverage]
    newest: Mapping[str, date]
    at: datetime
    lags: Sequence[Lag] = ()

    @property
    def expected(self) -> int:
        """Units promised."""
        return sum(one.expected or 0 for one in self.counted)

    @property
    def held(self) -> int:
        """Units held."""
        return sum(one.held for one in self.counted)

    @property
    def missing(self) -> int:
        """Units promised and not held."""
        return sum(one.missing for one in self.counted)

    @property
    def needed(self) -> int:
        """Units to fill until every dataset reaches its target."""
        return sum(one.needed_for_target for one in self.counted)

    @property
    def coverage(self) -> float | None:
        """Held ÷ expected, ``None`` when nothing is expected."""
        return self.held / self.expected if self.expected else None

    @property
    def states(self) -> dict[State, int]:
        """Units per state over all datasets."""
        total: dict[State, int] = {}
        for one in self.counted:
            for state, units in one.states.items():
                total[state] = total.get(state, 0) + units
        return total

    @property
    def latest(self) -> dict[str, Lag]:
        """The slice of each dataset that is furthest behind its promise of freshness."""
        found: dict[str, Lag] = {}
        for lag in self.lags:
            kept = found.get(lag.dataset)
            if kept is None or _lateness(lag) > _lateness(kept):
                found[lag.dataset] = lag
        return found

    @property
    def worst_lag(self) -> Lag | None:
        """The slice that is furthest behind, ``None`` when freshness is promised of none."""
        return max(self.lags, key=_lateness, default=None)

    def of(self, dataset: str) -> Coverage:
        """Return one dataset's coverage; ``KeyError`` when it is none of the system's."""
        for one in self.counted:
            if one.dataset == dataset:
                return one
        raise KeyError(dataset)


def _lateness(lag: Lag) -> float:
    """Return how many times its allowance a slice is behind; -1 when it cannot be late yet."""
    return -1.0 if lag.behind_hours is None else lag.behind_hours / (lag.within_hours or 1.0)


@dataclass(frozen=True, slots=True)
class _Counted:
    standing: Standing
    version: tuple[str, date]
    taken: float
    stamp: int


class Standings:
    """Remembers where each system stands; safe to share between threads."""

    def __init__(self, workspace: Workspace) -> None:
        """Remember nothing yet."""
        self._workspace = workspace
        self._kept: dict[str, _Counted] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._renewing: set[str] = set()

    def of(self, system: System) -> Standing:
        """Return where a system stands, at most ``FRESH_SECONDS`` behind what changed since.

        When nothing changed, a count that is due again is made aside, and nobody waits for it.
        """
        return self._of(system).standing

    def stamp(self, system: System) -> int:
        """Return a number that is another whenever what is counted may be."""
        return self._of(system).stamp

    def version(self, system: System) -> str:
        """Return a short text that is another whenever what is counted may be."""
        found = self._of(system)
        return hashlib.sha256(f"{found.version} {found.stamp}".encode()).hexdigest()[:12]

    def _of(self, system: System) -> _Counted:
        with self._guard:
            lock = self._locks.setdefault(system.name, threading.Lock())
        with lock:  # many pages wait for one count instead of counting side by side
            kept = self._kept.get(system.name)
            if kept is not None and time.monotonic() - kept.taken < FRESH_SECONDS:
                return kept
            version = self._version(system)
            if kept is not None and kept.version == version:
                age = time.monotonic() - kept.taken
                if LONGEST_SECONDS <= age < OLDEST_SECONDS:
                    self._renew(system, version)
                if age < OLDEST_SECONDS:
                    return kept
            return self._count(system, version)

    def _count(self, system: System, version: tuple[str, date]) -> _Counted:
        before = self._kept.get(system.name)
        standing = stand(self._workspace, system)
        with self._guard:
            kept = self._kept.get(system.name)
            stamp = kept.stamp if kept else 0
            taken, is_same = time.monotonic(), False
            if kept is not None and kept.taken > -inf:
                is_same = (kept.version, kept.standing.counted) == (version, standing.counted)
            elif kept is not before:  # decided about while it was counted
                taken = -inf
            made = _Counted(standing, version, taken, stamp if is_same else stamp + 1)
            self._kept[system.name] = made
        return made

    def _renew(self, system: System, version: tuple[str, date]) -> None:
        """Count aside, once at a time."""
        with self._guard:
            if system.name in self._renewing:
                return
            self._renewing.add(system.name)
        threading.Thread(target=self._counted_aside, args=(system, version), daemon=True).start()

    def _counted_aside(self, system: System, version: tuple[str, date]) -> None:
        try:
            self._count(system, version)
        except (StocktakeError, psycopg.Error, *TROUBLE) as error:  # whoever asks next is told
            log.warning("count failed", system=system.name, error=str(error))
        finally:
            with self._guard:
                self._renewing.discard(system.name)

    def last(self, system: System) -> Standing | None:
        """Return the last count that succeeded, however old; ``None`` before the first."""
        kept = self._kept.get(system.name)
        return kept.standing if kept else None

    def is_known(self, system: System) -> bool:
        """Return whether an answer needs no first count, which may take seconds."""
        return system.name in self._kept

    def forget(self, system: str) -> None:
        """Count anew next time: somebody decided something about its units."""
        kept = self._kept.get(system)
        if kept is not None:
            self._kept[system] = replace(kept, taken=-inf)

    def _version(self, system: System) -> tuple[str, date]:
        with self._workspace.database.connection() as conn:
            row = conn.execute(SQL.ledger_version, {"system": system.name}).fetchone()
        return (row[0] if row else "", today_of(self._workspace, system))


def stand(workspace: Workspace, system: System) -> Standing:
    """Count a system up to today, all datasets."""
    found = stand_of(workspace, system)
    return Standing(found.counted, found.newest, workspace.clock(), found.lags)


@dataclass(slots=True)
class _Made(Generic[Found]):
    """What was made of one system, and of which count; its lock is held while it is made."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    stamp: int = -1
    found: Found | None = None


class Kept(Generic[Found]):
    """Remembers what was made of a system for as long as its count stands."""

    def __init__(self, standings: Standings, make: Callable[..., Found]) -> None:
        """Remember nothing yet.

        Args:
            standings: Whose counts.
            make: Is given the system, and the rest of what was asked for, when a system was
                counted anew.
        """
        self._standings = standings
        self._make = make
        self._kept: OrderedDict[tuple[Any, ...], _Made[Found]] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, system: System, *asked: Hashable) -> Found:
        """Return what belongs to the system's present count, of what was asked for."""
        stamp = self._standings.stamp(system)
        key = (system.name, *asked)
        with self._guard:
            made = self._kept.setdefault(key, _Made[Found]())
            self._kept.move_to_end(key)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        with made.lock:
            if made.stamp != stamp or made.found is None:
                made.found = self._make(system, *asked)
                made.stamp = stamp
            return made.found


def last_changes(workspace: Workspace, system: System) -> dict[str, datetime]:
    """Return when something was last held or let go of, by dataset; never: left out."""
    with workspace.database.connection() as conn:
        return dict(conn.execute(SQL.last_changes, {"system": system.name}).fetchall())


@dataclass(frozen=True, slots=True)
class Storage:
    """Room that an installation takes, bytes.

    Attributes:
        database: The whole database on disk.
        schemas: Tables with their indexes by schema, largest first; ``stocktake`` is the engine's.
        free: What is left where its files are.
        captures: Captured bodies in the store of objects.
        store: Its address, empty when there is none.
    """

    database: int
    schemas: Mapping[str, int]
    free: int
    captures: int = 0
    store: str = ""


def storage_of(workspace: Workspace) -> Storage:
    """Return how much room the installation takes, and how much is left."""
    with workspace.database.connection() as conn:
        row = conn.execute(SQL.storage_bytes).fetchone()
        schemas = {name: int(size) for name, size in conn.execute(SQL.storage_by_schema)}
        place = read_place(conn)
        stored = conn.execute(SQL.stored_objects).fetchone()
    return Storage(
        int(row[0]) if row else 0,
        schemas,
        free_bytes(workspace),
        int(stored[0]) if stored else 0,
        place.url.partition("?")[0] if place else "",
    )
