"""The endpoints of the racing sandbox."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, Final, TypedDict, Unpack

from stocktake.systems.racing.sandbox import cards, wire
from stocktake.systems.racing.sandbox.faults import (
    CONTENT_FAULTS,
    ContentFaults,
    Shown,
    units_of_day,
)
from stocktake.systems.racing.sandbox.fixtures import CARD_DAYS_AHEAD, FIRST_CARD_DAY, days
from stocktake.systems.racing.sandbox.lookups import Lookups
from stocktake.systems.racing.sandbox.params import Params, RefusedError
from stocktake.systems.racing.sandbox.places import COURSES, REGIONS
from stocktake.systems.racing.sandbox.population import Horse
from stocktake.systems.racing.sandbox.smaller import smaller_card, smaller_result
from stocktake.systems.racing.sandbox.world import Race, World
from stocktake.testing import (
    TRANSPORT_FAULTS,
    Asked,
    Fault,
    FaultRules,
    Reply,
    Route,
    SandboxServer,
)

LIMITS: Final[Mapping[str, float]] = {
    "/v1/courses/regions": 1,
    "/v1/courses": 1,
    "/v1/racecards/pro": 2,
    "/v1/racecards/summaries": 5,
    "/v1/racecards/{race_id}/pro": 5,
    "/v1/racecards/free": 1,
    "/v1/racecards/basic": 2,
    "/v1/racecards/standard": 2,
    "/v1/racecards/big-races": 2,
    "/v1/results/today": 5,
    "/v1/results/today/free": 1,
    "/v1/results": 5,
    "/v1/results/{race_id}": 5,
    "/v1/horses/search": 5,
    "/v1/horses/{horse_id}/pro": 5,
    "/v1/horses/{horse_id}/standard": 5,
    "/v1/horses/{horse_id}/results": 5,
    "/v1/jockeys/search": 5,
    "/v1/trainers/search": 5,
    "/v1/owners/search": 5,
    "/v1/sires/search": 5,
    "/v1/dams/search": 5,
    "/v1/damsires/search": 5,
    "/v1/odds/{race_id}/{horse_id}": 5,
}
"""Requests per second each endpoint admits; anything else is 404."""

RESULTS_LIMIT_MOST: Final = 100
RESULTS_LIMIT_DEFAULT: Final = 50
RESULTS_SKIP_MOST: Final = 20_000
RESULTS_RANGE_DAYS: Final = 365
CARDS_LIMIT_MOST: Final = 500
CARDS_SKIP_MOST: Final = 500
NEAR_DAYS: Final = ("today", "tomorrow")
DEFAULT_USER: Final = "sandbox"
# Not a word: wherever a source echoes its password, captures have stars.
DEFAULT_PASSWORD: Final = "not-a-secret"  # noqa: S105 -- it says so itself

_NOT_FOUND: Final = Reply.of_json({"detail": "Not Found"}, status=404)

Fields = dict[str, Any]


class Login(TypedDict, total=False):
    """The login a sandbox asks for."""

    user: str
    password: str


def create(
    seed: int = 1,
    scale: str = "full",
    *,
    until: date,
    faults: Sequence[Fault] = (),
    rate_factor: float = 1.0,
    **login: Unpack[Login],
) -> SandboxServer:
    """Return the racing sandbox, not yet started.

    Args:
        seed: Same seed, scale and ``until``: same answers.
        scale: ``full`` (200,000 horses by 2026), ``year`` (one year of it holds an eleventh of
            the full populations; every day answers) or ``week`` (racing on the last seven
            days and the cards ahead, about 250 races; every other day is empty).
        until: Today, as the sandbox sees it; the last day with results.
        faults: Rules in force from the start; see ``CONTENT_FAULTS`` and
            ``stocktake.testing.TRANSPORT_FAULTS``.
        rate_factor: The limits are multiplied by this; 1 is as the real service. It can be
            changed later as ``limit_factor`` of what is returned.
        login: ``user`` and ``password`` asked for; ``sandbox`` and ``not-a-secret`` when left
            out.

    Raises:
        KeyError: No such scale.
        UnknownFaultError: A fault of an unknown kind.
    """
    world = World(seed, scale, until)
    rules = FaultRules(faults, kinds=TRANSPORT_FAULTS | CONTENT_FAULTS.keys(), seed=seed)
    answers = Answers(world, ContentFaults(rules, world))
    routes = [
        Route(pattern, _guarded(answer), LIMITS[pattern])
        for pattern, answer in answers.by_pattern().items()
    ]
    asked_for = login.get("user", DEFAULT_USER), login.get("password", DEFAULT_PASSWORD)
    server = SandboxServer(routes, login=asked_for, rules=rules)
    server.limit_factor = rate_factor
    return server


def _guarded(answer: Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
    def guarded(asked: Asked) -> Reply:
        try:
            return answer(asked)
        except RefusedError as refused:
            return refused.reply

    return guarded


def _as_it_is(race: Fields) -> Fields:
    return race


class Answers:
    """What each endpoint says.

    Args:
        world: The racing.
        faults: What to get wrong.
    """

    def __init__(self, world: World, faults: ContentFaults) -> None:
        self._world = world
        self._faults = faults
        self._today = world.until

    def by_pattern(self) -> Mapping[str, Callable[[Asked], Reply]]:
        """Return the answer of each endpoint by its pattern."""
        return {
            "/v1/courses/regions": self._regions,
            "/v1/courses": self._courses,
            "/v1/racecards/pro": self._cards,
            "/v1/racecards/summaries": self._summaries,
            "/v1/racecards/{race_id}/pro": self._card,
            "/v1/racecards/free": partial(self._near_cards, "free"),
            "/v1/racecards/basic": partial(self._near_cards, "basic"),
            "/v1/racecards/standard": partial(self._near_cards, "standard"),
            "/v1/racecards/big-races": self._big_races,
            "/v1/results/today": partial(self._results_today, "basic"),
            "/v1/results/today/free": partial(self._results_today, "free"),
            "/v1/results": self._results,
            "/v1/results/{race_id}": self._result,
            "/v1/horses/{horse_id}/pro": self._horse_pro,
            "/v1/horses/{horse_id}/standard": self._horse_standard,
            "/v1/horses/{horse_id}/results": self._horse_results,
            **Lookups(self._world).by_pattern(),
        }

    def _regions(self, _asked: Asked) -> Reply:
        return Reply.of_json([{"region": name, "region_code": code} for code, name in REGIONS])

    def _courses(self, asked: Asked) -> Reply:
        codes = Params(asked).values("region_codes")
        listed = [
            {
                "id": course.id,
                "course": course.name,
                "region_code": course.region_code,
                "region": course.region,
            }
            for course in COURSES
            if not codes or course.region_code in codes
        ]
        return Reply.of_json({"courses": listed, "total": len(listed)})

    def _has_cards(self, day: date) -> bool:
        return FIRST_CARD_DAY <= day <= self._today + timedelta(days=CARD_DAYS_AHEAD)

    def _carded(self, params: Params, day: date) -> list[Race]:
        codes, courses = params.values("region_codes"), params.values("course_ids")
        if not self._has_cards(day):
            return []
        races = [
            race
            for race in self._world.races_on(day)
            if _is_at(race, regions=codes, courses=courses)
        ]
        return sorted(races, key=lambda race: race.off)

    def _cards(self, asked: Asked) -> Reply:
        params = Params(asked)
        return self._cards_page(asked, params, params.day("date", default=self._today))

    def _cards_page(
        self,
        asked: Asked,
        params: Params,
        day: date,
        *,
        shape: Callable[[Fields], Fields] = _as_it_is,
    ) -> Reply:
        limit = params.number("limit", default=CARDS_LIMIT_MOST, least=1, most=CARDS_LIMIT_MOST)
        skip = params.number("skip", default=0, least=0, most=CARDS_SKIP_MOST)
        races = self._carded(params, day)
        page = [shape(self._render_card(race, asked)) for race in races[skip : skip + limit]]
        page = self._faults.page(page, skip=skip, units=units_of_day(day), endpoint=asked.endpoint)
        return _envelope("racecards", page, len(races), (limit, skip), params)

    def _render_card(self, race: Race, asked: Asked) -> Fields:
        return self._faults.card(race, cards.racecard(race, self._today), endpoint=asked.endpoint)

    def _summaries(self, asked: Asked) -> Reply:
        params = Params(asked)
        races = self._carded(params, params.day("date", default=self._today))
        page = [
            {
                **cards.summary(race),
                "is_abandoned": self._faults.is_abandoned(race, asked.endpoint),
            }
            for race in races
        ]
        return Reply.of_json({"racecard_summaries": page, "query": params.echo()})

    def _near_cards(self, plan: str, asked: Asked) -> Reply:
        """Answer with the cards of today or tomorrow, which is all that smaller plans have."""
        params = Params(asked)
        word = params.text("day") or "today"
        if word not in NEAR_DAYS:
            raise RefusedError("day", "value is not today or tomorrow", "value_error")
        day = self._today + timedelta(days=NEAR_DAYS.index(word))
        return self._cards_page(asked, params, day, shape=partial(smaller_card, plan=plan))

    def _big_races(self, asked: Asked) -> Reply:
        params = Params(asked)
        first = params.day("start_date", default=self._today)
        ahead = self._today + timedelta(days=CARD_DAYS_AHEAD)
        last = params.day("end_date", default=ahead)
        if first < self._today:
            raise RefusedError("start_date", "date must be today or greater", "value_error")
        races = [
            self._render_card(race, asked)
            for day in days(first, min(last, ahead))
            for race in self._world.races_on(day)
            if race.conditions.is_big
        ]
        return _envelope("racecards", races, len(races), (CARDS_LIMIT_MOST, 0), params)

    def _card(self, asked: Asked) -> Reply:
        race = self._world.race(asked.parts["race_id"])
        if race is None or not self._has_cards(race.day):
            return _NOT_FOUND
        return Reply.of_json(self._render_card(race, asked))

    def _results(self, asked: Asked) -> Reply:
        params = Params(asked)
        last = params.day("end_date", default=self._today)
        first = params.day("start_date", default=last - timedelta(days=RESULTS_RANGE_DAYS))
        if (last - first).days > RESULTS_RANGE_DAYS:
            message = f"date range must not exceed {RESULTS_RANGE_DAYS} days"
            raise RefusedError("end_date", message, "value_error")
        _paging(params)  # refused before a year of racing is made
        shown: list[Shown] = []
        for day in reversed(list(days(first, min(last, self._today)))):
            shown += self._faults.results_on(day, asked.endpoint)
        return self._results_page(asked, params, shown, units_of_day(first))

    def _results_today(self, plan: str, asked: Asked) -> Reply:
        shown = self._faults.results_on(self._today, asked.endpoint)
        units, shape = units_of_day(self._today), partial(smaller_result, plan=plan)
        return self._results_page(asked, Params(asked), shown, units, shape=shape)

    def _results_page(
        self,
        asked: Asked,
        params: Params,
        shown: Sequence[Shown],
        units: Sequence[str],
        *,
        shape: Callable[[Fields], Fields] = _as_it_is,
    ) -> Reply:
        limit, skip = _paging(params)
        wanted = _wanted(params)
        found = [each for each in shown if wanted(each.race)]
        page = [
            shape(self._faults.result(each, wire.result_race(each.race), endpoint=asked.endpoint))
            for each in found[skip : skip + limit]
        ]
        page = self._faults.page(page, skip=skip, units=units, endpoint=asked.endpoint)
        return _envelope("results", page, len(found), (limit, skip), params)

    def _result(self, asked: Asked) -> Reply:
        race = self._world.race(asked.parts["race_id"])
        if race is None or race.day > self._today:
            return _NOT_FOUND
        on_day = self._faults.results_on(race.day, asked.endpoint)
        for shown in on_day:
            if shown.race.id == race.id:
                fields = wire.result_race(race)
                return Reply.of_json(self._faults.result(shown, fields, endpoint=asked.endpoint))
        return _NOT_FOUND

    def _horse(self, asked: Asked) -> Horse | None:
        horse_id = asked.parts["horse_id"]
        if self._faults.is_unknown(horse_id, asked.endpoint):
            return None
        return self._world.population.horse_of_id(horse_id, until_year=self._today.year)

    def _horse_pro(self, asked: Asked) -> Reply:
        horse = self._horse(asked)
        if horse is None:
            return _NOT_FOUND
        fields = wire.horse_pro(horse, self._today.year)
        self._faults.rename(fields, "name", endpoint=asked.endpoint)
        return Reply.of_json(fields)

    def _horse_standard(self, asked: Asked) -> Reply:
        horse = self._horse(asked)
        return _NOT_FOUND if horse is None else Reply.of_json(wire.horse_standard(horse))

    def _horse_results(self, asked: Asked) -> Reply:
        horse = self._horse(asked)
        if horse is None:
            return _NOT_FOUND
        params = Params(asked)
        first = params.day("start_date", default=date.min)
        last = params.day("end_date", default=self._today)
        shown: list[Shown] = []
        for day in self._world.days_of_horse(horse):
            if first <= day <= min(last, self._today):
                shown += [
                    Shown(race, day)
                    for race in self._world.races_on(day)
                    if any(entry.horse.index == horse.index for entry in race.starters)
                ]
        return self._results_page(asked, params, shown[::-1], (asked.parts["horse_id"],))


def _paging(params: Params) -> tuple[int, int]:
    """Return limit and skip of a results request."""
    return (
        params.number("limit", default=RESULTS_LIMIT_DEFAULT, least=1, most=RESULTS_LIMIT_MOST),
        params.number("skip", default=0, least=0, most=RESULTS_SKIP_MOST),
    )


def _is_at(race: Race, *, regions: frozenset[str], courses: frozenset[str]) -> bool:
    """Say whether a race is in the places asked for; courses override regions."""
    if courses:
        return race.meeting.course.id in courses
    return not regions or race.meeting.region.lower() in regions


def _wanted(params: Params) -> Callable[[Race], bool]:
    """Return the filter of a results request."""
    regions, courses = params.values("region"), params.values("course")
    shortest = params.number("min_distance_y", default=0, least=0)
    longest = params.number("max_distance_y", default=1_000_000, least=0)
    texts = {name: params.values(name) for name in ("type", "going", "race_class", "age_band")}
    sexes = params.values("sex_restriction")

    def wanted(race: Race) -> bool:
        final = race.conditions
        said = {
            "type": final.kind,
            "going": final.going,
            "race_class": wire.class_text(race),
            "age_band": final.age_band,
        }
        return (
            _is_at(race, regions=regions, courses=courses)
            and shortest <= final.yards <= longest
            and all(not asked or _slug(said[name]) in asked for name, asked in texts.items())
            and (not sexes or final.sex_restriction.lower() in sexes)
        )

    return wanted


def _slug(text: str) -> str:
    return text.lower().replace(" ", "_")


def _envelope(
    name: str, page: list[Fields], total: int, paging: tuple[int, int], params: Params
) -> Reply:
    limit, skip = paging
    envelope = {name: page, "total": total, "limit": limit, "skip": skip, "query": params.echo()}
    return Reply.of_json(envelope)
