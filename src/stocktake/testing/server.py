"""A real HTTP server on the loopback that says what a test or a sandbox wants it to say."""

import asyncio
import base64
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import msgspec
from aiohttp import web

from stocktake.run.clock import system_clock
from stocktake.testing.broken import BROKEN, SILENT
from stocktake.testing.faults import Fault, FaultRules, UnknownFaultError, decode_faults
from stocktake.testing.replies import (
    JSON_TYPE,
    Asked,
    Play,
    Reply,
    Route,
    detail,
    not_found,
    spoiled_reply,
    with_etag,
)
from stocktake.testing.requests import LoggedRequest, RequestLog

DEFAULT_SLOW_SECONDS: Final = 2.0
DEFAULT_DRIFT_SECONDS: Final = 600.0
START_SECONDS: Final = 10.0

_UNKNOWN: Final = "unknown"


class _AlreadySent(web.StreamResponse):
    """Stands for an answer that was written onto the bare connection."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send nothing: everything was sent."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing: everything was sent."""


class SandboxServer:
    """A loopback HTTP server with limits, a login, a request log and switchable faults.

    Use it as a context manager (it then runs in a thread of its own), or call
    ``serve_forever`` to give it the calling thread.

    It also answers ``GET /_sandbox/stats`` and ``GET``, ``POST``, ``DELETE /_sandbox/faults``
    (a JSON list of faults; POST adds, DELETE drops all), so that another program can drive it.

    Attributes:
        rules: The faults in force.
        log: What was asked.
        base_url: Address once it runs, such as ``http://127.0.0.1:8123``.
        limit_factor: Every route's limit is multiplied by this; change it at any time.
        routes: Endpoints answered; others may take their place before it starts.

    Args:
        routes: Endpoints answered. Anything else is 404 ``{"detail":"Not Found"}``.
        login: User and password of HTTP Basic; None asks for none.
        rules: Faults in force, kept by reference.
        clock: Says the time that ``Date`` and ``Retry-After`` headers are made from.
        etags: Send an ``ETag`` with every 200 and answer 304 to a fitting ``If-None-Match``.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        login: tuple[str, str] | None = None,
        rules: FaultRules | None = None,
        clock: Callable[[], datetime] = system_clock,
        etags: bool = False,
    ) -> None:
        self.rules = FaultRules() if rules is None else rules
        self.log = RequestLog()
        self.base_url = ""
        self.limit_factor = 1.0
        self.routes = tuple(routes)
        self._expected_login = None
        if login is not None:
            token = base64.b64encode(":".join(login).encode()).decode()
            self._expected_login = f"Basic {token}"
        self._clock = clock
        self._etags = etags
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sandbox-answers")

    @classmethod
    def scripted(
        cls,
        script: Mapping[str, Sequence[Reply | Fault]],
        *,
        login: tuple[str, str] | None = None,
        etags: bool = False,
    ) -> Self:
        """Return a server that plays canned replies, route by route.

        Each request takes the next entry of its route; the last one repeats. A fault in the
        list takes a turn of its own: it spoils the reply that stands behind it.
        """
        routes = [Route(pattern, Play(entries).answer) for pattern, entries in script.items()]
        return cls(routes, login=login, etags=etags)

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """Every exchange so far, in the order it ended."""
        return tuple(self.log.entries)

    def per_second(self, endpoint: str) -> int:
        """Return the most requests an endpoint or gate saw in any one second, refused ones too."""
        return self.log.per_second(endpoint)

    def __enter__(self) -> Self:
        """Start answering on a free port of 127.0.0.1."""
        ready = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._run("127.0.0.1", 0, ready))
            except OSError as error:
                failed.append(error)
                ready.set()

        self._thread = threading.Thread(target=run, name="sandbox-server", daemon=True)
        self._thread.start()
        if not ready.wait(START_SECONDS):
            message = f"The sandbox server did not start within {START_SECONDS} seconds."
            raise TimeoutError(message)
        if failed:
            raise failed[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop answering and drop every connection."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(START_SECONDS)
        self._worker.shutdown(wait=False)

    def serve_forever(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Answer in the calling thread until SIGINT or SIGTERM.

        Raises:
            OSError: The address cannot be bound.
        """
        asyncio.run(self._run(host, port, None))

    async def _run(self, host: str, port: int, ready: threading.Event | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        if ready is None:
            for name in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(name, self._stop.set)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            bound = runner.addresses[0]
            self.base_url = f"http://{bound[0]}:{bound[1]}"
            if ready is not None:
                ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=16 << 20)
        app.router.add_get("/_sandbox/stats", self._stats)
        app.router.add_get("/_sandbox/faults", self._show_faults)
        app.router.add_post("/_sandbox/faults", self._add_faults)
        app.router.add_delete("/_sandbox/faults", self._drop_faults)
        for route in self.routes:
            app.router.add_get(route.pattern, self._serving(route))
        missing = Route(_UNKNOWN, not_found)
        app.router.add_route("*", "/{rest:.*}", self._serving(missing))
        return app

    def _serving(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            arrived = time.monotonic()
            target = request.raw_path
            self.log.arrive(route.pattern, arrived)
            if route.gate is not None:
                self.log.arrive(route.gate, arrived)
            fault = self.rules.transport(route.pattern, target)
            response, status, struck = await self._answer(route, request, fault)
            took_ms = (time.monotonic() - arrived) * 1000
            self.log.finish(LoggedRequest(route.pattern, target, arrived, status, took_ms, struck))
            return response

        return serve

    async def _answer(
        self, route: Route, request: web.Request, rule: Fault | None
    ) -> tuple[web.StreamResponse, int, str | None]:
        refused = self._refusal(route, request)
        if refused is not None:
            return _response(refused, None, self._clock()), refused.status, None
        reply = None if rule is None else spoiled_reply(rule, request.raw_path, now=self._clock())
        if reply is None:
            reply = await asyncio.get_running_loop().run_in_executor(
                self._worker, route.answer, _asked(route.pattern, request)
            )
        fault = reply.fault if rule is None else rule
        if fault is not None:
            if fault.kind == "slow":
                await asyncio.sleep(fault.number(DEFAULT_SLOW_SECONDS))
            if fault.kind in BROKEN:
                return *await _break(request, reply, fault), fault.kind
            reply = spoiled_reply(fault, request.raw_path, now=self._clock()) or reply
        if self._etags and reply.status == HTTPStatus.OK:
            reply = with_etag(reply, request.headers.get("If-None-Match"))
        return (
            _response(reply, fault, self._clock()),
            reply.status,
            None if fault is None else fault.kind,
        )

    def _refusal(self, route: Route, request: web.Request) -> Reply | None:
        if self._expected_login not in {None, request.headers.get("Authorization")}:
            challenge = {"WWW-Authenticate": 'Basic realm="sandbox"'}
            return replace(detail("401"), headers=challenge)
        if route.per_second is None:
            return None
        most = route.per_second * self.limit_factor
        gate = route.gate or route.pattern
        wait = self.log.admit(gate, time.monotonic(), per_second=most)
        return None if wait <= 0 else detail("429")

    async def _stats(self, _request: web.Request) -> web.Response:
        counts = self.log.counts()
        endpoints = {
            name: {"requests": count, "max_per_second": self.log.per_second(name)}
            for name, count in sorted(counts.items())
        }
        statuses: dict[str, int] = {}
        for entry in self.requests:
            statuses[str(entry.status)] = statuses.get(str(entry.status), 0) + 1
        return _json({"endpoints": endpoints, "statuses": statuses})

    async def _show_faults(self, _request: web.Request) -> web.Response:
        return _json(list(self.rules.active))

    async def _add_faults(self, request: web.Request) -> web.Response:
        try:
            self.rules.add(decode_faults(await request.read()))
        except UnknownFaultError as error:
            return _json({"detail": str(error)}, status=422)
        return _json(list(self.rules.active))

    async def _drop_faults(self, _request: web.Request) -> web.Response:
        self.rules.clear()
        return _json([])


async def _break(
    request: web.Request, reply: Reply, fault: Fault
) -> tuple[web.StreamResponse, int]:
    transport = request.transport
    if isinstance(transport, asyncio.Transport):
        await BROKEN[fault.kind](transport, reply.body, fault)
    return _AlreadySent(), 0 if fault.kind in SILENT else HTTPStatus.OK


def _response(reply: Reply, fault: Fault | None, now: datetime) -> web.Response:
    headers = {"Content-Type": JSON_TYPE, **reply.headers}
    if fault is not None and fault.kind == "clock_drift":
        drift = timedelta(seconds=fault.number(DEFAULT_DRIFT_SECONDS))
        headers["Date"] = format_datetime(now + drift, usegmt=True)
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _asked(pattern: str, request: web.Request) -> Asked:
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = tuple(request.query.items())
    return Asked(pattern, request.path, dict(request.match_info), query, headers)


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type=JSON_TYPE)
