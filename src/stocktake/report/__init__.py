"""Files made from what is held: exports and reports, whole or absent."""
