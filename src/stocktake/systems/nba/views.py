"""What NBA offers over HTTP: coverage by layer and day, games, features, the gate, models."""

from datetime import date

from stocktake import views

__all__ = ["VIEWS"]

VIEWS = (
    views.layers("coverage", "What every layer holds and lacks, day by day"),
    views.unit("games/{game_id}", "game_id", "A game in every layer, with reasons"),
    views.rows(
        "players/{player_id}/features",
        "game_features",
        "A player's feature rows",
        key=("game_date", "game_id"),
        asks=(views.Ask("date", date, "Only of this day."),),
        rows_of="ml_feature_store",
    ),
    views.gate("gate", "ml", "Whether the features are ready for training"),
    views.rows(
        "models", "models", "Models against the baseline", key=("model",), rows_of="model_card"
    ),
)
