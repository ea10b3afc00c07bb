"""What an installation is set to: each setting with its value, its default, and who said so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.run.registry import installed_systems
from stocktake.settings import SOURCE_SETTINGS, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import Source
    from stocktake.run.workspace import Workspace
    from stocktake.settings import Settings

HIDDEN = "set, not shown"
OWN = {
    "home": "Folder of the local database and of stocktake.toml.",
    "database_url": "Address of your own PostgreSQL server instead of the local one.",
    "pg_bin": "Folder with the programs of PostgreSQL for the local database.",
    "log_level": "Least severity that is logged.",
    "log_format": "Shape of log lines.",
}
DEFAULTS = {
    "home": "a folder of the account that runs it",
    "database_url": "the local database",
    "pg_bin": "searched: wheels, then the machine",
    "log_level": "auto",
    "log_format": "auto",
}


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting as it stands.

    Attributes:
        place: Whose it is: ``installation``, or the name of a source.
        name: As files and variables name it.
        value: What holds, empty for nothing; secrets are never shown.
        default: What holds when nobody says.
        origin: ``default``, ``file``, ``environment`` or ``start``.
        text: What it is for.
    """

    place: str
    name: str
    value: str
    default: str
    origin: str
    text: str


def setting_lines(workspace: Workspace) -> list[SettingLine]:
    """Return the settings of the installation, then those of each source that can be asked."""
    settings = workspace.settings
    found = [
        SettingLine(
            "installation",
            name,
            _shown(getattr(settings, name)),
            DEFAULTS[name],
            settings.origins.get(name, "default"),
            text,
        )
        for name, text in OWN.items()
    ]
    for system in installed_systems().values():
        for source in system.sources:
            if source.feeds:
                found += _of_source(settings, source)
    return found


def _of_source(settings: Settings, source: Source) -> Iterator[SettingLine]:
    known = {name: text for name, text in SOURCE_SETTINGS.items() if name != "header_NAME"}
    own = settings.source(source.name)
    defaults = {
        "base_url": source.base_url,
        "robots_agent": source.robots_agent,
        **source.defaults,
    }
    for name, text in {**known, **source.settings}.items():
        value = own.get(name)
        yield SettingLine(
            source.name,
            name,
            defaults.get(name, "") if value is None else _shown(value),
            defaults.get(name, ""),
            settings.origin(source.name, name),
            text,
        )


def _shown(value: object) -> str:
    if value is None:
        return ""
    return HIDDEN if isinstance(value, Secret) else str(value)
