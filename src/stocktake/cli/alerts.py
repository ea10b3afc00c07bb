"""``alerts``: what is wrong now, who was told, and trying a channel."""

from __future__ import annotations

from datetime import timedelta
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from stocktake.cli.output import output_of
from stocktake.errors import UsageError
from stocktake.observe.events import headline
from stocktake.observe.plain import plain
from stocktake.run.alerted import (
    alert_history,
    alert_list,
    channel_json,
    channels_told,
    mute_alert,
    retry_given_up,
)
from stocktake.run.courier import try_channel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import Console

    from stocktake.observe.alerts import AlertLine, EventLine
    from stocktake.observe.channels import Channel

WARN, ERROR = 1, 3
USUAL_LINES = 50
STYLES = {"sent": "green", "pending": "yellow", "dead": "red", "skipped": "dim"}

AlertId = Annotated[int, typer.Argument(metavar="ID", help="Number of the alert.")]
Limit = Annotated[int, typer.Option(min=1, help="Most lines.")]

alerts = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    help="What is wrong now, who was told, and trying a channel.",
)


@alerts.callback()
def alerts_open(context: typer.Context) -> int:
    """List what is wrong now, like ``alerts list``; or see the commands below."""
    return 0 if context.invoked_subcommand else _list(context, every=False, limit=USUAL_LINES)


@alerts.command("list")
def alerts_list(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    limit: Limit = USUAL_LINES,
) -> int:
    """List open alerts. Exit 1 when there is one that is not muted."""
    return _list(context, every=every, limit=limit)


def _list(context: typer.Context, *, every: bool, limit: int) -> int:
    out = output_of(context)
    with out.workspace("alerts") as workspace:
        found = alert_list(workspace, include_ended=every, limit=limit)
        now = workspace.clock()
    out.emit({"alerts": found}, lambda console: _render_alerts(console, found, now))
    loud = [one for one in found if one.resolved_at is None and not _is_muted(one, now)]
    return WARN if loud else 0


@alerts.command("history")
def alerts_history(
    context: typer.Context,
    alert_id: Annotated[int, typer.Argument(metavar="ID", help="Only of this alert.")] = 0,
    limit: Limit = USUAL_LINES,
) -> int:
    """List events, newest first, and how each channel was told."""
    out = output_of(context)
    with out.workspace("alerts") as workspace:
        found = alert_history(workspace, alert_id=alert_id or None, limit=limit)
    out.emit({"events": found}, lambda console: _render_events(console, found))
    return 0


@alerts.command("channels")
def alerts_channels(context: typer.Context) -> int:
    """List the channels that the settings declare; secrets and addresses stay hidden."""
    out = output_of(context)
    with out.workspace("alerts") as workspace:
        told = channels_told(workspace)
    found = [one for one, _ in told]
    document = [channel_json(one, stands) for one, stands in told]
    out.emit({"channels": document}, lambda console: _render_channels(console, found))
    return 0


@alerts.command("test")
def alerts_test(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="Channel, as the settings name it.")],
) -> int:
    """Send a test message to a channel at once. Exit 3 when it does not take it."""
    out = output_of(context)
    with out.workspace("alerts") as workspace:
        outcome = try_channel(workspace, channel)
    word = "took it" if outcome.is_taken else "did not take it"
    document = {"channel": channel, "is_taken": outcome.is_taken, "response": outcome.response}
    out.emit(
        document, lambda console: console.print(f"{channel} {word}: {escape(outcome.response)}")
    )
    return 0 if outcome.is_taken else ERROR


@alerts.command("mute")
def alerts_mute(
    context: typer.Context,
    alert_id: AlertId,
    hours: Annotated[float, typer.Option(help="For how long; 0 ends the silence.")] = 8.0,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    by: Annotated[str, typer.Option(help="Who; the account unless given.")] = "",
) -> int:
    """Tell nobody of an alert for a while; that it is well again is told all the same."""
    out = output_of(context)
    if hours < 0:
        raise UsageError(f"--hours must not be below 0, not {hours:g}.")
    with out.workspace("alerts") as workspace:
        until = workspace.clock() + timedelta(hours=hours) if hours else None
        mute_alert(workspace, alert_id, until=until, by=by or getuser(), reason=reason)
    text = f"muted until {until:%Y-%m-%d %H:%M} UTC" if until else "not muted any more"
    document = {"alert_id": alert_id, "muted_until": until}
    out.emit(document, lambda console: console.print(f"Alert {alert_id} is {text}."))
    return 0


@alerts.command("retry")
def alerts_retry(context: typer.Context) -> int:
    """Try messages again that were given up."""
    out = output_of(context)
    with out.workspace("alerts") as workspace:
        count = retry_given_up(workspace)
    out.emit(
        {"retried": count}, lambda console: console.print(f"{count} messages are tried again.")
    )
    return 0


def _is_muted(one: AlertLine, now: datetime) -> bool:
    return one.muted_until is not None and one.muted_until > now


def _render_alerts(console: Console, found: Sequence[AlertLine], now: datetime) -> None:
    if not found:
        console.print("[green]Nothing is wrong.[/]")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("alert", "state", "since", "last seen", "seen"):
        table.add_column(heading)
    table.add_column("what", overflow="fold")
    table.add_column("told")
    for one in found:
        table.add_row(
            str(one.alert_id),
            _state(one, now),
            f"{one.opened_at:%Y-%m-%d %H:%M}",
            f"{one.last_seen_at:%Y-%m-%d %H:%M}",
            f"{one.seen:,}",
            escape(plain(headline(one.kind, one.subject, one.system)) + _figures(one.details)),
            _counts(one),
        )
    console.print(table)


def _state(one: AlertLine, now: datetime) -> str:
    if one.resolved_at is not None:
        return "[green]ended[/]"
    return "[dim]muted[/]" if _is_muted(one, now) else "[red]open[/]"


def _counts(one: AlertLine) -> str:
    counts = {"sent": one.sent, "pending": one.pending, "dead": one.dead}
    return " ".join(f"[{STYLES[name]}]{n} {name}[/]" for name, n in counts.items() if n)


def _figures(details: dict[str, Any]) -> str:
    shown = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in details.items()
        if value not in (None, "", [], {})
    ]
    return plain(": " + ", ".join(shown)) if shown else ""


def _render_events(console: Console, found: Sequence[EventLine]) -> None:
    if not found:
        console.print("Nothing has happened yet.")
    for one in found:
        title = escape(plain(headline(one.kind, one.subject, one.system)))
        number = "" if one.alert_id is None else f" [dim]alert {one.alert_id}[/]"
        console.print(f"{one.at:%Y-%m-%d %H:%M:%S}  {title}{number}", soft_wrap=True)
        for told in one.deliveries:
            style, response = STYLES[told["state"]], escape(told["response"])
            tries = f", {told['attempts']} tries" if told["attempts"] > 1 else ""
            console.print(
                f"    {told['channel']} [{style}]{told['state']}[/]{tries} [dim]{response}[/]",
                soft_wrap=True,
            )


def _render_channels(console: Console, found: Sequence[Channel]) -> None:
    if not found:
        console.print("No channel is declared: see [alerts.NAME] in the settings reference.")
    for one in found:
        console.print(
            f"[bold]{one.name}[/] ({one.type}): {', '.join(one.kinds)}"
            f"{' of ' + ', '.join(one.systems) if one.systems else ''}, "
            f"again after {one.cooldown.total_seconds() / 60:g} minutes"
        )
