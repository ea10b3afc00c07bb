"""An object store with the bodies of one installation's captures, each once, under its SHA-256."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit
from urllib.request import url2pathname

from stocktake.errors import ConfigurationError, StocktakeError, StoreError, UsageError
from stocktake.store.trouble import RERUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

Item = TypeVar("Item")
Result = TypeVar("Result")

SCHEMES = ("s3", "gs", "az", "file")
OPTIONS = {
    "endpoint": re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?"),
    "region": re.compile(r"[A-Za-z0-9-]+"),
}
AT_ONCE = 16
"""Requests under way at once for one batch: most of a request's time is waiting."""
CONNECT_TIME, REQUEST_TIME = timedelta(seconds=5), timedelta(seconds=60)
RETRIES, RETRY_TIME = 3, timedelta(seconds=5)
"""What is longer away is tried again by whoever repeats the transaction."""
LISTED_TOGETHER = 1_000
MARK = "stocktake"
"""Object that tells a host it sees the installation's own store, and not an empty folder."""
MARKED = b"Bodies of captures of the Stocktake installation named by this folder.\n"
PROBE = "probe"
ENDING = ".zst"
OPENING = "opening it"
"""Asks nobody yet: whatever is wrong then is the address, or a variable of this host."""


def checked_url(url: str) -> str:
    """Return the address of an object store, as it is kept for every host to read.

    ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``az://container/prefix`` or
    ``file:///folder``; of S3 with ``?endpoint=…&region=…`` where it is not Amazon's.

    Raises:
        UsageError: It is none of these, or holds a secret. The text does not repeat it.
    """
    parts = urlsplit(url.strip())
    hint = "Write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER."
    if parts.scheme not in SCHEMES or not (parts.netloc or parts.path.strip("/")):
        raise UsageError("That is no address of an object store for captures.", hint=hint)
    if parts.scheme == "file" and parts.netloc:
        raise UsageError("A folder for captures begins with three slashes: file:///.", hint=hint)
    given = parse_qsl(parts.query, keep_blank_values=True)
    is_sound = all(name in OPTIONS and OPTIONS[name].fullmatch(text) for name, text in given)
    if "@" in parts.netloc or parts.fragment or not is_sound:
        raise UsageError(
            "The address of captures is kept for every host to read, so it may hold no login, and "
            "no option but endpoint (http:// or https://, host and port) and region.",
            hint="Give each host its login by the store's own environment variables, such as "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    return urlunsplit(parts._replace(path=parts.path.rstrip("/")))


class Objects:
    """The objects of one installation in one store. Any thread may use it."""

    def __init__(self, url: str, installation_id: UUID) -> None:
        """Open the store; nothing is asked yet.

        Args:
            url: As ``checked_url`` returns it.
            installation_id: Whose; each installation has a folder of its own.

        Raises:
            ConfigurationError: The library is not installed, or makes nothing of the address.
        """
        self.url = url
        parts = urlsplit(url)
        self._folder = Path(url2pathname(parts.path)) if parts.scheme == "file" else None
        self._own = str(installation_id)
        self._store = self._opened(parts.scheme)
        self._threads = ThreadPoolExecutor(AT_ONCE, "objects")

    def _opened(self, scheme: str) -> Any:
        try:
            import obstore.store  # noqa: PLC0415 -- an optional dependency
        except ImportError as error:
            raise ConfigurationError(
                f"Captures of this installation are kept in {self.url}, which needs the library "
                "obstore.",
                hint="pip install 'stocktake[objects]'",
            ) from error
        plain, _, query = self.url.partition("?")
        options: dict[str, Any] = {"mkdir": True}
        if scheme != "file":
            options = dict(parse_qsl(query))
            client: dict[str, Any] = {"timeout": REQUEST_TIME, "connect_timeout": CONNECT_TIME}
            if options.get("endpoint", "").startswith("http://"):
                client["allow_http"] = True
            options |= {
                "client_options": client,
                "retry_config": {"max_retries": RETRIES, "retry_timeout": RETRY_TIME},
            }
        return self._asked(lambda: obstore.store.from_url(plain, **options), OPENING)

    def put(self, contents: Mapping[bytes, bytes]) -> None:
        """Store contents by their SHA-256; all of them are there for good afterwards.

        Raises:
            StoreError: The store is away for the moment; some may be there.
            ConfigurationError: It refuses this host.
        """
        if self._folder is not None:
            self.require_mark()  # a disk that is not mounted any more leaves a folder behind
        self._each(lambda pair: self._put(self._key(pair[0]), pair[1]), contents.items())

    def get(self, hashes: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return contents as they lie there, unproven; ``None`` for what is not there.

        Raises:
            StoreError, ConfigurationError: As ``put``.
        """
        found = self._each(lambda sha256: self._get(self._key(sha256)), hashes)
        return dict(zip(hashes, found, strict=True))

    def listed(self, first: int) -> dict[bytes, int]:
        """Return size by SHA-256 of the objects whose hash begins with the byte ``first``."""
        prefix = f"{self._own}/{first:02x}"

        def ask() -> dict[bytes, int]:
            stream = self._store.list(prefix, chunk_size=LISTED_TOGETHER)
            return {
                sha256: one["size"]
                for together in stream
                for one in together
                if (sha256 := _hash_in(one["path"]))
            }

        return self._asked(ask, f"listing {prefix}")

    def delete(self, hashes: Sequence[bytes]) -> None:
        """Remove objects; those that are gone already do not count."""
        self._each(lambda sha256: self._delete(self._key(sha256)), hashes)

    def mark(self) -> None:
        """Leave the mark by which other hosts know the store."""
        self._put(f"{self._own}/{MARK}", MARKED)

    def require_mark(self) -> None:
        """Make sure that this host sees what the others see.

        Raises:
            ConfigurationError: The mark is not there: it is another folder, or another store.
        """
        if self._get(f"{self._own}/{MARK}") is None:
            raise ConfigurationError(
                f"This host does not see the captures of the installation in {self.url}.",
                hint="A folder must be one that all hosts share, and of S3 endpoint and region "
                "must be the same everywhere; 'stocktake db captures show' says what holds.",
            )

    def probe(self) -> None:
        """Write, read and delete an object.

        Raises:
            StoreError, ConfigurationError: One of them cannot be done.
        """
        key = f"{self._own}/{PROBE}-{os.getpid()}"
        self._put(key, MARKED)
        if self._get(key) != MARKED:
            raise StoreError(f"{self.url} does not return what was written to it.")
        self._delete(key)

    def address(self, sha256: bytes) -> str:
        """Return where an object is, for people."""
        return f"{self.url.partition('?')[0]}/{self._key(sha256)}"

    def _key(self, sha256: bytes) -> str:
        name = sha256.hex()
        return f"{self._own}/{name[:2]}/{name}{ENDING}"

    def _put(self, key: str, content: bytes) -> None:
        self._asked(lambda: self._store.put(key, content, use_multipart=False), f"writing {key}")
        if self._folder is not None:
            _settle(self._folder / key)

    def _get(self, key: str) -> bytes | None:
        def ask() -> bytes | None:
            try:
                return bytes(self._store.get(key).bytes())
            except FileNotFoundError:
                return None

        return self._asked(ask, f"reading {key}")

    def _delete(self, key: str) -> None:
        def ask() -> None:
            with contextlib.suppress(FileNotFoundError):
                self._store.delete(key)

        self._asked(ask, f"deleting {key}")

    def _each(self, act: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        several = list(items)
        if len(several) < 2:  # noqa: PLR2004 -- one needs no threads
            return [act(one) for one in several]
        return list(self._threads.map(act, several))

    def _asked(self, ask: Callable[[], Result], what: str) -> Result:
        from obstore.exceptions import BaseError  # noqa: PLC0415 -- an optional dependency

        try:
            return ask()
        except (BaseError, OSError, ValueError) as error:
            raise self._told(error, what) from error

    def _told(self, error: Exception, what: str) -> StocktakeError:
        """Return what an error of the store means, and what to do."""
        text = " ".join(str(error).partition("Debug source")[0].split())
        text = text if len(text) <= MOST_TOLD else f"{text[:MOST_TOLD]}…"
        where = f"The store of captures, {self.url},"
        for signs, verdict, hint in LASTING:
            if any(sign in f"{type(error).__name__} {what} {text}" for sign in signs):
                return ConfigurationError(f"{where} {verdict} ({what}): {text}", hint=hint)
        return StoreError(
            f"{where} cannot be reached ({what}): {text}. Nothing is half-written.",
            hint=f"Look whether it runs (stocktake doctor), {RERUN}",
            is_momentary=True,
        )


MOST_TOLD = 300
REFUSED = (
    # Where a machine in a cloud asks for its role: nobody gave it a login.
    "169.254.169.254",
    *("PermissionDenied", "Unauthenticated", "PermissionError", "ExpiredToken"),
    *("401 Unauthorized", "403 Forbidden"),
)
MISTAKEN = (
    OPENING,
    *("FileNotFound", "404 Not Found", "NoSuchBucket", "incorrectly configured region"),
    *("ValueError", "InvalidPath", "NotSupported", "UnknownConfigurationKey"),
)
FULL = ("No space left", "Read-only file system")
GIVE_LOGIN = "Give it a login that may write, read, list and delete there, by the store's own \
environment variables; stocktake doctor tries it."
CORRECT = "Make the bucket or folder, or correct the address: stocktake db captures use"
LASTING = (
    (REFUSED, "refuses this host", GIVE_LOGIN),
    (MISTAKEN, "is not there, or not as this host was told", CORRECT),
    (FULL, "takes no more", f"Make room, {RERUN}"),
)
"""Errors that waiting does not mend, by what their names and texts hold."""


def _hash_in(path: str) -> bytes | None:
    name = path.rpartition("/")[2]
    try:
        return bytes.fromhex(name.removesuffix(ENDING)) if name.endswith(ENDING) else None
    except ValueError:
        return None


def _settle(path: Path) -> None:
    """Let the disk have a file and its name: a row that names it survives a power cut, too."""
    if sys.platform == "win32":  # no folder can be opened there
        return
    for place in (path, path.parent):
        number = os.open(place, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
