"""Pages of the NBA, besides those every system has."""

from stocktake import pages

GAME = (("game", "k/schedule/{game}"),)

PAGES = (
    pages.Page(
        "seasons",
        "Seasons",
        (
            pages.Panel("Layers of the season", "season_layers"),
            pages.Panel("Games over, of games promised", "seasons", shape="matrix"),
            pages.Panel(
                "Games",
                "season_games",
                links=GAME,
                empty="No game of this season is listed. Seasons are written as 2024-25.",
            ),
        ),
        choices=(pages.Choice("season", "Season", "2024-25"),),
        text="A game leads to its state in every layer, and why.",
        icon="#",
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
