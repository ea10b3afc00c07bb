"""Log lines: no secret gets in, and foreign text cannot forge one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from stocktake.observe.logs import configure_logs

CANARY = "canary-of-the-logs"


@pytest.fixture(autouse=True)
def _undo() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def fails(text: str) -> None:
    raise RuntimeError(text)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.mark.fault("S12")
@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(
    "text",
    [
        "fine\r\n2026-01-01 [error] forged",
        "\x1b[2J\x1b[31mred",
        "a\u2028b\u2029c\u0085d",
        "\x9b31m",
        "\u202egnp.exe",
        "\x00\x07\x08",
    ],
)
def test_foreign_text_stays_on_its_line_and_steers_nothing(
    capsys: pytest.CaptureFixture[str], style: str, text: str
) -> None:
    configure_logs(level="info", style=style)
    structlog.get_logger().warning(f"event {text}", reason=text, **{f"key {text}": 1})
    (line,) = lines(capsys)

    assert not any(ord(one) < 32 or 0x7F <= ord(one) <= 0x9F for one in line)
    assert not any(one in line for one in "\u2028\u2029\u202e")


@pytest.mark.fault("S12")
@pytest.mark.parametrize("style", ["json", "console"])
def test_a_secret_that_got_into_a_text_is_replaced(
    capsys: pytest.CaptureFixture[str], style: str
) -> None:
    configure_logs(level="info", style=style, secrets=(CANARY,))
    log = structlog.get_logger()
    log.info(CANARY, reason=f"HTTP 500: {CANARY}", headers={"Authorization": [CANARY]})
    try:
        fails(f"with {CANARY}")
    except RuntimeError as error:
        log.exception("failed", error=error)

    assert CANARY not in capsys.readouterr().err


def test_a_traceback_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="info", style="json")
    try:
        fails("out of order")
    except RuntimeError:
        structlog.get_logger().exception("failed")
    (line,) = lines(capsys)

    assert json.loads(line)["exception"].endswith("\nRuntimeError: out of order")
