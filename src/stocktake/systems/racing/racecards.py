"""A day's racecards: bytes to races and declared runners."""

from __future__ import annotations

from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING

import msgspec

from stocktake import Parsed, Request
from stocktake.systems.racing import normalise
from stocktake.systems.racing.answers import READ_ERRORS, Memo, PageReader, Verdict, outcomes, shown
from stocktake.systems.racing.bookmakers import code_of, is_shipped
from stocktake.systems.racing.columns import Columns, looked_up, rows_of
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
_NO_ODDS = msgspec.Raw(b"")
_ODDS = msgspec.json.Decoder(list[Odds])

Declared = tuple[PlacedRace[CardRace], int, CardRunner]
"""A runner with its race and its place in it."""


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
        self.declared: list[Declared] = []
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
        runners = self._runner_rows()
        parsed.rows |= {
            RaceCard: self.races,
            RunnerCard: runners,
            PedigreeEntry: list(self.entities.pedigrees.values()),
        }
        self.entities.into(parsed)
        self._bookmaker_rows()
        parsed.notes.update(self.notes)
        verdict = Verdict(day.lost_races, pages.total, day.refused_races, fetched_at)
        parsed.outcomes = outcomes(request.units, lambda key: verdict.of(*day.unit(key)))
        rejected = Counter(reject.dataset for reject in parsed.rejects)
        parsed.read = {
            "ra_races": day.races_read,
            "ra_runners": len(runners)
            + rejected["ra_runners"]
            + parsed.duplicates.get("ra_runners", 0),
        }
        return parsed

    def _race(self, placed: PlacedRace[CardRace]) -> None:
        """Add a race and note its runners."""
        self._race_row(placed)
        runners = list(enumerate(placed.race.runners))
        first = {runner.horse_id: at for at, runner in reversed(runners)}
        if repeated := len(runners) - len(first):
            known = self.parsed.duplicates.get("ra_runners", 0)
            self.parsed.duplicates["ra_runners"] = known + repeated
            runners = [runners[at] for at in sorted(first.values())]
        self.declared += [(placed, at, runner) for at, runner in runners]
        # Bookmakers price whole races: the runner with most prices names them all.
        longest = max((runner.odds for runner in placed.race.runners), key=len, default=_NO_ODDS)
        if len(longest):
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

    def _is_sound(self, declared: Declared) -> bool:
        """Reject a runner that cannot be taken; its race is not lost for that."""
        placed, at, runner = declared
        try:
            self.entities.check(runner)
        except ValueError as error:
            raw = shown(msgspec.json.encode(runner))
            reject_runner(self.parsed, placed, at=at, reason=str(error), raw=raw)
            return False
        return True

    def _runner_rows(self) -> list[tuple[object, ...]]:
        """Return a row per runner noted."""
        told = Columns(CardRunner, [runner for _, _, runner in self.declared])
        try:
            people = self.entities.ids(told)
        except ValueError:
            self.declared = list(filter(self._is_sound, self.declared))
            told = Columns(CardRunner, [runner for _, _, runner in self.declared])
            people = self.entities.ids(told)
        races = [placed for placed, _, _ in self.declared]
        race_ids, horse_ids = [placed.race.race_id for placed in races], people[0]
        texts, read = told.texts, told.read
        riders = [rider or _NO_RIDER for rider in read("jockey", self.riders)]
        jockeys, claims = zip(*riders, strict=True) if riders else ((), ())
        horses, trainers, owners = texts("horse"), texts("trainer"), texts("owner")
        parents = texts("sire"), texts("dam"), texts("damsire")
        self.entities.saw(people, (horses, jockeys, trainers, owners, *parents))
        scratched = [number == _NON_RUNNER for number in told["number"]]
        numbers = [None if number == _NON_RUNNER else number for number in texts("number")]
        pounds = read("lbs", self.wholes)
        stones = looked_up(pounds, {one: normalise.stones(one) for one in set(pounds)})
        # fmt: off
        return rows_of(
            RunnerCard,
            race_ids, horse_ids, map("{}:{}".format, race_ids, horse_ids),
            [placed.race_day for placed in races], [placed.region for placed in races],
            horses, jockeys, trainers, owners, *people[1:],
            numbers, read("draw", self.naturals), pounds, stones, stones,
            read("age", self.wholes), texts("sex"), texts("headgear"),
            claims, scratched,
            repeat(None, len(races)), texts("sex_code"), texts("colour"), read("dob", self.days),
            texts("headgear_run"), texts("wind_surgery"), texts("wind_surgery_run"), texts("form"),
            read("last_run", self.absences), read("ofr", self.wholes), read("rpr", self.wholes),
            read("ts", self.wholes), texts("comment"), texts("spotlight"),
            read("trainer_rtf", self.amounts),
            [flags or None for flags in told["past_results_flags"]],
            texts("trainer_location"), texts("silk_url"),
        )
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
