"""Layer 2: one box score per game, whatever its sources, spellings and sites."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.systems.nba.layers.box_scores import COUNTS, derive_all, insert, one

if TYPE_CHECKING:
    from stocktake.store import Database
    from tests.systems.nba.layers.box_scores import Row

DAY = date(2024, 11, 20)
ATL, BOS, CLE = 1, 2, 3
NAMES = {ATL: "ATL", BOS: "BOS", CLE: "CLE"}


def scored(player_id: int, team_id: int, **others: Any) -> Row:
    """Return a player's row of ATL against BOS, at ATL's unless told otherwise."""
    counts = dict.fromkeys(COUNTS, 0) | {"fgm": 2, "fga": 5, "pts": 4}
    return {
        "game_id": "0022400100",
        "player_id": player_id,
        "source": "leaguegamelog",
        "season": "2024-25",
        "season_type": "regular",
        "player_name": f"Player {player_id}",
        "team_id": team_id,
        "team_abbreviation": NAMES[team_id],
        "game_date": DAY,
        "matchup": "ATL vs. BOS" if team_id == ATL else "BOS @ ATL",
        "wl": "W" if team_id == ATL else "L",
        "min": "24",
        **counts,
        "plus_minus": 3,
        "comment": None,
        "payload_hash": b"",
        **others,
    }


def cleaned(database: Database, rows: list[Row], *columns: str) -> list[Any]:
    """Load rows, derive, and return columns of layer 2 by game and player."""
    with database.connection() as conn:
        insert(conn, "raw_box_score", rows)
    derive_all(database)
    with database.connection() as conn:
        return conn.execute(
            f"select {', '.join(columns)} from nba.clean_box_score"
            " order by game_id, player_id".encode()
        ).fetchall()


@pytest.mark.parametrize(
    ("told", "minutes"),
    [
        ("19:09", (19.15, True)),
        ("PT19M09.00S", (19.15, True)),
        ("PT09.00S", (0.15, True)),
        ("19", (19.0, False)),
        ("48.0", (48.0, False)),
        ("19.5", (19.5, True)),
        ("", (None, None)),
        (None, (None, None)),
        ("soon", (None, None)),
    ],
)
def test_minutes_are_read_in_every_spelling(
    nba: Database, told: str | None, minutes: tuple[float | None, bool | None]
) -> None:
    found = cleaned(nba, [scored(1, ATL, min=told)], "minutes", "minutes_exact")

    assert found == [minutes]


@pytest.mark.parametrize(
    ("told", "minutes"), [("240", 240), ("48.0", 240), ("53.0", 265), ("", None)]
)
def test_minutes_of_a_team_are_those_of_its_five_players(
    nba: Database, told: str, minutes: float | None
) -> None:
    with nba.connection() as conn:
        assert one(conn, "select nba.team_minutes(%(told)s)", told=told) == (minutes,)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"comment": "DNP - Coach's Decision", "min": ""}, (False, "DNP - Coach's Decision")),
        ({"comment": "DND - Injury", "min": ""}, (False, "DND - Injury")),
        ({"comment": "NWT - Personal", "min": ""}, (False, "NWT - Personal")),
        ({"comment": "", "min": "", "fgm": 0, "fga": 0, "pts": 0}, (False, "no minutes")),
        ({"comment": "", "min": ""}, (True, None)),
        ({"comment": "", "min": "0:04"}, (True, None)),
    ],
)
def test_who_did_not_play_is_told_by_comment_or_by_nothing_done(
    nba: Database, others: Row, expected: tuple[bool, str | None]
) -> None:
    row = scored(1, ATL, source="boxscorev3", **others)

    assert cleaned(nba, [row], "did_play", "dnp_reason") == [expected]


def test_everybody_in_a_log_played(nba: Database) -> None:
    row = scored(1, ATL, min="", fgm=0, fga=0, pts=0)

    assert cleaned(nba, [row], "did_play", "minutes") == [(True, None)]


def test_the_home_team_is_the_one_whose_row_says_vs(nba: Database) -> None:
    rows = [scored(1, ATL), scored(2, BOS)]

    assert cleaned(nba, rows, "is_home", "is_neutral", "opponent_team_id") == [
        (True, False, BOS),
        (False, False, ATL),
    ]


def test_where_both_rows_say_at_the_site_is_neutral_and_the_team_behind_at_is_home(
    nba: Database,
) -> None:
    rows = [scored(1, ATL, matchup="BOS @ ATL"), scored(2, BOS, matchup="BOS @ ATL")]

    assert cleaned(nba, rows, "is_home", "is_neutral") == [(True, True), (False, True)]


def test_the_schedule_tells_home_and_site_before_the_log_does(nba: Database) -> None:
    row = {
        "game_id": "0022400100",
        "season": "2024-25",
        "season_type": "regular",
        "game_date": date(2024, 11, 21),
        "home_team_id": BOS,
        "away_team_id": ATL,
        "is_neutral": True,
        "status": "final",
    }
    with nba.connection() as conn:
        insert(conn, "schedule", [row])
    rows = [scored(1, ATL), scored(2, BOS)]

    assert cleaned(nba, rows, "is_home", "is_neutral", "game_date") == [
        (False, True, date(2024, 11, 21)),
        (True, True, date(2024, 11, 21)),
    ]


def test_a_box_score_without_a_date_waits_for_the_schedule(nba: Database) -> None:
    rows = [
        scored(1, ATL, source="boxscorev3", game_date=None, matchup=None, wl=None),
        scored(2, BOS, source="boxscorev3", game_date=None, matchup=None, wl=None, pts=3),
    ]
    early = cleaned(nba, rows, "game_date")
    row = {
        "game_id": "0022400100",
        "season": "2024-25",
        "season_type": "regular",
        "game_date": DAY,
        "home_team_id": BOS,
        "away_team_id": ATL,
    }
    with nba.connection() as conn:
        insert(conn, "schedule", [row])

    assert early == []
    assert cleaned(nba, [], "game_date", "is_home", "win_flag") == [
        (DAY, False, True),
        (DAY, True, False),
    ]


def test_the_best_source_tells_the_whole_game(nba: Database) -> None:
    rows = [
        scored(1, ATL),
        scored(2, BOS),
        scored(1, ATL, source="boxscorev3", pts=5),
        scored(2, BOS, source="boxscorev3"),
        scored(1, ATL, source="file:old"),
        scored(3, BOS, source="balldontlie"),
    ]

    assert cleaned(nba, rows, "player_id", "source", "pts") == [
        (1, "boxscorev3", 5),
        (2, "boxscorev3", 4),
    ]


def test_counts_on_which_sources_differ_are_listed(nba: Database) -> None:
    rows = [
        scored(1, ATL),
        scored(2, BOS),
        scored(1, ATL, source="boxscorev3", pts=5, ast=2),
        scored(2, BOS, source="boxscorev3"),
        scored(3, BOS, source="boxscorev3"),
        scored(4, BOS, source="boxscorev3", min="", comment="DNP - Injury"),
    ]
    cleaned(nba, rows, "player_id")

    with nba.connection() as conn:
        found = conn.execute(
            "select player_id, source, field, chosen_source, chosen_value, other_value"
            " from nba.source_conflict order by player_id, field"
        ).fetchall()
    assert found == [
        (1, "leaguegamelog", "ast", "boxscorev3", 2, 0),
        (1, "leaguegamelog", "pts", "boxscorev3", 5, 4),
        (3, "leaguegamelog", "player", "boxscorev3", 1, None),
    ]


def test_games_out_of_scope_and_replaced_ones_have_no_box_score(nba: Database) -> None:
    rows = [
        scored(1, ATL, game_id="0012400001", season_type="pre"),
        scored(1, ATL, game_id="0032400001", season_type="all_star"),
        scored(1, ATL, game_id="0022400500"),
        scored(1, ATL),
    ]
    with nba.connection() as conn:
        alias = {"old_id": "0022400500", "new_id": "0022400100", "reason": "renumbered"}
        insert(conn, "game_alias", [alias])

    assert cleaned(nba, rows, "game_id") == [("0022400100",)]


@pytest.mark.parametrize(
    ("season_type", "counts"),
    [("regular", True), ("play_in", True), ("playoffs", True), ("cup_final", False)],
)
def test_the_cup_final_counts_in_no_window(nba: Database, season_type: str, counts: bool) -> None:
    row = scored(1, ATL, season_type=season_type)

    assert cleaned(nba, [row], "counts_in_windows") == [(counts,)]


def test_a_cup_final_tires_but_gives_no_form(nba: Database) -> None:
    days = ("0022400101", 17, "regular"), ("0062400001", 19, "cup_final")
    rows = [
        scored(player, team, game_id=game_id, game_date=date(2024, 12, day), season_type=kind)
        for game_id, day, kind in (*days, ("0022400102", 20, "regular"))
        for player, team in ((1, ATL), (2, BOS))
    ]
    cleaned(nba, rows, "player_id")

    with nba.connection() as conn:
        found = one(
            conn,
            "select games_played_season, games_in_last_7_days, minutes_in_last_7_days::integer,"
            " back_to_backs_last_14_days, is_back_to_back, days_rest"
            " from nba.player_daily_cache where game_id = '0022400102' and player_id = 1",
        )
    assert found == (1, 2, 48, 0, True, 0)


def test_seconds_played_count_in_no_window_but_have_a_row_of_their_own(nba: Database) -> None:
    rows = [
        scored(1, ATL, game_id=f"002240010{number}", game_date=date(2024, 12, number), min=told)
        for number, told in ((1, "20"), (2, "0"), (3, "20"))
    ]
    cleaned(nba, rows, "player_id")

    with nba.connection() as conn:
        found = conn.execute(
            "select games_played_season, games_in_last_7_days, days_rest"
            " from nba.player_daily_cache order by game_id"
        ).fetchall()
    assert found == [(0, 0, None), (1, 1, 0), (1, 1, 1)]


def test_a_season_looks_back_on_no_other(nba: Database) -> None:
    rows = [
        scored(1, ATL, game_id="0042300401", game_date=date(2024, 6, 17), season="2023-24"),
        scored(1, ATL, game_id="0022400001", game_date=date(2024, 10, 22)),
    ]
    cleaned(nba, rows, "player_id")

    with nba.connection() as conn:
        found = one(
            conn,
            "select games_played_season, days_since_last_game from nba.player_daily_cache"
            " where game_id = '0022400001'",
        )
    assert found == (0, None)


def test_a_player_is_called_as_in_his_latest_game(nba: Database) -> None:
    rows = [
        scored(1, ATL, game_id="0022400101", player_name="Jimmy Butler"),
        scored(
            1,
            BOS,
            game_id="0022400102",
            player_name="Jimmy Butler III",
            game_date=date(2024, 12, 1),
        ),
    ]
    cleaned(nba, rows, "player_id")

    with nba.connection() as conn:
        found = one(conn, "select player_id, name, first_seen, last_seen, aliases from nba.player")
    assert found == (1, "Jimmy Butler III", DAY, date(2024, 12, 1), ["Jimmy Butler"])


def test_a_team_is_named_by_the_shipped_list(nba: Database) -> None:
    shipped = {
        "team_id": ATL,
        "abbreviation": "ATL",
        "city": "Atlanta",
        "name": "Hawks",
        "conference": "East",
    }
    with nba.connection() as conn:
        insert(conn, "team_reference", [shipped])
    cleaned(nba, [scored(1, ATL), scored(2, BOS)], "player_id")

    with nba.connection() as conn:
        found = conn.execute(
            "select team_id, abbreviation, city, name, conference, first_seen from nba.team"
            " order by team_id"
        ).fetchall()
    assert found == [
        (ATL, "ATL", "Atlanta", "Hawks", "East", DAY),
        (BOS, "BOS", None, None, None, DAY),
    ]
