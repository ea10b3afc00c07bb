"""What does the whole racing history cost, by years, through the door every command uses?

The racing sandbox at full scale, in a program of its own and without limits, is backfilled into an
embedded database: cards, results, horses, derived statistics and checks. One run, since a year
takes minutes: the figures are an order of magnitude, not a comparison. `--years 12` is everything.

The CPU of the sandbox, which makes up every race, is not counted.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from benchmarks.bed.cluster import running_cluster
from benchmarks.bed.fresh import fresh_database
from benchmarks.bed.meter import Meter
from benchmarks.bed.racing import open_prepared, prepare, settings_for
from benchmarks.measure import text_table
from stocktake.model import PlanOptions
from stocktake.observe.logs import configure_logs
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.progress import Progress
from stocktake.run.registry import find_system

UNTIL = date(2026, 11, 20)
PORT = 8799
START_SECONDS = 60
SIZES = """
select relation.relname, pg_total_relation_size(relation.oid)
  from pg_class as relation join pg_namespace as space on space.oid = relation.relnamespace
 where space.nspname in ('racing', 'stocktake') and relation.relkind in ('r', 'p')
 order by 2 desc limit 8
"""


@contextmanager
def sandbox(until: date) -> Iterator[str]:
    """Run the racing sandbox in a program of its own and yield its address."""
    command = str(Path(sys.executable).with_name("stocktake"))
    words = ["sandbox", "racing", "--port", str(PORT), "--until", str(until)]
    base_url = f"http://127.0.0.1:{PORT}"
    child = subprocess.Popen(
        [command, *words, "--rate-factor", "1e6"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"{base_url}/_sandbox/stats")
        yield base_url
    finally:
        child.terminate()
        child.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urlopen(url).close()
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _tell(progress: Progress) -> None:
    sys.stderr.write(
        f"\r{progress.wave}: {progress.done:,}/{progress.total:,}, {progress.rows:,} rows   "
    )


def load_years(years: int, datasets: tuple[str, ...]) -> dict[str, object]:
    """Load the last ``years`` years up to ``UNTIL``, its own included; return what it cost."""
    configure_logs(level="error", style="console")
    options = PlanOptions(datasets=datasets, since=date(UNTIL.year - years + 1, 1, 1), until=UNTIL)
    with (
        running_cluster() as cluster,
        fresh_database(cluster.url) as url,
        sandbox(UNTIL) as base_url,
    ):
        prepare(url)
        settings = settings_for(url, base_url, password="not-a-secret")
        with open_prepared(settings) as workspace, Meter(cluster.number) as meter:
            report = backfill(
                workspace, find_system("racing"), options, conduct=Conduct(report=_tell)
            )
        with psycopg.connect(url) as conn:
            sizes = {name: round(size / 1e6, 1) for name, size in conn.execute(SIZES.encode())}
            (whole,) = conn.execute(b"select pg_database_size(current_database())").fetchone() or (
                0,
            )
    rows = sum(counts.inserted for counts in report.rows.values())
    return {
        **meter.row_facts(rows),
        "requests": report.requests,
        "units": {str(state): count for state, count in report.units.items()},
        "wall s": round(meter.wall_seconds, 1),
        "peak MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        "database MB": round(whole / 1e6),
        "largest tables MB": sizes,
        "rows by table": {name: counts.inserted for name, counts in report.rows.items()},
    }


def run() -> None:
    """Load and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--years", type=int, default=1)
    options.add_argument("--dataset", action="append", default=[])
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    facts = load_years(chosen.years, tuple(chosen.dataset))
    sys.stderr.write("\n")
    if chosen.json:
        print(json.dumps(facts, indent=1))
    else:
        print(text_table(("figure", "value"), list(_flat(facts))))


def _flat(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, fact in facts.items():
        if isinstance(fact, Mapping):
            yield from ((f"{name}, {part}", f"{value:,}") for part, value in fact.items())
        else:
            yield name, f"{fact:,}"


if __name__ == "__main__":
    run()
