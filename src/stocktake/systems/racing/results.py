"""A day's results: bytes to races, runners and starters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from stocktake import Parsed, Reject, Request
from stocktake.systems.racing import normalise
from stocktake.systems.racing.answers import Memo, PageReader, Verdict, outcomes, shown
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


class _Reading:
    """One answer being read; each spelling is looked at once."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.parsed = Parsed()
        self.notes: Counter[str] = Counter()
        self.entities = Entities()
        self.races: list[tuple[object, ...]] = []
        self.runners: list[tuple[object, ...]] = []
        self.starters: list[tuple[object, ...]] = []
        self.pedigrees: dict[str, PedigreeEntry] = {}
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
            self._race(placed)
        parsed.rows |= {
            RaceResult: self.races,
            RunnerResult: self.runners,
            StarterRow: self.starters,
            PedigreeEntry: list(self.pedigrees.values()),
        }
        self.entities.into(parsed)
        parsed.notes.update(self.notes)
        verdict = Verdict(day.lost_races, pages.total, day.refused_races, fetched_at)
        parsed.outcomes = outcomes(request.units, lambda key: verdict.of(*day.unit(key)))
        rejected = Counter(reject.dataset for reject in parsed.rejects)
        parsed.read = {"ra_races": day.races_read}
        for dataset, rows in (("ra_runners", self.runners), ("ra_race_results", self.starters)):
            repeated = parsed.duplicates.get(dataset, 0)
            parsed.read[dataset] = len(rows) + rejected[dataset] + repeated
        return parsed

    def _race(self, placed: PlacedRace[ResultRace]) -> None:
        """Add a race with its runners; a runner that cannot be taken does not cost the race."""
        runners = self._without_repeats(placed.race.runners)
        placings = [self.placings[runner.position] or _NO_PLACING for runner in runners]
        sharing = Counter(placing.position for placing in placings)
        winning_time = None
        started = 0
        for at, (runner, placing) in enumerate(zip(runners, placings, strict=True)):
            dead_heat_n = 1 if placing.position is None else sharing[placing.position]
            try:
                self._runner(placed, runner, placing, dead_heat_n)
            except ValueError as error:
                self._reject(placed, at, runner, reason=str(error))
                continue
            started += placing.is_starter
            if placing.position == 1:
                winning_time = winning_time or text(runner.time)
            elif placing.outcome == "other":
                self.notes[f"unknown position: {runner.position[:40]!r}"] += 1
        status = "run"
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

    def _reject(
        self, placed: PlacedRace[ResultRace], at: int, runner: ResultRunner, *, reason: str
    ) -> None:
        raw = shown(msgspec.json.encode(runner))
        reject_runner(self.parsed, placed, at=at, reason=reason, raw=raw)
        last = self.parsed.rejects[-1]
        self.parsed.rejects.append(
            Reject("ra_race_results", last.position, last.code, last.reason, last.raw)
        )

    def _runner(
        self,
        placed: PlacedRace[ResultRace],
        runner: ResultRunner,
        placing: Placing,
        dead_heat_n: int,
    ) -> None:
        """Add a runner's rows; raises `ValueError` when an id is none."""
        race_id, race_day, region = placed.race.race_id, placed.race_day, placed.region
        entities = self.entities
        horse_id = entities.horse_ids[runner.horse_id] or normalise.missing("horse_id")
        jockey_id = entities.jockey_ids[runner.jockey_id]
        trainer_id = entities.trainer_ids[runner.trainer_id]
        owner_id = entities.owner_ids[runner.owner_id]
        sire_id = entities.sire_ids[runner.sire_id]
        dam_id = entities.dam_ids[runner.dam_id]
        damsire_id = entities.damsire_ids[runner.damsire_id]
        entities.horses[horse_id] = horse = text(runner.horse)
        entities.jockeys[jockey_id] = jockey = text(runner.jockey)
        entities.trainers[trainer_id] = trainer = text(runner.trainer)
        entities.owners[owner_id] = owner = text(runner.owner)
        entities.sires[sire_id] = sire = text(runner.sire)
        entities.dams[dam_id] = dam = text(runner.dam)
        entities.damsires[damsire_id] = damsire = text(runner.damsire)
        self.pedigrees[horse_id] = PedigreeEntry(
            horse_id, sire_id, sire, dam_id, dam, damsire_id, damsire
        )
        number, draw = text(runner.number), self.naturals[runner.draw]
        weight_lbs = self.wholes[runner.weight_lbs] or self.pounds[runner.weight]
        weight_st_lbs = text(runner.weight) or normalise.stones(weight_lbs)
        age, sex, headgear = self.wholes[runner.age], text(runner.sex), text(runner.headgear)
        claim = self.wholes[runner.jockey_claim_lbs]
        sp, price = text(runner.sp), self.prices[runner.sp] or _NO_PRICE
        sp_decimal = self._price(runner.sp_dec) or price.decimal
        margin, ovr_btn = text(runner.btn), self.lengths[runner.ovr_btn]
        time_display = text(runner.time)
        prize_won = (self.sums[runner.prize] or _NO_MONEY).amount
        comment, silk_url = text(runner.comment), text(runner.silk_url)
        # fmt: off
        self.runners.append(RunnerResult(
            race_id, horse_id, f"{race_id}:{horse_id}", race_day, region, horse, jockey, trainer,
            owner, jockey_id, trainer_id, owner_id, sire_id, dam_id, damsire_id, number, draw,
            weight_lbs, weight_st_lbs, weight_st_lbs, age, sex, headgear, claim,
            placing.outcome in _SCRATCHED, None, placing.position, margin, ovr_btn, prize_won, sp,
            sp_decimal, time_display, comment, silk_url,
        ))
        if not placing.is_starter:
            return
        self.starters.append(StarterRow(
            race_id, horse_id, race_day, region, horse, jockey, trainer, owner, placing.position,
            text(runner.position), number, draw, jockey_id, claim, trainer_id, owner_id, sire_id,
            dam_id, damsire_id, age, sex, weight_lbs, weight_st_lbs, headgear, sp, sp_decimal,
            self.lengths[runner.btn], ovr_btn, margin, self.seconds[runner.time], time_display,
            self.wholes[runner.official_rating], self.wholes[runner.rpr], self.wholes[runner.tsr],
            prize_won, comment, silk_url, self._price(runner.bsp), placing.outcome,
            placing.is_starter, dead_heat_n, price.marker, None, placed.course_id,
            self._distance_y(placed.race),
        ))
        # fmt: on

    def _distance_y(self, race: ResultRace) -> int | None:
        """Read a distance in yards."""
        return self.wholes[race.dist_y] or self.yards[race.dist]

    def _price(self, spelling: str | None) -> Decimal | None:
        """Read a decimal price; one of 1 or less returns less than the stake and is no price."""
        price = self.amounts[spelling]
        if price is not None and price <= 1:
            self.notes[f"price of 1 or less dropped: {spelling}"] += 1
            return None
        return price

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
