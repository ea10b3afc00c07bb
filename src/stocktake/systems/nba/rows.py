"""Row types: one `NamedTuple` per facet of a table, its fields named as the columns, key first.

Dates are the league's (America/New_York). Counts are whole numbers of a game; percentages are
fractions 0 to 1 as the source rounds them, NULL without an attempt.
"""

import datetime
from decimal import Decimal
from typing import NamedTuple


class SeasonRow(NamedTuple):
    """A season, `season`; `last_date` is the last day a game of it can have."""

    season: str
    start_year: int
    first_regular_date: datetime.date
    last_regular_date: datetime.date
    last_date: datetime.date
    regular_games: int
    play_in_games: int
    dense_ids: bool
    bootstrap_days: int


class TeamRow(NamedTuple):
    """A team of the shipped list, `team_reference`."""

    team_id: int
    abbreviation: str
    city: str
    name: str
    conference: str


class ScheduleId(NamedTuple):
    """A game promised by the id rule alone: no date, no teams."""

    game_id: str
    season: str
    season_type: str


class ScheduleScore(NamedTuple):
    """How a game stands, from whatever was fetched last: status and score in points."""

    game_id: str
    season: str
    season_type: str
    game_date: datetime.date | None
    tipoff_utc: datetime.datetime | None
    home_team_id: int | None
    away_team_id: int | None
    is_neutral: bool | None
    status: str
    home_score: int | None
    away_score: int | None


class ScoreboardRow(NamedTuple):
    """A game on the scoreboard of a day, as it then stood."""

    game_id: str
    game_date: datetime.date
    status: str
    home_score: int | None
    away_score: int | None


class ScheduleListed(NamedTuple):
    """A game as the published schedule, or a schedule file, plans it.

    The schedule is the word on dates and teams, not on how a game stands: of the status it tells
    only what a scoreboard cannot (`postponed`, `cancelled`); the rest goes into `ScheduleScore`,
    where whatever was fetched last counts.
    """

    game_id: str
    season: str
    season_type: str
    game_date: datetime.date | None
    tipoff_utc: datetime.datetime | None
    home_team_id: int | None
    away_team_id: int | None
    is_neutral: bool | None
    status: str | None
    arena: str | None
    source: str


class AliasRow(NamedTuple):
    """A game that was given a new id, `game_alias`."""

    old_id: str
    new_id: str
    reason: str


class RawBoxRow(NamedTuple):
    """A player in a game as the source sends it; `min` in the source's own spelling.

    `game_date` is NULL where the answer does not tell it (`boxscorev3`). `payload_hash` is of what
    the source told, however it was written: two rows with one hash say the same.
    """

    game_id: str
    player_id: int
    source: str
    season: str
    season_type: str
    player_name: str | None
    team_id: int
    team_abbreviation: str | None
    game_date: datetime.date | None
    matchup: str | None
    wl: str | None
    min: str | None
    fgm: int | None
    fga: int | None
    fg3m: int | None
    fg3a: int | None
    ftm: int | None
    fta: int | None
    oreb: int | None
    dreb: int | None
    reb: int | None
    ast: int | None
    stl: int | None
    blk: int | None
    tov: int | None
    pf: int | None
    pts: int | None
    fg_pct: Decimal | None
    fg3_pct: Decimal | None
    ft_pct: Decimal | None
    plus_minus: Decimal | None
    comment: str | None
    start_position: str | None
    season_id: str | None
    payload_hash: bytes


class RawTeamRow(NamedTuple):
    """A team in a game as the source sends it; team turnovers and rebounds are included."""

    game_id: str
    team_id: int
    source: str
    season: str
    season_type: str
    team_abbreviation: str | None
    team_name: str | None
    game_date: datetime.date | None
    matchup: str | None
    wl: str | None
    min: str | None
    fgm: int | None
    fga: int | None
    fg3m: int | None
    fg3a: int | None
    ftm: int | None
    fta: int | None
    oreb: int | None
    dreb: int | None
    reb: int | None
    ast: int | None
    stl: int | None
    blk: int | None
    tov: int | None
    pf: int | None
    pts: int | None
    fg_pct: Decimal | None
    fg3_pct: Decimal | None
    ft_pct: Decimal | None
    plus_minus: Decimal | None
    season_id: str | None
    payload_hash: bytes


class PlayRow(NamedTuple):
    """One action of a game; `x_legacy`, `y_legacy` in tenths of a foot from the basket."""

    game_id: str
    action_id: int
    action_number: int | None
    period: int | None
    clock: str | None
    team_id: int | None
    person_id: int | None
    player_name: str | None
    x_legacy: int | None
    y_legacy: int | None
    shot_distance: int | None
    shot_result: str | None
    is_field_goal: bool
    shot_value: int | None
    score_home: int | None
    score_away: int | None
    points_total: int | None
    location: str | None
    description: str | None
    action_type: str | None
    sub_type: str | None


class ScoreCheckRow(NamedTuple):
    """A final score of another source, `score_check`; matched by date and teams, never by id."""

    id: int
    game_date: datetime.date
    home_team_id: int
    away_team_id: int
    home_score: int | None
    away_score: int | None
    status: str


class ModelCardRow(NamedTuple):
    """A trained model, `model_card`; errors in points, `metrics` is the whole JSON."""

    model: str
    target: str
    feature_version: str
    seed: int
    trained_at: datetime.datetime
    trained_since: datetime.date
    trained_until: datetime.date
    test_since: datetime.date
    test_until: datetime.date
    test_rows: int
    mae: Decimal
    baseline_mae: Decimal
    improvement: Decimal
    verdict: str
    metrics: str


class ModelOutputRow(NamedTuple):
    """What a model foretold of a player in a game, `model_output`."""

    model: str
    game_id: str
    player_id: int
    predicted_points: Decimal
    model_game: str
    game_date: datetime.date | None
