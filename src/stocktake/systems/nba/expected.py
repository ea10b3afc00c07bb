"""Seasons and kinds of games, as the ids of games tell them."""

from __future__ import annotations

from stocktake import Listed

ZONE = "America/New_York"
SEASON_TYPES = ("regular", "play_in", "playoffs", "cup_final")
"""Kinds of games in scope, in the order of a season's interest."""
NOTHING_LISTED = Listed((), "")

LOG_NAMES = {"2": "Regular Season", "4": "Playoffs", "5": "PlayIn"}
"""Third digit of a game's id, and what the season logs call such games; the log of the cup final
is not known to exist, so its one game a season is asked for by itself."""


def season_of(game_id: str) -> str:
    """Return the season of a game's id.

    >>> season_of("0022400574"), season_of("0021900001")
    ('2024-25', '2019-20')
    """
    start = int(game_id[3:5])
    return f"20{start:02}-{(start + 1) % 100:02}"
