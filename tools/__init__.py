"""What keeps the repository in shape: reading its own source, and generating pages from it."""
