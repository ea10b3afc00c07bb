"""Horse racing in Great Britain and Ireland."""
