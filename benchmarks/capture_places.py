"""What does keeping captures cost: in the database, in a folder, in S3 on loopback?

Batches of 20 answers of about 50 KB, stored as a run stores them and committed; then all of them
are read again. The S3 server is a program of its own, and its CPU is not counted: it is not ours.
"""

import hashlib
import json
import os
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bed.cluster import running_cluster
from benchmarks.bed.fresh import fresh_database, same_rows
from benchmarks.bed.meter import Meter
from benchmarks.measure import Contender, Goal, main, options_parser
from stocktake.fetch.captures import read_capture, store_captures
from stocktake.model import Capture, Request
from stocktake.store.bodies import use_objects
from stocktake.store.database import Database
from stocktake.store.installation import init
from stocktake.store.migrate import ENGINE, migrate
from tests.s3 import LOGIN, s3_server

CAPTURES, TOGETHER = 1_000, 20
DATABASE, FOLDER, S3 = "in the database", "in a folder", "in S3 on loopback"
COUNT = "select count(*) from stocktake.body where (content is null) = {}"


def keep(
    maintenance_url: str, *, place: str, captures: int, servers: list[int]
) -> dict[str, float]:
    """Store and read captures, in a database of its own.

    Args:
        place: ``database``, a folder, or the address of an S3 server.
    """
    os.environ |= LOGIN
    answers = [_answer(number) for number in range(captures)]
    with fresh_database(maintenance_url) as url, tempfile.TemporaryDirectory() as folder:
        database = Database(url, application="bench")
        try:
            migrate(database, (ENGINE,))
            init(database, "real")
            if place == "folder":
                use_objects(database, (Path(folder) / "captures").as_uri())
            elif place != "database":
                use_objects(database, place)
            with Meter(*servers) as storing:
                for start in range(0, captures, TOGETHER):
                    _store(database, answers[start : start + TOGETHER])
            with Meter(*servers) as reading, database.connection() as conn:
                for number in range(1, captures + 1):
                    read_capture(conn, number)
        finally:
            database.close()
        same_rows(url, COUNT.format(place != "database"), wanted=captures)
    facts: dict[str, float] = {}
    for name, meter in (("store", storing), ("read", reading)):
        facts |= {
            f"{name} CPU s/1k": round(meter.cpu_seconds / captures * 1e3, 3),
            f"{name} server CPU s/1k": round(meter.server_seconds / captures * 1e3, 3),
            f"{name} s/1k": round(meter.wall_seconds / captures * 1e3, 2),
        }
    return facts


def _store(database: Database, answers: list[Capture]) -> None:
    with database.connection() as conn:
        store_captures(conn, answers, system="bench", source="b", endpoint="e", run_id=1)


def _answer(number: int) -> Capture:
    """Return an answer of about 50 KB that compresses to a seventh, as racecards do."""
    some = random.Random(number)
    rows = [
        {"id": some.randrange(10**8), "name": f"Runner {at}", "weight": some.random()}
        for at in range(700)
    ]
    body = json.dumps(rows).encode()
    sha256 = hashlib.sha256(body).digest()
    asked = Request("feed", f"/{number}", (), ((str(number),),))
    return Capture(asked, 200, body, sha256, fetched_at=datetime.now(UTC), seconds=0.1)


GOALS = (
    Goal(
        "CPU of S3 over CPU of the database, storing",
        lambda by: by[S3].facts()["store CPU s/1k"] / by[DATABASE].facts()["store CPU s/1k"],
        most=3,
    ),
)


def run() -> None:
    """Start the servers, compare."""
    parser = options_parser()
    parser.add_argument("--captures", type=int, default=CAPTURES)
    options = parser.parse_args()
    with running_cluster() as cluster, s3_server() as bucket:
        places = {DATABASE: "database", FOLDER: "folder", S3: bucket.url}
        contenders = [
            Contender.calling(
                name,
                "benchmarks.capture_places:keep",
                maintenance_url=cluster.url,
                place=place,
                captures=options.captures,
                servers=[cluster.number],
            )
            for name, place in places.items()
        ]
        main(contenders, goals=GOALS, options=options)


if __name__ == "__main__":
    run()
