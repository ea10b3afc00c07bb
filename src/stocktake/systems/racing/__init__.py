"""Horse racing, Great Britain and Ireland."""
