"""A long run of broken answers through every parser: `./do soak fuzz`.

`STOCKTAKE_FUZZ_SECONDS` is the time per system; `STOCKTAKE_TEST_SEED` repeats a session.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from stocktake import Request
from stocktake.systems.nba.aliases import parse_aliases
from stocktake.systems.nba.balldontlie import parse_games
from stocktake.systems.nba.box_score import parse_box_score
from stocktake.systems.nba.files import parse_player_file, parse_schedule_file, parse_team_file
from stocktake.systems.nba.legacy import parse_box_score_summary_v2, parse_box_score_v2
from stocktake.systems.nba.logs import parse_player_log
from stocktake.systems.nba.plays import parse_plays
from stocktake.systems.nba.schedule import parse_schedule
from stocktake.systems.nba.scoreboard import parse_scoreboard, parse_scoreboard_v2
from stocktake.systems.racing.coordinates import parse_coordinates
from stocktake.systems.racing.hkjc import parse_hkjc
from stocktake.systems.racing.hkjc_days import parse_fixtures, parse_index
from stocktake.systems.racing.parse import parse_courses, parse_horse_pro, parse_regions
from stocktake.systems.racing.racecards import parse_racecards
from stocktake.systems.racing.results import parse_results
from tests.fuzzing import Findings, Subject, fuzz
from tests.systems.nba import real as nba
from tests.systems.nba.test_nba_logs import HEADERS, answer, player
from tests.systems.nba.test_nba_parser_fuzz import adds_up
from tests.systems.nba.test_nba_schedule import NAMES, listed
from tests.systems.racing import real as racing
from tests.systems.racing.test_parser_fuzz import FILE, HORSE, balanced

if TYPE_CHECKING:
    from collections.abc import Callable

    from stocktake import Parsed

SECONDS = float(os.environ.get("STOCKTAKE_FUZZ_SECONDS", "60"))
GAME, DAY = "0022500165", "2025-11-05"


def lines(body: bytes, count: int) -> bytes:
    """Return the first lines of a file."""
    return b"\n".join(body.splitlines()[:count])


def short(page: dict[str, Any], name: str) -> bytes:
    """Return a page with its first race and two runners: the shorter, the more are tried."""
    race = page[name][0]
    return racing.encoded({name: [{**race, "runners": race["runners"][:2]}], "total": 1})


def racing_subjects() -> list[Subject]:
    """Return every parser of racing with an answer that it reads."""
    return [
        Subject(
            parse_results, racing.RESULTS, short(racing.results_page(), "results"), holds=balanced
        ),
        Subject(
            parse_racecards, racing.CARDS, short(racing.cards_page(), "racecards"), holds=balanced
        ),
        Subject(
            parse_regions,
            Request("regions", "/", (), (("all",),)),
            racing.encoded(racing.sample("GET /v1/courses/regions")),
        ),
        Subject(
            parse_courses,
            Request("courses", "/", (), (("gb",),)),
            racing.encoded(racing.sample("GET /v1/courses")),
        ),
        Subject(
            parse_horse_pro, HORSE, racing.encoded(racing.sample("GET /v1/horses/hrs_6181308/pro"))
        ),
        *(
            Subject(parse, FILE, body, is_csv=True)
            for parse, body in (
                (parse_hkjc, lines(racing.real_file("hkjc_results_2023.csv.gz"), 6)),
                (parse_fixtures, lines(racing.real_file("hkjc_fixtures_2025_2026.csv"), 6)),
                (
                    parse_index,
                    lines(racing.real_file("hkjc_artefact_bytes_by_raceday_2023-2024.csv"), 6),
                ),
                (parse_coordinates, b"id,longitude,latitude\ncrs_1,-2.07,51.9\ncrs_2,1.5,52\n"),
            )
        ),
    ]


def cut(answer: dict[str, Any], *way: str | int) -> dict[str, Any]:
    """Return an answer with two entries of the list to which the way leads."""
    inner: Any = answer
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = inner[way[-1]][:2]
    return answer


def short_box() -> dict[str, Any]:
    """Return a box score of two players a side."""
    box = nba.shape("boxscoretraditionalv3.json")
    for side in ("homeTeam", "awayTeam"):
        cut(box, "boxScoreTraditional", side, "players")
    return dict(box)


def nba_subjects() -> list[Subject]:
    """Return parsers of the NBA with an answer that each reads."""
    listing = {"gameDate": "10/22/2025 00:00:00", "games": [listed("0022500001")]}
    league = {"seasonYear": "2025-26", "leagueId": "00", "gameDates": [listing]}
    scores = {
        "data": [
            {
                "id": 1, "date": DAY, "status": "Final", "period": 4,
                "home_team": {"abbreviation": "ATL"}, "visitor_team": {"abbreviation": "BOS"},
                "home_team_score": 100, "visitor_team_score": 90,
            }
        ],
        "meta": {"next_cursor": None},
    }  # fmt: skip
    legacy = nba.shape("boxscoretraditionalv2.json")
    cut(legacy, "resultSets", 0, "rowSet")
    told: list[tuple[Callable[..., Parsed], tuple[str, ...], object]] = [
        (parse_player_log, ("0022400001",), answer([player(1), player(6)])),
        (parse_box_score, (GAME,), short_box()),
        (parse_box_score_v2, (GAME,), legacy),
        (parse_box_score_summary_v2, (GAME,), nba.shape("boxscoresummaryv2.json")),
        (parse_plays, (GAME,), cut(nba.shape("playbyplayv3.json.gz"), "game", "actions")),
        (parse_schedule, ("2025-26", "regular"), {"leagueSchedule": league}),
        (parse_scoreboard, (DAY,), cut(nba.shape("scoreboardv3.json"), "scoreboard", "games")),
        (parse_scoreboard_v2, (DAY,), nba.shape("scoreboardv2.json")),
        (parse_games, (DAY,), scores),
    ]
    line = ",".join(str(player(1)[name]) for name in HEADERS)
    player_file = "\n".join((",".join(HEADERS), line)).encode()
    game_line = "0022500001,2025-10-22,1610612737,1610612738,final,false"
    files: list[tuple[Callable[..., Parsed], bytes]] = [
        (parse_player_file, player_file),
        (parse_team_file, player_file),
        (parse_schedule_file, f"{NAMES}\n{game_line}\n".encode()),
        (parse_aliases, b"OLD_ID,NEW_ID,REASON\n0022500001,0022500002,listed anew\n"),
    ]
    return [
        *(
            Subject(parse, Request("any", "/x", (), (unit,)), nba.encoded(body), holds=adds_up)
            for parse, unit, body in told
        ),
        *(
            Subject(
                parse,
                Request("any", "any.csv", (), (("0022500001",),)),
                body,
                holds=adds_up,
                is_csv=True,
            )
            for parse, body in files
        ),
    ]


@pytest.mark.soak
@pytest.mark.fault("H16")
@pytest.mark.parametrize("subjects", [racing_subjects, nba_subjects], ids=["racing", "nba"])
def test_broken_answers_are_rows_rejects_or_refused(
    subjects: Callable[[], list[Subject]], capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("STOCKTAKE_TEST_SEED") or random.randrange(1 << 32))
    found = fuzz(subjects(), at=racing.LATER, seconds=SECONDS, seed=seed)
    with capsys.disabled():
        print(told_of(found))  # noqa: T201 - its figures are part of a soak's result

    assert found.broken == {}


def told_of(found: Findings) -> str:
    """Return the figures of a run as a line."""
    return (
        f"\nseed {found.seed}: {found.tries:,} answers, {found.refused:,} refused, "
        f"{found.rows:,} rows, {len(found.broken)} ways to fail"
    )
