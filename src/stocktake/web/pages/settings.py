"""A visitor's own settings, and words."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from stocktake.model import GAP_STATES, HELD_STATES
from stocktake.web.access import Viewer
from stocktake.web.glossary import WORDS
from stocktake.web.site import Visitor, go, show
from stocktake.web.words import CHOICES, COOKIE, is_zone, own_path

router = APIRouter()
A_YEAR = 365 * 86400
UNPROCESSABLE = 422


@router.get("/settings/profile")
def profile(request: Request, visitor: Viewer, saved: str = "") -> Response:
    """Show how this visitor sees pages."""
    return _profile(request, visitor, is_saved=bool(saved))


@router.post("/settings/profile")
def save_profile(
    request: Request,
    visitor: Viewer,
    *,
    zone: Annotated[str, Form()] = "UTC",
    theme: Annotated[str, Form()] = "auto",
    density: Annotated[str, Form()] = "comfortable",
    numbers: Annotated[str, Form()] = "en",
    shortcuts: Annotated[str, Form()] = "",
) -> Response:
    """Keep how this visitor wants to see pages."""
    if not is_zone(zone):
        return _profile(request, visitor, problem=f"There is no time zone {zone!r}.")
    answer = go("/settings/profile?saved=1")
    told = {"zone": zone, "theme": theme, "density": density, "numbers": numbers}
    for name, text in told.items():
        if name == "zone" or text in CHOICES[name]:
            remember(request, answer, name, text)
    remember(request, answer, "shortcuts", "on" if shortcuts else "off")
    return answer


@router.post("/settings/theme")
def save_theme(
    request: Request,
    *,
    theme: Annotated[str, Form()] = "auto",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Switch the theme and return."""
    answer = go(own_path(back))
    if theme in CHOICES["theme"]:
        remember(request, answer, "theme", theme)
    return answer


@router.get("/help/glossary")
def glossary(request: Request, visitor: Viewer) -> Response:
    """Explain states and words."""
    return show(
        request,
        "glossary.html",
        visitor=visitor,
        title="Words",
        held=HELD_STATES,
        gap=GAP_STATES,
        words=WORDS,
    )


@router.get("/help/components")
def components(request: Request, visitor: Viewer) -> Response:
    """Show the parts that pages are made of."""
    return show(request, "components.html", visitor=visitor, title="Components")


def remember(request: Request, answer: Response, name: str, text: str) -> None:
    """Keep a preference in a cookie of this browser."""
    answer.set_cookie(
        COOKIE + name,
        text,
        max_age=A_YEAR,
        samesite="lax",
        secure=request.url.scheme == "https",
        httponly=True,
    )


def _profile(
    request: Request, visitor: Visitor, *, is_saved: bool = False, problem: str = ""
) -> Response:
    return show(
        request,
        "profile.html",
        visitor=visitor,
        status=UNPROCESSABLE if problem else 200,
        title="Your profile",
        is_saved=is_saved,
        problem=problem,
        choices=CHOICES,
        zones=sorted(available_timezones()),
    )
