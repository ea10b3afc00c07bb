"""Static files: read once, without the comments of our scripts, named after their content."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from rjsmin import jsmin
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

STATIC = Path(__file__).parent / "static"
TYPES = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
HASH_LENGTH = 10
FOREVER = "public, max-age=31536000, immutable"
PARTS = "parts"
"""Folder of modules that one other imports, and that are sent within it: a request less each."""
_PART = re.compile(rb"""import\{([\w,]+)\}from\s*["']\./(parts/[a-z-]+\.js)["'];?""")
_EXPORT = re.compile(rb"\bexport (?=async |function |class |const )")
_IMPORT = re.compile(rb"""(?<=["'])\./([a-z-]+\.js)(?=["'])""")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to send."""

    address: str
    media_type: str
    content: bytes
    compressed: bytes


class Assets:
    """The static files by their plain names, and by the addresses they are served under."""

    def __init__(self, folder: Path = STATIC) -> None:
        """Read everything below ``folder``."""
        self.by_name: dict[str, Asset] = {}
        self._by_address: dict[str, Asset] = {}
        self._folder = folder
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in TYPES and path.parent.name != PARTS:
                self._read(path.relative_to(folder).as_posix())

    def _read(self, name: str) -> Asset:
        """Read a file after the modules it imports, whose names go into it."""
        if name in self.by_name:
            return self.by_name[name]
        path = self._folder / name
        content = path.read_bytes()
        if path.suffix == ".js" and path.parent == self._folder:
            content = _IMPORT.sub(
                lambda found: b"./" + self._read(found[1].decode()).address.encode(),
                _PART.sub(self._within, jsmin(content)),
            )
        digest = hashlib.sha256(content).hexdigest()[:HASH_LENGTH]
        address = f"{path.stem}.{digest}{path.suffix}"
        asset = Asset(address, TYPES[path.suffix], content, gzip.compress(content, 9, mtime=0))
        self.by_name[name] = asset
        self._by_address[address] = asset
        return asset

    def _within(self, found: re.Match[bytes]) -> bytes:
        """Return a part as what its importer names of it; all else in it stays its own."""
        text = _EXPORT.sub(b"", jsmin((self._folder / found[2].decode()).read_bytes()))
        return b"const{%s}=(()=>{%s\nreturn{%s}})();" % (found[1], text, found[1])

    def address(self, name: str) -> str:
        """Return the path a file is served under; ``KeyError`` when there is no such file."""
        return f"/static/{self.by_name[name].address}"

    def sizes(self) -> Mapping[str, int]:
        """Return the compressed size of each file, bytes."""
        return {name: len(asset.compressed) for name, asset in self.by_name.items()}

    def answer(self, request: Request, address: str) -> Response | None:
        """Return the response for an address, ``None`` when there is no such file."""
        asset = self._by_address.get(address)
        if asset is None:
            return None
        is_packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {
            "cache-control": FOREVER,
            "vary": "Accept-Encoding",
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "same-origin",
        }
        if is_packed:
            headers["content-encoding"] = "gzip"
        return Response(
            asset.compressed if is_packed else asset.content,
            media_type=asset.media_type,
            headers=headers,
        )
