"""Logs, metrics and the named points at which tests may kill a process."""
