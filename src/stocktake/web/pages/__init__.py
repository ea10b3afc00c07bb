"""Routes, a module per group of pages."""
