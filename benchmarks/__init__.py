"""Every figure the project quotes, re-runnable: ``./do bench``."""
