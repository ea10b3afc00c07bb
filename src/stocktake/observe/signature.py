"""Signed webhooks in the shape of Standard Webhooks: id, timestamp, HMAC-SHA256 over the raw body.

A receiver refuses what ``refusal`` gives a reason for, and keeps the ids of what it accepted: a
message that comes again, because its answer was lost or because somebody replays it, has the same
id. Any library for Standard Webhooks verifies these messages too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from stocktake.settings import Secret

WINDOW = timedelta(minutes=5)
VERSION = "v1"
_ENCODED = "whsec_"


def signed_headers(
    body: bytes, *, message_id: str, secret: Secret, now: datetime
) -> dict[str, str]:
    """Return the headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``.

    Args:
        body: As it is sent, byte for byte.
        message_id: The same for every try of one message.
        secret: Shared with the receiver; behind ``whsec_`` it is read as base64.
        now: When it is sent.
    """
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(body, message_id, timestamp, secret),
    }


def refusal(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: Secret,
    now: datetime,
    seen: Container[str] = (),
) -> str:
    """Return why a message does not count, empty when it does.

    Args:
        headers: Of the request, in any case.
        body: Its body as received, before anything decoded it.
        secret: Shared with the sender.
        now: The present instant; messages signed more than five minutes away from it are refused.
        seen: Ids of the messages that counted already.
    """
    found = {name.lower(): value for name, value in headers.items()}
    message_id = found.get("webhook-id", "")
    timestamp = found.get("webhook-timestamp", "")
    if not message_id or not timestamp or not found.get("webhook-signature"):
        return "it is not signed"
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > len("9999999999"):
        return "its timestamp is not a number of seconds"
    expected = _signature(body, message_id, timestamp, secret).encode()
    given = found["webhook-signature"].encode().split(b" ")
    if not any(hmac.compare_digest(expected, one) for one in given):
        return "its signature is wrong"
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > WINDOW:
        return "it was signed too long ago, or in the future"
    return "it was received already" if message_id in seen else ""


def _signature(body: bytes, message_id: str, timestamp: str, secret: Secret) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return f"{VERSION},{base64.b64encode(digest).decode('ascii')}"


def _key(secret: Secret) -> bytes:
    text = secret.reveal()
    if text.startswith(_ENCODED):
        try:
            return base64.b64decode(text.removeprefix(_ENCODED), validate=True)
        except binascii.Error:
            return text.encode()
    return text.encode()
