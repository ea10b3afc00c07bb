"""The made-up racing looks like the real: the same every time, and right on average."""

import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from statistics import mean

import msgspec
import pytest

from stocktake.systems.racing.sandbox import cards, wire
from stocktake.systems.racing.sandbox.fixtures import is_closed
from stocktake.systems.racing.sandbox.running import PRICES, clock, lengths
from stocktake.systems.racing.sandbox.world import Race, World
from tests.systems.racing.sandbox_client import UNTIL

# Every eleventh day: all weekdays, all seasons, several years.
SAMPLED = [date(2021, 1, 1) + timedelta(days=11 * step) for step in range(150)]


@pytest.fixture(scope="module")
def world() -> World:
    return World(1, "full", UNTIL)


@pytest.fixture(scope="module")
def sampled(world: World) -> dict[date, tuple[Race, ...]]:
    return {day: world.races_on(day) for day in SAMPLED}


@pytest.fixture(scope="module")
def races(sampled: dict[date, tuple[Race, ...]]) -> list[Race]:
    return [race for day in sampled.values() for race in day]


def rendered(world: World, day: date) -> bytes:
    return msgspec.json.encode(
        [(wire.result_race(race), cards.racecard(race, UNTIL)) for race in world.races_on(day)]
    )


def test_a_day_is_the_same_whatever_was_asked_before(world: World) -> None:
    fresh = World(1, "full", UNTIL)

    assert rendered(fresh, date(2024, 6, 1)) == rendered(world, date(2024, 6, 1))


def test_a_day_is_the_same_in_another_interpreter(world: World) -> None:
    text = (
        "from datetime import date; import sys, msgspec\n"
        "from stocktake.systems.racing.sandbox import wire\n"
        "from stocktake.systems.racing.sandbox.world import World\n"
        "races = World(1, 'full', date(2026, 11, 21)).races_on(date(2024, 6, 1))\n"
        "sys.stdout.buffer.write(msgspec.json.encode([wire.result_race(r) for r in races]))"
    )
    other = subprocess.run([sys.executable, "-c", text], capture_output=True, check=True).stdout
    own = [wire.result_race(race) for race in world.races_on(date(2024, 6, 1))]

    assert other == msgspec.json.encode(own)


def test_a_later_last_day_changes_no_earlier_result(world: World) -> None:
    later = World(1, "full", UNTIL + timedelta(days=400))

    assert rendered(later, date(2024, 6, 1)) == rendered(world, date(2024, 6, 1))


def test_another_seed_is_another_world(world: World) -> None:
    other = World(2, "full", UNTIL)

    assert rendered(other, date(2024, 6, 1)) != rendered(world, date(2024, 6, 1))


def test_about_forty_races_on_an_ordinary_day(sampled: dict[date, tuple[Race, ...]]) -> None:
    ordinary = [len(found) for day, found in sampled.items() if day.weekday() < 6]

    assert 36 <= mean(ordinary) <= 42


def test_a_year_has_as_many_races_as_really(sampled: dict[date, tuple[Race, ...]]) -> None:
    yearly = mean(map(len, sampled.values())) * 365.25

    assert 12_200 <= yearly <= 13_400


def test_a_racing_day_has_6_to_75_races(sampled: dict[date, tuple[Race, ...]]) -> None:
    assert all(6 <= len(found) <= 75 for found in sampled.values() if found)


def test_declared_runners_average_9_7(races: list[Race]) -> None:
    assert mean(len(race.entries) for race in races) == pytest.approx(9.7, abs=0.5)


def test_starters_average_8_9(races: list[Race]) -> None:
    assert mean(len(race.starters) for race in races) == pytest.approx(8.9, abs=0.5)


def test_fields_are_2_to_34_strong(races: list[Race]) -> None:
    assert all(2 <= len(race.starters) <= len(race.entries) <= 34 for race in races)


def test_ireland_has_a_fifth_of_the_races(races: list[Race]) -> None:
    assert mean(race.meeting.region == "IRE" for race in races) == pytest.approx(0.22, abs=0.03)


def test_a_fifth_of_the_days_have_no_irish_racing(
    sampled: dict[date, tuple[Race, ...]],
) -> None:
    blank = [not any(race.meeting.region == "IRE" for race in found) for found in sampled.values()]

    assert mean(blank) == pytest.approx(0.20, abs=0.06)


def test_winners_against_expectation(races: list[Race]) -> None:
    starters = [entry.finish for race in races for entry in race.starters if entry.finish]
    won = sum(finish.position == "1" for finish in starters)
    expected = sum(1 / PRICES[finish.price][0] for finish in starters)

    assert 0.75 <= won / expected <= 0.95


def test_the_market_has_a_margin(races: list[Race]) -> None:
    books = [
        sum(1 / PRICES[entry.finish.price][0] for entry in race.starters if entry.finish)
        for race in races
    ]

    assert 1.10 <= mean(books) <= 1.30


def test_non_runners_are_a_twelfth(races: list[Race]) -> None:
    entries = [entry for race in races for entry in race.entries]

    assert mean(bool(entry.reason) for entry in entries) == pytest.approx(0.08, abs=0.01)


def test_some_jumpers_do_not_finish(races: list[Race]) -> None:
    jumpers = [
        entry.finish
        for race in races
        if race.conditions.is_jumps
        for entry in race.starters
        if entry.finish
    ]

    share = mean(not finish.position.isdigit() for finish in jumpers)
    assert share == pytest.approx(0.055, abs=0.01)


def test_dead_heats_are_rare(races: list[Race]) -> None:
    heats = 0
    for race in races:
        placed = Counter(entry.finish.position for entry in race.starters if entry.finish)
        heats += any(count > 1 for place, count in placed.items() if place.isdigit())

    assert 0.001 <= heats / len(races) <= 0.006


def test_every_race_has_a_winner(races: list[Race]) -> None:
    assert all(wire.result_race(race)["runners"][0]["position"] == "1" for race in races[:500])  # type: ignore[index]


def test_better_horses_win_more(races: list[Race]) -> None:
    winners = [race.starters[0].horse.ability for race in races]
    everyone = [entry.horse.ability for race in races for entry in race.starters]

    assert mean(winners) > mean(everyone) + 0.15


def test_a_horse_runs_once_a_day(sampled: dict[date, tuple[Race, ...]]) -> None:
    for found in sampled.values():
        ran = [entry.horse.index for race in found for entry in race.entries]
        assert len(ran) == len(set(ran))


def test_a_jockey_rides_once_a_race(races: list[Race]) -> None:
    for race in races:
        riders = [entry.jockey.id for entry in race.entries]
        assert len(riders) == len(set(riders))


def test_flat_runners_have_a_draw_and_jumpers_none(races: list[Race]) -> None:
    assert all(
        (entry.draw > 0) != race.conditions.is_jumps for race in races for entry in race.entries
    )


def test_horses_are_old_enough(races: list[Race]) -> None:
    ages = {
        race.conditions.age_band: min(entry.horse.age(race.day.year) for entry in race.entries)
        for race in races
    }

    assert all(age >= int(band[0]) - (band == "5yo+") for band, age in ages.items())


@pytest.mark.parametrize("year", range(2015, 2027))
def test_nobody_races_at_christmas(world: World, year: int) -> None:
    assert world.races_on(date(year, 12, 25)) == ()


def test_closed_regions_do_not_race(world: World) -> None:
    day = date(2020, 5, 20)

    assert is_closed(day, "gb")
    assert world.races_on(day) == ()


def test_one_region_may_be_closed_alone(world: World) -> None:
    found = world.races_on(date(2019, 2, 10))

    assert {race.meeting.region for race in found} == {"IRE"}


def test_clocks_follow_british_summer_time(world: World) -> None:
    summer, winter = (wire.off_texts(date(2024, month, 1), 14 * 60) for month in (7, 1))

    assert summer == ("2:00", "2024-07-01T14:00:00+01:00")
    assert winter == ("2:00", "2024-01-01T14:00:00+00:00")


def test_horses_have_careers_over_several_days(world: World) -> None:
    runs: Counter[int] = Counter()
    for step in range(60):
        for race in world.races_on(date(2024, 5, 1) + timedelta(days=step)):
            runs.update(entry.horse.index for entry in race.entries)

    assert mean(runs.values()) > 1.15
    assert max(runs.values()) <= 24


def test_a_race_is_found_by_its_id(world: World) -> None:
    race = world.races_on(date(2024, 5, 1))[7]

    assert world.race(race.id) is race


@pytest.mark.parametrize("race_id", ["", "rac_", "rac_x", "rac_1", "hrs_10000000", "rac_²"])
def test_an_impossible_race_id_is_nothing(world: World, race_id: str) -> None:
    assert world.race(race_id) is None


def test_a_horse_is_found_by_its_id(world: World) -> None:
    horse = world.races_on(date(2024, 5, 1))[0].entries[0].horse
    found = world.population.horse_of_id(f"hrs_{horse.number}", until_year=2026)

    assert found == horse


def test_a_full_world_has_200_000_horses(world: World) -> None:
    assert world.population.horse_count(2026) == pytest.approx(200_000, rel=0.01)


def test_some_sires_are_horses_that_raced(races: list[Race], world: World) -> None:
    sires = {entry.horse.sire for race in races for entry in race.entries}
    raced = [
        sire
        for sire in sires
        if world.population.horse_of_id(f"hrs_{sire.number}", until_year=2026)
    ]

    assert raced
    found = world.population.horse_of_id(f"hrs_{raced[0].number}", until_year=2026)
    assert found is not None
    assert (found.name, found.is_female, found.is_gelded) == (raced[0].name, False, False)


def test_one_damsire_has_two_spellings(world: World) -> None:
    names: dict[str, set[str]] = {}
    for step in range(10):
        for race in world.races_on(date(2024, 5, 1) + timedelta(days=step)):
            for runner in wire.result_race(race)["runners"]:  # type: ignore[attr-defined]
                names.setdefault(runner["damsire_id"], set()).add(runner["damsire"])

    assert max(map(len, names.values())) == 2


def test_a_weeks_world_is_a_week_long() -> None:
    world = World(1, "week", UNTIL)
    days = [UNTIL - timedelta(days=back) for back in range(7)]
    found = sum(len(world.races_on(day)) for day in days)

    assert 215 <= found <= 300
    assert world.races_on(UNTIL - timedelta(days=7)) == ()


@pytest.mark.parametrize("scale", ["year", "week"])
def test_smaller_worlds_fill_their_fields(scale: str) -> None:
    world = World(1, scale, UNTIL)
    found = [race for back in range(7) for race in world.races_on(UNTIL - timedelta(days=back))]

    assert mean(len(race.entries) for race in found) == pytest.approx(9.7, abs=0.8)


def test_a_year_has_an_eleventh_of_the_horses() -> None:
    world = World(1, "year", UNTIL)
    slots = (("GB", "flat"), ("GB", "jumps"), ("IRE", "flat"), ("IRE", "jumps"))
    training = {
        index
        for home, code in slots
        for index in world.population.in_training(2026, home=home, code=code, ages=range(2, 30))
    }

    assert len(training) == pytest.approx(200_000 / 11, rel=0.08)


@pytest.mark.parametrize(
    ("seconds", "text"), [(103.25, "1:43.25"), (61.05, "1:1.05"), (58.4, "0:58.40"), (60, "1:0.00")]
)
def test_times_are_written_as_really(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, ".5"), (0.3, "0.3"), (5.25, "5.25"), (11.0, "11"), (0.0, "0")]
)
def test_lengths_are_written_as_really(value: float, text: str) -> None:
    assert lengths(value) == text


def test_prices_grow(races: list[Race]) -> None:
    assert races
    assert all(shorter < longer for (shorter, _), (longer, _) in pairwise(PRICES))
