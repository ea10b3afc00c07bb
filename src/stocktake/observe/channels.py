"""Channels: where alerts go, as the settings say, and which events each one is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Never, TypeVar, cast

from stocktake.errors import ConfigurationError
from stocktake.observe.lineage import LINEAGE_KINDS
from stocktake.settings import ALERT_SETTINGS, Secret

if TYPE_CHECKING:
    from stocktake.settings import Settings, SettingValue

Type = Literal["webhook", "slack", "email", "apprise", "openlineage"]
Security = Literal["starttls", "tls", "none"]

Number = TypeVar("Number", int, float)

ALERTS = "alerts"
SHORTEST_SECRET = 24
TLS_PORT = 465
SUBMISSION_PORT = 587
NEEDED: Mapping[str, tuple[str, ...]] = {
    "webhook": ("url", "secret"),
    "slack": ("url",),
    "email": ("host", "sender", "recipients"),
    "apprise": ("url",),
    "openlineage": ("url",),
}
EXTRAS: Mapping[str, str] = {"apprise": "apprise", "openlineage": "openlineage.client"}
"""Types that an optional package speaks for: what it is imported as. Its extra is called so too."""
USUAL_KINDS: Mapping[str, tuple[str, ...]] = {"openlineage": tuple(sorted(LINEAGE_KINDS))}
"""What a channel is told unless it says: all alerts, except where a type is for something else."""
TRUE_TEXTS = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Mailing:
    """How mails are sent.

    Args:
        host: Mail server.
        port: Its port.
        security: How the connection is encrypted.
        sender: Address mails come from.
        recipients: Addresses mails go to.
        user: Login, empty for none.
        password: Its password.
        trusted: Certificates (PEM) the server is trusted by, empty for the machine's.
    """

    host: str
    port: int
    security: Security
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    trusted: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One place that alerts go to.

    Args:
        name: As the settings name it.
        type: How it is spoken to.
        url: Address; hidden, for it may hold a secret. Apprise has one or several of its own kind.
        secret: What webhooks are signed with; key of an OpenLineage server that wants one.
        allow_private: Whether ``url`` may lead to this machine or a private network.
        mailing: Of channels of type ``email``.
        kinds: Patterns of the kinds it is told; ``alerts`` stands for all that open or end one.
        systems: Whose events it is told, empty for all.
        cooldown: Least time between two messages of one alert.
        attempts: Tries after which a message is given up, 1 or more.
        namespace: What OpenLineage events call this installation.
    """

    name: str
    type: Type
    url: Secret = field(default_factory=lambda: Secret(""))
    secret: Secret = field(default_factory=lambda: Secret(""))
    allow_private: bool = False
    mailing: Mailing | None = None
    kinds: tuple[str, ...] = (ALERTS,)
    systems: tuple[str, ...] = ()
    cooldown: timedelta = timedelta(minutes=60)
    attempts: int = 10
    namespace: str = "stocktake"

    def wants(self, kind: str, system: str, *, is_alert: bool) -> bool:
        """Return whether an event is told here; events of the installation belong to every system.

        >>> Channel("ops", "slack", kinds=("run.*",)).wants("run.failed", "nba", is_alert=True)
        True
        """
        if self.systems and system and system not in self.systems:
            return False
        return any(
            is_alert if pattern == ALERTS else fnmatchcase(kind, pattern) for pattern in self.kinds
        )


def read_channels(settings: Settings) -> list[Channel]:
    """Return the channels that the settings declare, by name.

    Raises:
        ConfigurationError: A setting is missing, unknown or makes no sense.
    """
    return [_channel(name, settings.channel(name)) for name in settings.channels()]


def _channel(name: str, own: Mapping[str, SettingValue]) -> Channel:
    texts = {key: _text(value) for key, value in own.items()}
    kind = texts.get("type", "")
    known = {key.removesuffix("_file") for key in ALERT_SETTINGS}
    if unknown := sorted(set(texts) - known):
        _refuse(name, f"unknown settings: {', '.join(unknown)}", f"Known: {', '.join(known)}.")
    if kind not in NEEDED:
        _refuse(name, f"type is {kind!r}", f"Types: {', '.join(NEEDED)}.")
    if lacking := [key for key in NEEDED[kind] if not texts.get(key)]:
        _refuse(name, f"{' and '.join(lacking)} must be set", f"In [alerts.{name}].")
    if kind in EXTRAS and find_spec(EXTRAS[kind].partition(".")[0]) is None:
        _refuse(name, f"type {kind} needs a package more", f"pip install 'stocktake[{kind}]'")
    if kind == "webhook" and len(texts["secret"]) < SHORTEST_SECRET:
        _refuse(
            name,
            f"its secret is shorter than {SHORTEST_SECRET} characters",
            'python -c "import secrets; print(secrets.token_urlsafe(32))" makes a good one.',
        )
    return Channel(
        name,
        cast("Type", kind),
        url=Secret(texts.get("url", "")),
        secret=Secret(texts.get("secret", "")),
        allow_private=texts.get("allow_private", "").lower() in TRUE_TEXTS,
        mailing=_mailing(name, texts) if kind == "email" else None,
        kinds=_listed(texts.get("kinds", "")) or USUAL_KINDS.get(kind, (ALERTS,)),
        systems=_listed(texts.get("systems", "")),
        cooldown=timedelta(minutes=_number(name, texts, "cooldown_minutes", 60.0, float)),
        attempts=max(1, _number(name, texts, "attempts", 10, int)),
        namespace=texts.get("namespace", "") or "stocktake",
    )


def _mailing(name: str, texts: Mapping[str, str]) -> Mailing:
    security = texts.get("security", "starttls").lower()
    if security not in {"starttls", "tls", "none"}:
        _refuse(name, f"security is {security!r}", "It is starttls, tls or none.")
    usual = TLS_PORT if security == "tls" else SUBMISSION_PORT
    return Mailing(
        texts["host"],
        _number(name, texts, "port", usual, int),
        cast("Security", security),
        texts["sender"],
        _listed(texts["recipients"]),
        user=texts.get("user", ""),
        password=Secret(texts.get("password", "")),
        trusted=texts.get("ca", ""),
    )


def _text(value: SettingValue) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _number(
    name: str, texts: Mapping[str, str], key: str, usual: Number, read: Callable[[str], Number]
) -> Number:
    try:
        found = read(texts[key]) if key in texts else usual
    except ValueError:
        _refuse(name, f"{key} is {texts[key]!r}", "Write a number.")
    if found < 0:
        _refuse(name, f"{key} is {found}", "It cannot be below 0.")
    return found


def _refuse(name: str, problem: str, hint: str) -> Never:
    raise ConfigurationError(f"alerts.{name}: {problem}.", hint=hint)
