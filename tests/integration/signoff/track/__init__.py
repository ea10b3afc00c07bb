"""A track in a real database: migrations and derivations of a small system."""
