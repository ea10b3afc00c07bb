"""The words pages explain, shortest form; docs/glossary.md tells them at length."""

from __future__ import annotations

WORDS = (
    ("system", "Datasets that belong and ship together, with sources, checks and pages."),
    ("dataset", "A table that promises to be complete, and the rule that says what that means."),
    (
        "unit",
        "The smallest thing that is either here or missing: a day, a game, a day of a region.",
    ),
    ("series", "All units of a dataset that share every part of the key except the day."),
    ("expected", "Promised up to today by a calendar, a list or a fetched schedule."),
    ("held", "Expected and here: with rows, or proven to have none."),
    ("gap", "Expected and not held."),
    ("coverage", "Held ÷ expected. With nothing expected there is none: n/a, never 100 %."),
    ("needed for target", "Units to fill until the dataset reaches the share it promises."),
    ("source", "Who has the rows; each of its endpoints has a rate limit and a quota."),
    ("feed", "One way rows come from a source: requests, and the parser of their answers."),
    (
        "capture",
        "One stored answer, byte for byte, with its hash. Parsing can start from it again.",
    ),
    ("reject", "A row that could not be stored, kept with its reason."),
    ("plan", "What would be fetched and derived, in which order, at what cost."),
    ("run", "One execution of a plan. It can be paused, resumed, cancelled and undone."),
    ("sync", "Bring recent days up to date and look again at what is not final."),
    ("check", "A promise that is measured: pass, warn, fail, or error when it could not be."),
    ("sign-off", "A list of criteria, measured and signed by a person on a day."),
)
