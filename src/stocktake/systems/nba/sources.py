"""Where the NBA comes from: three hosts, and the files that can be loaded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stocktake import Assumed, Endpoint, Feed, FileFormat, Request, Settle, Source, Whole, Window
from stocktake.systems.nba.aliases import parse_aliases
from stocktake.systems.nba.balldontlie import following_page, parse_games
from stocktake.systems.nba.box_score import parse_box_score
from stocktake.systems.nba.expected import LOG_NAMES, season_of
from stocktake.systems.nba.files import parse_player_file, parse_schedule_file, parse_team_file
from stocktake.systems.nba.logs import parse_player_log, parse_team_log
from stocktake.systems.nba.models import parse_card, parse_predictions
from stocktake.systems.nba.plays import parse_plays
from stocktake.systems.nba.schedule import parse_schedule
from stocktake.systems.nba.scoreboard import parse_scoreboard
from stocktake.systems.nba.season import parse_seasons
from stocktake.systems.nba.teams import parse_teams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from stocktake import Parsed

    Parser = Callable[[Sequence[bytes], Request, datetime], Parsed]

Keys = tuple[str, ...]

# Nothing is documented: one request a second over all addresses of the host. It does not refuse
# addresses it dislikes, it lets them hang.
STATS_ENDPOINT = Endpoint(
    "stats",
    per_second=1,
    timeout_seconds=30,
    patience=3,
    silence="the address is probably blocked by the source",
    is_rate_known=False,
)
CDN_ENDPOINT = Endpoint("cdn", per_second=2, is_rate_known=False)
BALLDONTLIE_ENDPOINT = Endpoint("games", per_second=5 / 60, is_rate_known=False)
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept-Language": "en-US,en;q=0.9",
    "Referer": "https://www.nba.com/",
    "Origin": "https://www.nba.com",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-site",
}
"""What the host expects of a caller; it changes, so settings may replace each of them."""

TERMS = (
    "Undocumented: no terms or limits for programs are published, and it answers only requests "
    "with a browser's headers, which carry no product token. robots.txt is asked for only if "
    "robots_agent is set, and a user_agent that contains it."
)
LOG_ROWS = "source = 'leaguegamelog'"
SCORED_AGAIN = (timedelta(days=1), timedelta(days=3))
"""Box scores are corrected for some days."""
SETTLED = Settle(after=timedelta(hours=4), recheck=SCORED_AGAIN)
DAILY = Settle(after=timedelta(0), recheck=tuple(timedelta(days=age) for age in range(1, 275)))
"""A season's schedule moves until its end."""


def season_schedule_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per season, for all its kinds of games."""
    for season, keys in _by(units, lambda key: key[0]).items():
        params = (("LeagueID", "00"), ("Season", season))
        yield Request("season_schedule", "/stats/scheduleleaguev2", params, keys)


def cdn_schedule_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield the one request there is: the host keeps the newest season only."""
    seasons = _by(units, lambda key: key[0])
    if seasons:
        path = "/static/json/staticData/scheduleLeagueV2.json"
        yield Request("cdn_schedule", path, (), seasons[max(seasons)])


def scoreboard_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per day."""
    for key in units:
        params = (("GameDate", key[0]), ("LeagueID", "00"))
        yield Request("scoreboard", "/stats/scoreboardv3", params, (key,))


def log_requests(feed: str, who: str) -> Callable[[Sequence[Keys]], Iterable[Request]]:
    """Return what makes one request per season and kind of games, for all games wanted of it.

    Args:
        feed: Name of the feed.
        who: ``P`` for players, ``T`` for teams.
    """

    def requests(units: Sequence[Keys]) -> Iterable[Request]:
        for (season, kind), keys in _by(units, lambda key: (season_of(key[0]), key[0][2])).items():
            if kind not in LOG_NAMES:
                continue
            params = (
                ("Counter", "0"),
                ("Direction", "ASC"),
                ("LeagueID", "00"),
                ("PlayerOrTeam", who),
                ("Season", season),
                ("SeasonType", LOG_NAMES[kind]),
                ("Sorter", "DATE"),
            )
            yield Request(feed, "/stats/leaguegamelog", params, keys)

    return requests


def box_score_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per game."""
    zeros = tuple((name, "0") for name in ("EndPeriod", "EndRange", "RangeType", "StartPeriod"))
    for key in units:
        params = (*zeros, ("GameID", key[0]), ("StartRange", "0"))
        yield Request("box_score", "/stats/boxscoretraditionalv3", params, (key,))


def play_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per game."""
    for key in units:
        params = (("EndPeriod", "0"), ("GameID", key[0]), ("StartPeriod", "0"))
        yield Request("plays", "/stats/playbyplayv3", params, (key,))


def games_requests(units: Sequence[Keys]) -> Iterable[Request]:
    """Yield one request per day; further pages follow."""
    for key in units:
        params = (("dates[]", key[0]), ("per_page", "100"))
        yield Request("balldontlie_games", "/v1/games", params, (key,))


def _by(units: Sequence[Keys], group: Callable[[Keys], Any]) -> dict[Any, tuple[Keys, ...]]:
    found: dict[Any, list[Keys]] = {}
    for key in units:
        found.setdefault(group(key), []).append(key)
    return {name: tuple(keys) for name, keys in found.items()}


def _log(name: str, who: str, *, fills: str, parse: Parser, assumed: tuple[int, int]) -> Feed:
    """Return the feed of one of the host's two logs, of players or of teams.

    Args:
        name: Of the feed.
        who: ``P`` for players, ``T`` for teams.
        fills: The dataset.
        parse: Reads its answers.
        assumed: Rows of a game, and bytes of an answer.
    """
    rows, size = assumed
    return Feed(
        name,
        STATS_ENDPOINT,
        fills=(fills,),
        requests=log_requests(name, who),
        parse=parse,
        required=False,
        bulk=True,
        settle=SETTLED,
        turn=2,
        assumed=Assumed(rows_per_unit=rows, bytes_per_request=size, new_per_unit=(330, 0.75)),
    )


SEASON_SCHEDULE = Feed(
    "season_schedule",
    STATS_ENDPOINT,
    fills=("schedule",),
    requests=season_schedule_requests,
    parse=parse_schedule,
    required=False,
    bulk=True,
    settle=DAILY,
    assumed=Assumed(rows_per_unit=340, bytes_per_request=250_000),
)
CDN_SCHEDULE = Feed(
    "cdn_schedule",
    CDN_ENDPOINT,
    fills=("schedule",),
    requests=cdn_schedule_requests,
    parse=parse_schedule,
    required=False,
    bulk=True,
    instead_of="season_schedule",
    settle=DAILY,
    assumed=Assumed(rows_per_unit=340, bytes_per_request=250_000),
)
SCOREBOARD = Feed(
    "scoreboard",
    STATS_ENDPOINT,
    fills=("scoreboard_day",),
    requests=scoreboard_requests,
    parse=parse_scoreboard,
    also=("schedule",),
    window=Window(days_back=3, reason="asked of recent days only; the schedule tells the rest"),
    settle=Settle(after=timedelta(hours=4)),
    turn=1,
    assumed=Assumed(rows_per_unit=8, bytes_per_request=15_000),
)
PLAYER_LOG = _log(
    "player_log", "P", fills="raw_box_score", parse=parse_player_log, assumed=(21, 600_000)
)
BOX_SCORE = Feed(
    "box_score",
    STATS_ENDPOINT,
    fills=("raw_box_score",),
    requests=box_score_requests,
    parse=parse_box_score,
    required=False,
    instead_of="player_log",
    settle=SETTLED,
    turn=3,
    # the cup final, and what the log leaves out
    assumed=Assumed(rows_per_unit=26, bytes_per_request=4_000, new_per_unit=(0.25, 0.25)),
    whole=(Whole("raw_box_score", "row", ("game_id",), where="source = 'boxscorev3'"),),
)
TEAM_LOG = _log("team_log", "T", fills="raw_team_log", parse=parse_team_log, assumed=(2, 80_000))
PLAYS = Feed(
    "plays",
    STATS_ENDPOINT,
    fills=("play_by_play",),
    requests=play_requests,
    parse=parse_plays,
    enabled_by="play_by_play",
    turn=4,
    assumed=Assumed(rows_per_unit=480, bytes_per_request=20_000, new_per_unit=(330, 330)),
)
BALLDONTLIE_GAMES = Feed(
    "balldontlie_games",
    BALLDONTLIE_ENDPOINT,
    fills=("score_check",),
    requests=games_requests,
    parse=parse_games,
    next_page=following_page,
    enabled_by="balldontlie",
    settle=Settle(after=timedelta(hours=12)),
    turn=4,
    assumed=Assumed(rows_per_unit=8, bytes_per_request=2_000),
)

STATS = Source(
    "stats",
    base_url="https://stats.nba.com",
    feeds=(SEASON_SCHEDULE, SCOREBOARD, PLAYER_LOG, BOX_SCORE, TEAM_LOG, PLAYS),
    headers=BROWSER,
    terms=TERMS,
    settings={
        "play_by_play": "true to fetch play-by-play as well, about 1,320 requests a season: shot "
        "zones need it."
    },
)
CDN = Source(
    "cdn", base_url="https://cdn.nba.com", feeds=(CDN_SCHEDULE,), headers=BROWSER, terms=TERMS
)
BALLDONTLIE = Source(
    "balldontlie",
    base_url="https://api.balldontlie.io",
    auth="key",
    feeds=(BALLDONTLIE_GAMES,),
    terms="An interface for programs, with a key: its terms say what may be asked.",
    settings={"balldontlie": "true to compare final scores with this source; needs a token."},
)
FILES = Source(
    "files",
    files=(
        FileFormat(
            "seasons",
            ("season",),
            (".csv",),
            parse_seasons,
            also=("schedule",),
            shipped="seasons.csv",
        ),
        FileFormat("teams", ("team_reference",), (".csv",), parse_teams, shipped="teams.csv"),
        FileFormat("leaguegamelog_file", ("raw_box_score",), (".csv", ".json"), parse_player_file),
        FileFormat(
            "leaguegamelog_team_file", ("raw_team_log",), (".csv", ".json"), parse_team_file
        ),
        FileFormat("schedule_file", ("schedule",), (".csv",), parse_schedule_file),
        FileFormat("model_card", ("model_card",), (".json",), parse_card),
        FileFormat("model_predictions", ("model_output",), (".csv",), parse_predictions),
        FileFormat("game_aliases", ("game_alias",), (".csv",), parse_aliases),
    ),
)
SOURCES = (STATS, CDN, BALLDONTLIE, FILES)
