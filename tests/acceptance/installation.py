"""One database, one sandbox, and the command line on both, as a user would drive it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier

from stocktake.model import FromDataset
from stocktake.run.registry import find_system
from stocktake.store.queries import parse_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from stocktake.store.database import Database
    from stocktake.testing import SandboxServer

QUERIES = parse_queries(Path(__file__).with_name("state.sql").read_text(), place="state.sql")
PROGRAM = (str(Path(sys.executable).with_name("stocktake")),)
RATE_FACTOR = 400.0
PATIENCE_SECONDS = 180.0
RACING = find_system("racing")
UNCOMPARED = [
    *("created_at", "updated_at", "stats_updated_at", "result_updated_at"),
    *("_capture_id", "_run_id", "_loaded_at"),
    *(stamp for derivation in RACING.derivations for stamp in derivation.stamps),
    *(f"_{facet.name}_capture_id" for dataset in RACING.datasets for facet in dataset.facets),
    *(f"_{facet.name}_hash" for dataset in RACING.datasets for facet in dataset.facets),
    "_row_hash",
]
"""Columns that say when, by which run and in which order rows came; what they say is compared."""


_MEMBER_DATASETS = [
    (one.name, one.partitions.dataset, one.partitions.column)
    for one in RACING.datasets
    if isinstance(one.partitions, FromDataset)
]
MEMBERS = {
    "datasets": [dataset for dataset, _, _ in _MEMBER_DATASETS],
    "homes": [home for _, home, _ in _MEMBER_DATASETS],
    "columns": [column for _, _, column in _MEMBER_DATASETS],
}


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What it printed with ``--json``."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def said(self) -> str:
        """Everything it printed, for messages of assertions."""
        return f"exit {self.code}\n{self.out}\n{self.err}"


@dataclass(frozen=True, slots=True)
class State:
    """What a database holds, without times and numbers of runs and captures."""

    tables: Mapping[str, Sequence[str]]
    ledger: Sequence[tuple[Any, ...]]
    units: Sequence[tuple[Any, ...]]

    def differences(self, other: State) -> list[str]:
        """Return what differs, in words; empty when nothing does."""
        found = []
        for name in sorted({*self.tables, *other.tables}):
            mine, theirs = (Counter(one.tables.get(name, ())) for one in (self, other))
            found += _row_differences(name, mine - theirs, theirs - mine)
        for what in ("ledger", "units"):
            here, there = set(getattr(self, what)), set(getattr(other, what))
            found += [f"{what}: only here {line}" for line in sorted(here - there, key=str)[:5]]
            found += [f"{what}: only there {line}" for line in sorted(there - here, key=str)[:5]]
        return found


@dataclass(slots=True)
class Installation:
    """A sandbox installation in a database of its own.

    Args:
        database: Empty or filled.
        server: The racing sandbox, running.
        home: Folder without settings.
        environment: Further variables for every command.
    """

    database: Database
    server: SandboxServer
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def variables(self, fail_at: str = "") -> dict[str, str]:
        """Return the environment of commands."""
        kept = {name: text for name, text in os.environ.items() if "STOCKTAKE" not in name}
        source = "STOCKTAKE_SOURCE_THERACINGAPI_"
        return {
            **kept,
            "STOCKTAKE_HOME": str(self.home),
            "STOCKTAKE_DATABASE_URL": self.database.url,
            "STOCKTAKE_LOG_LEVEL": "warning",
            "STOCKTAKE_FAIL_AT": fail_at,
            f"{source}BASE_URL": self.server.base_url,
            f"{source}USER": "sandbox",
            f"{source}PASSWORD": "not-a-secret",
            f"{source}RATE_FACTOR": str(RATE_FACTOR),
            f"{source}HISTORICAL_RESULTS": "true",
            **self.environment,
        }

    def start(
        self, *arguments: str, fail_at: str = "", within: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Start a command, by another program when ``within`` names one, and return at once."""
        return subprocess.Popen(
            [*within, *PROGRAM, *arguments],
            env=self.variables(fail_at),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, fail_at: str = "") -> Done:
        """Run a command to its end."""
        return finish(self.start(*arguments, fail_at=fail_at))

    def state(self) -> State:
        """Return what the database holds now."""
        with self.database.login() as session:
            tables = session.execute(QUERIES.loaded_tables).fetchall()
            lines: dict[str, list[str]] = {}
            for schema, table in tables:
                statement = QUERIES.table_lines.format(table=Identifier(schema, table))
                rows = session.execute(statement, {"without": UNCOMPARED}).fetchall()
                lines[table] = [line for (line,) in rows]
            ledger = session.execute(QUERIES.held_units, MEMBERS).fetchall()
            units = session.execute(QUERIES.unit_lines, MEMBERS).fetchall()
        return State(lines, _hashable(ledger), _hashable(units))

    def unit_states(self, feed: str) -> dict[tuple[str, str], tuple[str, str]]:
        """Return state and reason of the units of days a feed told of, by dataset and region."""
        return {
            (dataset, key[-1]): (state, reason)
            for dataset, of_feed, key, _, state, reason, *_ in self.state().units
            if of_feed == feed and key
        }

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of one statement of ``state.sql``."""
        with self.database.login() as session:
            return session.execute(QUERIES[query]).fetchall()

    def targets(self, since: int = 0) -> list[str]:
        """Return what the sandbox was asked from its ``since``-th exchange on."""
        return [entry.target for entry in self.server.requests[since:]]


def session_seed() -> int:
    """Return what random choices of this session start from: the same for all its workers."""
    given = os.environ.get("STOCKTAKE_TEST_SEED")
    if given:
        return int(given)
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    return zlib.crc32(session.encode())


def backfill(since: date, until: date, *datasets: str) -> tuple[str, ...]:
    """Return the arguments of a backfill."""
    window = ("--since", since.isoformat(), "--until", until.isoformat())
    return ("backfill", "racing", *datasets, *window, "--json")


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something that another program brings about."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)


def finish(started: subprocess.Popen[str], *, seconds: float = PATIENCE_SECONDS) -> Done:
    """Wait for a command's end."""
    try:
        out, err = started.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        started.kill()
        out, err = started.communicate()
        raise AssertionError(f"no end within {seconds} s\n{out}\n{err}") from None
    return Done(started.returncode, out, err)


def _row_differences(table: str, mine: Counter[str], theirs: Counter[str]) -> list[str]:
    """Return which columns of which rows differ, three examples, paired by the dataset's key."""
    key = RACING.dataset(table).key
    here, there = (
        {tuple(row[column] for column in key): row for row in map(json.loads, lines)}
        for lines in (mine, theirs)
    )
    changed = [
        f"{table} {at}: "
        + str({name: (row[name], there[at][name]) for name in row if row[name] != there[at][name]})
        for at, row in here.items()
        if at in there
    ]
    alone = [
        f"{table}: only {word} {at}"
        for word, at in [
            *(("here", at) for at in here.keys() - there.keys()),
            *(("there", at) for at in there.keys() - here.keys()),
        ]
    ]
    doubled = [f"{table}: {count + 1} times {line}" for line, count in mine.items() if count > 1]
    return [*changed[:3], *alone[:3], *doubled[:3]]


def _hashable(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [
        tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in rows
    ]
