"""What robots.txt of a host says, and how long that holds: RFC 9309 over Protego, pure.

A copy holds for a day, or as long as Cache-Control says, but never less than five minutes. A host
whose file is absent (any 4xx but 429, or more redirects than are followed) may be asked everything.
One whose file cannot be had (5xx, 429, no answer, an address that may not be asked) may be asked
nothing, unless a copy of the last 24 hours is there.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from protego import Protego

from stocktake.errors import ConfigurationError
from stocktake.fetch.captures import QUERIES
from stocktake.fetch.gate import SPACING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from stocktake.fetch.transport import Response
    from stocktake.model import Endpoint, Source

FOUND, ABSENT, UNREACHABLE = "found", "absent", "unreachable"
LONGEST_LIFE = timedelta(hours=24)
SHORTEST_LIFE = timedelta(minutes=5)
AGAIN_AFTER = timedelta(minutes=15)
"""A file that could not be had is asked for again after this long."""
MOST_BYTES = 512 * 1024
"""What is read of a file; the standard asks for 500 KiB at least."""
TOO_MANY = 429
_GOOD, _REFUSED = range(200, 300), range(400, 500)
_TOKEN = re.compile(r"[A-Za-z_-]+")
_MAX_AGE = re.compile(r"(?<![\w-])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?<![\w-])no-(?:cache|store)(?![\w-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Copy:
    """One host's robots.txt as the fleet has it.

    Args:
        state: ``found``; ``absent``: everything may be asked; ``unreachable``: nothing may.
        body: The file as received, at most ``MOST_BYTES`` of it.
        fetched_at: When that answer came.
        expires_at: When it is asked for again.
        problem: What was wrong with the latest answer, empty for nothing.
    """

    state: str
    body: bytes
    fetched_at: datetime
    expires_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A copy with what it means for us.

    Args:
        copy: It.
        rules: What may be asked.
        name: Whose group of rules is ours, as the file writes it; ``*`` for that of all.
        disallowed: Paths it forbids us.
        delay_seconds: Seconds it wants between two requests, 0 for no wish.
    """

    copy: Copy
    rules: Protego
    name: str
    disallowed: int
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class RobotsState:
    """What is known of one host's robots.txt, for people.

    Args:
        source: The source.
        agent: Name it is read under; empty: it is not asked for.
        origin: Scheme, host and port; empty before the first request.
        state: As of a ``Copy``, empty before the first request.
        fetched_at: When the copy came.
        expires_at: When it is asked for again.
        problem: What was wrong with the latest answer, empty for nothing.
        disallowed: Paths it forbids us.
        delay_seconds: Seconds it wants between two requests, 0 for no wish.
    """

    source: str
    agent: str
    origin: str = ""
    state: str = ""
    fetched_at: datetime | None = None
    expires_at: datetime | None = None
    problem: str = ""
    disallowed: int = 0
    delay_seconds: float = 0.0

    @property
    def told(self) -> str:
        """The same in words, without the times."""
        if not self.agent:
            return "not asked for"
        failed = f"; the latest try failed: {self.problem}" if self.problem else ""
        paths = "path" if self.disallowed == 1 else "paths"
        said = {
            "": "not read yet",
            ABSENT: f"there is none, everything may be asked ({self.problem})",
            UNREACHABLE: f"cannot be read, so nothing may be asked ({self.problem})",
            FOUND: f"{self.disallowed:,} {paths} disallowed{failed}",
        }[self.state]
        slow = f"; {self.delay_seconds:g} s between requests" if self.delay_seconds else ""
        return f"obeyed as {self.agent}: {said}{slow}"


def agent_of(source: Source, own: Mapping[str, object], *, user_agent: str = "") -> str:
    """Return the product token under which a source's robots.txt is read, empty for none.

    Args:
        source: The source.
        own: Its settings.
        user_agent: The header it will be asked with; empty checks nothing.

    Raises:
        ConfigurationError: The token is none, or the header does not contain it.
    """
    agent = str(own.get("robots_agent", source.robots_agent))
    if agent and not _TOKEN.fullmatch(agent):
        raise ConfigurationError(
            f"{source.name}: robots_agent {agent[:40]!r} is no product token.",
            hint="Letters, hyphens and underscores only, such as Stocktake.",
        )
    if agent and user_agent and agent.lower() not in user_agent.lower():
        raise ConfigurationError(
            f"{source.name}: its User-Agent does not contain {agent!r}, the name under which "
            "its robots.txt is read.",
            hint=f"Let user_agent of {source.name} contain it.",
        )
    return agent


def copy_of(response: Response, *, now: datetime) -> Copy:
    """Return what the answer to a request for robots.txt means."""
    status, flaw = response.status, response.flaw
    if len(response.body) > MOST_BYTES and "content-encoding" not in response.headers:
        flaw = ""  # only its length: more came than is read
    if status in _REFUSED and status != TOO_MANY:
        return Copy(ABSENT, b"", now, now + _life(response), f"HTTP {status}")
    if status in _GOOD and not flaw:
        return Copy(FOUND, _whole_lines(response.body), now, now + _life(response))
    return Copy(UNREACHABLE, b"", now, now + AGAIN_AFTER, flaw or f"HTTP {status}")


def what_holds(latest: Copy, former: Copy | None) -> Copy:
    """Return what holds after an answer: if there is no file, a copy younger than a day."""
    if latest.state != UNREACHABLE or former is None or former.state == UNREACHABLE:
        return latest
    end = former.fetched_at + LONGEST_LIFE
    if end <= latest.fetched_at:
        return latest
    return replace(former, problem=latest.problem, expires_at=min(end, latest.expires_at))


def read_copy(copy: Copy, agent: str) -> Read:
    """Return what a copy means for ``agent``; takes about 0.1 s for the longest file."""
    text = copy.body.decode("utf-8-sig", "replace")
    rules = Protego.parse(text)
    name, disallowed = _group(text, agent.lower())
    return Read(copy, rules, name, disallowed, _delay(rules, name))


def slowed(endpoint: Endpoint, delay_seconds: float) -> Endpoint:
    """Return the endpoint at the rate its host wants, if that is lower than the declared one."""
    if not delay_seconds:
        return endpoint
    slowest = SPACING / delay_seconds  # the gate spaces requests by SPACING ÷ per_second
    return replace(endpoint, per_second=min(endpoint.per_second, slowest))


def robots_states(conn: psycopg.Connection[Any], agents: Mapping[str, str]) -> list[RobotsState]:
    """Return what is known of the hosts of sources, given the token each is read under."""
    rows: dict[str, list[RobotsState]] = {name: [] for name in agents}
    for name, *known in conn.execute(QUERIES.robots_states, {"sources": list(agents)}):
        if agents[name]:
            rows[name].append(RobotsState(name, agents[name], *known))
    return [
        one for name, agent in agents.items() for one in rows[name] or [RobotsState(name, agent)]
    ]


def _life(response: Response) -> timedelta:
    """Return how long an answer may be kept."""
    asked = response.headers.get("cache-control", "")
    if _NOT_KEPT.search(asked):
        return SHORTEST_LIFE
    found = _MAX_AGE.search(asked)
    wanted = timedelta(seconds=int(found[1])) if found else LONGEST_LIFE
    return min(max(wanted, SHORTEST_LIFE), LONGEST_LIFE)


def _whole_lines(body: bytes) -> bytes:
    """Return the lines that are read of a file: a rule cut short would be another rule."""
    if len(body) <= MOST_BYTES:
        return body
    read = body[:MOST_BYTES]
    return read.rpartition(b"\n")[0] or read


def _delay(rules: Protego, name: str) -> float:
    """Return the longer of Crawl-delay and Request-rate; a copy lives no longer than a day."""
    rate = rules.request_rate(name)
    wanted = [rules.crawl_delay(name) or 0.0]
    if rate is not None and rate.requests > 0:
        wanted.append(rate.seconds / rate.requests)
    longest = LONGEST_LIFE.total_seconds()
    return max(min(one, longest) for one in wanted if not math.isnan(one) and one >= 0)


def _group(text: str, agent: str) -> tuple[str, int]:
    """Return the name that the group of ``agent`` has, and how many paths it disallows.

    Protego would also take a group whose name only begins as ours does.
    """
    counts: Counter[str] = Counter({"*": 0})
    written = {"*": "*"}
    named: list[str] = []
    is_open = True
    for line in text.splitlines():
        field, _, value = (part.strip().lower() for part in line.partition("#")[0].partition(":"))
        if field == "user-agent":
            token = _TOKEN.match(value)
            name = token[0] if token else value
            written.setdefault(name, value)
            named = [*named, name] if is_open else [name]
            is_open = True
        elif field in {"allow", "disallow"}:
            is_open = False
            counts.update(named if field == "disallow" and value else ())
    name = agent if agent in written else "*"
    return written[name], counts[name]
