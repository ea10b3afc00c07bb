"""Health reports: everything measured, then written in the format a file's name asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import Identifier

from stocktake.count.coverage import count
from stocktake.count.holes import holes
from stocktake.fetch.sources import endpoint_states
from stocktake.model import Range
from stocktake.report.health import DatasetHealth, Health, OpenRun, RequestUse
from stocktake.report.markdown import markdown
from stocktake.report.page import page
from stocktake.report.sections import BAD, GOOD, SOFT, sections, title_of, verdict_of
from stocktake.report.signoffs import QUERIES
from stocktake.run.checked import check_system
from stocktake.run.counted import count_years, today_of
from stocktake.run.documents import health_json
from stocktake.run.encoded import to_json
from stocktake.run.listed import unfinished_runs
from stocktake.run.noticed import notices
from stocktake.run.stale import find_stale

if TYPE_CHECKING:
    from psycopg import Connection

    from stocktake.model import Dataset, Hole, System
    from stocktake.run.workspace import Workspace

SHOWN = 25
"""Gaps and notices listed; the counts are of all."""


def examine(workspace: Workspace, system: System, window: Range) -> Health:
    """Measure a system over a range; an open end is today. Check results are kept."""
    today = today_of(workspace, system)
    asked = Range(window.since, min(window.until or today, today))
    checks = check_system(workspace, system, system.datasets, asked)
    open_runs = [
        OpenRun(run.run_id, run.kind, run.state, run.started_at, run.requests)
        for run in unfinished_runs(workspace, system.name)
    ]
    with workspace.database.connection() as conn:
        find_stale(conn, workspace, system)
        found = _holes(conn, workspace, system, asked)
        listed, notice_count = notices(conn, workspace, system, system.datasets, asked, limit=SHOWN)
        return Health(
            system=system.name,
            kind=workspace.kind,
            at=workspace.clock(),
            since=asked.since,
            until=asked.until or today,
            datasets=[_dataset(conn, workspace, system, one, asked) for one in system.datasets],
            holes=found[:SHOWN],
            hole_count=len(found),
            checks=checks,
            open_runs=open_runs,
            requests=[
                RequestUse(
                    one.source,
                    one.endpoint,
                    one.requests,
                    one.errors,
                    one.refusals,
                    one.used_today,
                    one.per_day,
                )
                for one in endpoint_states(conn, system.sources)
            ],
            notices=listed,
            notice_count=notice_count,
        )


def _dataset(
    conn: Connection, workspace: Workspace, system: System, dataset: Dataset, window: Range
) -> DatasetHealth:
    (whole,) = count(
        conn,
        system,
        [dataset],
        window=window,
        now=workspace.clock(),
        lifted=workspace.lifted(system),
    )
    years = count_years(conn, workspace, system, dataset, window)
    row = conn.execute(
        QUERIES.table_rows.format(table=Identifier(system.name, dataset.name))
    ).fetchone()
    told = [(year, one) for year, one in years if year and (one.expected or one.held)]
    return DatasetHealth(whole, told, row[0] if row else 0, dataset.final_rows)


def _holes(conn: Connection, workspace: Workspace, system: System, window: Range) -> list[Hole]:
    found = [
        hole
        for dataset in system.datasets
        for hole in holes(
            conn,
            system,
            dataset,
            partial=True,
            window=window,
            now=workspace.clock(),
            lifted=workspace.lifted(system),
        )
        or ()
    ]
    return sorted(found, key=lambda one: (-one.days, one.dataset, one.series, one.first))


def written(health: Health, ending: str) -> str:
    """Return a report as the text of a file: ``.json``, ``.md`` or ``.html``."""
    if ending == ".json":
        return to_json(health_json(health)) + "\n"
    told = f"Made at {health.at:%Y-%m-%d %H:%M} UTC by Stocktake."
    if ending == ".md":
        lead = [f"Verdict: {verdict_of(health)}.", *sandbox_note(health), told]
        return markdown(title_of(health), lead, sections(health))
    tone = (GOOD, SOFT, BAD)[health.exit_code]
    return page(
        title_of(health),
        [(tone, verdict_of(health)), *((SOFT, text) for text in sandbox_note(health)), ("", told)],
        sections(health),
    )


def sandbox_note(health: Health) -> list[str]:
    """Return what every report of sandbox data says."""
    return ["Sandbox data: everything here is made up."] if health.kind == "sandbox" else []
