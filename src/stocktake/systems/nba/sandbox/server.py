"""The endpoints of the NBA sandbox and their limits."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, TypedDict, Unpack

from stocktake.systems.nba.sandbox.cdn import CdnAnswers
from stocktake.systems.nba.sandbox.faults import CONTENT_FAULTS, ContentFaults
from stocktake.systems.nba.sandbox.league import League
from stocktake.systems.nba.sandbox.params import RefusedError
from stocktake.systems.nba.sandbox.score_pages import ScoreAnswers
from stocktake.systems.nba.sandbox.stats import StatsAnswers
from stocktake.testing import (
    TRANSPORT_FAULTS,
    Asked,
    Fault,
    FaultRules,
    Reply,
    Route,
    SandboxServer,
)

LIMITS: Final[Mapping[str, float]] = {"stats": 1.0, "cdn": 2.0, "v1": 5 / 60}
"""Requests per second each host admits over all its addresses, by the first part of the path."""

DEFAULT_KEY: Final = "sandbox"
SCALES: Final[Mapping[str, int | None]] = {"full": None, "small": 1}
"""Seasons of each scale; None is as many as asked for."""


class Login(TypedDict, total=False):
    """The login a sandbox asks for; only the password counts, as balldontlie's key."""

    user: str
    password: str


class Options(Login, total=False):
    """What else a sandbox can be told.

    Attributes:
        seasons: Seasons served at scale ``full``, ending with the one of ``until``.
        needs_browser: Whether stats hangs for requests without a browser's headers.
    """

    seasons: int
    needs_browser: bool


def create(
    seed: int = 1,
    scale: str = "full",
    *,
    until: date,
    faults: Sequence[Fault] = (),
    rate_factor: float = 1.0,
    **options: Unpack[Options],
) -> SandboxServer:
    """Return the NBA sandbox, not yet started.

    Args:
        seed: Same seed and ``until``: same answers.
        scale: ``full`` (``seasons`` seasons, 3 when left out) or ``small`` (one); the season
            of ``until`` is the last one. A season begins on 1 October.
        until: Today, as the sandbox sees it: games before it are final, those of the day and
            later are not.
        faults: Rules in force from the start; see ``CONTENT_FAULTS`` and
            ``stocktake.testing.TRANSPORT_FAULTS``.
        rate_factor: The limits are multiplied by this; 1 is as the real services are assumed.
            It can be changed later as ``limit_factor`` of what is returned.
        options: ``seasons``; ``needs_browser`` (False when left out); ``user`` and
            ``password``, of which the password (``sandbox`` when left out) is the key that
            balldontlie asks for in ``Authorization``.

    Raises:
        KeyError: No such scale.
        UnknownFaultError: A fault of an unknown kind.
    """
    league = League(seed, until, SCALES[scale] or options.get("seasons", 3))
    rules = FaultRules(faults, kinds=TRANSPORT_FAULTS | CONTENT_FAULTS.keys(), seed=seed)
    content = ContentFaults(rules, seed, until)
    answers: dict[str, Callable[[Asked], Reply]] = {
        **StatsAnswers(
            league, content, needs_browser=options.get("needs_browser", False)
        ).by_pattern(),
        **CdnAnswers(league, content).by_pattern(),
        **ScoreAnswers(league, content, key=options.get("password", DEFAULT_KEY)).by_pattern(),
    }
    routes = [_route(pattern, answer) for pattern, answer in answers.items()]
    server = SandboxServer(routes, rules=rules)
    server.limit_factor = rate_factor
    return server


def _route(pattern: str, answer: Callable[[Asked], Reply]) -> Route:
    """Return one address of a host; all addresses of it share its limit."""
    first = pattern.split("/")[1]
    host = {"static": "cdn"}.get(first, first)
    return Route(pattern, _guarded(answer), LIMITS[host], gate=host)


def _guarded(answer: Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
    def guarded(asked: Asked) -> Reply:
        try:
            return answer(asked)
        except RefusedError as refused:
            return refused.reply

    return guarded
