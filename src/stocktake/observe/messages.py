"""What a channel is told of an event: signed JSON, a chat message, or a mail. All pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from stocktake.observe.events import headline
from stocktake.observe.plain import plain, without_secrets, without_secrets_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from stocktake.observe.channels import Mailing

MARKS = {"open": "ALERT", "reminder": "STILL", "resolved": "RESOLVED", "note": "NOTE"}
LONGEST_TEXT = 2_000
LONGEST_SUBJECT = 200
DOMAIN = "stocktake.invalid"
"""Of message ids; a name that no mail server has."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it is told.

    Args:
        message_id: The same for every try.
        kind: Kind of the event.
        system: Its system, empty for the installation.
        subject: What it is about.
        details: Its figures and reasons.
        at: When it happened.
        status: ``open``, ``reminder`` (it is still so), ``resolved`` or ``note``.
        alert_id: The alert it belongs to, ``None`` for a note.
        opened_at: Since when the alert is open.
        last_seen_at: When it was seen last.
        seen: How often.
    """

    message_id: UUID
    kind: str
    system: str
    subject: str
    details: Mapping[str, Any]
    at: datetime
    status: str = "note"
    alert_id: int | None = None
    opened_at: datetime | None = None
    last_seen_at: datetime | None = None
    seen: int = field(default=1)

    @property
    def title(self) -> str:
        """One line that says what happened, without characters that are not seen."""
        return plain(headline(self.kind, self.subject, self.system))

    def lines(self) -> Iterator[str]:
        """Yield the details, one line each."""
        for name, value in self.details.items():
            if value not in (None, "", [], {}):
                text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                yield plain(f"{name.replace('_', ' ')}: {text}"[:LONGEST_TEXT])
        if self.status in {"reminder", "resolved"} and self.opened_at is not None:
            yield f"open since: {self.opened_at:%Y-%m-%d %H:%M} UTC, seen {self.seen} times"

    def without(self, secrets: Sequence[str]) -> Message:
        """Return the message with stars in place of secrets, wherever they got into it."""
        return replace(
            self,
            subject=without_secrets(self.subject, secrets),
            details=without_secrets_in(dict(self.details), secrets),
        )


def webhook_body(message: Message) -> bytes:
    """Return the JSON that a webhook posts: type, timestamp and, as data, all of the message."""
    return msgspec.json.encode(
        {
            "type": message.kind,
            "timestamp": message.at,
            "data": {
                "title": message.title,
                "status": message.status,
                "system": message.system,
                "subject": message.subject,
                "details": message.details,
                "alert_id": message.alert_id,
                "opened_at": message.opened_at,
                "last_seen_at": message.last_seen_at,
                "seen": message.seen,
            },
        }
    )


def slack_body(message: Message) -> bytes:
    """Return the JSON that Slack, and chats that speak its language, take at an incoming webhook.

    Text of others can neither mention anybody nor hide a link: the three characters that Slack
    gives a meaning are escaped.
    """
    text = f"*{MARKS[message.status]}* {_escaped(message.title)}"
    blocks: list[dict[str, Any]] = [_section(text)]
    if lines := "\n".join(f"• {_escaped(line)}" for line in message.lines()):
        blocks.append(_section(lines[:LONGEST_TEXT]))
    return msgspec.json.encode({"text": text, "blocks": blocks})


def mail(message: Message, mailing: Mailing) -> EmailMessage:
    """Return the mail to all recipients; mails of one alert form a thread."""
    found = EmailMessage()
    found["From"] = mailing.sender
    found["To"] = ", ".join(mailing.recipients)
    found["Subject"] = f"[stocktake] {MARKS[message.status]}: {message.title}"[:LONGEST_SUBJECT]
    found["Date"] = message.at
    found["Message-ID"] = f"<{message.message_id}@{DOMAIN}>"
    if message.alert_id is not None:
        found["References"] = f"<alert-{message.alert_id}@{DOMAIN}>"
    found["Auto-Submitted"] = "auto-generated"
    lines = [message.title, "", *message.lines(), "", f"at {message.at:%Y-%m-%d %H:%M:%S} UTC"]
    found.set_content("\n".join(lines) + "\n")
    return found


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
