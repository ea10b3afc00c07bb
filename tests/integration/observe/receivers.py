"""A webhook receiver and a mail server on the loopback that take what comes and remember it."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

LOGIN = ("stocktake", "canary-mail-password")


@dataclass(slots=True)
class Hook:
    """What a webhook receiver saw.

    Args:
        url: Its address.
        statuses: What it answers, in turn; the last one repeats.
        body: What it says with that.
        got: Headers (lower case) and raw body of every request.
        gate: Each request waits for it before it is answered.
        arrived: Set by the first one.
    """

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [204])
    body: bytes = b""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Remember a request and return the status it is answered with."""
        with self._lock:
            self.got.append((headers, body))
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        self.arrived.set()
        self.gate.wait(20)
        return status

    @property
    def ids(self) -> list[str]:
        """The ids of the messages, in order of arrival."""
        return [headers["webhook-id"] for headers, _ in self.got]


@contextlib.contextmanager
def hook() -> Iterator[Hook]:
    """Run a webhook receiver."""
    found = Hook()
    found.gate.set()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = found.take(headers, self.rfile.read(size))
            self.send_response(status)
            body = b"" if status == HTTPStatus.NO_CONTENT else found.body
            self.send_header("Content-Length", str(len(body)))
            if status in {301, 302, 307}:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            found.gate.set()
            server.shutdown()
            thread.join()


@dataclass(slots=True)
class Mailbox:
    """What a mail server saw.

    Args:
        port: Where it listens on 127.0.0.1.
        mails: Mails taken.
        lines: Every line a client sent, those after STARTTLS behind ``tls:``.
        refuses: Recipients it does not know.
        wants_login: Whether it takes mails only after the right login.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    refuses: frozenset[str] = frozenset()
    wants_login: bool = False


class _Talk(socketserver.StreamRequestHandler):
    """One client of the mail server, in the few words that clients use."""

    server: _MailServer
    is_encrypted = False
    is_known = False
    recipients: int = 0

    def setup(self) -> None:
        super().setup()
        if self.server.is_tls:
            self._encrypt()

    def handle(self) -> None:
        self._say("220 mail.test")
        while line := self.rfile.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.server.box.lines.append(f"{'tls:' if self.is_encrypted else ''}{text}")
            verb, _, rest = text.partition(" ")
            if verb.upper() == "QUIT":
                self._say("221 bye")
                return
            self._answer(verb.upper(), rest)

    def finish(self) -> None:
        super().finish()
        self.request.close()  # an encrypted one is not the server's own

    def _answer(self, verb: str, rest: str) -> None:
        box = self.server.box
        if verb == "EHLO":
            offers = ["mail.test", "AUTH PLAIN", "8BITMIME"]
            offers += ["STARTTLS"] if self.server.trust and not self.is_encrypted else []
            for offer in offers[:-1]:
                self._say(f"250-{offer}")
            self._say(f"250 {offers[-1]}")
        elif verb == "STARTTLS":
            self._say("220 go on")
            self._encrypt()
        elif verb == "AUTH":
            told = base64.b64decode(rest.split()[1]).decode().split("\0")[1:]
            self.is_known = tuple(told) == LOGIN
            self._say("235 welcome" if self.is_known else "535 wrong login")
        elif verb == "MAIL" and box.wants_login and not self.is_known:
            self._say("530 login first")
        elif verb == "RCPT" and any(one in rest for one in box.refuses):
            self._say("550 nobody of that name")
        elif verb == "DATA":
            self._say("354 go on")
            self._read()
        else:
            self._say("250 fine")

    def _read(self) -> None:
        text = b""
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            text += line[1:] if line.startswith(b"..") else line
        self.server.box.mails.append(message_from_bytes(text, policy=policy.default))
        self._say("250 taken")

    def _encrypt(self) -> None:
        assert self.server.trust is not None
        self.request = self.server.trust.wrap_socket(self.request, server_side=True)
        self.rfile.close()
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb", buffering=0)
        self.is_encrypted = True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, box: Mailbox, trust: ssl.SSLContext | None, *, is_tls: bool) -> None:
        self.box, self.trust, self.is_tls = box, trust, is_tls
        super().__init__(("127.0.0.1", 0), _Talk)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us hangs up; that is no error here."""


@contextlib.contextmanager
def mailbox(trust: ssl.SSLContext | None = None, *, is_tls: bool = False) -> Iterator[Mailbox]:
    """Run a mail server; with ``trust`` it offers STARTTLS, or speaks TLS from the first byte."""
    box = Mailbox()
    with _MailServer(box, trust, is_tls=is_tls) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
