"""A webhook counts when it is fresh, unchanged, signed by who knows the secret, and new."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from stocktake.observe.signature import refusal, signed_headers
from stocktake.settings import Secret

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = Secret("a secret of more than twenty-four characters")
BODY = b'{"type":"check.failed","data":{"value":0.5}}'
HEADERS = signed_headers(BODY, message_id="msg_1", secret=SECRET, now=NOW)
REENCODED = json.dumps(json.loads(BODY)).encode()


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in HEADERS.items() if key != name}


@pytest.mark.fault("S11")
@pytest.mark.parametrize(
    ("headers", "body", "now", "why"),
    [
        pytest.param(HEADERS, BODY, NOW, "", id="as sent"),
        pytest.param(HEADERS, BODY, NOW + timedelta(minutes=5), "", id="five minutes on its way"),
        pytest.param(HEADERS, BODY, NOW - timedelta(minutes=4), "", id="clocks differ"),
        pytest.param(
            {key.title(): value for key, value in HEADERS.items()}, BODY, NOW, "", id="other case"
        ),
        pytest.param(
            {**HEADERS, "webhook-signature": f"v1,AAAA {HEADERS['webhook-signature']}"},
            BODY,
            NOW,
            "",
            id="signed with an older secret too",
        ),
        pytest.param(HEADERS, REENCODED, NOW, "its signature is wrong", id="body re-encoded"),
        pytest.param(HEADERS, BODY + b"\n", NOW, "its signature is wrong", id="a byte more"),
        pytest.param(HEADERS, b"", NOW, "its signature is wrong", id="no body"),
        pytest.param(
            {**HEADERS, "webhook-id": "msg_2"}, BODY, NOW, "its signature is wrong", id="other id"
        ),
        pytest.param(
            {**HEADERS, "webhook-timestamp": str(int(NOW.timestamp()) + 60)},
            BODY,
            NOW,
            "its signature is wrong",
            id="made younger",
        ),
        pytest.param(
            {**HEADERS, "webhook-signature": "v1,"}, BODY, NOW, "its signature is wrong", id="empty"
        ),
        pytest.param(
            {**HEADERS, "webhook-signature": "v1,é€"}, BODY, NOW, "its signature is wrong", id="odd"
        ),
        pytest.param(
            HEADERS,
            BODY,
            NOW + timedelta(minutes=5, seconds=1),
            "it was signed too long ago, or in the future",
            id="old",
        ),
        pytest.param(
            HEADERS,
            BODY,
            NOW - timedelta(minutes=6),
            "it was signed too long ago, or in the future",
            id="from the future",
        ),
        pytest.param(without("webhook-id"), BODY, NOW, "it is not signed", id="no id"),
        pytest.param(without("webhook-timestamp"), BODY, NOW, "it is not signed", id="no time"),
        pytest.param(without("webhook-signature"), BODY, NOW, "it is not signed", id="unsigned"),
        *(
            pytest.param(
                {**HEADERS, "webhook-timestamp": text},
                BODY,
                NOW,
                "its timestamp is not a number of seconds",
                id=f"time {text}",
            )
            for text in ("-1", "1e9", "٣", "9" * 40, "12.5")
        ),
    ],
)
def test_only_a_fresh_and_unchanged_message_counts(
    headers: dict[str, str], body: bytes, now: datetime, why: str
) -> None:
    assert refusal(headers, body, secret=SECRET, now=now) == why


@pytest.mark.fault("S11")
def test_a_message_counts_once() -> None:
    seen = {"msg_1"}

    why = refusal(HEADERS, BODY, secret=SECRET, now=NOW, seen=seen)

    assert why == "it was received already"


@pytest.mark.fault("S11")
def test_who_does_not_know_the_secret_signs_in_vain() -> None:
    forged = signed_headers(BODY, message_id="msg_1", secret=Secret("x" * 30), now=NOW)

    assert refusal(forged, BODY, secret=SECRET, now=NOW) == "its signature is wrong"


def key_as_text(text: str) -> bytes:
    return text.encode()


def key_decoded(text: str) -> bytes:
    return base64.b64decode(text.removeprefix("whsec_"))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a secret of more than twenty-four characters", key_as_text),
        ("whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode(), key_decoded),
        ("whsec_not base64 at all, so it is a text", key_as_text),
    ],
)
def test_the_signature_is_that_of_standard_webhooks(text: str, key: Callable[[str], bytes]) -> None:
    headers = signed_headers(BODY, message_id="msg_9", secret=Secret(text), now=NOW)
    signed = b"msg_9." + str(int(NOW.timestamp())).encode() + b"." + BODY
    expected = base64.b64encode(hmac.new(key(text), signed, hashlib.sha256).digest()).decode()

    assert headers["webhook-signature"] == f"v1,{expected}"
