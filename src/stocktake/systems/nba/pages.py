"""Pages of the NBA, besides those every system has."""

from stocktake import Choice, Page, Panel

GAME = (("game", "k/schedule/{game}"),)

PAGES = (
    Page(
        "seasons",
        "Seasons",
        (
            Panel("Layers of the season", "season_layers"),
            Panel("Games over, of games promised", "seasons", shape="matrix"),
            Panel(
                "Games",
                "season_games",
                links=GAME,
                empty="No game of this season is listed. Seasons are written as 2024-25.",
            ),
        ),
        choices=(Choice("season", "Season", "2024-25"),),
        text="A game leads to its state in every layer, and why.",
        icon="#",
    ),
    Page(
        "models",
        "Models",
        (Panel("Models", "models", empty="No model was trained: stocktake train nba."),),
        text="Mean absolute error against the baseline, on days the model never saw.",
        icon="∿",
    ),
    Page(
        "conflicts",
        "Conflicts between sources",
        (
            Panel(
                "What two sources tell differently", "conflicts", links=GAME, empty="No conflict."
            ),
        ),
        icon="≠",
    ),
)
