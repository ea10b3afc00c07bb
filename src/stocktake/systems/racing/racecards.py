"""A day's racecards: bytes to races and declared runners."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from stocktake import Parsed, Request
from stocktake.systems.racing import normalise
from stocktake.systems.racing.answers import READ_ERRORS, Memo, PageReader, Verdict, outcomes, shown
from stocktake.systems.racing.bookmakers import code_of, is_shipped
from stocktake.systems.racing.day import PlacedRace, place_races, reject_runner
from stocktake.systems.racing.entities import Entities
from stocktake.systems.racing.normalise import Money, Rider, text
from stocktake.systems.racing.rows import BookmakerSeen, PedigreeEntry, RaceCard, RunnerCard
from stocktake.systems.racing.wire import CardRace, CardRunner, CardsPage, LooseCardsPage, Odds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

RACECARDS = PageReader("racecards", CardRace, CardsPage, LooseCardsPage)
_NON_RUNNER = "NR"
_NO_MONEY = Money(None, None)
_NO_RIDER = Rider(None, None)
_ODDS = msgspec.json.Decoder(list[Odds])


def parse_racecards(bodies: Sequence[bytes], request: Request, fetched_at: datetime) -> Parsed:
    """Turn a day's racecards into rows of races, declared runners, entities and bookmakers.

    Raises:
        SourceChanged: An answer that is not a racecard list, or an empty one that counts races.
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
        self.pedigrees: dict[str, PedigreeEntry] = {}
        self.bookmakers: set[str] = set()
        notes = self.notes
        self.naturals = Memo(normalise.natural, "draw", notes)
        self.wholes = Memo(normalise.whole, "whole number", notes)
        self.absences = Memo(normalise.absence, "days since last run", notes)
        self.amounts = Memo(normalise.amount, "number", notes)
        self.days = Memo(normalise.day, "date of birth", notes)
        self.riders = Memo(normalise.rider, "jockey", notes)
        self.sums = Memo(normalise.money, "prize", notes)
        self.yards = Memo(normalise.yards, "distance", notes)
        self.furlongs = Memo(normalise.furlongs, "distance", notes)

    def read(self, bodies: Sequence[bytes], fetched_at: datetime) -> Parsed:
        """Read all pages."""
        parsed, request = self.parsed, self.request
        pages = RACECARDS.read(bodies, request)
        day = place_races(pages, request, parsed=parsed, clock_of=lambda race: race.off_time)
        for placed in day.races:
            self._race(placed)
        parsed.rows |= {
            RaceCard: self.races,
            RunnerCard: self.runners,
            PedigreeEntry: list(self.pedigrees.values()),
        }
        self.entities.into(parsed)
        self._bookmaker_rows()
        parsed.notes.update(self.notes)
        verdict = Verdict(day.lost_races, pages.total, day.refused_races, fetched_at)
        parsed.outcomes = outcomes(request.units, lambda key: verdict.of(*day.unit(key)))
        rejected = Counter(reject.dataset for reject in parsed.rejects)
        parsed.read = {
            "ra_races": day.races_read,
            "ra_runners": len(self.runners)
            + rejected["ra_runners"]
            + parsed.duplicates.get("ra_runners", 0),
        }
        return parsed

    def _race(self, placed: PlacedRace[CardRace]) -> None:
        """Add a race with its runners; a runner that cannot be taken does not cost the race."""
        self._race_row(placed)
        seen: set[str] = set()
        longest = memoryview(b"")
        for at, runner in enumerate(placed.race.runners):
            if runner.horse_id in seen:
                known = self.parsed.duplicates.get("ra_runners", 0)
                self.parsed.duplicates["ra_runners"] = known + 1
                continue
            seen.add(runner.horse_id)
            try:
                self._runner(placed, runner)
            except ValueError as error:
                raw = shown(msgspec.json.encode(runner))
                reject_runner(self.parsed, placed, at=at, reason=str(error), raw=raw)
            odds = memoryview(runner.odds)
            longest = odds if len(odds) > len(longest) else longest
        # Bookmakers price whole races: the runner with most prices names them all.
        if longest:
            try:
                self.bookmakers.update(odds.bookmaker for odds in _ODDS.decode(longest))
            except READ_ERRORS as error:
                self.notes[f"odds are not a list of prices: {error}"] += 1

    def _race_row(self, placed: PlacedRace[CardRace]) -> None:
        race, off = placed.race, placed.off
        clock = None if off is None else off.time()
        distance_y = self.yards[race.distance]
        prize = self.sums[race.prize] or _NO_MONEY
        # fmt: off
        self.races.append(RaceCard(
            race.race_id, placed.course_id, text(race.course), placed.race_day, placed.region,
            clock, placed.off_utc, clock, text(race.race_name), placed.number,
            text(race.type), text(race.race_class), text(race.pattern), text(race.age_band),
            text(race.rating_band), text(race.sex_restriction),
            text(race.distance), self.furlongs[race.distance_f],
            normalise.metres(distance_y), distance_y,
            text(race.surface), text(race.going), text(race.jumps),
            "abandoned" if race.is_abandoned else "scheduled",
            None, None, text(race.rail_movements), prize.amount, prize.currency,
            text(race.distance_round), text(race.going_detailed), text(race.stalls),
            text(race.weather), text(race.tip), text(race.verdict), text(race.betting_forecast),
            self.wholes[race.field_size], race.big_race, race.is_abandoned,
        ))
        # fmt: on

    def _runner(self, placed: PlacedRace[CardRace], runner: CardRunner) -> None:
        """Add a runner's row; raises `ValueError` when an id is none."""
        race_id = placed.race.race_id
        entities = self.entities
        horse_id = entities.horse_ids[runner.horse_id] or normalise.missing("horse_id")
        jockey_id = entities.jockey_ids[runner.jockey_id]
        trainer_id = entities.trainer_ids[runner.trainer_id]
        owner_id = entities.owner_ids[runner.owner_id]
        sire_id = entities.sire_ids[runner.sire_id]
        dam_id = entities.dam_ids[runner.dam_id]
        damsire_id = entities.damsire_ids[runner.damsire_id]
        jockey, claim = self.riders[runner.jockey] or _NO_RIDER
        entities.horses[horse_id] = horse = text(runner.horse)
        entities.jockeys[jockey_id] = jockey
        entities.trainers[trainer_id] = trainer = text(runner.trainer)
        entities.owners[owner_id] = owner = text(runner.owner)
        entities.sires[sire_id] = sire = text(runner.sire)
        entities.dams[dam_id] = dam = text(runner.dam)
        entities.damsires[damsire_id] = damsire = text(runner.damsire)
        self.pedigrees[horse_id] = PedigreeEntry(
            horse_id, sire_id, sire, dam_id, dam, damsire_id, damsire
        )
        is_scratched = runner.number == _NON_RUNNER
        weight_lbs = self.wholes[runner.lbs]
        weight_st_lbs = normalise.stones(weight_lbs)
        # fmt: off
        self.runners.append(RunnerCard(
            race_id, horse_id, f"{race_id}:{horse_id}", placed.race_day, placed.region, horse,
            jockey, trainer, owner, jockey_id, trainer_id, owner_id, sire_id, dam_id, damsire_id,
            None if is_scratched else text(runner.number), self.naturals[runner.draw], weight_lbs,
            weight_st_lbs, weight_st_lbs, self.wholes[runner.age], text(runner.sex),
            text(runner.headgear), claim, is_scratched, None, text(runner.sex_code),
            text(runner.colour), self.days[runner.dob], text(runner.headgear_run),
            text(runner.wind_surgery), text(runner.wind_surgery_run), text(runner.form),
            self.absences[runner.last_run], self.wholes[runner.ofr], self.wholes[runner.rpr],
            self.wholes[runner.ts], text(runner.comment), text(runner.spotlight),
            self.amounts[runner.trainer_rtf], runner.past_results_flags or None,
            text(runner.trainer_location), text(runner.silk_url),
        ))
        # fmt: on

    def _bookmaker_rows(self) -> None:
        if not self.bookmakers:
            return
        self.parsed.rows[BookmakerSeen] = [
            BookmakerSeen(code_of(name), name, "online", is_active=True)
            for name in sorted(self.bookmakers)
        ]
        for name in self.bookmakers:
            if not is_shipped(name):
                self.notes[f"bookmaker first seen in odds: {name}"] += 1
