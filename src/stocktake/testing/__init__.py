"""Public fakes for tests: of this project, of its systems, and of yours."""
