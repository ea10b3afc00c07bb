"""Box scores of real seasons as rows of layer 1, and what tests do with the layers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import SQL, Composable, Identifier, Literal

from stocktake.derive import derive, in_order, verify
from stocktake.systems.nba import system
from stocktake.systems.nba.rows import RawBoxRow
from tests.systems.nba.real import PLAYERS_2022, PLAYERS_2024, players, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection

    from stocktake.derive import Derived
    from stocktake.store import Database

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FILES = {"2022-23": PLAYERS_2022, "2024-25": PLAYERS_2024}
SEASONS = (
    ("2022-23", 2022, date(2022, 10, 18), date(2023, 4, 9), date(2023, 6, 30)),
    ("2024-25", 2024, date(2024, 10, 22), date(2025, 4, 13), date(2025, 6, 30)),
)
COUNTS = (
    *("fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb"),
    *("reb", "ast", "stl", "blk", "tov", "pf", "pts"),
)
LAYERS = (
    *("clean_box_score", "player_game_summary", "team_offense_game_summary"),
    *("team_defense_game_summary", "player_daily_cache", "team_defense_zone_analysis"),
    *("player_shot_zone_analysis", "player_composite_factors", "ml_feature_store"),
)
Row = dict[str, Any]


class Game(NamedTuple):
    """A game as both teams' rows tell it."""

    game_id: str
    day: date
    home: int
    away: int


@cache
def real_season(season: str) -> tuple[Row, ...]:
    """Return the rows of a season's player log; skip the test where ../shared is not there."""
    return tuple(row._asdict() for row in rows_of(players(FILES[season]), RawBoxRow))


def games_of(rows: Iterable[Row]) -> dict[str, Game]:
    """Return the games of a log, by id; the home team is the one named last or not after ``@``."""
    teams: dict[str, dict[str, int]] = {}
    days: dict[str, date] = {}
    hosts: dict[str, str] = {}
    for row in rows:
        teams.setdefault(row["game_id"], {})[row["team_abbreviation"]] = row["team_id"]
        days[row["game_id"]] = row["game_date"]
        first, second, third = row["matchup"].split()
        hosts[row["game_id"]] = third if second == "@" else first
    return {
        game_id: Game(
            game_id,
            days[game_id],
            named[hosts[game_id]],
            next(team for name, team in named.items() if name != hosts[game_id]),
        )
        for game_id, named in teams.items()
    }


def schedule_row(game: Game, *, season: str, season_type: str = "regular") -> Row:
    """Return a final game as the schedule tells it."""
    return {
        "game_id": game.game_id,
        "season": season,
        "season_type": season_type,
        "game_date": game.day,
        "home_team_id": game.home,
        "away_team_id": game.away,
        "status": "final",
    }


def give_seasons(conn: Connection[Any], *, bootstrap_days: int = 14) -> None:
    """Put in the reference rows of the seasons."""
    names = ("season", "start_year", "first_regular_date", "last_regular_date", "last_date")
    fixed = {"regular_games": 1230, "play_in_games": 6, "dense_ids": True}
    fixed["bootstrap_days"] = bootstrap_days
    insert(conn, "season", [dict(zip(names, one, strict=True)) | fixed for one in SEASONS])


def insert(conn: Connection[Any], table: str, rows: Sequence[Row]) -> None:
    """Put rows into a table, as a load would."""
    if not rows:
        return
    columns = list(rows[0])
    statement = SQL("copy {} ({}) from stdin").format(
        Identifier("nba", table), SQL(", ").join(map(Identifier, columns))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[column] for column in columns])


def remove(conn: Connection[Any], table: str, **where: Any) -> None:
    """Remove rows as undo does: what they were is kept."""
    _keep(conn, table, "delete", where)
    conn.execute(SQL("delete from {} t where {}").format(Identifier("nba", table), _is(where)))


def change(conn: Connection[Any], table: str, where: Row, **values: Any) -> None:
    """Change rows as a load does: what they were is kept."""
    _keep(conn, table, "update", where)
    assignments = SQL(", ").join(
        SQL("{} = {}").format(
            Identifier(name), value if isinstance(value, Composable) else Literal(value)
        )
        for name, value in values.items()
    )
    conn.execute(
        SQL("update {} t set {}, _loaded_at = transaction_timestamp() where {}").format(
            Identifier("nba", table), assignments, _is(where)
        )
    )


def _is(where: Row) -> Any:
    return SQL(" and ").join(
        SQL("t.{} = {}").format(Identifier(name), Literal(value)) for name, value in where.items()
    )


def _keep(conn: Connection[Any], table: str, operation: str, where: Row) -> None:
    key = SQL(", ").join(
        SQL("{}, {}").format(Literal(name), Identifier("t", name))
        for name in system.dataset(table).key
    )
    statement = SQL(
        "insert into stocktake.row_version (run_id, system, dataset, row_key, operation, before)"
        " select 1, 'nba', {}, jsonb_build_object({}), {}, to_jsonb(t) from {} t where {}"
    )
    conn.execute(
        statement.format(
            Literal(table), key, Literal(operation), Identifier("nba", table), _is(where)
        )
    )


def derive_all(database: Database, *, full: bool = False) -> dict[str, Derived]:
    """Recompute what changed, each derivation in a transaction of its own."""
    done = {}
    for derivation in in_order(system.derivations):
        with database.connection() as conn:
            done[derivation.dataset] = derive(
                conn, system, derivation, full=full, run_id=1, now=NOW
            )
    return done


def differences(database: Database) -> dict[str, int]:
    """Recompute everything beside the tables; return the rows that differ, where any do."""
    found = {}
    for derivation in in_order(system.derivations):
        with database.connection() as conn:
            count = verify(conn, system, derivation, share=1, now=NOW).count
        if count:
            found[derivation.dataset] = count
    return found


def rows_changed(done: Derived) -> int:
    """Return how many rows a recomputation wrote or removed."""
    return done.counts.inserted + done.counts.updated + done.deleted


def one(conn: Connection[Any], statement: str, **values: Any) -> Any:
    """Return the first row of a query on the system's schema."""
    return conn.execute(statement.encode(), values).fetchone()


def everything(conn: Connection[Any], dataset: str) -> list[Any]:
    """Return the rows of a derived table without the engine's columns, by key."""
    columns = [
        name
        for (name,) in conn.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
            " and not attisdropped order by attnum",
            [f"nba.{dataset}"],
        )
        if not name.startswith("_") and name not in {"created_at", "updated_at"}
    ]
    query = SQL("select {} from {} order by {}").format(
        SQL(", ").join(map(Identifier, columns)),
        Identifier("nba", dataset),
        SQL(", ").join(map(Identifier, system.dataset(dataset).key)),
    )
    return conn.execute(query).fetchall()
