"""Settings of one installation: environment first, then ``stocktake.toml`` in the home folder.

Example of a file::

    log_level = "info"

    [sources.theracingapi]
    base_url = "https://api.theracingapi.com"
    user = "someone"
    password_file = "/run/secrets/theracingapi"

    [alerts.desk]
    type = "webhook"
    url = "https://hooks.example.org/stocktake"
    secret_file = "/run/secrets/hook"

Every source setting can be overridden: ``STOCKTAKE_SOURCE_THERACINGAPI_USER``, or
``STOCKTAKE_SOURCE_THERACINGAPI_PASSWORD_FILE`` for a secret kept in a file. So can those of a
channel: ``STOCKTAKE_ALERTS_DESK_URL``; ``STOCKTAKE_ALERTS_DESK_TYPE`` alone declares one.
"""

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast
from urllib.parse import unquote, urlsplit

from stocktake.errors import ConfigurationError

__all__ = ["Secret", "SettingValue", "Settings", "default_home", "load_settings"]

SETTINGS_FILE = "stocktake.toml"
LOG_LEVELS = ("auto", "debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "console", "json")
_SECRET_KEY = re.compile(r"(^|_)(password|token|secret|key)$")
_SOURCE_PREFIX = "STOCKTAKE_SOURCE_"
_ALERTS_PREFIX = "STOCKTAKE_ALERTS_"
_DECLARES_CHANNEL = re.compile(_ALERTS_PREFIX + "([A-Z0-9_]+)_TYPE")
_FILE_SUFFIX = "_file"


class Secret:
    """A text that never shows itself: ``str``, ``repr`` and ``format`` give ``***``.

    >>> str(Secret("hunter2")), Secret("hunter2").reveal()
    ('***', 'hunter2')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep ``text``."""
        self._text = text

    def reveal(self) -> str:
        """Return the text itself; call it only where it is sent."""
        return self._text

    def __str__(self) -> str:
        """Return ``***``."""
        return "***"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        """Return ``***``, whatever the format asks for."""
        return "***"

    def __eq__(self, other: object) -> bool:
        """Compare the texts; a Secret never equals a plain string."""
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        """Hash as the text does."""
        return hash((Secret, self._text))


SettingValue = str | int | float | bool | Secret

SOURCE_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "base_url": "Address asked instead of the source's own: a proxy, another version, a "
        "sandbox.",
        "user": "Login of sources with basic authentication.",
        "password": "Its password; better `password_file`, the path of a file that holds it.",
        "token": "Token or key of sources that ask for one; better `token_file`.",
        "allowed_hosts": "Further hosts that redirects may lead to, separated by commas.",
        "user_agent": "How we introduce ourselves to the source.",
        "robots_agent": "Name under which robots.txt of the source's hosts is read and obeyed; it "
        "must stand in `user_agent`. Empty asks for none.",
        "header_NAME": "Another value of a header that the source's requests carry, such as "
        "`header_accept_language`.",
        "chunks_at_once": "How many chunks of the source workers have in hand at once, over all "
        "hosts. 8 unless set.",
        "chunk_requests": "How many requests a worker takes in hand at a time. About ten seconds "
        "at the allowed rate unless set.",
        "rate_factor": "Multiplies the declared limits, for sandboxes: 0.5 asks half as often. "
        "1 unless set.",
    }
)
"""Settings every source understands, below ``[sources.NAME]`` or in the environment; a source may
declare more (``Source.settings``)."""

SHORTEST_SECRET = 4
"""Shorter ones are not searched for in texts: they would blot out half of each."""

ALERT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "type": "`webhook` (signed JSON), `slack` (JSON as Slack and others take it), `email`, "
        "`apprise` (a hundred services more) or `openlineage` (runs, for a data catalogue); the "
        "last two need `stocktake[apprise]` and `stocktake[openlineage]`.",
        "url": "Address that messages are posted to; of `apprise` one or several of its own, "
        "separated by spaces. It may hold a secret: better `url_file`, the path of a file that "
        "holds it.",
        "secret": "What webhooks are signed with, at least 24 characters; the key that an "
        "OpenLineage server wants, if it does. Better `secret_file`.",
        "namespace": "What `openlineage` events call this installation: `stocktake` unless set.",
        "allow_private": "Whether the address may be on this machine or a private network. "
        "`false` unless set.",
        "host": "Mail server.",
        "port": 'Its port: 587 unless set, 465 with `security = "tls"`.',
        "security": "`starttls` unless set, `tls`, or `none` for a server on this machine.",
        "ca_file": "Certificates the mail server is trusted by, instead of the machine's.",
        "user": "Login of the mail server, if it wants one.",
        "password": "Its password; better `password_file`.",
        "sender": "Address mails come from.",
        "recipients": "Addresses mails go to, separated by commas.",
        "kinds": "Which events are told, separated by commas: `alerts` (unless set) for all that "
        "open or end an alert, and patterns of kinds such as `run.*`.",
        "systems": "Only these systems', separated by commas; all unless set.",
        "cooldown_minutes": "Least time between two messages of one alert, and after which one "
        "that is still seen is told again: 60 unless set.",
        "attempts": "Tries after which a message is given up: 10 unless set, over about five "
        "hours.",
    }
)
"""Settings of a channel that alerts go to, below ``[alerts.NAME]`` or in the environment."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one installation was told, read once at start."""

    home: Path
    """Folder of the local cluster, captures and ``stocktake.toml`` (``STOCKTAKE_HOME``)."""

    database_url: Secret | None = None
    """``postgresql://`` address of your own server (``STOCKTAKE_DATABASE_URL``); None uses the
    local cluster in ``home``."""

    pg_bin: Path | None = None
    """Folder with ``initdb`` and ``postgres`` for the local cluster (``STOCKTAKE_PG_BIN``);
    None searches the installed wheels, then the machine."""

    captures_url: str | None = None
    """Object store that captured bodies are kept in (``STOCKTAKE_CAPTURES_URL``):
    ``s3://BUCKET/PREFIX``, ``gs://…``, ``az://…`` or ``file:///FOLDER``, without a login. ``init``
    keeps it in the database, which tells every host; given to a host, it must say the same. None
    leaves it to the database."""

    log_level: Literal["auto", "debug", "info", "warning", "error"] = "auto"
    """Least severity that is logged to stderr (``STOCKTAKE_LOG_LEVEL``); ``auto`` is warning on a
    terminal, which shows progress instead, else info."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """Shape of log lines (``STOCKTAKE_LOG_FORMAT``); ``auto`` is console on a terminal, else
    JSON."""

    approve_above_requests: int | None = None
    """Requests above which a plan must be approved before it may start
    (``STOCKTAKE_APPROVE_ABOVE_REQUESTS``); None asks for no approval."""

    approve_above_hours: float | None = None
    """Hours at the allowed rates above which a plan must be approved before it may start
    (``STOCKTAKE_APPROVE_ABOVE_HOURS``); None asks for no approval."""

    keep_fires_days: int = 400
    """Days for which it is kept what became of schedules' fires (``STOCKTAKE_KEEP_FIRES_DAYS``);
    the latest of each stays. 0 keeps all, here and below."""

    keep_events_days: int = 180
    """Days for which events and their deliveries are kept (``STOCKTAKE_KEEP_EVENTS_DAYS``); those
    of open alerts stay."""

    keep_tries_days: int = 180
    """Days for which requests that failed are kept (``STOCKTAKE_KEEP_TRIES_DAYS``)."""

    keep_logs_days: int = 400
    """Days for which the log lines of runs that ended are kept (``STOCKTAKE_KEEP_LOGS_DAYS``)."""

    sources: Mapping[str, Mapping[str, SettingValue]] = field(default_factory=dict)
    """``[sources.NAME]`` tables of the file, before the environment's overrides."""

    source_environment: Mapping[str, Secret] = field(default_factory=dict)
    """The ``STOCKTAKE_SOURCE_*`` variables as found."""

    alerts: Mapping[str, Mapping[str, SettingValue]] = field(default_factory=dict)
    """``[alerts.NAME]`` tables of the file: the channels that alerts go to."""

    alert_environment: Mapping[str, Secret] = field(default_factory=dict)
    """The ``STOCKTAKE_ALERTS_*`` variables as found."""

    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Who said what holds, by setting: ``start`` (the command line), ``environment`` or ``file``;
    settings nobody gave are left out."""

    def origin(self, source: str, name: str) -> str:
        """Return who gave a setting of a source: ``environment``, ``file`` or ``default``."""
        variable = _variable_prefix(_SOURCE_PREFIX, source) + name.upper()
        if not self.source_environment.keys().isdisjoint({variable, f"{variable}_FILE"}):
            return "environment"
        own = self.sources.get(source, {})
        return "default" if own.keys().isdisjoint({name, name + _FILE_SUFFIX}) else "file"

    def source(self, name: str) -> Mapping[str, SettingValue]:
        """Return the settings of one source; empty when none were given.

        A key ending in ``_file`` is replaced by the key without it, holding the stripped text
        of that file as a Secret. Keys ending in password, token, secret or key are Secrets.

        Raises:
            ConfigurationError: A ``_file`` cannot be read.
        """
        return _settled(
            self.sources.get(name, {}),
            self.source_environment,
            where=f"sources.{name}",
            prefix=_variable_prefix(_SOURCE_PREFIX, name),
        )

    def channel(self, name: str) -> Mapping[str, SettingValue]:
        """Return the settings of one channel, like ``source``.

        Raises:
            ConfigurationError: A ``_file`` cannot be read.
        """
        return _settled(
            self.alerts.get(name, {}),
            self.alert_environment,
            where=f"alerts.{name}",
            prefix=_variable_prefix(_ALERTS_PREFIX, name),
        )

    def channels(self) -> tuple[str, ...]:
        """Return the names of all channels, of the file and of the environment, sorted."""
        known = {_variable_prefix(_ALERTS_PREFIX, name): name for name in self.alerts}
        for variable in self.alert_environment:
            if declared := _DECLARES_CHANNEL.fullmatch(variable):
                known.setdefault(f"{_ALERTS_PREFIX}{declared[1]}_", declared[1].lower())
        return tuple(sorted(known.values()))

    def secrets(self) -> tuple[str, ...]:
        """Return every secret these settings hold, longest first, to be kept out of texts.

        Secrets in files are read; a file that cannot be read holds none.
        """
        found = {self.database_url} if self.database_url else set()
        for table in (*self.sources.values(), *self.alerts.values()):
            for key, value in table.items():
                found |= _secrets_of(key, value)
        for variable, secret in (*self.source_environment.items(), *self.alert_environment.items()):
            found |= _secrets_of(variable.lower(), secret.reveal())
        texts = {secret.reveal() for secret in found}
        texts |= {part for text in texts if (part := _password_of(text))}
        return tuple(sorted((one for one in texts if len(one) >= SHORTEST_SECRET), key=len)[::-1])


def default_home(environ: Mapping[str, str]) -> Path:
    """Return where an installation lives when nobody says: per user, or system-wide for root.

    Root gets ``/var/lib/stocktake``, because the server runs under an unprivileged account that
    cannot reach root's own folder.
    """
    user_home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or user_home / "AppData" / "Local") / "stocktake"
    if os.geteuid() == 0:
        return Path("/var/lib/stocktake")
    if sys.platform == "darwin":
        return user_home / "Library" / "Application Support" / "stocktake"
    return Path(environ.get("XDG_DATA_HOME") or user_home / ".local" / "share") / "stocktake"


def load_settings(
    environ: Mapping[str, str] | None = None,
    *,
    home: Path | None = None,
    database_url: str | None = None,
) -> Settings:
    """Read the settings: arguments, then environment, then file, then defaults.

    Args:
        environ: The environment; None reads this program's own.
        home: ``--home`` of the command line; wins over ``STOCKTAKE_HOME``.
        database_url: ``--database-url`` of the command line.

    Raises:
        ConfigurationError: An unknown key, a value of the wrong kind, or an unreadable file.
    """
    env = os.environ if environ is None else environ
    chosen = home or (Path(env["STOCKTAKE_HOME"]) if env.get("STOCKTAKE_HOME") else None)
    folder = (chosen or default_home(env)).expanduser().absolute()
    document = _read_file(folder / SETTINGS_FILE)
    sources = _tables(document.pop("sources", {}), "sources")
    alerts = _tables(document.pop("alerts", {}), "alerts")
    top = {key: _text(document.pop(key), key) for key in _TOP_KEYS if key in document}
    if document:
        names = ", ".join(sorted(document))
        msg = f"{folder / SETTINGS_FILE}: unknown settings: {names}."
        known = ", ".join((*_TOP_KEYS, "[sources.NAME]", "[alerts.NAME]"))
        raise ConfigurationError(msg, hint=f"Known are: {known}.")
    origins = {key.removesuffix(_FILE_SUFFIX): "file" for key in top}
    for key in _TOP_KEYS:
        if value := env.get(f"STOCKTAKE_{key.upper()}"):
            top[key] = value
            origins[key.removesuffix(_FILE_SUFFIX)] = "environment"
            if key == "database_url":
                top.pop("database_url_file", None)
    if chosen:
        origins["home"] = "start" if home else "environment"
    if database_url:
        origins["database_url"] = "start"
    url = database_url or top.get("database_url")
    if url is None and "database_url_file" in top:
        url = _read_secret(top["database_url_file"], where="database_url_file")
    pg_bin = top.get("pg_bin")
    level = _one_of(top.get("log_level", "auto"), LOG_LEVELS, "log_level")
    log_format = _one_of(top.get("log_format", "auto"), LOG_FORMATS, "log_format")
    return Settings(
        home=folder,
        database_url=Secret(url) if url else None,
        pg_bin=Path(pg_bin).expanduser() if pg_bin else None,
        captures_url=top.get("captures_url") or None,
        log_level=cast('Literal["auto", "debug", "info", "warning", "error"]', level),
        log_format=cast('Literal["auto", "console", "json"]', log_format),
        approve_above_requests=_whole(top, "approve_above_requests"),
        approve_above_hours=_amount(top, "approve_above_hours"),
        **{key: days for key in _KEEPING if (days := _whole(top, key)) is not None},
        sources=sources,
        source_environment=_variables(env, _SOURCE_PREFIX),
        alerts=alerts,
        alert_environment=_variables(env, _ALERTS_PREFIX),
        origins=origins,
    )


def _variables(env: Mapping[str, str], prefix: str) -> Mapping[str, Secret]:
    return MappingProxyType(
        {name: Secret(value) for name, value in env.items() if name.startswith(prefix)}
    )


_KEEPING = ("keep_fires_days", "keep_events_days", "keep_tries_days", "keep_logs_days")
_TOP_KEYS = (
    *("database_url", "database_url_file", "pg_bin", "captures_url", "log_level", "log_format"),
    *("approve_above_requests", "approve_above_hours"),
    *_KEEPING,
)
_NUMBERS = frozenset({"approve_above_requests", "approve_above_hours", *_KEEPING})


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} cannot be read: {error}."
        raise ConfigurationError(msg, hint="Correct the file or move it away.") from error


def _tables(tables: object, kind: str) -> Mapping[str, Mapping[str, SettingValue]]:
    if not isinstance(tables, dict):
        msg = f"{SETTINGS_FILE}: {kind!r} must be tables."
        raise ConfigurationError(msg, hint=f"Write [{kind}.NAME], then one KEY = VALUE per line.")
    for name, table in tables.items():
        plain = isinstance(table, dict) and all(
            isinstance(value, str | int | float | bool) for value in table.values()
        )
        if not plain:
            msg = f"{SETTINGS_FILE}: {kind}.{name} must hold plain texts, numbers and true/false."
            raise ConfigurationError(msg)
    return MappingProxyType(
        {
            name: MappingProxyType({key: _guarded(key, value) for key, value in table.items()})
            for name, table in tables.items()
        }
    )


def _guarded(key: str, value: SettingValue) -> SettingValue:
    return _secret(value) if _SECRET_KEY.search(key) else value


def _secret(value: SettingValue) -> Secret:
    return value if isinstance(value, Secret) else Secret(str(value))


def _settled(
    table: Mapping[str, SettingValue],
    environment: Mapping[str, Secret],
    *,
    where: str,
    prefix: str,
) -> Mapping[str, SettingValue]:
    """Return a table of the file with what variables of ``prefix`` say instead; files are read."""
    found: dict[str, SettingValue] = {}
    for key, value in table.items():
        _put(found, key, value, where=f"{where}.{key}")
    for variable, secret in environment.items():
        if variable.startswith(prefix):
            key = variable.removeprefix(prefix).lower()
            _put(found, key, secret.reveal(), where=variable)
    return MappingProxyType(found)


def _variable_prefix(kind: str, name: str) -> str:
    return kind + re.sub(r"[^A-Za-z0-9]", "_", name).upper() + "_"


def _secrets_of(key: str, value: SettingValue) -> set[Secret]:
    if not key.endswith(_FILE_SUFFIX):
        return {_secret(value)} if _SECRET_KEY.search(key) else set()
    try:
        return {Secret(_read_secret(str(value), where=key))}
    except ConfigurationError:
        return set()


def _password_of(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def _put(found: dict[str, SettingValue], key: str, value: SettingValue, *, where: str) -> None:
    if key.endswith(_FILE_SUFFIX):
        found[key.removesuffix(_FILE_SUFFIX)] = Secret(_read_secret(str(value), where=where))
    else:
        found[key] = _guarded(key, value)


def _read_secret(path: str, *, where: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{where}: {path} cannot be read: {error}."
        raise ConfigurationError(
            msg, hint="Put the secret there, readable by this account."
        ) from error


def _amount(top: Mapping[str, str], key: str) -> float | None:
    try:
        amount = float(top.get(key, "inf"))
    except ValueError:
        amount = -1.0
    if not amount >= 0:
        raise ConfigurationError(f"{key} is {top[key]!r}; it must be a number of at least 0.")
    return None if key not in top else amount


def _whole(top: Mapping[str, str], key: str) -> int | None:
    amount = _amount(top, key)
    if amount is not None and not amount.is_integer():
        raise ConfigurationError(f"{key} is {top[key]!r}; it must be a whole number.")
    return None if amount is None else int(amount)


def _text(value: object, key: str) -> str:
    if key in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        msg = f"{SETTINGS_FILE}: {key} must be a text, not {value!r}."
        raise ConfigurationError(msg, hint=f'Write {key} = "…".')
    return value


def _one_of(value: str, allowed: tuple[str, ...], key: str) -> str:
    if value.lower() not in allowed:
        msg = f"{key} is {value!r}; it must be one of {', '.join(allowed)}."
        raise ConfigurationError(msg)
    return value.lower()
