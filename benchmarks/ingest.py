"""What do 300 days of racecards cost to ingest, beside dlt with Arrow and with dictionaries?

Rows are races and runners, counted in the tables at the end. Ours goes the way of every backfill:
answers compressed and kept, receipts, provenance, eight tables of horses, people and bookmakers,
and coverage, all in the transactions that write the rows. Everybody fetches from loopback, without
limits, and writes to the same server, into a database of its own.
"""

from collections.abc import Mapping

from benchmarks.bed.cards import cards_bed
from benchmarks.bed.fresh import fresh_database, same_rows
from benchmarks.bed.meter import Meter, Work
from benchmarks.bed.racing import backfill_cards, prepare
from benchmarks.measure import Contender, Goal, Result, main, options_parser
from benchmarks.peers import peers_python

DAYS = 300
OURS, FEWER, ARROW, DICTS = "stocktake", "stocktake, a third", "dlt Arrow", "dlt dicts"
COUNT = "select (select count(*) from racing.ra_races) + (select count(*) from racing.ra_runners)"


def ours(maintenance_url: str, base_url: str, *, work: Work) -> dict[str, float]:
    """Backfill days into an empty database; only the run is measured."""
    with fresh_database(maintenance_url) as url:
        prepare(url)
        with Meter(*work["servers"]) as meter:
            backfill_cards(url, base_url, first=work["first"], days=work["days"])
        return meter.row_facts(same_rows(url, COUNT, wanted=work["rows"]))


def _per_100k(results: Mapping[str, Result], name: str) -> float:
    return results[name].facts()["CPU s/100k rows"]


def _peak(results: Mapping[str, Result], name: str) -> float:
    return results[name].median(lambda sample: sample.peak_mb)


GOALS = (
    Goal("CPU s per 100,000 rows", lambda by: _per_100k(by, OURS), most=3.0),
    Goal(
        "times less CPU than dlt Arrow",
        lambda by: _per_100k(by, ARROW) / _per_100k(by, OURS),
        least=3.0,
    ),
    Goal(
        "times less CPU than dlt dicts",
        lambda by: _per_100k(by, DICTS) / _per_100k(by, OURS),
        least=9.0,
    ),
    Goal("of two cores busy", lambda by: by[OURS].facts()["cores busy"] / 2, least=0.85),
    Goal("peak memory in MB", lambda by: _peak(by, OURS), most=150),
    Goal(
        "more MB for three times the days", lambda by: _peak(by, OURS) - _peak(by, FEWER), most=10
    ),
)


def run() -> None:
    """Render the days, start the servers, compare."""
    parser = options_parser()
    parser.add_argument("--days", type=int, default=DAYS)
    options = parser.parse_args()
    with cards_bed(options.days) as bed:
        contenders = [
            Contender.calling(name, "benchmarks.ingest:ours", **bed.urls, work=bed.work(days))
            for name, days in ((OURS, options.days), (FEWER, options.days // 3))
        ]
        python = peers_python()
        for name, kind in ((ARROW, "arrow"), (DICTS, "dicts")):
            contender = Contender.calling(
                name,
                "benchmarks.peers.dlt_cards:load",
                **bed.urls,
                kind=kind,
                work=bed.work(options.days),
            )
            contenders += [contender.under(python)] if python else []
        main(contenders, goals=GOALS, options=options)


if __name__ == "__main__":
    run()
