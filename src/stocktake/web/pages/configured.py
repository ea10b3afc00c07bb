"""What an installation is set to, may use and is connected with; sessions; the audit as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stocktake.access.audit import list_audit, storable, write_audit
from stocktake.access.sessions import end_session, list_sessions
from stocktake.api.problems import not_found
from stocktake.api.shared import shared
from stocktake.errors import ConfigurationError
from stocktake.run.alerted import channels_told
from stocktake.run.configured import setting_lines
from stocktake.run.lately import storage_of
from stocktake.run.sourced import source_health
from stocktake.run.workspace import lacking_credentials
from stocktake.web.access import Admin, Landlord, Viewer, Watcher
from stocktake.web.download import csv_file
from stocktake.web.pages.sources import state_word
from stocktake.web.site import Site, go, show, site_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from stocktake.fetch.sources import EndpointState
    from stocktake.model import Source

router = APIRouter()
MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Connection:
    """A source or channel the installation is connected with.

    Attributes:
        kind: ``source`` or ``channel``.
        name: Its name.
        system: Whose source it is, empty for channels.
        word: Its state in a word.
        tone: How that word is shown.
        secrets: Which secrets it needs, and whether each is set; never their values.
        last_at: When it last gave or took something.
        said: What it said last that was no success, or to the last message.
        test: Where a test call is posted.
    """

    kind: str
    name: str
    system: str
    word: str
    tone: str
    secrets: str
    last_at: datetime | None
    said: str
    test: str


@router.get("/settings/quotas")
def quotas_page(request: Request, visitor: Watcher) -> Response:
    """Show what endpoints may be asked and were, and the room that is left."""
    site = site_of(request)
    states = [
        (system.name, one)
        for system in site.systems.values()
        for one in source_health(site.workspace, system)
    ]
    return show(
        request,
        "quotas.html",
        visitor=visitor,
        title="Quotas",
        limited=[(name, one) for name, one in states if one.per_day],
        others=[(name, one) for name, one in states if not one.per_day],
        storage=storage_of(site.workspace),
        cli_same="stocktake sources racing",
        api_same="/api/v1/systems/racing/sources",
    )


@router.get("/settings/flags")
def flags_page(request: Request, visitor: Landlord) -> Response:
    """Show every setting with its value, its default and who said so."""
    lines = setting_lines(site_of(request).workspace)
    return show(
        request,
        "flags.html",
        visitor=visitor,
        title="Settings of the installation",
        places={
            place: [one for one in lines if one.place == place]
            for place in dict.fromkeys(one.place for one in lines)
        },
    )


@router.get("/settings/integrations")
def integrations_page(request: Request, visitor: Landlord) -> Response:
    """Show sources and channels: whether they answer, what they need, and test calls."""
    site = site_of(request)
    problem = ""
    found = [*_sources(site)]
    try:
        found += _channels(site)
    except ConfigurationError as error:
        problem = f"{error.message} {error.hint or ''}".strip()
    return show(
        request,
        "integrations.html",
        visitor=visitor,
        title="Integrations",
        connections=found,
        problem=problem,
    )


def _sources(site: Site) -> Iterator[Connection]:
    for system in site.systems.values():
        states = source_health(site.workspace, system)
        for source in system.sources:
            own = [one for one in states if one.source == source.name]
            if not own:
                continue
            lacking = lacking_credentials(source, site.workspace.settings.source(source.name))
            is_served = bool(lacking) and site.workspace.kind == "sandbox" and bool(system.sandbox)
            word, tone = _worst_word(own)
            if lacking and not is_served:
                word, tone = "no credentials", "warn"
            yield Connection(
                "source",
                source.name,
                system.name,
                word,
                tone,
                _needs(source, lacking, is_served=is_served),
                max((one.last_success_at for one in own if one.last_success_at), default=None),
                next((one.last_error for one in own if one.last_error), ""),
                f"/s/{system.name}/sources/{source.name}/verify",
            )


def _worst_word(states: list[EndpointState]) -> tuple[str, str]:
    words = [state_word(one) for one in states]
    return min(words, key=lambda told: ("bad", "warn", "good", "").index(told[1]))


def _needs(source: Source, lacking: tuple[str, ...], *, is_served: bool) -> str:
    if source.auth == "none":
        return "needs none"
    if is_served:
        return f"{source.auth}: the sandbox's own"
    return f"{' and '.join(lacking)} not set" if lacking else f"{source.auth}: set"


def _channels(site: Site) -> Iterator[Connection]:
    for channel, stands in channels_told(site.workspace):
        is_well = not stands.dead and not (stands.pending and not stands.sent)
        yield Connection(
            "channel",
            channel.name,
            "",
            "not used yet"
            if not (stands.sent or stands.pending or stands.dead)
            else "ok"
            if is_well
            else f"{stands.dead} given up, {stands.pending} wait",
            "good" if is_well and stands.sent else "" if is_well else "warn",
            f"{channel.type}: set",
            stands.last_sent_at,
            stands.last_response,
            f"/settings/alerts/channels/{channel.name}/test",
        )


@router.get("/settings/sessions")
def sessions_page(request: Request, visitor: Viewer) -> Response:
    """List the visitor's open sessions."""
    workspace = site_of(request).workspace
    identity = visitor.identity
    found = []
    if identity.user_id is not None:
        with workspace.database.connection() as conn:
            found = list_sessions(conn, identity.user_id, now=workspace.clock())
    return show(
        request,
        "sessions.html",
        visitor=visitor,
        title="Your sessions",
        sessions=found,
        current=identity.session_id,
        api_same="/api/v1/session/all",
    )


@router.post("/settings/sessions/{session_id}/end")
def revoke(request: Request, session_id: int, visitor: Viewer) -> Response:
    """End one of the visitor's sessions; another's is not found."""
    workspace = site_of(request).workspace
    identity = visitor.identity
    now = workspace.clock()
    with workspace.database.connection() as conn:
        is_mine = identity.user_id is not None and end_session(
            conn, session_id, user_id=identity.user_id, now=now
        )
        if not is_mine:
            raise not_found(f"You have no open session {session_id}.")
        write_audit(conn, identity.actor, "session.end", subject=str(session_id), now=now)
    shared(request).identities.clear()
    return go("/settings/sessions")


@router.get("/settings/audit.csv")
def audit_file(request: Request, visitor: Admin, *, actor: str = "", action: str = "") -> Response:
    """Send the audit as a CSV file, newest line first, as it is filtered."""
    del visitor
    with site_of(request).workspace.database.connection() as conn:
        lines = list_audit(
            conn,
            limit=MOST_LINES,
            actor=storable(actor) or None,
            action=storable(action) or None,
        )
    return csv_file(
        "audit.csv",
        ("at", "who", "by", "from", "action", "what"),
        (
            (one.at.isoformat(), one.actor, one.via, one.address, one.action, one.subject)
            for one in lines
        ),
    )
