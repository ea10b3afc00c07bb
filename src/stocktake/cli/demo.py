"""``demo`` and ``sandbox``: a whole history within a minute, without account or network."""

from __future__ import annotations

import dataclasses
import shutil
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.padding import Padding
from rich.panel import Panel

from stocktake.cli import words
from stocktake.cli.arguments import read_day
from stocktake.cli.calendar import legend, month_rows, week_legend, week_rows
from stocktake.cli.check import render_checks
from stocktake.cli.count import coverage_table, exit_code
from stocktake.cli.explain import render_why
from stocktake.cli.output import Output, output_of
from stocktake.cli.plan import render_plan
from stocktake.cli.progress import shown_progress
from stocktake.cli.reports import report_as_json
from stocktake.cli.screen import console
from stocktake.cli.showing import is_watched, show_pages
from stocktake.errors import UsageError
from stocktake.model import PlanOptions, Range, System
from stocktake.observe.logs import configure_logs
from stocktake.run.backfill import Conduct, backfill
from stocktake.run.checked import check_system
from stocktake.run.clock import system_clock
from stocktake.run.counted import calendar, count_system, first_day, layers, list_gaps
from stocktake.run.documents import coverage_json
from stocktake.run.explained import explain_unit
from stocktake.run.planned import make_and_save
from stocktake.run.registry import find_system, installed_systems
from stocktake.run.workspace import SANDBOX_LOGIN, Workspace, load_place, open_workspace
from stocktake.store.cluster import LocalCluster
from stocktake.store.database import open_database
from stocktake.store.installation import init

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from stocktake.model import Gap, RunReport
    from stocktake.settings import Settings
    from stocktake.testing import Story


SHOWN = 6
"""Most gaps of the story's dataset that are printed."""


def demo(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="System to show.")] = "racing",
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Stop after the summary, without the pages.")
    ] = False,
) -> int:
    """Fill two months of a sandbox history, with a hole found, explained and filled.

    On a terminal it then serves the pages until Ctrl-C; elsewhere it says how to open them.
    """
    out = output_of(context)
    found = find_system(system)
    if not found.story:
        names = [one.name for one in installed_systems().values() if one.story]
        raise UsageError(f"{system} ships no demo.", hint=f"These do: {', '.join(names)}.")
    started = time.monotonic()
    story: Story = load_place(found.story)(system_clock().date())
    settings = _fresh_settings(out)
    with story.server as server:
        settings = _pointed_at(settings, story, server.base_url)
        with open_workspace(settings, application="stocktake demo") as workspace:
            told = _Telling(out, workspace, found, story).tell()
        told["seconds"] = round(time.monotonic() - started, 1)
        told["home"] = str(settings.home)
        out.emit(told, lambda screen: _farewell(screen, settings, told))
        if is_watched(out) and not no_serve:
            show_pages(settings)
        elif not out.as_json:
            out.hint(f"stocktake --home {settings.home} up, then open the address it tells")
    return int(told["exit_code"])


def _fresh_settings(out: Output) -> Settings:
    """Return settings of an empty sandbox installation below the home, beside any real one."""
    settings = out.settings()
    if settings.database_url is not None:
        raise UsageError(
            "the demo makes a local database of its own.",
            hint="Leave --database-url and STOCKTAKE_DATABASE_URL away.",
        )
    home = settings.home.parent / f"{settings.home.name}-demo"
    LocalCluster(home, pg_bin=settings.pg_bin, application="stocktake demo").stop()
    shutil.rmtree(home, ignore_errors=True)
    settings = dataclasses.replace(settings, home=home, captures_url=None)
    configure_logs(level="error", style=settings.log_format)  # its mishaps are told as a story
    with open_database(settings, application="stocktake demo") as database:
        init(database, "sandbox")
    return settings


def _pointed_at(settings: Settings, story: Story, base_url: str) -> Settings:
    sources = {name: {**own, "base_url": base_url} for name, own in story.settings.items()}
    return dataclasses.replace(settings, sources=sources)


class _Telling:
    """The demo's steps, each the same call that the command of its name makes."""

    def __init__(self, out: Output, workspace: Workspace, system: System, story: Story) -> None:
        self._out = out
        self._workspace = workspace
        self._system = system
        self._story = story
        self._screen = console()
        self._window = Range(story.since, story.until)
        self._chosen = [system.dataset(name) for name in story.datasets]
        self._code = 0
        self._options = PlanOptions(datasets=story.datasets, since=story.since, until=story.until)

    def tell(self) -> dict[str, Any]:
        name, story = self._system.name, self._story
        window = f"--since {story.since} --until {story.until}"
        self._open()
        self._say(1, f"plan {name} {window}", "What a complete history needs, and what it costs.")
        self._draw_plan()
        self._say(2, f"backfill {name} {window}", f"The source is ill today: {story.telling}.")
        first = self._fill()
        self._say(3, f"gaps {name} {window}", "The run ended without an error. The count does not:")
        before = self._draw_gaps()
        dataset, unit = story.hole
        self._say(4, f"why {name} {dataset} {unit}", "One of them, explained.")
        self._draw_why(dataset, unit)
        story.mend()
        self._say(5, f"backfill {name} {window}", story.healing)
        second = self._fill()
        self._say(6, f"count {name} {window}", "Every unit counted from the rows themselves.")
        after, checks = self._draw_end()
        third = self._fill(quietly=True)
        return {
            "system": name,
            "days": (story.until - story.since).days + 1,
            "runs": [report_as_json(run) for run in (first, second, third)],
            "gaps_before": before,
            "coverage": after,
            "checks": checks,
            "exit_code": self._code,
        }

    def _open(self) -> None:
        if not self._out.as_json:
            days = (self._story.until - self._story.since).days + 1
            self._screen.print(f"[bold]{self._system.summary}[/]")
            self._screen.print(
                f"[dim]{days} days of it to {self._story.until}, from a sandbox that speaks the "
                f"source's own language on this machine: {self._story.cast}, real mishaps.[/]"
            )

    def _say(self, step: int, command: str, remark: str) -> None:
        if not self._out.as_json:
            self._screen.print(f"\n[bold cyan]{step}[/]  [bold]stocktake {command}[/]")
            self._screen.print(Padding(f"[dim]{remark}[/]", (0, 0, 0, 3), expand=False))

    def _draw_plan(self) -> None:
        made = make_and_save(self._workspace, self._system, self._options, save=False)
        if not self._out.as_json:
            render_plan(self._screen, made)

    def _fill(self, *, quietly: bool = False) -> RunReport:
        quiet = Output("", "", as_json=self._out.as_json or quietly, is_quiet=quietly)
        with shown_progress(quiet) as report:
            done = backfill(
                self._workspace,
                self._system,
                self._options,
                conduct=Conduct(report=report),
            )
        if not (self._out.as_json or quietly):
            rows = sum(counts.inserted + counts.updated for counts in done.rows.values())
            self._screen.print(
                f"run {done.run_id}: {words.number(done.requests)} requests, "
                f"{words.number(rows)} rows changed, {words.duration(done.seconds)}"
            )
        return done

    def _draw_gaps(self) -> int:
        listed = list_gaps(
            self._workspace,
            self._system,
            self._chosen,
            self._window,
            states=(),
            limit=1000,
        )
        if not self._out.as_json:
            self._list_gaps(listed)
            self._draw_calendar()
        return sum(gap.units for gap in listed)

    def _list_gaps(self, listed: Sequence[Gap]) -> None:
        """Show the gaps of the story's dataset; the others only as a number."""
        shown = [gap for gap in listed if gap.dataset == self._story.hole[0]]
        for gap in shown[:SHOWN]:
            until = f" to {gap.last}" if gap.units > 1 else ""
            self._screen.print(
                f"   {gap.dataset} {gap.first}{until} {'/'.join(gap.series):<4} "
                f"{words.state_text(gap.state)}: {gap.reason}",
                soft_wrap=True,
            )
        if shown[SHOWN:]:
            self._screen.print(f"   [dim]and {len(shown) - SHOWN} more like these[/]")
        units = sum(gap.units for gap in listed) - sum(gap.units for gap in shown)
        others = ", ".join(dict.fromkeys(gap.dataset for gap in listed if gap not in shown))
        self._screen.print(f"   [dim]and {units} units of {others}[/]")

    def _draw_calendar(self) -> None:
        """Show where the holes are: a mark a day, or of units that only fall on days a week."""
        dataset = self._system.dataset(self._story.hole[0])
        if first_day(dataset) is None:
            lines = layers(self._workspace, self._system, self._chosen, self._window)
            for line in week_rows(lines):
                self._screen.print("  ", line, soft_wrap=True)
            self._screen.print("  ", week_legend())
            return
        rows = calendar(self._workspace, self._system, dataset, self._window)
        self._screen.print(f"\n   [bold]{dataset.name}[/], a mark a day")
        for line in month_rows(rows):
            self._screen.print("  ", line)
        self._screen.print("  ", legend())

    def _draw_why(self, dataset: str, unit: str) -> None:
        told = explain_unit(self._workspace, self._system, self._system.dataset(dataset), unit)
        if not self._out.as_json:
            render_why(self._screen, told)

    def _draw_end(self) -> tuple[list[dict[str, Any]], dict[str, int]]:
        counted = count_system(self._workspace, self._system, self._chosen, self._window)
        results = check_system(self._workspace, self._system, self._chosen, self._window)
        self._code = exit_code(counted)
        if not self._out.as_json:
            self._screen.print(coverage_table(counted, "", width=self._screen.width))
            self._draw_calendar()
            render_checks(self._screen, results, every=False)
        severities = [result.severity.value for result in results]
        return [coverage_json(one) for one in counted], {
            word: severities.count(word) for word in dict.fromkeys(severities)
        }


def _farewell(screen: Console, settings: Settings, told: dict[str, Any]) -> None:
    first, second, third = told["runs"]
    rows = sum(one["rows"] or 0 for one in told["coverage"])
    counted = f", {words.number(rows)} rows" if rows else ""
    held = sum(one["held"] for one in told["coverage"])
    expected = sum(one["expected"] or 0 for one in told["coverage"])
    again = sum(one["inserted"] + one["updated"] for one in third["rows"].values())
    screen.print()
    screen.print(
        Panel(
            f"[bold]{told['days']} days, {words.number(held)} of {words.number(expected)} units"
            f"{counted}[/] in {words.duration(told['seconds'])}.\n"
            f"{words.number(first['requests'])} requests said “finished” and left "
            f"{told['gaps_before']} units wrong; each was named with its reason.\n"
            f"{words.number(second['requests'])} more requests filled them. A third run made "
            f"{third['requests']} requests and changed {again} rows.\n\n"
            f"Look around:  [bold]stocktake --home {settings.home} status {told['system']}[/]",
            title="Stocktake knows what complete means",
            border_style="green",
            expand=False,
        )
    )


def sandbox(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="System whose source to imitate.")],
    seed: Annotated[int, typer.Option(help="Same seed, same world.")] = 1,
    scale: Annotated[str, typer.Option(help="Its size, in the system's own words.")] = "full",
    until: Annotated[str, typer.Option(help="Its today: YYYY-MM-DD; today when left out.")] = "",
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 picks one.")] = 8765,
    rate_factor: Annotated[float, typer.Option(min=0.01, help="Multiplies its limits.")] = 1.0,
) -> int:
    """Serve a system's sandbox on loopback until interrupted: same wire format, same limits."""
    out = output_of(context)
    found = find_system(system)
    if not found.sandbox:
        names = [one.name for one in installed_systems().values() if one.sandbox]
        raise UsageError(f"{system} ships no sandbox.", hint=f"These do: {', '.join(names)}.")
    day = read_day(until, "--until") or system_clock().date()
    try:
        server = load_place(found.sandbox)(
            seed, scale, until=day, rate_factor=rate_factor, **SANDBOX_LOGIN
        )
    except KeyError:
        raise UsageError(
            f"{system} has no scale {scale!r}.", hint="full is what every sandbox knows."
        ) from None
    out.emit(
        {"base_url": f"http://127.0.0.1:{port}", **SANDBOX_LOGIN, "until": day},
        lambda screen: screen.print(
            f"{system} sandbox on http://127.0.0.1:{port} until interrupted; "
            f"login {' / '.join(SANDBOX_LOGIN.values())}; its today is {day}.",
            soft_wrap=True,
        ),
    )
    server.serve_forever("127.0.0.1", port)
    return 0
