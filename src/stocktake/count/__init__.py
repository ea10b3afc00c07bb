"""Expected against held: states, coverage, gaps, needs, and why a unit is what it is."""
