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
    ("signoff", "signoff:signoff", "Measure a history's checklist and sign it.", TRUST),
    ("report", "report:report", "A health report: coverage, gaps, checks, as a file too.", TRUST),
    ("train", "train:train", "A model on derived features, against a baseline.", TRUST),
    ("accept", "decide:accept", "Waive a gap, with a reason and an end.", TRUST),
    ("rejects", "review:rejects", "Rows that failed validation: list, retry, edit.", TRUST),
    ("duplicates", "review:duplicates", "Rows that came twice and differ: list, decide.", TRUST),
    ("export", "exports:export", "A dataset as a CSV or JSON lines file.", TRUST),
    ("capture", "explain:capture", "Bytes as received.", TRUST),
    ("runs", "runs:runs", "The last runs.", RUN),
    ("run", "runs:run", "Show, cancel, pause or resume one run.", RUN),
    ("worker", "service:worker", "Take queued runs and their chunks until stopped.", RUN),
    ("up", "service:up", "Everything that keeps an installation going, in one program.", RUN),
    ("sources", "sources:sources", "Health, limits, use, failures; pause, resume, verify.", RUN),
    ("ask", "ask:ask", "One question to a source, by hand, at the allowed rate.", RUN),
    ("schedule", "schedules:schedule", "When work recurs: list, run, switch, history.", RUN),
    ("serve", "serve:serve", "The HTTP API and the pages, on this machine.", RUN),
    ("alerts", "alerts:alerts", "What is wrong now, who was told; mute, try a channel.", RUN),
    ("metrics", "metrics:metrics", "Figures for Prometheus.", RUN),
    ("sandbox", "demo:sandbox", "Serve a system's wire-true sandbox on loopback.", RUN),
    ("init", "install:init", "Create or migrate the database.", INSTALL),
    ("users", "accounts:users", "Who may log in, and as what.", INSTALL),
    (
        "tenants",
        "tenants:tenants",
        "Organisations that share the installation.",
        INSTALL,
    ),
    ("keys", "accounts:keys", "Keys by which programs use the API.", INSTALL),
    ("doctor", "install:doctor", "Check everything the installation needs.", INSTALL),
    ("down", "install:down", "Stop the local cluster.", INSTALL),
    ("db", "database:db", "Migrate, verify, back up, restore; where captures are kept.", INSTALL),
)

_EXAMPLES = {
    "count": ("racing", "racing ra_races --since 2024-01-01 --json", "racing --as-of 2024-06-30"),
    "gaps": ("racing --since 2024-01-01", "racing ra_races --state failed,thin --limit 20"),
    "why": ("racing ra_runners 2019-03-05/ire",),
    "trace": ("racing ra_races race_id=rac_11745682",),
    "plan": (
        "racing --since 2015-01-01",
        "racing ra_races --sample 7",
        "racing --save",
        "approve 12",
    ),
    "backfill": ("racing --sample 7", "racing --order newest", "racing --plan 12 --detach"),
    "worker": ("", "--concurrency 2 --sources theracingapi"),
    "sync": ("racing",),
    "ask": (
        "racing /v1/horses/search name=Bold",
        "racing /v1/results/{race_id} race_id=rac_11745682 --load",
    ),
    "load": ("racing ra_race_results hkjc_results_2023.csv.gz --source hkjc",),
    "replay": ("racing ra_race_results --since 2024-01-01",),
    "derive": ("racing", "racing ra_runner_statistics --full"),
    "check": (
        "racing",
        "racing ra_runners --all --junit checks.xml",
        "racing --gate statistics --since 2024-01-01",
    ),
    "signoff": (
        "racing --since 2015-01-01 --dry-run",
        "racing --by ann --waive second_run_is_idle='two pages are down until May'",
        "list racing",
        "show 3",
    ),
    "report": ("racing", "racing --since 2024-01-01 --out report.html", "racing --out reports/"),
    "train": ("nba --season 2024-25", "nba --since 2022-10-01 --seed 7 --out model"),
    "accept": (
        "racing ra_races 2019-03-05/ire --reason 'meeting lost to fog' --by ann",
        "racing ra_races 2019-03-05/ire --withdraw",
    ),
    "export": ("racing ra_races --out races.csv", "racing ra_races --format jsonl --out r.jsonl"),
    "alerts": ("list", "history 12", "test desk", "mute 12 --hours 4 --reason 'known'"),
    "sources": (
        "racing --days 30",
        "log theracingapi",
        "verify theracingapi",
        "pause theracingapi --reason 'new contract'",
    ),
    "schedule": (
        "list racing",
        "history racing.transactions",
        "run racing.people --detach",
        "disable nba.games_night",
    ),
    "sandbox": ("racing --port 8765", "racing --scale week --seed 2"),
    "rejects": (
        "racing",
        "racing ra_races --csv",
        "retry racing --dry-run",
        "edit 12 --file row.json --reason 'weight misprinted'",
        "dismiss 12 --reason 'a test entry'",
    ),
    "duplicates": ("racing", "decide 3 merged --take jockey --dry-run", "reopen 3"),
    "serve": ("", "--port 9000", "--host 0.0.0.0 --public-url https://stocktake.example.org"),
    "users": ("add ann --role operator", "factor ann --remove", "breached passwords.txt"),
    "tenants": ("add north-radio --name 'North Radio'", "change north-radio --status suspended"),
    "init": ("--sandbox", "--database-url postgresql://me@db.example/stocktake"),
}

COMMANDS = tuple(
    LazyCommand(
        name,
        f"stocktake.cli.{place}",
        summary=summary,
        panel=panel,
        examples=_EXAMPLES.get(name, ()),
    )
    for name, place, summary, panel in _PLACES
)
