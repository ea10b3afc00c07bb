"""Where rows come from: sources, their endpoints, and the feeds that turn units into rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stocktake.model.unit import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stocktake.model.unit import UnitOutcome


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address pattern of a source, with its own limits.

    Args:
        name: Unique within the source; also the name of its rate gate.
        per_second: Requests per second allowed; the gate spaces them by 1.05 ÷ ``per_second``.
        per_day: Quota of requests per UTC day, ``None`` for none.
        timeout_seconds: Total deadline of one request, connect to last byte.
        max_bytes: Largest decoded body accepted.
        media_type: What answers are made of; sent as Accept. An HTML page in place of anything
            but ``text/html`` is refused before it is parsed.
        patience: Failures in a row that open its circuit.
        silence: What it means when nothing comes before the deadline, for users.
        relative_day: Parameter in which it knows days as ``today`` and ``tomorrow`` only, and the
            IANA zone meant. Requests name the day itself, so that captures of different days
            differ; the word takes its place when a request is sent, and other days are refused.
        is_rate_known: Whether ``per_second`` is what the source allows; else it is our assumption,
            so that the time a plan takes is one too.
    """

    name: str
    per_second: float
    per_day: int | None = None
    timeout_seconds: float = 30.0
    max_bytes: int = 64 * 1024 * 1024
    media_type: str = "application/json"
    patience: int = 5
    silence: str = ""
    relative_day: tuple[str, str] | None = None
    is_rate_known: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """The days a feed can still deliver.

    Args:
        since: First day the feed has, ``None`` for all.
        days_back: Only this many days before the count's day can be had, ``None`` for all.
        days_ahead: Days after today that may be fetched (never counted).
        state: State of promised days outside: ``not_expected`` or ``unrecoverable``.
        reason: Why, for users.
        lifted_by: Source setting that lifts ``days_back`` when true.
    """

    since: date | None = None
    days_back: int | None = None
    days_ahead: int = 0
    state: State = State.NOT_EXPECTED
    reason: str = ""
    lifted_by: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """When a day is final, and when it is looked at again.

    Args:
        after: Time after the end of the day in the dataset's zone until it may be final.
        recheck: Ages at which a final day is fetched again for corrections.
    """

    after: timedelta = timedelta(hours=4)
    recheck: tuple[timedelta, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP GET (or file read) for one or many units of a feed. Holds no secret.

    Args:
        feed: Name of the feed.
        path: Path below the source's base address.
        params: Query parameters in order; a name may repeat.
        units: Keys of the feed's units that the answer covers.
    """

    feed: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    units: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Capture:
    """One stored raw response; immutable.

    ``capture_id`` is ``None`` until it is stored. ``body`` is decoded (no transfer or content
    encoding). ``sha256`` is of ``body``. ``flaw`` says why it must not be parsed (an error page, a
    damaged body as received, a page of an answer that was never completed); such captures are
    evidence only.
    """

    request: Request
    status: int
    body: bytes
    sha256: bytes
    fetched_at: datetime
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    capture_id: int | None = None
    page: int = 0
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that failed validation.

    Args:
        dataset: Where it would have gone.
        position: Where it stands in its capture (``races[3].runners[2]``, ``line 17``).
        code: Short machine word.
        reason: A sentence for users.
        raw: The row as received, JSON or text.
    """

    dataset: str
    position: str
    code: str
    reason: str
    raw: str


@dataclass(slots=True)
class Parsed:
    """What a parser made of the pages of one request; the only mutable noun, filled once.

    Args:
        rows: Rows by row type (a ``NamedTuple`` class named by a ``Facet``).
        outcomes: What the answer proves about each unit of the request.
        rejects: Rows refused, with reasons.
        read: Rows read per dataset; read = accepted + rejected + duplicates.
        duplicates: Exact copies dropped, per dataset.
        notes: Observations worth a warning (an unknown code, a name first seen): text → count.
    """

    rows: dict[type[tuple[Any, ...]], list[tuple[Any, ...]]] = field(default_factory=dict)
    outcomes: list[UnitOutcome] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, row: tuple[Any, ...]) -> None:
        """Append one row to the list of its type."""
        self.rows.setdefault(type(row), []).append(row)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a plan takes for granted of a feed until something was seen.

    Args:
        rows_per_unit: Rows one unit brings, over all tables.
        bytes_per_request: Stored size of one answer.
        new_per_day: For feeds whose units are members: members first seen per day of the dataset
            that names them, in the first year and after many years.
        new_per_unit: The same where what names them is not cut into days: members per unit, and
            requests for them.
    """

    rows_per_unit: float = 1.0
    bytes_per_request: int = 10_000
    new_per_day: tuple[float, float] = (0.0, 0.0)
    new_per_unit: tuple[float, float] = (0.0, 0.0)


NOTHING_SEEN = Assumed()


@dataclass(frozen=True, slots=True)
class Whole:
    """A table of which an answer tells every row of its units: what it leaves out was withdrawn.

    Args:
        dataset: The table; its units are the feed's.
        facet: The facet the feed tells there.
        unit: SQL expressions on the table's columns that give a row's unit, in the order of the
            partitions (``("race_date", "lower(region)")``).
        where: SQL condition of the rows this feed tells, where others tell the same facet.
    """

    dataset: str
    facet: str
    unit: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """One way rows come from a source.

    Args:
        name: Unique within the system; also shown in ledgers and plans.
        endpoint: Endpoint it calls.
        fills: Datasets whose units (all with this feed's key) one answer fills, parents first.
        requests: Turns unit keys, in the order wanted, into the fewest requests.
        parse: Turns the pages of one request into rows; pure: no I/O, no clock. The third
            argument is the instant of the fetch (a day may be in progress). Raises
            ``SourceChanged`` when the shape broke.
        next_page: Returns the request of the next page or ``None``; given the request of the
            latest page and all bodies so far. May raise ``SourceChanged``.
        also: Datasets that receive rows but are keyed otherwise (entities extracted).
        window: Days it can deliver.
        only: Series (keys without the counted dimension) it serves; empty means all.
        settle: When a day is final.
        required: Whether a unit without this feed is thin.
        bulk: Whether one answer covers units of many members, told apart by their names: then all
            units wanted are handed to ``requests`` at once.
        instead_of: Feed for which this one stands in: it is asked only for units of which that one
            failed, or which that one does not have. Neither is then ``required``.
        turn: Feeds of one wave whose units are members take turns: 0 first, together with equals.
        absent_statuses: HTTP statuses that prove a unit cannot be had (404 → unrecoverable).
        refresh_after: Age at which a held unit may be fetched again, ``None`` for never.
        outdated: Statement of the system's ``count.sql`` (columns: key, instant) naming members
            whose answer a sync fetches again once it is older than that instant.
        enabled_by: Source setting without which it is never asked, and its units not expected;
            ``name=a|b`` asks that it has one of these values.
        assumed: What plans take for granted until something was seen.
        whole: Tables of which a complete answer tells every row of its units. Rows it leaves out
            are withdrawn, unless the unit would then lack rows it should have, or most of them.
    """

    name: str
    endpoint: Endpoint
    fills: tuple[str, ...]
    requests: Callable[[Sequence[tuple[str, ...]]], Iterable[Request]]
    parse: Callable[[Sequence[bytes], Request, datetime], Parsed]
    next_page: Callable[[Request, Sequence[bytes]], Request | None] | None = None
    also: tuple[str, ...] = ()
    window: Window = Window()
    only: tuple[tuple[str, ...], ...] = ()
    settle: Settle | None = None
    required: bool = True
    bulk: bool = False
    instead_of: str = ""
    turn: int = 0
    absent_statuses: frozenset[int] = frozenset()
    absent_reason: str = ""
    refresh_after: timedelta | None = None
    outdated: str = ""
    enabled_by: str = ""
    assumed: Assumed = NOTHING_SEEN
    whole: tuple[Whole, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file source's way of reading: bytes of one file → rows; the same path as a feed.

    Args:
        name: Name of the source, as in ``load --source NAME``.
        fills: Datasets its rows belong to, parents first.
        suffixes: File name endings recognised, without ``.gz`` or ``.zst``.
        parse: As ``Feed.parse``; the request's path is the file's name. ``outcomes`` name the
            units the file held.
        also: Datasets that receive extracted rows.
        shipped: File of the system's package that is loaded by itself, once for each wording of it.
        lookup: Endpoint of the source whose answers it reads (``ask --load``). What it tells of a
            unit counts only while the unit is not complete.
    """

    name: str
    fills: tuple[str, ...]
    suffixes: tuple[str, ...]
    parse: Callable[[Sequence[bytes], Request, datetime], Parsed]
    also: tuple[str, ...] = ()
    shipped: str = ""
    lookup: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A host with credentials, or a kind of file.

    Args:
        name: Name in settings, commands and reports.
        base_url: Default address; settings may override it (sandbox). Empty for files.
        auth: ``basic`` (settings ``user`` and ``password``), ``bearer`` (``token``), ``key`` (the
            ``token`` as it is) or ``none``.
        feeds: Ways rows come from it.
        files: File formats it is read from.
        settings: Names of further settings it knows, with what they mean.
        headers: Sent with every request; a setting ``header_<name>`` (lower case, ``_`` for ``-``)
            replaces one.
        defaults: Values of settings that are not set.
        lookups: Endpoints that no feed needs, for questions asked by hand (``stocktake ask``).
        robots_agent: Product token (``Stocktake``) under which robots.txt of its hosts is read and
            obeyed, as RFC 9309 says; its User-Agent must contain it. For websites, whose pages
            programs read as crawlers do. Empty for none: an interface with an account is made
            for programs, and its terms and limits say what they may ask. A setting of the same
            name replaces it. Feeds of a website share one endpoint, since a delay that the site
            asks for is kept per endpoint.
        terms: What its operator asks of callers besides, and what became of robots.txt, for users.
    """

    name: str
    base_url: str = ""
    auth: str = "none"
    feeds: tuple[Feed, ...] = ()
    files: tuple[FileFormat, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    lookups: tuple[Endpoint, ...] = ()
    robots_agent: str = ""
    terms: str = ""
