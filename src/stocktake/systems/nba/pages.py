"""Pages of the NBA, besides those every system has."""

from stocktake import pages

GAME = (("game", "k/schedule/{game}"),)
DAY = (("day", "cascade?day={day}"),)
ROW = (("game", "players/{_player_id}/{game}"),)

PAGES = (
    pages.Page(
        "seasons",
        "Seasons",
        (
            pages.Panel("Layers of the season", "season_layers"),
            pages.Panel("Missing of due, by month", "layer_months", shape="matrix"),
            pages.Panel(
                "Days with a hole",
                "hole_days",
                links=DAY,
                empty="No day of this season lacks a game in any layer.",
            ),
            pages.Panel("Games over, of games promised", "seasons", shape="matrix"),
            pages.Panel(
                "Games",
                "season_games",
                links=GAME,
                empty="No game of this season is listed. Seasons are written as 2024-25.",
            ),
        ),
        choices=(pages.Choice("season", "Season", "2024-25"),),
        text="A game leads to its state in every layer, and why; a day to what its hole touches.",
        icon="#",
    ),
    pages.Page(
        "days",
        "Layers by day",
        (
            pages.Panel(
                "Missing of due, by day",
                "layer_days",
                shape="matrix",
                empty="No game was due in this month. Months are written as 2025-01.",
            ),
        ),
        choices=(pages.Choice("month", "Month", ""),),
        text="Games a layer lacks, of those it should hold; without a month the latest with games.",
        icon="▦",
    ),
    pages.Page(
        "cascade",
        "What a hole touches",
        (
            pages.Panel("Games of the day, layer by layer", "day_games", links=GAME),
            pages.Panel("Rows that read this day, or lack it", "day_reach"),
            pages.Panel(
                "Later games that it touches",
                "touched_games",
                links=GAME,
                empty="No later game of this season has a row yet.",
            ),
        ),
        choices=(pages.Choice("day", "Day", ""),),
        text="Later rows of the season look back on every game: a day that is missing makes them "
        "incomplete, one that comes late makes them stale. Without a day the latest with a hole.",
        icon="⤳",
    ),
    pages.Page(
        "players",
        "Players",
        (pages.Panel("Players", "players", links=(("player", "players/{player_id}"),)),),
        choices=(pages.Choice("name", "Name", ""),),
        icon="☺",
    ),
    pages.Page(
        "players/{player_id}",
        "{name}",
        (
            pages.Panel("Player", "player", shape="card"),
            pages.Panel("Before each game, newest first", "player_rows", links=ROW),
        ),
        text="A game leads to the games its row was made of.",
        trace=("player", "player_id"),
    ),
    pages.Page(
        "players/{player_id}/{game_id}",
        "{player} before {day}",
        (
            pages.Panel("The row", "player_row", shape="card"),
            pages.Panel(
                "What made these numbers: games before it, newest first",
                "window_games",
                links=GAME,
                empty="There was no earlier game of the season.",
            ),
            pages.Panel("Features for the model", "row_features", empty="No feature row yet."),
        ),
        text="Averages are over the last 5, 10 and 20 of these games, the season's over all.",
        trace=("player_daily_cache", "game_id", "player_id"),
    ),
    pages.Page(
        "models",
        "Models",
        (pages.Panel("Models", "models", empty="No model was trained: stocktake train nba."),),
        text="Mean absolute error against the baseline, on days the model never saw.",
        icon="∿",
    ),
    pages.Page(
        "conflicts",
        "Conflicts between sources",
        (
            pages.Panel(
                "What two sources tell differently", "conflicts", links=GAME, empty="No conflict."
            ),
        ),
        icon="≠",
    ),
)
