"""Channels as the settings declare them, and what is refused at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from stocktake.errors import ConfigurationError
from stocktake.observe.channels import Channel, read_channels
from stocktake.settings import Secret, load_settings

GOOD_SECRET = "0123456789abcdef01234567"


def channels(folder: Path, text: str, **environment: str) -> list[Channel]:
    (folder / "stocktake.toml").write_text(text, encoding="utf-8")
    return read_channels(load_settings(environment, home=folder))


def test_a_webhook_of_the_file_has_its_secret_from_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(f"{GOOD_SECRET}\n", encoding="utf-8")
    text = f"""
        [alerts.desk]
        type = "webhook"
        url = "https://hooks.example.org/x"
        secret_file = "{tmp_path / "s"}"
        kinds = "alerts, run.*"
        systems = "racing"
        cooldown_minutes = 5
    """

    (desk,) = channels(tmp_path, text)

    assert desk == Channel(
        "desk",
        "webhook",
        url=Secret("https://hooks.example.org/x"),
        secret=Secret(GOOD_SECRET),
        kinds=("alerts", "run.*"),
        systems=("racing",),
        cooldown=timedelta(minutes=5),
    )


def test_the_environment_alone_declares_a_channel(tmp_path: Path) -> None:
    (found,) = channels(
        tmp_path,
        "",
        STOCKTAKE_ALERTS_NIGHT_DESK_TYPE="email",
        STOCKTAKE_ALERTS_NIGHT_DESK_HOST="mail.example",
        STOCKTAKE_ALERTS_NIGHT_DESK_SENDER="a@b.example",
        STOCKTAKE_ALERTS_NIGHT_DESK_RECIPIENTS="c@d.example, e@f.example",
    )

    assert found.name == "night_desk"
    assert found.mailing is not None
    assert (found.mailing.port, found.mailing.security) == (587, "starttls")
    assert found.mailing.recipients == ("c@d.example", "e@f.example")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('type = "fax"', "type is 'fax'"),
        ("", "type is ''"),
        ('type = "webhook"\nurl = "https://x.example"', "secret must be set"),
        ('type = "slack"', "url must be set"),
        ('type = "email"\nhost = "h"', "sender and recipients must be set"),
        (
            'type = "webhook"\nurl = "https://x.example"\nsecret = "short"',
            "its secret is shorter than 24 characters",
        ),
        ('type = "slack"\nurl = "https://x.example"\ncolour = "red"', "unknown settings: colour"),
        (
            'type = "slack"\nurl = "https://x.example"\ncooldown_minutes = "soon"',
            "cooldown_minutes is 'soon'",
        ),
        ('type = "slack"\nurl = "https://x.example"\nattempts = -1', "attempts is -1"),
        (
            'type = "email"\nhost = "h"\nsender = "s"\nrecipients = "r"\nsecurity = "hope"',
            "security is 'hope'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(
    tmp_path: Path, lines: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        channels(tmp_path, f"[alerts.desk]\n{lines}")

    assert refused.value.message.startswith(f"alerts.desk: {problem}")


@pytest.mark.parametrize(
    ("kind", "system", "is_alert", "is_wanted"),
    [
        ("check.failed", "racing", True, True),
        ("run.finished", "racing", False, False),
        ("disk.low", "", True, True),
        ("check.failed", "nba", True, False),
    ],
)
def test_a_channel_is_told_alerts_of_its_systems(
    kind: str, system: str, *, is_alert: bool, is_wanted: bool
) -> None:
    desk = Channel("desk", "slack", systems=("racing",))

    assert desk.wants(kind, system, is_alert=is_alert) is is_wanted


@pytest.mark.fault("S12")
def test_a_channel_does_not_show_its_secrets(tmp_path: Path) -> None:
    (found,) = channels(
        tmp_path,
        '[alerts.desk]\ntype = "webhook"\nurl = "https://x.example/canary"\n'
        'secret = "canary-canary-canary-canary"',
    )

    assert "canary" not in f"{found!r} {found}"
