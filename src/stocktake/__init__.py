"""Stocktake knows what complete means: it counts what you hold, names every gap and fills it."""
