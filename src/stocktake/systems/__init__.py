"""The systems that ship with Stocktake."""
