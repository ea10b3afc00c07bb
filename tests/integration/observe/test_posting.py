"""Mails and chat messages as real servers receive them."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.integration.observe.receivers import LOGIN, Mailbox, mailbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.observe.conftest import Office
    from tests.integration.observe.receivers import Hook

HEADER_FORGERY = "runners\r\nBcc: everybody@else.example\r\n\r\nhello \x1b[31m"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def mailing(office: Office, authority: trustme.CA, tmp_path: Path) -> Callable[..., None]:
    """Declare the channel ``desk``: mails to a server that the authority vouches for."""
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))

    def declare(box: Mailbox, **own: str | int) -> None:
        office.alerts["desk"] = {
            "type": "email",
            "host": "127.0.0.1",
            "port": box.port,
            "ca_file": str(pem),
            "user": LOGIN[0],
            "password": LOGIN[1],
            "sender": "stocktake@ops.example",
            "recipients": "ann@desk.example, bob@desk.example",
            **own,
        }

    return declare


def test_a_mail_goes_encrypted_and_after_a_login(
    office: Office, mailing: Callable[..., None], trust: ssl.SSLContext
) -> None:
    with mailbox(trust) as box:
        box.wants_login = True
        mailing(box)
        office.tell(value=0.5)
        office.turn()

    (mail,) = box.mails
    assert mail["Subject"] == "[stocktake] ALERT: racing: check check:a fails"
    assert mail["To"] == "ann@desk.example, bob@desk.example"
    assert "value: 0.5" in mail.get_content()
    assert [line for line in box.lines if not line.startswith("tls:")][1:] == ["STARTTLS"]
    assert office.rows("select state, response from delivery") == [
        ("sent", "taken for 2 recipients")
    ]


def test_a_mail_server_that_speaks_tls_from_the_first_byte_is_spoken_to(
    office: Office, mailing: Callable[..., None], trust: ssl.SSLContext
) -> None:
    with mailbox(trust, is_tls=True) as box:
        mailing(box, security="tls")
        office.tell()
        office.turn()

    assert len(box.mails) == 1


def test_mails_of_one_alert_form_a_thread(
    office: Office, mailing: Callable[..., None], trust: ssl.SSLContext
) -> None:
    with mailbox(trust) as box:
        mailing(box)
        office.tell()
        office.turn()
        office.tell("check.passed")
        office.turn()

    assert [mail["References"] for mail in box.mails] == ["<alert-1@stocktake.invalid>"] * 2
    assert box.mails[1]["Subject"] == "[stocktake] RESOLVED: racing: check check:a passes again"


@pytest.mark.fault("S12")
def test_no_password_is_told_to_a_mail_server_nobody_vouches_for(
    office: Office, mailing: Callable[..., None]
) -> None:
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(stranger)
    with mailbox(stranger) as box:
        mailing(box)
        office.tell()
        office.turn()

    assert box.mails == []
    assert not any("AUTH" in line for line in box.lines)
    assert office.rows("select state, response from delivery") == [
        ("pending", "the mail was not taken (SSLCertVerificationError)")
    ]


@pytest.mark.fault("S12")
def test_no_password_is_told_to_a_mail_server_that_offers_no_encryption(
    office: Office, mailing: Callable[..., None]
) -> None:
    with mailbox() as box:
        mailing(box)
        office.tell()
        office.turn()

    assert not any("AUTH" in line for line in box.lines)
    assert office.deliveries == [("pending", 1)]


def test_a_refused_login_is_told_without_the_password(
    office: Office, mailing: Callable[..., None], trust: ssl.SSLContext
) -> None:
    with mailbox(trust) as box:
        mailing(box, password="wrong-canary")
        office.tell()
        office.turn()

    assert office.rows("select state, response from delivery") == [
        ("pending", "the mail server refused the login (535)")
    ]


def test_a_recipient_nobody_knows_does_not_keep_the_mail_from_the_others(
    office: Office, mailing: Callable[..., None], trust: ssl.SSLContext
) -> None:
    with mailbox(trust) as box:
        box.refuses = frozenset({"bob@desk.example"})
        mailing(box)
        office.tell()
        office.turn()

    assert office.rows("select state, response from delivery") == [
        ("sent", "taken, but not for bob@desk.example")
    ]


@pytest.mark.fault("S12")
def test_foreign_text_forges_no_header_of_a_mail(
    office: Office, mailing: Callable[..., None], trust: ssl.SSLContext
) -> None:
    with mailbox(trust) as box:
        mailing(box)
        office.tell(key=HEADER_FORGERY, reason=HEADER_FORGERY)
        office.turn()

    (mail,) = box.mails
    assert mail["Bcc"] is None
    assert "\x1b" not in mail.as_string()
    assert "reason: runners\\r\\nBcc:" in mail.get_content()


def test_a_chat_gets_a_title_and_figures(office: Office, ops: Hook) -> None:
    office.post(ops, type="slack")
    office.tell(value=0.5, failing=["<!channel>", "<https://evil.example|click>"])
    office.turn()
    ((headers, body),) = ops.got
    told = json.loads(body)

    assert headers["content-type"] == "application/json"
    assert "webhook-signature" not in headers
    assert told["text"] == "*ALERT* racing: check check:a fails"
    assert told["blocks"][1]["text"]["text"] == (
        '• value: 0.5\n• failing: ["&lt;!channel&gt;","&lt;https://evil.example|click&gt;"]'
    )
