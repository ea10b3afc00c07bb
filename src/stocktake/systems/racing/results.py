"""A day's results: bytes to races, runners and starters."""

from __future__ import annotations

from collections import Counter
from itertools import compress, groupby, repeat
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stocktake import Parsed, Reject, Request
from stocktake.systems.racing import normalise
from stocktake.systems.racing.answers import Memo, PageReader, Verdict, outcomes, shown
from stocktake.systems.racing.columns import Columns, looked_up, rows_of
from stocktake.systems.racing.day import PlacedRace, place_races, reject_runner
from stocktake.systems.racing.entities import Entities
from stocktake.systems.racing.normalise import Money, Placing, Price, text
from stocktake.systems.racing.rows import PedigreeEntry, RaceResult, RunnerResult, StarterRow
from stocktake.systems.racing.wire import LooseResultsPage, ResultRace, ResultRunner, ResultsPage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

RESULTS = PageReader("results", ResultRace, ResultsPage, LooseResultsPage)
_SCRATCHED = frozenset({"NR", "WD"})
_NO_PLACING = Placing(None, "other", is_starter=True)
_NO_PRICE = Price(None, None)
_NO_MONEY = Money(None, None)


def parse_results(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    """Turn all pages of a day's results into rows of races, runners, starters and entities.

    Raises:
        SourceChanged: An answer that is not a result list, or an empty one that counts races.
    """
    return _Reading(request).read(bodies, fetched_at)


class _Entered(NamedTuple):
    """A runner with its race, its place in it, and how it ended.

    ``dead_heat_n`` counts those that share its position.
    """

    placed: PlacedRace[ResultRace]
    at: int
    runner: ResultRunner
    placing: Placing
    dead_heat_n: int


class _Read(NamedTuple):
    """What the fields of runners say, a column each."""

    pounds: list[int | None]
    stones: list[str | None]
    prices: list[Price]
    decimals: list[Decimal | None]
    prizes: list[Decimal | None]
    positions: list[int | None]
    claims: list[int | None]
    numbers: list[str | None]
    draws: list[int | None]
    ages: list[int | None]
    sexes: list[str | None]
    headgear: list[str | None]
    starting: list[str | None]
    margins: list[str | None]
    beaten: list[Decimal | None]
    times: list[str | None]
    comments: list[str | None]
    silks: list[str | None]


class _Reading:
    """One answer being read; each spelling is looked at once."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.parsed = Parsed()
        self.notes: Counter[str] = Counter()
        self.entities = Entities()
        self.races: list[tuple[object, ...]] = []
        self.entered: list[_Entered] = []
        notes = self.notes
        self.naturals = Memo(normalise.natural, "draw or number", notes)
        self.wholes = Memo(normalise.whole, "whole number", notes)
        self.amounts = Memo(normalise.amount, "decimal price", notes)
        self.lengths = Memo(normalise.lengths, "beaten distance", notes)
        self.seconds = Memo(normalise.seconds, "running time", notes)
        self.prices = Memo(normalise.price, "starting price", notes)
        self.sums = Memo(normalise.money, "prize", notes)
        self.pounds = Memo(normalise.pounds, "weight", notes)
        self.placings = Memo(normalise.placing, "position", notes)
        self.yards = Memo(normalise.yards, "distance", notes)
        self.furlongs = Memo(normalise.furlongs, "distance", notes)

    def read(self, bodies: Sequence[bytes], fetched_at: datetime) -> Parsed:
        """Read all pages."""
        parsed, request = self.parsed, self.request
        pages = RESULTS.read(bodies, request)
        day = place_races(pages, request, parsed=parsed, clock_of=lambda race: race.off)
        for placed in day.races:
            self._enter(placed)
        runners, starters = self._runner_rows()
        by_race = {
            race_id: list(group)
            for race_id, group in groupby(self.entered, lambda one: one.placed.race.race_id)
        }
        for placed in day.races:
            self._race(placed, by_race.get(placed.race.race_id, []))
        parsed.rows |= {
            RaceResult: self.races,
            RunnerResult: runners,
            StarterRow: starters,
            PedigreeEntry: list(self.entities.pedigrees.values()),
        }
        self.entities.into(parsed)
        parsed.notes.update(self.notes)
        verdict = Verdict(day.lost_races, pages.total, day.refused_races, fetched_at)
        parsed.outcomes = outcomes(request.units, lambda key: verdict.of(*day.unit(key)))
        rejected = Counter(reject.dataset for reject in parsed.rejects)
        parsed.read = {"ra_races": day.races_read}
        for dataset, rows in (("ra_runners", runners), ("ra_race_results", starters)):
            repeated = parsed.duplicates.get(dataset, 0)
            parsed.read[dataset] = len(rows) + rejected[dataset] + repeated
        return parsed

    def _placings(self, placed: PlacedRace[ResultRace]) -> list[Placing]:
        """Return how each runner told ended, repeats included."""
        positions = (runner.position for runner in placed.race.runners)
        return [self.placings[position] or _NO_PLACING for position in positions]

    def _enter(self, placed: PlacedRace[ResultRace]) -> None:
        """Note the runners of a race."""
        runners = self._without_repeats(placed.race.runners)
        placings = [self.placings[runner.position] or _NO_PLACING for runner in runners]
        sharing = Counter(placing.position for placing in placings)
        self.entered += [
            _Entered(
                placed,
                at,
                runner,
                placing,
                1 if placing.position is None else sharing[placing.position],
            )
            for at, (runner, placing) in enumerate(zip(runners, placings, strict=True))
        ]

    def _race(self, placed: PlacedRace[ResultRace], entered: Sequence[_Entered]) -> None:
        """Add a race, of which ``entered`` are the runners that could be taken."""
        winning_time = None
        started = 0
        for one in entered:
            started += one.placing.is_starter
            if one.placing.position == 1:
                winning_time = winning_time or text(one.runner.time)
            elif one.placing.outcome == "other":
                self.notes[f"unknown position: {one.runner.position[:40]!r}"] += 1
        status = "run"
        placings = self._placings(placed)
        if placings and not started:
            status = "void" if any(one.outcome == "VOI" for one in placings) else "abandoned"
        self._race_row(placed, status, winning_time, has_result=started > 0)

    def _without_repeats(self, runners: list[ResultRunner]) -> list[ResultRunner]:
        distinct = {runner.horse_id: runner for runner in reversed(runners)}
        repeated = len(runners) - len(distinct)
        if not repeated:
            return runners
        for dataset in ("ra_runners", "ra_race_results"):
            known = self.parsed.duplicates.get(dataset, 0)
            self.parsed.duplicates[dataset] = known + repeated
        return list(reversed(distinct.values()))

    def _is_sound(self, one: _Entered) -> bool:
        """Reject a runner that cannot be taken; its race is not lost for that."""
        try:
            self.entities.check(one.runner)
        except ValueError as error:
            raw = shown(msgspec.json.encode(one.runner))
            reject_runner(self.parsed, one.placed, at=one.at, reason=str(error), raw=raw)
            last = self.parsed.rejects[-1]
            self.parsed.rejects.append(
                Reject("ra_race_results", last.position, last.code, last.reason, last.raw)
            )
            return False
        return True

    def _runner_rows(self) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """Return a row per runner noted, and one per starter among them."""
        told = Columns(ResultRunner, [one.runner for one in self.entered])
        try:
            people = self.entities.ids(told)
        except ValueError:
            self.entered = list(filter(self._is_sound, self.entered))
            told = Columns(ResultRunner, [one.runner for one in self.entered])
            people = self.entities.ids(told)
        names = tuple(map(told.texts, ("horse", "jockey", "trainer", "owner")))
        parents = tuple(map(told.texts, ("sire", "dam", "damsire")))
        self.entities.saw(people, (*names, *parents))
        races = [one.placed for one in self.entered]
        race_ids, horse_ids = [placed.race.race_id for placed in races], people[0]
        days = [placed.race_day for placed in races]
        regions = [placed.region for placed in races]
        read = self._read(told)
        # fmt: off
        runners = rows_of(
            RunnerResult,
            race_ids, horse_ids, map("{}:{}".format, race_ids, horse_ids), days, regions, *names,
            *people[1:], read.numbers, read.draws, read.pounds, read.stones, read.stones,
            read.ages, read.sexes, read.headgear, read.claims,
            [one.placing.outcome in _SCRATCHED for one in self.entered], repeat(None, len(races)),
            read.positions, read.margins, read.beaten, read.prizes, read.starting, read.decimals,
            read.times, read.comments, read.silks,
        )
        before = (
            race_ids, horse_ids, days, regions, *names, read.positions, told.texts("position"),
            read.numbers, read.draws, people[1], read.claims, *people[2:], read.ages, read.sexes,
            read.pounds, read.stones, read.headgear, read.starting, read.decimals,
        )
        # fmt: on
        return runners, self._starter_rows(before, read)

    def _read(self, told: Columns) -> _Read:
        """Return what the runners' fields say."""
        texts, read = told.texts, told.read
        pounds = [
            self.wholes[pounds] or self.pounds[weight]
            for pounds, weight in zip(told["weight_lbs"], told["weight"], strict=True)
        ]
        stones = [
            weight or normalise.stones(lbs)
            for weight, lbs in zip(texts("weight"), pounds, strict=True)
        ]
        prices = [price or _NO_PRICE for price in read("sp", self.prices)]
        decimals = [
            told_price or price.decimal
            for told_price, price in zip(self._prices(told["sp_dec"]), prices, strict=True)
        ]
        return _Read(
            pounds=pounds,
            stones=stones,
            prices=prices,
            decimals=decimals,
            prizes=[(prize or _NO_MONEY).amount for prize in read("prize", self.sums)],
            positions=[one.placing.position for one in self.entered],
            claims=read("jockey_claim_lbs", self.wholes),
            numbers=texts("number"),
            draws=read("draw", self.naturals),
            ages=read("age", self.wholes),
            sexes=texts("sex"),
            headgear=texts("headgear"),
            starting=texts("sp"),
            margins=texts("btn"),
            beaten=read("ovr_btn", self.lengths),
            times=texts("time"),
            comments=texts("comment"),
            silks=texts("silk_url"),
        )

    def _starter_rows(
        self, before: Sequence[Sequence[object]], read: _Read
    ) -> list[tuple[object, ...]]:
        """Return a row per starter.

        Args:
            before: The row's first columns, of all runners.
            read: What the runners' fields say.
        """
        mask = [one.placing.is_starter for one in self.entered]
        starters = list(compress(self.entered, mask))
        started = Columns(ResultRunner, [one.runner for one in starters])
        after = read.prizes, read.comments, read.silks
        # fmt: off
        return rows_of(
            StarterRow,
            *(compress(column, mask) for column in before),
            started.read("btn", self.lengths), compress(read.beaten, mask),
            compress(read.margins, mask), started.read("time", self.seconds),
            compress(read.times, mask),
            *(started.read(name, self.wholes) for name in ("official_rating", "rpr", "tsr")),
            *(compress(column, mask) for column in after),
            self._prices(started["bsp"]),
            [one.placing.outcome for one in starters], [True] * len(starters),
            [one.dead_heat_n for one in starters],
            [price.marker for price in compress(read.prices, mask)], repeat(None, len(starters)),
            [one.placed.course_id for one in starters],
            [self._distance_y(one.placed.race) for one in starters],
        )
        # fmt: on

    def _prices(self, spellings: Sequence[str | None]) -> list[Decimal | None]:
        """Read decimal prices; one of 1 or less returns less than the stake and is no price."""
        prices = looked_up(spellings, self.amounts)
        for at, price in enumerate(prices):
            if price is not None and price <= 1:
                self.notes[f"price of 1 or less dropped: {spellings[at]}"] += 1
                prices[at] = None
        return prices

    def _distance_y(self, race: ResultRace) -> int | None:
        """Read a distance in yards."""
        return self.wholes[race.dist_y] or self.yards[race.dist]

    def _race_row(
        self,
        placed: PlacedRace[ResultRace],
        status: str,
        winning_time: str | None,
        *,
        has_result: bool,
    ) -> None:
        race, off = placed.race, placed.off
        clock = None if off is None else off.time()
        distance_y = self._distance_y(race)
        distance_m = self.wholes[race.dist_m] or normalise.metres(distance_y)
        # fmt: off
        self.races.append(RaceResult(
            race.race_id, placed.course_id, text(race.course), placed.race_day, placed.region,
            clock, placed.off_utc, clock, text(race.race_name), placed.number, text(race.type),
            text(race.race_class), text(race.pattern), text(race.age_band), text(race.rating_band),
            text(race.sex_rest), text(race.dist), self.furlongs[race.dist_f], distance_m,
            distance_y, text(race.surface), text(race.going), text(race.jumps), status, None, None,
            None, None, None, has_result,
            winning_time, text(race.winning_time_detail), text(race.comments),
            text(race.non_runners), text(race.tote_win), text(race.tote_pl), text(race.tote_ex),
            text(race.tote_csf), text(race.tote_tricast), text(race.tote_trifecta),
        ))
        # fmt: on
