"""What does it cost to run an identical backfill again, held or forced to fetch?

The same days of racecards are loaded once; that is not measured. Then `held` runs the same
command again (no request may be sent), `forced` fetches every day again and recognises the same
content by its hash, and `forced, ETags` asks a server that answers 304.
"""

from collections.abc import Mapping

from benchmarks.bed.cards import CardsBed, cards_bed
from benchmarks.bed.fresh import fresh_database, same_rows
from benchmarks.bed.meter import Meter, Work
from benchmarks.bed.racing import backfill_cards, prepare
from benchmarks.ingest import COUNT
from benchmarks.measure import Contender, Goal, Result, main, options_parser

DAYS = 300
HELD, FORCED, TAGGED = "held", "forced", "forced, ETags"


def again(maintenance_url: str, base_url: str, *, work: Work, refetch: str) -> dict[str, float]:
    """Load days, then measure loading them again.

    Raises:
        ValueError: The second run changed rows, or asked although all was held.
    """
    with fresh_database(maintenance_url) as url:
        prepare(url)
        backfill_cards(url, base_url, first=work["first"], days=work["days"])
        with Meter(*work["servers"]) as meter:
            report = backfill_cards(
                url, base_url, first=work["first"], days=work["days"], refetch=refetch
            )
        same_rows(url, COUNT, wanted=work["rows"])
    changed = sum(counts.inserted + counts.updated for counts in report.rows.values())
    if changed:
        msg = f"an identical run changed {changed} rows."
        raise ValueError(msg)
    return {
        "days": work["days"],
        "days/s": round(work["days"] / meter.wall_seconds),
        "requests": report.requests,
        "run CPU s": round(meter.cpu_seconds, 2),
        "run server CPU s": round(meter.server_seconds, 2),
    }


def _fact(name: str, fact: str, by: Mapping[str, Result]) -> float:
    return by[name].facts()[fact]


GOALS = (
    Goal("requests when held", lambda by: _fact(HELD, "requests", by), most=0),
    Goal("unchanged days/s when forced", lambda by: _fact(FORCED, "days/s", by), least=1000),
)


def _contender(name: str, bed: CardsBed, days: int, refetch: str) -> Contender:
    return Contender.calling(
        name, "benchmarks.rerun:again", **bed.urls, work=bed.work(days), refetch=refetch
    )


def run() -> None:
    """Start the servers, compare."""
    parser = options_parser()
    parser.add_argument("--days", type=int, default=DAYS)
    options = parser.parse_args()
    with cards_bed(options.days) as plain, cards_bed(options.days, etags=True) as tagged:
        contenders = [
            _contender(HELD, plain, options.days, "no"),
            _contender(FORCED, plain, options.days, "yes"),
            _contender(TAGGED, tagged, options.days, "yes"),
        ]
        main(contenders, goals=GOALS, options=options)


if __name__ == "__main__":
    run()
