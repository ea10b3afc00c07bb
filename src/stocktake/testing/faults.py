"""What a sandbox server is told to get wrong, and when.

A fault is a rule. Transport faults (``TRANSPORT_FAULTS``) break the HTTP exchange and are
applied by the server itself; every system adds its own content faults, which change what a
well-formed answer says and are asked for by the system's sandbox, unit by unit.
"""

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

TRANSPORT_FAULTS: Final[frozenset[str]] = frozenset(
    {
        "401",
        "403",
        "429",
        "500",
        "502",
        "503",
        "504",
        "bad_gzip",
        "clock_drift",
        "empty_body",
        "empty_object",
        "endless_body",
        "extra_bytes",
        "gzip_bomb",
        "html",
        "large_headers",
        "null",
        "oversized",
        "redirect_host",
        "redirect_loop",
        "reset",
        "slow",
        "slow_body",
        "stall",
        "timeout",
        "truncated",
        "truncated_gzip",
    }
)

_ROLL_RANGE: Final = 1 << 32


class UnknownFaultError(ValueError):
    """A fault's kind is not one this server can apply, or a number is out of range."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: which exchanges or units go wrong, how, and how often.

    Attributes:
        kind: A transport fault (``TRANSPORT_FAULTS``) or a content fault of the system.
        endpoint: Route pattern such as ``/v1/results``; None is every endpoint.
        match: For transport faults a text found in ``path?query``; for content faults the
            exact name of a unit (a date, a month ``2024-05``, a year, a race or horse id).
            None matches everything.
        rate: Share of the matching exchanges or units, 0 to 1. Whether a unit is hit depends
            only on its name and the seed, so a unit that is hit stays hit.
        times: How often it strikes, then never again; None is for ever. Transport faults
            count strikes of the rule, content faults count strikes per unit.
        after: How many matches pass unharmed first, counted the same way.
        value: What the kind asks for: seconds, bytes, a header value, a count. None is the
            kind's own default.
    """

    kind: str
    endpoint: str | None = None
    match: str | None = None
    rate: float = 1.0
    times: int | None = None
    after: int = 0
    value: str | float | None = None

    def number(self, default: float) -> float:
        """Return ``value`` as a number, or ``default`` when there is none."""
        return default if self.value is None else float(self.value)


class FaultRules:
    """The faults in force on one server; safe to change while it answers.

    Args:
        faults: Rules in force from the start.
        kinds: Kinds this server can apply.
        seed: Decides which units a rate below 1 hits.

    Raises:
        UnknownFaultError: A kind is not in ``kinds``, or a rate is outside 0 to 1.
    """

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        kinds: Collection[str] = TRANSPORT_FAULTS,
        seed: int = 1,
    ) -> None:
        self.kinds = frozenset(kinds)
        self._seed = seed
        self._lock = threading.Lock()
        self._rules: tuple[Fault, ...] = ()
        self._seen: Counter[tuple[int, str]] = Counter()
        self.add(faults)

    @property
    def active(self) -> tuple[Fault, ...]:
        """The rules in force, oldest first."""
        return self._rules

    def add(self, faults: Iterable[Fault]) -> None:
        """Put more rules in force, behind those already there."""
        added = tuple(faults)
        for fault in added:
            if fault.kind not in self.kinds:
                known = ", ".join(sorted(self.kinds))
                message = f"Unknown fault {fault.kind!r}. Known: {known}."
                raise UnknownFaultError(message)
            if not 0 <= fault.rate <= 1:
                message = f"Fault {fault.kind!r}: rate {fault.rate} is not within 0 to 1."
                raise UnknownFaultError(message)
        with self._lock:
            self._rules = (*self._rules, *added)

    def clear(self) -> None:
        """Drop every rule and forget what was counted."""
        with self._lock:
            self._rules = ()
            self._seen.clear()

    def has(self, *kinds: str) -> bool:
        """Say whether any rule of these kinds is in force; cheap."""
        return any(fault.kind in kinds for fault in self._rules)

    def transport(self, endpoint: str, target: str) -> Fault | None:
        """Return the transport fault that strikes this exchange, and count the match.

        Args:
            endpoint: Route pattern of the exchange.
            target: Path and query as asked.
        """
        with self._lock:
            for position, fault in enumerate(self._rules):
                if fault.kind not in TRANSPORT_FAULTS or fault.endpoint not in {None, endpoint}:
                    continue
                if fault.match is not None and fault.match not in target:
                    continue
                if self._strikes(position, fault, counted="", rolled=None):
                    return fault
        return None

    def content(self, kind: str, units: Sequence[str], *, endpoint: str) -> Fault | None:
        """Return the content fault that strikes a unit, and count the match.

        Args:
            kind: The content fault asked for.
            units: Names of the unit, the narrowest first (race id, day, month, year). The
                first is the one that is counted and rolled for.
            endpoint: Route pattern of the answer being made.
        """
        if not self.has(kind):
            return None
        with self._lock:
            for position, fault in enumerate(self._rules):
                if fault.kind != kind or fault.endpoint not in {None, endpoint}:
                    continue
                if fault.match is not None and fault.match not in units:
                    continue
                if self._strikes(position, fault, counted=units[0], rolled=units[0]):
                    return fault
        return None

    def _strikes(self, position: int, fault: Fault, *, counted: str, rolled: str | None) -> bool:
        matches = self._seen[(position, "m" + counted)]
        name = f"{matches}" if rolled is None else rolled
        if fault.rate < 1 and self._roll(position, fault.kind, name) >= fault.rate:
            if rolled is None:
                self._seen[(position, "m" + counted)] += 1
            return False
        self._seen[(position, "m" + counted)] += 1
        if matches < fault.after:
            return False
        struck = self._seen[(position, "s" + counted)]
        if fault.times is not None and struck >= fault.times:
            return False
        self._seen[(position, "s" + counted)] += 1
        return True

    def _roll(self, position: int, kind: str, name: str) -> float:
        text = f"{self._seed}:{position}:{kind}:{name}".encode()
        return int.from_bytes(blake2b(text, digest_size=4).digest(), "big") / _ROLL_RANGE


def decode_faults(body: bytes) -> list[Fault]:
    """Read a JSON list of faults, as ``POST /_sandbox/faults`` takes it.

    Raises:
        UnknownFaultError: The text is not a JSON list of faults.
    """
    try:
        return msgspec.json.decode(body, type=list[Fault])
    except msgspec.MsgspecError as error:
        message = f"Not a JSON list of faults: {error}"
        raise UnknownFaultError(message) from error
