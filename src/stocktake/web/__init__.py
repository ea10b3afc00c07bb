"""The pages: they call what the command line calls, and render it."""
