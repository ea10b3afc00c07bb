"""Third-party script: which files belong to the pages, and whether they are the ones we know."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from stocktake.errors import ConfigurationError

__all__ = ["FOLDER", "VendorFile", "require_vendor_files", "vendor_files"]

HERE = Path(__file__).parent
FOLDER = HERE / "static" / "vendor"
FETCH = "./do setup"


@dataclass(frozen=True, slots=True)
class VendorFile:
    """One file of a package that the pages serve.

    Attributes:
        name: In ``static/vendor``.
        package: npm package it comes from.
        path: Within the package.
        sha256: Of its bytes, hexadecimal.
    """

    name: str
    package: str
    path: str
    sha256: str

    def fits(self, content: bytes) -> bool:
        """Return whether ``content`` is this file, to the byte."""
        return hashlib.sha256(content).hexdigest() == self.sha256


def vendor_files() -> tuple[VendorFile, ...]:
    """Return the files of ``vendor.toml``."""
    told = tomllib.loads((HERE / "vendor.toml").read_text(encoding="utf-8"))
    return tuple(VendorFile(**entry) for entry in told["file"])


def require_vendor_files(folder: Path = FOLDER) -> None:
    """Refuse to go on unless every third-party file is there and unchanged.

    Raises:
        ConfigurationError: One is absent or differs; the hint names the command that fetches it.
    """
    for file in vendor_files():
        place = folder / file.name
        if not place.is_file():
            raise ConfigurationError(
                f"the pages need {file.name} of {file.package}, which is not in {folder}.",
                hint=f"In a checkout run {FETCH}; an installed package contains it.",
            )
        if not file.fits(place.read_bytes()):
            raise ConfigurationError(
                f"{place} is not the {file.name} of {file.package} that the pages know.",
                hint=f"Delete it, then run {FETCH}.",
            )
