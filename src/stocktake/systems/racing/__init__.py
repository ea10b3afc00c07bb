"""Horse racing."""
