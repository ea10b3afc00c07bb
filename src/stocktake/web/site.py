"""What every page needs: the installation, templates, static files, and who is asking."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    pass_context,
)
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stocktake.access.roles import Role
from stocktake.api.identity import Identity
from stocktake.api.shared import shared
from stocktake.report import figures
from stocktake.run.counted import count_system, count_yesterday, list_gaps
from stocktake.run.lately import Kept, Standings, last_changes
from stocktake.run.trend import Trends
from stocktake.web import words
from stocktake.web.assets import Assets
from stocktake.web.monthly import Months, added_up
from stocktake.web.pulse import Pulse
from stocktake.web.tiles import Pictures

if TYPE_CHECKING:
    from uuid import UUID

    from jinja2.runtime import Context

    from stocktake.model import Coverage, Gap, Range, State, System
    from stocktake.run.workspace import Workspace

TEMPLATES = Path(__file__).parent / "templates"
NONCE_BYTES = 16
LEAST_PACKED, PACKING, MOST_BLUR = 1_000, 5, 64
"""Pages below so many characters are sent as they are; level of compression; bytes of blur."""
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a page.

    Attributes:
        identity: As the API knows it.
        csrf: What forms must send back.
    """

    identity: Identity
    csrf: str = ""

    @property
    def name(self) -> str:
        """The login."""
        return self.identity.name

    @property
    def role(self) -> str:
        """``viewer``, ``operator`` or ``admin``."""
        return self.identity.role.value

    def seconds_left(self, now: datetime) -> int | None:
        """Return how long the session lasts if it is not used again."""
        return self.identity.seconds_left(now)

    def may(self, role: str) -> bool:
        """Return whether the role is enough for what ``role`` may do."""
        return self.identity.may(Role(role))


NAVIGATION = (
    ("Gaps", "gaps", "○"),
    ("Plans", "plans", "≡"),
    ("Sources", "sources", "⇄"),
    ("Checks", "checks", "✓"),
    ("Rejects", "rejects", "✕"),
    ("Duplicates", "duplicates", "="),
    ("Sign-off", "signoff", "✎"),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which gaps: of datasets over a range, of some states, so many, at an instant or now."""

    names: tuple[str, ...]
    window: Range
    states: tuple[State, ...]
    limit: int
    as_of: datetime | None = None


@dataclass
class Site:
    """Everything pages share.

    Attributes:
        workspace: The open installation.
        assets: Its static files.
        whole: The installation's site, of one that a tenant sees.
    """

    workspace: Workspace
    assets: Assets = field(default_factory=Assets)
    whole: Site | None = None
    _tenants: dict[UUID, Site] = field(default_factory=dict)

    def of(self, workspace: Workspace) -> Site:
        """Return the site as a tenant's workspace sees it, with counts of its own."""
        if workspace.tenant_id is None:
            return self
        found = self._tenants.get(workspace.tenant_id)
        if found is None or found.workspace is not workspace:
            found = self._tenants[workspace.tenant_id] = Site(workspace, self.assets, self)
        return found

    @cached_property
    def standings(self) -> Standings:
        """Counts shared by all pages."""
        return Standings(self.workspace)

    @cached_property
    def monthly(self) -> Kept[Months]:
        """Months of each system, shared by all pages."""
        return Kept(self.standings, lambda system: added_up(self.workspace, system))

    @cached_property
    def yesterday(self) -> Kept[list[Coverage]]:
        """What yesterday promised and brought in each system, shared by all pages."""
        return Kept(self.standings, lambda system: count_yesterday(self.workspace, system))

    @cached_property
    def pictures(self) -> Pictures:
        """Heatmaps, shared by all pages."""
        return Pictures(self.workspace, self.standings)

    @cached_property
    def counts(self) -> Kept[list[Coverage]]:
        """Coverage of datasets (by name) over a range, at an instant or now."""

        def counted(
            system: System, names: tuple[str, ...], window: Range, as_of: datetime | None = None
        ) -> list[Coverage]:
            datasets = [system.dataset(name) for name in names]
            return count_system(self.workspace, system, datasets, window, as_of=as_of)

        return Kept(self.standings, counted)

    @cached_property
    def gaps(self) -> Kept[list[Gap]]:
        """The first gaps, as a ``Listing`` asks for them."""

        def listed(system: System, asked: Listing) -> list[Gap]:
            return list_gaps(
                self.workspace,
                system,
                [system.dataset(name) for name in asked.names],
                asked.window,
                states=asked.states,
                limit=asked.limit,
                as_of=asked.as_of,
            )

        return Kept(self.standings, listed)

    @cached_property
    def changes(self) -> Kept[dict[str, datetime]]:
        """When something of each dataset was last held or let go of."""
        return Kept(self.standings, lambda system: last_changes(self.workspace, system))

    @cached_property
    def trends(self) -> Trends:
        """Coverage of days gone by, shared by all pages."""
        return Trends(self.workspace, self.standings)

    @cached_property
    def pulse(self) -> Pulse:
        """What changed, for all open pages."""
        return Pulse(self.workspace)

    @cached_property
    def systems(self) -> Mapping[str, System]:
        """The installed systems by name; of a tenant only those with tenants."""
        return self.workspace.systems

    @cached_property
    def templates(self) -> Environment:
        """Templates of the pages, and below a system's name those it brings."""
        if self.whole is not None:
            return self.whole.templates
        own = {
            name: FileSystemLoader(_folder_of(system) / "pages")
            for name, system in self.systems.items()
        }
        made = Environment(
            loader=ChoiceLoader([FileSystemLoader(TEMPLATES), PrefixLoader(own)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.filters.update(_filters())
        made.globals.update(
            asset=self.assets.address,
            glyphs=words.GLYPHS,
            meanings=words.MEANINGS,
            run_glyphs=words.RUN_GLYPHS,
            check_glyphs=words.CHECK_GLYPHS,
            cli=words.command,
            nav_of=nav_of,
        )
        return made


def nav_of(system: System) -> tuple[tuple[str, str, str], ...]:
    """Return the pages of a system: label, path below it, icon."""
    own = tuple((page.title, page.path, page.icon) for page in system.pages if page.icon)
    gates = tuple((f"Gate {gate.name}", f"gates/{gate.name}", "⌂") for gate in system.gates)
    return (*NAVIGATION, *gates, *own)


def _folder_of(system: System) -> Path:
    return Path(str(files(system.package)))


def site_of(request: Request) -> Site:
    """Return the site a request came to, as the caller's tenant sees it."""
    found: Site = request.app.state.site
    return found.of(shared(request).workspace)


NUMBERS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        "number": figures.number,
        "percent": figures.percent,
        "figure": figures.figure,
        "about": figures.about,
        "size": figures.size,
        "duration": figures.duration,
        "milliseconds": words.milliseconds,
        "plural": words.plural,
    }
)
"""Filters that write numbers; all of them in the format that the visitor chose."""


def _filters() -> dict[str, Callable[..., Any]]:
    @pass_context
    def local(context: Context, at: datetime) -> str:
        return words.local_time(at, _prefs(context).zone)

    @pass_context
    def ago(context: Context, at: datetime) -> str:
        return words.ago(at, context["now"])

    return {
        **{name: _localised(write) for name, write in NUMBERS.items()},
        "local": local,
        "ago": ago,
        "iso": words.iso,
        "word": words.word,
        "path": words.path_part,
        "cron_words": words.cron_words,
    }


def _localised(write: Callable[..., str]) -> Callable[..., str]:
    @pass_context
    def written(context: Context, *given: Any, **more: Any) -> str:
        return words.local_number(write(*given, **more), _prefs(context).numbers)

    return written


def _prefs(context: Context) -> words.Preferences:
    found: words.Preferences = context["prefs"]
    return found


def policy(nonce: str) -> str:
    """Return the content security policy of a page."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "font-src 'none'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types htmx stocktake",
        )
    )


COMMON_HEADERS = MappingProxyType(
    {
        "cache-control": "no-store",
        "vary": "Accept-Encoding, HX-Request, HX-Target, Cookie",
    }
)


def show(
    request: Request, template: str, *, status: int = 200, visitor: Visitor | None, **told: Any
) -> Response:
    """Render a page, or only the part that htmx asks for.

    A request of htmx names the element it fills; a template block of that name (dashes are
    underscores, what comes after two of them is passed over) is then all that is sent.

    Args:
        request: As it came.
        template: File name of the template.
        status: HTTP status.
        visitor: Who asks; ``None`` for pages anybody may see.
        told: What the template shows.
    """
    site = site_of(request)
    nonce = secrets.token_urlsafe(NONCE_BYTES)
    prefs = words.preferences_of(request.cookies)
    now = site.workspace.clock()
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    context: dict[str, Any] = {
        "nonce": nonce,
        "visitor": visitor,
        "prefs": prefs,
        "zone_text": words.offset_of(prefs.zone, now),
        "now": now,
        "path": request.url.path,
        "asked": asked,
        "query": dict(request.query_params),
        "is_sandbox": site.workspace.kind == "sandbox",
        "systems": site.systems,
        "system": None,
        "is_fragment": False,
        "cli_same": "",
        "api_same": "",
        "title": "",
        "dot": "",
        **told,
    }
    page = site.templates.get_template(template)
    context["ui"] = site.templates.get_template("parts.html").make_module(context)
    block = _wanted_block(request, page.blocks)
    if block:
        context["is_fragment"] = True
        text = "".join(page.blocks[block](page.new_context(context)))
    else:
        text = page.render(context)
    headers = {**COMMON_HEADERS, "content-security-policy": policy(nonce)}
    return HTMLResponse(_packed(request, text, headers), status_code=status, headers=headers)


def _packed(request: Request, text: str, headers: dict[str, str]) -> bytes:
    """Return a page, compressed where the browser allows it.

    A page holds the session's token and what visitors typed, so its compressed length is blurred
    by a comment of random length: nobody on the way can guess the one by varying the other.
    """
    if "gzip" not in request.headers.get("accept-encoding", "") or len(text) < LEAST_PACKED:
        return text.encode()
    headers["content-encoding"] = "gzip"
    blur = secrets.token_hex(secrets.randbelow(MOST_BLUR))
    return gzip.compress(f"{text}<!--{blur}-->".encode(), PACKING, mtime=0)


def _wanted_block(request: Request, blocks: Mapping[str, Any]) -> str:
    if request.headers.get("hx-request") != "true":
        return ""
    if request.headers.get("hx-request-type") == "full":
        return ""
    _, _, element = request.headers.get("hx-target", "").partition("#")
    name = element.replace("-", "_").partition("__")[0]
    if name not in blocks and "failure" in blocks:
        return "failure"
    return name if name in blocks else ""


def go(target: str) -> Response:
    """Return the redirect after a form."""
    return RedirectResponse(words.own_path(target), status_code=SEE_OTHER, headers=COMMON_HEADERS)
