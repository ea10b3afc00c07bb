"""``users`` and ``keys``: who may use the API and the pages."""

from __future__ import annotations

import getpass
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from stocktake.access import keys as api_keys
from stocktake.access import users as accounts
from stocktake.access.audit import Actor
from stocktake.access.factors import factor_of, remove_factor
from stocktake.access.passwords import generated_password, take_in_breached
from stocktake.access.roles import role_of
from stocktake.cli.output import output_of
from stocktake.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from stocktake.access.keys import ApiKey
    from stocktake.access.users import Login, User

ONCE = "[dim]This is shown once.[/]"
Name = Annotated[str, typer.Argument(help="The user's name.")]
RoleWord = Annotated[str, typer.Option("--role", help="viewer, operator or admin.")]

users = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Who may log in, and as what.",
)
keys = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Keys by which programs use the API.",
)


@users.command("list")
def users_list(context: typer.Context) -> int:
    """List every account, its role and when it last logged in."""
    out = output_of(context)
    with out.workspace("users") as workspace, workspace.database.connection() as conn:
        found = accounts.list_users(conn, now=workspace.clock())
    out.emit({"users": found}, lambda screen: _render_users(screen, found))
    return 0


@users.command("add")
def users_add(
    context: typer.Context,
    name: Name,
    role: RoleWord = "viewer",
    invite: Annotated[
        bool, typer.Option("--invite", help="A token instead: its holder chooses the password.")
    ] = False,
) -> int:
    """Make an account with a generated password, or an invitation; either is shown once."""
    out = output_of(context)
    chosen = role_of(role)
    with out.workspace("users") as workspace, workspace.database.connection() as conn:
        now = workspace.clock()
        if invite:
            invited = accounts.invite_user(conn, name, role=chosen, by=by_command_line(), now=now)
            found, secret, word = invited.name, invited.token, "token"
        else:
            made = accounts.add_user(conn, name, role=chosen, by=by_command_line(), now=now)
            found, secret, word = made.name, made.password, "password"
    out.emit(
        {"name": found, "role": chosen, word: secret},
        lambda screen: screen.print(
            f"[bold]{found}[/] ({chosen}) comes in with the {word} [bold]{secret}[/]\n{ONCE}",
            soft_wrap=True,
        ),
    )
    return 0


@users.command("role")
def users_role(
    context: typer.Context,
    name: Name,
    role: Annotated[str, typer.Argument(help="viewer, operator or admin.")],
) -> int:
    """Give an account another role; its sessions end."""
    out = output_of(context)
    chosen = role_of(role)
    with out.workspace("users") as workspace, workspace.database.connection() as conn:
        accounts.set_role(conn, name, role=chosen, by=by_command_line(), now=workspace.clock())
    out.emit(
        {"name": name, "role": chosen}, lambda screen: screen.print(f"{escape(name)} is {chosen}")
    )
    return 0


@users.command("deactivate")
def users_deactivate(context: typer.Context, name: Name) -> int:
    """Let an account log in no more; its sessions end."""
    return _set_active(context, name, is_active=False)


@users.command("activate")
def users_activate(context: typer.Context, name: Name) -> int:
    """Let an account log in again."""
    return _set_active(context, name, is_active=True)


@users.command("password")
def users_password(
    context: typer.Context,
    name: Name,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make one and show it, instead of asking for it.")
    ] = False,
) -> int:
    """Set an account's password, asked for or read from stdin; its sessions end."""
    out = output_of(context)
    password = generated_password() if generate else _asked()
    with out.workspace("users") as workspace, workspace.database.connection() as conn:
        now = workspace.clock()
        accounts.set_password(conn, name, password=password, by=by_command_line(), now=now)
    shown = password if generate else None
    text = f"{escape(name)} logs in with [bold]{password}[/]\n{ONCE}" if generate else "Done."
    out.emit({"name": name, "password": shown}, lambda screen: screen.print(text, soft_wrap=True))
    return 0


@users.command("factor")
def users_factor(
    context: typer.Context,
    name: Name,
    remove: Annotated[
        bool, typer.Option("--remove", help="Let the password alone be enough again.")
    ] = False,
) -> int:
    """Tell whether an account asks for a second factor; remove one that was lost."""
    out = output_of(context)
    with out.workspace("users") as workspace, workspace.database.connection() as conn:
        user_id, known = accounts.find_user(conn, name)[:2]
        if remove:
            remove_factor(conn, user_id, known, by=by_command_line(), now=workspace.clock())
        found = factor_of(conn, user_id)
    has = found is not None and found.confirmed_at is not None
    word = "asks for a code too" if has else "logs in with the password alone"
    out.emit(
        {"name": known, "has_factor": has, "recovery_left": found.recovery_left if found else 0},
        lambda screen: screen.print(f"{escape(known)} {word}"),
    )
    return 0


@users.command("breached")
def users_breached(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A password or SHA-1 a line.")
    ],
) -> int:
    """Take in a list of passwords that everybody knows: nobody may choose one of them."""
    out = output_of(context)
    with (
        out.workspace("users") as workspace,
        workspace.database.connection() as conn,
        file.open(encoding="utf-8", errors="surrogateescape") as lines,
    ):
        taken = take_in_breached(conn, lines)
    out.emit({"lines": taken}, lambda screen: screen.print(f"{taken:,} lines taken in"))
    return 0


@keys.command("list")
def keys_list(context: typer.Context) -> int:
    """List every key, ended ones too; the secrets are not known any more."""
    out = output_of(context)
    with out.workspace("keys") as workspace, workspace.database.connection() as conn:
        found = api_keys.list_keys(conn)
        now = workspace.clock()
    out.emit({"keys": found}, lambda screen: _render_keys(screen, found, now))
    return 0


@keys.command("add")
def keys_add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: RoleWord = "viewer",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Cut it down to read, write or admin; repeat. All of its role without."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="It ends after so many days.")] = None,
) -> int:
    """Make a key and show it, once."""
    out = output_of(context)
    chosen = role_of(role)
    with out.workspace("keys") as workspace, workspace.database.connection() as conn:
        now = workspace.clock()
        made = api_keys.add_key(
            conn,
            name,
            role=chosen,
            by=by_command_line(),
            now=now,
            scopes=scope or (),
            expires_at=now + timedelta(days=days) if days else None,
        )
    out.emit(
        {"key_id": made.key_id, "key": made.text, "role": chosen},
        lambda screen: screen.print(f"[bold]{made.text}[/] ({chosen})\n{ONCE}", soft_wrap=True),
    )
    return 0


@keys.command("revoke")
def keys_revoke(
    context: typer.Context,
    key_id: Annotated[int, typer.Argument(metavar="ID", help="Number of the key.")],
) -> int:
    """End a key for good."""
    out = output_of(context)
    with out.workspace("keys") as workspace, workspace.database.connection() as conn:
        api_keys.revoke_key(conn, key_id, by=by_command_line(), now=workspace.clock())
    out.emit(
        {"key_id": key_id, "is_revoked": True},
        lambda screen: screen.print(f"key {key_id} is revoked"),
    )
    return 0


def render_login(screen: Console, login: Login | None) -> None:
    """Show a login that was made; nothing when none was."""
    if login is not None:
        screen.print(
            f"Log in as [bold]{login.name}[/] with [bold]{login.password}[/]\n"
            "[dim]This is shown once. stocktake users password sets another.[/]",
            soft_wrap=True,
        )


def _set_active(context: typer.Context, name: str, *, is_active: bool) -> int:
    out = output_of(context)
    with out.workspace("users") as workspace, workspace.database.connection() as conn:
        now = workspace.clock()
        accounts.set_active(conn, name, is_active=is_active, by=by_command_line(), now=now)
    word = "active" if is_active else "deactivated"
    out.emit(
        {"name": name, "is_active": is_active},
        lambda screen: screen.print(f"{escape(name)} is {word}"),
    )
    return 0


def by_command_line() -> Actor:
    """Return who the audit names for what is done here."""
    try:
        return Actor(getpass.getuser(), "cli")
    except (KeyError, OSError):
        return Actor("command line", "cli")


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != password:
        raise UsageError("the two passwords differ.", hint="Nothing was changed.")
    return password


def _render_users(screen: Console, found: list[User]) -> None:
    if not found:
        screen.print("No user yet. stocktake serve makes the first admin.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("user", "role", "state", "last login", "sessions"):
        table.add_column(heading, no_wrap=True)
    for one in found:
        state = "invited" if one.is_invited else "active"
        table.add_row(
            one.name,
            one.role,
            state if one.is_active else "[dim]deactivated[/]",
            _minute(one.last_login_at),
            str(one.sessions),
        )
    screen.print(table)


def _render_keys(screen: Console, found: list[ApiKey], now: datetime) -> None:
    if not found:
        screen.print("No key yet. stocktake keys add NAME makes one.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "prefix", "name", "role", "scopes", "state", "last used"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(
            str(one.key_id),
            f"stk_{one.prefix}_…",
            escape(one.name),
            one.role,
            ", ".join(one.scopes) or "all",
            _key_state(one, now),
            _minute(one.last_used_at),
        )
    screen.print(table)


def _key_state(one: ApiKey, now: datetime) -> str:
    if one.revoked_at:
        return f"[dim]revoked {one.revoked_at:%Y-%m-%d}[/]"
    if one.expires_at is None:
        return "valid"
    word = "expired" if one.expires_at <= now else "valid until"
    return f"{word} {one.expires_at:%Y-%m-%d}"


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "never"
