"""Every exception Stocktake raises, in one tree.

StocktakeError
├── UsageError              an unknown name, day or option; nothing was done         (exit 2)
├── PlanRefused             a plan that may not run or go on as it is                     (exit 2)
├── LoadError               a file or capture that cannot be read as what it claims   (exit 2)
├── ConfigurationError      a setting that is missing, unknown or ill-formed          (exit 3)
├── StoreError              the database or the store of captures could not do it     (exit 3)
│   ├── DatabaseUnavailable     no connection: not running, wrong address or credentials
│   ├── ClusterError            the local cluster could not be created, started or stopped
│   ├── MigrationError          the schema and the migrations do not agree
│   └── LeaseLost               another worker owns this chunk now; nothing was written
└── SourceError             a source could not be read                                (exit 3)
    ├── SourceUnavailable       no answer, or a 5xx; worth another try later
    ├── SourceChanged           the response broke its contract; the capture is kept
    ├── CredentialsRefused      401 or 403; the source is paused
    └── RequestRefused          a request we will not send, or one the source will never answer
"""

from typing import ClassVar

__all__ = [
    "ClusterError",
    "ConfigurationError",
    "CredentialsRefused",
    "DatabaseUnavailable",
    "LeaseLost",
    "LoadError",
    "MigrationError",
    "PlanRefused",
    "RequestRefused",
    "SourceChanged",
    "SourceError",
    "SourceUnavailable",
    "StocktakeError",
    "StoreError",
    "UsageError",
]


class StocktakeError(Exception):
    """Anything Stocktake refuses or could not do.

    Attributes:
        message: What failed and where, one or two sentences for people.
        hint: What to do next, or None when there is nothing useful to say.
        exit_code: Exit code of the command line: 2 refused input, 3 could not do it.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Keep the text and the hint apart; ``str()`` gives the text alone."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling with the hint (errors cross worker boundaries)."""
        return (type(self), (self.message,), self.__dict__)


class UsageError(StocktakeError):
    """The caller asked for something that does not exist or does not fit; nothing was done."""

    exit_code: ClassVar[int] = 2


class PlanRefused(StocktakeError):
    """A plan that may not run: not approved, too large, or outdated."""

    exit_code: ClassVar[int] = 2


class LoadError(StocktakeError):
    """A file or capture that cannot be read as what it claims to be."""

    exit_code: ClassVar[int] = 2


class ConfigurationError(StocktakeError):
    """A setting that is missing, unknown or ill-formed."""


class StoreError(StocktakeError):
    """The database, or the store of captures, could not do what was asked.

    Attributes:
        is_momentary: Whether the same is worth another try at once, and once more a little later.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, is_momentary: bool = False
    ) -> None:
        """Keep the text and the hint apart, and whether it may pass."""
        super().__init__(message, hint=hint)
        self.is_momentary = is_momentary


class DatabaseUnavailable(StoreError):
    """No usable connection: not running, unreachable, or the credentials were refused."""


class ClusterError(StoreError):
    """The local cluster could not be created, started or stopped."""


class MigrationError(StoreError):
    """The schema in the database and the migrations in the code do not agree."""


class LeaseLost(StoreError):
    """Another worker holds the lease now; the write was refused and nothing changed.

    Attributes:
        is_paused: Whether nobody does: a person paused the run, and it can be resumed.
    """

    def __init__(self, message: str, *, hint: str | None = None, is_paused: bool = False) -> None:
        """Keep the text and the hint apart, and why the lease was lost."""
        super().__init__(message, hint=hint)
        self.is_paused = is_paused


class SourceError(StocktakeError):
    """A source could not be read."""


class SourceUnavailable(SourceError):
    """No answer, or one that says "later"; worth another try."""


class SourceChanged(SourceError):
    """A response no longer has the shape its parser expects; the capture is kept."""


class CredentialsRefused(SourceError):
    """The source answered 401 or 403; it is paused until someone looks."""


class RequestRefused(SourceError):
    """A request we will not send (guarded address), or one the source will never answer."""
