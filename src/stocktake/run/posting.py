"""One message to one channel: posted, or mailed; what came of it is a value, never an exception."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stocktake.errors import ConfigurationError, RequestRefused
from stocktake.fetch.fetcher import USER_AGENT
from stocktake.fetch.guard import Guard, is_private_host, parse_origin
from stocktake.fetch.transport import AiohttpTransport
from stocktake.observe.lineage import lineage_body
from stocktake.observe.messages import MARKS, mail, slack_body, webhook_body
from stocktake.observe.plain import plain
from stocktake.observe.signature import signed_headers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from stocktake.observe.channels import Channel, Mailing
    from stocktake.observe.messages import Message

POST_SECONDS = 15.0
MAIL_SECONDS = 20.0
MOST_BYTES = 64 * 1024
KEPT_TEXT = 200
GOOD = range(200, 300)
JSON = "application/json"
KINDS_OF_APPRISE = {"open": "failure", "reminder": "warning", "resolved": "success", "note": "info"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a channel answered.

    Args:
        is_taken: Whether it took the message.
        response: What it said, or why it cannot be reached; one line, for users.
    """

    is_taken: bool
    response: str


async def send(channel: Channel, message: Message, *, now: datetime) -> Outcome:
    """Send a message; a channel that fails is an outcome.

    What is posted is taken when the channel answers 2xx within 15 seconds; redirects are not
    followed. Addresses on private networks are refused unless the channel allows them; Apprise's
    own are not vetted.
    """
    if channel.mailing is not None:
        return await asyncio.to_thread(_mailed, channel.mailing, message)
    if channel.type == "slack":
        return await _posted(channel, slack_body(message), {})
    if channel.type == "apprise":
        return await asyncio.to_thread(_notified, channel, message)
    if channel.type == "openlineage":
        return await _drawn(channel, message)
    body = webhook_body(message)
    signed = signed_headers(
        body, message_id=f"msg_{message.message_id.hex}", secret=channel.secret, now=now
    )
    return await _posted(channel, body, signed)


def guard_of(channel: Channel) -> Guard:
    """Return the guard that vets where a channel's address leads.

    Raises:
        RequestRefused: The address is none, or is private and the channel does not allow that.
    """
    url = channel.url.reveal()
    origin = parse_origin(url)
    if is_private_host(origin.host) and not channel.allow_private:
        raise RequestRefused(
            f"{channel.name}: {origin.host} is not a public address.",
            hint=f"If it is meant: allow_private = true in [alerts.{channel.name}].",
        )
    own = {"base_url": url, "opens_private": channel.allow_private}
    return Guard({channel.name: own})


async def _posted(channel: Channel, body: bytes, headers: Mapping[str, str]) -> Outcome:
    told = {"Content-Type": JSON, "User-Agent": USER_AGENT, **headers}
    try:
        async with AiohttpTransport(guard_of(channel)) as transport:
            answer = await transport.post(
                channel.url.reveal(),
                body,
                headers=told,
                timeout_seconds=POST_SECONDS,
                max_bytes=MOST_BYTES,
            )
    except (RequestRefused, ConfigurationError) as error:
        return Outcome(is_taken=False, response=error.message)
    except (ValueError, OSError) as error:
        return Outcome(is_taken=False, response=f"cannot be reached ({type(error).__name__})")
    if answer.flaw:
        return Outcome(is_taken=False, response=answer.flaw)
    said = plain(answer.body[:KEPT_TEXT].decode("utf-8", "replace"))
    text = f"HTTP {answer.status}" + (f": {said}" if said else "")
    return Outcome(is_taken=answer.status in GOOD, response=text)


async def _drawn(channel: Channel, message: Message) -> Outcome:
    body = lineage_body(message, namespace=channel.namespace)
    if body is None:
        return Outcome(is_taken=True, response="not about a run's start or end; nothing to send")
    key = channel.secret.reveal()
    return await _posted(channel, body, {"Authorization": f"Bearer {key}"} if key else {})


def _notified(channel: Channel, message: Message) -> Outcome:
    """Hand a message to Apprise, which knows the service by the address and posts it itself."""
    import apprise  # noqa: PLC0415 -- an extra, half a second to import

    service = apprise.Apprise()
    if not all(service.add(url) for url in channel.url.reveal().split()):
        return Outcome(is_taken=False, response="Apprise knows no service of this address")
    text = "\n".join(message.lines()) or message.title
    is_taken = service.notify(
        body=text,
        title=f"[stocktake] {MARKS[message.status]}: {message.title}",
        body_format=apprise.NotifyFormat.TEXT,
        notify_type=KINDS_OF_APPRISE[message.status],
    )
    said = "taken" if is_taken else "the service did not take it; its own log says why"
    return Outcome(bool(is_taken), f"{said} ({len(service)} addresses)")


def _mailed(mailing: Mailing, message: Message) -> Outcome:
    try:
        with _session(mailing) as session:
            if mailing.user:
                session.login(mailing.user, mailing.password.reveal())
            refused = session.send_message(
                mail(message, mailing), mailing.sender, list(mailing.recipients)
            )
    except smtplib.SMTPAuthenticationError as error:
        return Outcome(
            is_taken=False, response=f"the mail server refused the login ({error.smtp_code})"
        )
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return Outcome(is_taken=False, response=plain(f"{error.smtp_code} {text}"[:KEPT_TEXT]))
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return Outcome(is_taken=False, response=f"the mail was not taken ({type(error).__name__})")
    if refused:
        return Outcome(is_taken=True, response=f"taken, but not for {', '.join(sorted(refused))}")
    return Outcome(is_taken=True, response=f"taken for {len(mailing.recipients)} recipients")


def _session(mailing: Mailing) -> smtplib.SMTP:
    """Open a session with the mail server, encrypted as the channel says."""
    if mailing.security == "none":
        return smtplib.SMTP(mailing.host, mailing.port, timeout=MAIL_SECONDS)
    trust = ssl.create_default_context(cadata=mailing.trusted or None)
    if mailing.security == "tls":
        return smtplib.SMTP_SSL(mailing.host, mailing.port, timeout=MAIL_SECONDS, context=trust)
    session = smtplib.SMTP(mailing.host, mailing.port, timeout=MAIL_SECONDS)
    try:
        session.starttls(context=trust)
    except BaseException:
        session.close()
        raise
    return session
