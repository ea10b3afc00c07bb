"""``tenants``: organisations that share the installation and never see each other's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from stocktake.access.tenants import add_tenant, change_tenant, list_tenants
from stocktake.cli.accounts import by_command_line
from stocktake.cli.output import output_of

if TYPE_CHECKING:
    from rich.console import Console

    from stocktake.access.tenants import Tenant

Slug = Annotated[str, typer.Argument(help="Its short name, such as north-radio.")]

tenants = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Organisations that share the installation and never see each other's rows.",
)


@tenants.command("list")
def tenants_list(context: typer.Context) -> int:
    """List every tenant."""
    out = output_of(context)
    with out.workspace("tenants") as workspace, workspace.database.connection() as conn:
        found = list_tenants(conn)
    out.emit({"tenants": found}, lambda screen: _render(screen, found))
    return 0


@tenants.command("add")
def tenants_add(
    context: typer.Context,
    slug: Slug,
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    zone: Annotated[str, typer.Option(help="IANA zone of its days.")] = "UTC",
) -> int:
    """Make a tenant; its accounts and keys are made with --tenant."""
    out = output_of(context)
    with out.workspace("tenants") as workspace, workspace.database.connection() as conn:
        by, now = by_command_line(), workspace.clock()
        made = add_tenant(conn, slug, by=by, now=now, name=name, zone=zone)
    out.emit(made, lambda screen: _render(screen, [made]))
    out.hint(f"stocktake users add ann --role admin --tenant {made.slug}")
    return 0


@tenants.command("change")
def tenants_change(
    context: typer.Context,
    slug: Slug,
    tier: Annotated[
        str | None, typer.Option(help="free, starter, professional or enterprise.")
    ] = None,
    status: Annotated[str | None, typer.Option(help="active, suspended or cancelled.")] = None,
) -> int:
    """Give a tenant another tier or status; unless active, it lets nobody in."""
    out = output_of(context)
    with out.workspace("tenants") as workspace, workspace.database.connection() as conn:
        by, now = by_command_line(), workspace.clock()
        found = change_tenant(conn, slug, by=by, now=now, tier=tier, status=status)
    out.emit(found, lambda screen: _render(screen, [found]))
    return 0


def _render(screen: Console, found: list[Tenant]) -> None:
    if not found:
        screen.print("No tenant yet. stocktake tenants add NAME makes one.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("tenant", "name", "tier", "status", "days in"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(one.slug, escape(one.name), one.tier, one.status, one.zone)
    screen.print(table)
