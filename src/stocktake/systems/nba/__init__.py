"""NBA games in layers, from the schedule to a feature store."""
