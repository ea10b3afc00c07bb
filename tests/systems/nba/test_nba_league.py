"""The made-up league keeps the laws of the game and looks like the real one."""

import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, timedelta
from itertools import pairwise
from math import hypot
from statistics import mean, pstdev
from typing import Any

import pytest

from stocktake.systems.nba.sandbox.dates import EASTERN, season_dates
from stocktake.systems.nba.sandbox.fixtures import Game, regular_games
from stocktake.systems.nba.sandbox.flow import flow
from stocktake.systems.nba.sandbox.league import League, Season, played_games
from stocktake.systems.nba.sandbox.lines import COUNTS, Box, Side, Tally
from stocktake.systems.nba.sandbox.logs import rounded_minutes
from stocktake.systems.nba.sandbox.names import player_name
from stocktake.systems.nba.sandbox.plays import actions
from stocktake.systems.nba.sandbox.teams import TEAMS
from stocktake.systems.nba.sandbox.views import corrected, half_time

SUMMER = date(2025, 8, 1)
FIXTURES = [(1, 2022), (1, 2024), (2, 2025), (5, 2026)]


@pytest.fixture(scope="module", params=[(1, 2024), (7, 2021)], ids=["seed1", "seed7"])
def season(request: pytest.FixtureRequest) -> Season:
    seed, start_year = request.param
    return Season(seed, start_year, date(start_year + 1, 8, 1))


@pytest.fixture(scope="module")
def boxes(season: Season) -> list[Box]:
    return [season.box(game) for game in season.games]


@pytest.fixture(scope="module")
def regular(boxes: list[Box]) -> list[Box]:
    return [box for box in boxes if box.game.kind == "regular"]


@pytest.fixture(scope="module", params=FIXTURES, ids=str)
def fixtures(request: pytest.FixtureRequest) -> tuple[Game, ...]:
    seed, start_year = request.param
    return regular_games(seed, start_year)


# --- the schedule -----------------------------------------------------------------------------


def test_a_season_has_dense_ids(fixtures: tuple[Game, ...]) -> None:
    year = fixtures[0].start_year % 100

    assert sorted(game.id for game in fixtures) == [
        f"002{year:02}{number:05}" for number in range(1, 1_231)
    ]


def test_every_team_plays_41_games_at_home_and_41_away(fixtures: tuple[Game, ...]) -> None:
    home = Counter(game.home.index for game in fixtures)
    away = Counter(game.away.index for game in fixtures)

    assert set(home.values()) == set(away.values()) == {41}
    assert len(home) == 30


def test_no_team_plays_twice_a_day(fixtures: tuple[Game, ...]) -> None:
    played = Counter((team.id, game.day) for game in fixtures for team in game.sides)

    assert max(played.values()) == 1


def test_a_season_has_about_163_days_of_one_to_fifteen_games(fixtures: tuple[Game, ...]) -> None:
    on_day = Counter(game.day for game in fixtures)

    assert 161 <= len(on_day) <= 164
    assert min(on_day.values()) >= 1
    assert max(on_day.values()) == 15


def test_days_off_are_kept(fixtures: tuple[Game, ...]) -> None:
    days = sorted({game.day for game in fixtures})
    longest = max((later - sooner).days - 1 for sooner, later in pairwise(days))

    assert (12, 24) not in {(day.month, day.day) for day in days}
    assert longest == 6


def test_back_to_backs_are_as_common_as_in_life(fixtures: tuple[Game, ...]) -> None:
    played = {(team.id, game.day) for game in fixtures for team in game.sides}
    seconds = sum((team, day - timedelta(days=1)) in played for team, day in played)

    assert 330 <= seconds <= 480


def test_two_to_four_games_are_moved_to_a_later_day(fixtures: tuple[Game, ...]) -> None:
    moved = [game for game in fixtures if game.moved_from is not None]

    assert 2 <= len(moved) <= 4
    assert all(game.moved_from < game.day for game in moved if game.moved_from)


def test_five_games_are_on_neutral_ground(fixtures: tuple[Game, ...]) -> None:
    assert sum(game.is_neutral for game in fixtures) == 5


def test_thirty_games_of_december_are_listed_late(fixtures: tuple[Game, ...]) -> None:
    dates = season_dates(fixtures[0].start_year)
    late = [game for game in fixtures if game.listed_from == dates.announced]

    assert sorted(int(game.id[-4:]) for game in late) == list(range(1_201, 1_231))
    assert dates.announced.month == 12
    assert all(game.listed_from < min(game.day, game.moved_from or game.day) for game in late)


def test_evening_games_begin_on_the_next_utc_day(fixtures: tuple[Game, ...]) -> None:
    winter = [game for game in fixtures if game.day.month in {12, 1, 2}]
    next_day = [game for game in winter if game.tip_off.astimezone(UTC).date() != game.day]

    assert len(next_day) > len(winter) / 2
    assert all(game.tip_off.astimezone(EASTERN).date() == game.day for game in fixtures)


@pytest.mark.parametrize(
    ("start_year", "first", "last"),
    [
        (2022, date(2022, 10, 18), date(2023, 4, 9)),
        (2023, date(2023, 10, 24), date(2024, 4, 14)),
        (2024, date(2024, 10, 22), date(2025, 4, 13)),
    ],
)
def test_seasons_begin_and_end_as_the_real_ones_did(
    start_year: int, first: date, last: date
) -> None:
    dates = season_dates(start_year)

    assert (dates.first, dates.last) == (first, last)


def test_the_endings_have_their_games(season: Season) -> None:
    kinds = Counter(game.kind for game in season.games)

    assert (kinds["cup_final"], kinds["play_in"], kinds["all_star"]) == (1, 6, 1)
    assert 79 <= kinds["playoffs"] <= 89
    assert kinds["pre"] > 40


def test_a_series_ends_with_a_fourth_win(season: Season) -> None:
    series: dict[str, list[Game]] = defaultdict(list)
    for game in season.games:
        if game.kind == "playoffs":
            series[game.id[:9]].append(game)

    assert len(series) == 15
    for games in series.values():
        wins = Counter(season.winner_of(game).id for game in games)
        assert max(wins.values()) == 4
        assert season.winner_of(games[-1]).id == wins.most_common(1)[0][0]


def test_playoff_ids_name_round_series_and_game(season: Season) -> None:
    numbers = {game.id[5:] for game in season.games if game.kind == "playoffs"}
    rounds = Counter(number[2] for number in numbers)

    assert {number[:2] for number in numbers} == {"00"}
    assert sorted(rounds) == ["1", "2", "3", "4"]


# --- box scores -------------------------------------------------------------------------------


def test_nothing_is_made_that_was_not_tried(boxes: list[Box]) -> None:
    for box in boxes:
        for side in box.sides:
            for line in side.lines:
                tally = line.tally
                assert 0 <= tally.fg3m <= tally.fg3a <= tally.fga
                assert tally.fg3m <= tally.fgm <= tally.fga
                assert tally.fgm - tally.fg3m <= tally.fga - tally.fg3a
                assert 0 <= tally.ftm <= tally.fta
                assert 0 <= tally.pf <= 6
                assert min(getattr(tally, name) for name in COUNTS) >= 0


def test_no_game_is_drawn(boxes: list[Box]) -> None:
    assert all(box.score[0] != box.score[1] for box in boxes)


def test_margins_add_up_to_five_times_the_teams(boxes: list[Box]) -> None:
    for box in boxes:
        margin = box.score[0] - box.score[1]
        sums = [sum(line.plus_minus for line in side.lines) for side in box.sides]
        assert sums == [5 * margin, -5 * margin]


def test_seconds_add_up_and_rounded_minutes_nearly_do(boxes: list[Box]) -> None:
    for box in boxes:
        for side in box.sides:
            assert sum(line.seconds for line in side.lines) == 60 * box.minutes
            assert abs(sum(rounded_minutes(line) for line in side.lines) - box.minutes) <= 5
            assert all(0 < line.seconds <= 48 * 60 + 300 * box.overtimes for line in side.lines)


def test_six_to_fifteen_players_a_team_play_and_five_start(boxes: list[Box]) -> None:
    for box in boxes:
        for side in box.sides:
            assert 6 <= len(side.lines) <= 15
            assert sum(bool(line.start) for line in side.lines) == 5
            names = [line.player.id for line in side.lines]
            names += [player.id for player, _ in side.absent]
            assert len(set(names)) == len(names)


def test_those_absent_say_why(boxes: list[Box]) -> None:
    comments = {comment[:3] for box in boxes for side in box.sides for _, comment in side.absent}

    assert comments == {"DNP", "DND", "NWT"}


def test_assists_and_steals_have_something_to_come_from(boxes: list[Box]) -> None:
    for box in boxes:
        for side, other in (box.sides, box.sides[::-1]):
            own, theirs = side.total(), other.total()
            assert own.ast <= own.fgm
            assert own.stl <= theirs.tov
            assert own.blk <= theirs.fga - theirs.fgm
            assert own.oreb + theirs.dreb <= own.fga - own.fgm + own.fta - own.ftm


def test_a_half_and_a_correction_keep_the_laws(boxes: list[Box]) -> None:
    for box in boxes[::25]:
        half, mended = half_time(box), corrected(box)
        for changed in (half, mended):
            margin = changed.score[0] - changed.score[1]
            assert sum(line.plus_minus for line in changed.home.lines) == 5 * margin
            for side in changed.sides:
                assert all(line.tally.fgm <= line.tally.fga for line in side.lines)
                assert all(line.tally.fg3m <= line.tally.fg3a for line in side.lines)
        assert half.score != box.score
        assert mended.score == box.score
        assert [side.total() for side in mended.sides] == [side.total() for side in box.sides]
        assert mended != box


def test_a_season_looks_like_a_season(season: Season, regular: list[Box]) -> None:
    sides = [side for box in regular for side in box.sides]
    lines = [line for side in sides for line in side.lines]
    margins = [box.score[0] - box.score[1] for box in regular]
    home_wins = mean(margin > 0 for margin, box in zip(margins, regular, strict=True))

    assert 540 <= len({line.player.id for line in lines}) <= 590
    assert 24_500 <= len(lines) <= 28_500
    assert 108 <= mean(side.pts for side in sides) <= 118
    assert 10 <= pstdev(side.pts for side in sides) <= 15
    assert 0.5 <= home_wins <= 0.63
    assert 0.04 <= mean(box.overtimes > 0 for box in regular) <= 0.085
    assert 40 <= sum(rounded_minutes(line) == 0 for line in lines) <= 200
    assert 92 <= mean(_pace(box) for box in regular) <= 108
    wins = season.wins_before(SUMMER)
    assert sum(wins.values()) == 1_230
    assert max(wins.values()) - min(wins.values()) > 20


def _pace(box: Box) -> float:
    totals = [side.total() for side in box.sides]
    plays = sum(total.fga + 0.44 * total.fta - total.oreb + total.tov for total in totals)
    return 48 * plays / 2 / (box.minutes / 5)


def test_traded_players_play_for_two_teams(regular: list[Box]) -> None:
    teams: dict[int, set[int]] = defaultdict(set)
    for box in regular:
        for side in box.sides:
            for line in side.lines:
                teams[line.player.id].add(side.team.id)

    assert 8 <= sum(len(found) == 2 for found in teams.values()) <= 30
    assert max(len(found) for found in teams.values()) <= 3


def test_players_who_score_more_in_autumn_score_more_in_spring(regular: list[Box]) -> None:
    halves: list[dict[int, list[int]]] = [defaultdict(list), defaultdict(list)]
    for place, box in enumerate(regular):
        for side in box.sides:
            for line in side.lines:
                halves[place > 615][line.player.id].append(line.tally.pts)
    pairs = [
        (mean(halves[0][player]), mean(halves[1][player]))
        for player in halves[0].keys() & halves[1].keys()
        if min(len(half[player]) for half in halves) >= 15
    ]

    high = mean(spring for autumn, spring in pairs if autumn >= 15)
    low = mean(spring for autumn, spring in pairs if autumn < 8)
    assert len(pairs) > 200
    assert high > 2 * low


def test_team_mates_shoot_more_when_the_first_scorer_is_absent(regular: list[Box]) -> None:
    ratios = []
    for team in TEAMS:
        sides = [side for box in regular for side in box.sides if side.team is team]
        points: Counter[int] = Counter()
        for side in sides:
            points.update({line.player.id: line.tally.pts for line in side.lines})
        first = points.most_common(1)[0][0]
        others = {player for player, _ in points.most_common(6)} - {first}
        rates: dict[bool, list[float]] = {True: [], False: []}
        for side in sides:
            is_there = any(line.player.id == first for line in side.lines)
            rates[is_there] += [
                60 * line.tally.fga / line.seconds
                for line in side.lines
                if line.player.id in others and line.seconds > 600
            ]
        if min(len(found) for found in rates.values()) >= 15:
            ratios.append(mean(rates[False]) / mean(rates[True]))

    assert len(ratios) >= 8
    assert mean(ratios) > 1.03


def test_recent_and_older_games_together_foretell_better_than_ten_alone(
    regular: list[Box],
) -> None:
    past: dict[int, list[int]] = defaultdict(list)
    errors: dict[str, list[float]] = {"ten": [], "both": []}
    for box in regular:
        for side in box.sides:
            for line in side.lines:
                own = past[line.player.id]
                if len(own) >= 10:
                    ten, season = mean(own[-10:]), mean(own)
                    errors["ten"].append(abs(line.tally.pts - ten))
                    errors["both"].append(abs(line.tally.pts - (ten + season) / 2))
                own.append(line.tally.pts)

    assert 4 <= mean(errors["ten"]) <= 5.6
    assert 0.97 <= mean(errors["both"]) / mean(errors["ten"]) <= 0.995


# --- the course of a game -----------------------------------------------------------------------


def test_periods_add_up_and_overtime_begins_level(boxes: list[Box]) -> None:
    late = [box for box in boxes if box.overtimes]
    for box in [*boxes[::30], *late]:
        home, away = flow(box, 1).scores
        assert (sum(home), sum(away)) == box.score
        assert len(home) == len(away) == 4 + box.overtimes
        for played in range(4, 4 + box.overtimes):
            assert sum(home[:played]) == sum(away[:played])


def test_play_by_play_adds_up_to_the_box_score(boxes: list[Box]) -> None:
    late = [box for box in boxes if box.overtimes][:6]
    for box in [*boxes[::60], *late]:
        told = actions(box, 1)
        assert len(told) > 350
        for side in box.sides:
            for line in side.lines:
                own = [action for action in told if action["personId"] == line.player.id]
                assert counts_told(own) == counts_of(line.tally)
            assert passes_told(told, side) == passes_of(side)
        assert [told[-1]["scoreHome"], told[-1]["scoreAway"]] == [str(pts) for pts in box.score]


def counts_of(tally: Tally) -> dict[str, int]:
    names = ("fga", "fgm", "fg3a", "fg3m", "fta", "ftm", "reb", "stl", "blk", "tov", "pf")
    return {name: getattr(tally, name) for name in names}


def counts_told(own: list[dict[str, Any]]) -> dict[str, int]:
    shots = [action for action in own if action["isFieldGoal"]]
    made = [shot for shot in shots if shot["shotResult"] == "Made"]
    throws = [action for action in own if action["actionType"] == "Free Throw"]
    return {
        "fga": len(shots),
        "fgm": len(made),
        "fg3a": sum(shot["shotValue"] == 3 for shot in shots),
        "fg3m": sum(shot["shotValue"] == 3 for shot in made),
        "fta": len(throws),
        "ftm": sum(not throw["description"].startswith("MISS") for throw in throws),
        "reb": sum(action["actionType"] == "Rebound" for action in own),
        "stl": sum(" STEAL (" in action["description"] for action in own),
        "blk": sum(" BLOCK (" in action["description"] for action in own),
        "tov": sum(action["actionType"] == "Turnover" for action in own),
        "pf": sum(action["actionType"] == "Foul" for action in own),
    }


def passes_told(told: list[dict[str, Any]], side: Side) -> Counter[str]:
    found = (
        re.search(r"\(([^()]+) \d+ AST\)", action["description"])
        for action in told
        if action["actionType"] == "Made Shot" and action["teamId"] == side.team.id
    )
    return Counter(each[1] for each in found if each)


def passes_of(side: Side) -> Counter[str]:
    return Counter(
        family for line in side.lines for family in [line.player.family] * line.tally.ast
    )


def test_shots_are_taken_from_where_they_count(boxes: list[Box]) -> None:
    shots = [action for box in boxes[::80] for action in actions(box, 1) if action["isFieldGoal"]]
    for shot in shots:
        distance = hypot(shot["xLegacy"], shot["yLegacy"])
        is_corner = abs(shot["xLegacy"]) >= 220
        assert (distance >= 235 or is_corner) == (shot["shotValue"] == 3)
    paint = [
        shot
        for shot in shots
        if shot["shotValue"] == 2 and abs(shot["xLegacy"]) <= 80 and shot["yLegacy"] <= 142
    ]
    twos = sum(shot["shotValue"] == 2 for shot in shots)
    assert 0.5 <= len(paint) / twos <= 0.8


def test_the_clock_runs_down_in_every_period(boxes: list[Box]) -> None:
    told = actions(boxes[100], 1)
    clocks = [(action["period"], -seconds(action["clock"])) for action in told]

    assert clocks == sorted(clocks)
    assert [action["actionId"] for action in told] == list(range(1, len(told) + 1))


def seconds(clock: str) -> float:
    minutes, rest = clock.removeprefix("PT").removesuffix("S").split("M")
    return 60 * int(minutes) + float(rest)


# --- the same every time ------------------------------------------------------------------------


def test_a_game_is_the_same_whatever_was_asked_before(season: Season, boxes: list[Box]) -> None:
    seed = 1 if season.start_year == 2024 else 7
    played_games.cache_clear()
    fresh = Season(seed, season.start_year, season.today)
    game = fresh.regular[900]

    assert fresh.box(game) == next(box for box in boxes if box.game.id == game.id)


def test_a_game_is_the_same_in_another_interpreter() -> None:
    text = (
        "from datetime import date; import sys\n"
        "from stocktake.systems.nba.sandbox.league import Season\n"
        "season = Season(1, 2024, date(2025, 8, 1))\n"
        "sys.stdout.write(ascii(season.box(season.regular[500])))"
    )
    other = subprocess.run([sys.executable, "-c", text], capture_output=True, check=True).stdout
    own = Season(1, 2024, date(2025, 8, 1))

    assert other.decode() == ascii(own.box(own.regular[500]))


def test_results_do_not_change_as_time_goes_on() -> None:
    played_games.cache_clear()
    early = Season(1, 2024, date(2024, 11, 20))
    before = early.box(early.regular[150])
    played_games.cache_clear()
    late = Season(1, 2024, SUMMER)

    assert late.box(late.regular[150]) == before


def test_another_seed_is_another_league() -> None:
    one, other = Season(1, 2024, SUMMER), Season(2, 2024, SUMMER)

    assert [game.home.id for game in one.regular] != [game.home.id for game in other.regular]


def test_players_stay_from_season_to_season() -> None:
    league = League(1, date(2025, 11, 1), 2)
    before, now = (
        {number for team in TEAMS for number in season.rosters.on(team.index, season.dates.first)}
        for season in league.seasons.values()
    )

    assert 0.7 <= len(before & now) / len(before) <= 0.9


def test_names_of_players_are_distinct() -> None:
    assert len({player_name(number) for number in range(3_000)}) == 3_000
