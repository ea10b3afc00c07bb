"""The contract: every command, where it lives, and its one line of help."""

from __future__ import annotations

from stocktake.cli.lazy import LazyCommand

SEE = "See what is there"
FILL = "Fill what is not"
TRUST = "Trust it"
RUN = "Runs and sources"
INSTALL = "Installation"

_PLACES = (
    ("demo", "demo:demo", "A sandbox history with a hole: found, explained, filled.", SEE),
    ("systems", "status:systems", "The systems installed.", SEE),
    ("status", "status:status", "Coverage, freshness, open gaps and last runs.", SEE),
    ("count", "count:count", "Count held units and rows against what should exist.", SEE),
    ("gaps", "gaps:gaps", "Name every gap and its reason.", SEE),
    ("why", "explain:why", "Explain one unit: promise, attempts, captures, next try.", SEE),
    ("trace", "explain:trace", "A row's provenance, down to the captured bytes.", SEE),
    ("plan", "plan:plan", "Which units to fill, in which order, at what cost.", FILL),
    ("backfill", "fill:backfill", "Fill past gaps, resumable at any instant.", FILL),
    ("sync", "fill:sync", "Bring recent days up to date and re-check settling ones.", FILL),
    ("load", "fill:load", "Load files through a file source.", FILL),
    ("replay", "fill:replay", "Parse stored captures again, without the network.", FILL),
    ("derive", "derive:derive", "Recompute what depends on what changed.", FILL),
    ("verify", "derive:verify", "Prove that derived tables, ledger and rows agree.", TRUST),
    ("check", "check:check", "Measure every promise.", TRUST),
    ("signoff", "check:signoff", "The checklist with measured criteria, recorded.", TRUST),
    ("accept", "decide:accept", "Waive a gap, with a reason and an end.", TRUST),
    ("rejects", "decide:rejects", "Rows that failed validation, with reasons.", TRUST),
    ("duplicates", "decide:duplicates", "Rows that came twice with different values.", TRUST),
    ("capture", "explain:capture", "Bytes as received.", TRUST),
    ("runs", "runs:runs", "The last runs.", RUN),
    ("run", "runs:run", "Show, cancel or resume one run.", RUN),
    ("sources", "sources:sources", "Health, limits, quota and failures; pause, resume.", RUN),
    ("sandbox", "demo:sandbox", "Serve a system's wire-true sandbox on loopback.", RUN),
    ("init", "install:init", "Create or migrate the database.", INSTALL),
    ("doctor", "install:doctor", "Check everything the installation needs.", INSTALL),
    ("down", "install:down", "Stop the local cluster.", INSTALL),
    ("db", "database:db", "Migrate, roll back, verify, back up, restore, open.", INSTALL),
)

COMMANDS = tuple(
    LazyCommand(name, f"stocktake.cli.{place}", summary, panel)
    for name, place, summary, panel in _PLACES
)
