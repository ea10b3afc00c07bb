"""Load: parsed rows are validated, staged and merged into their tables, with provenance."""
