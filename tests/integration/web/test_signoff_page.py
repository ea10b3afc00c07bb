"""Signing a history off on its page: evidence, figures that stay, and what drifted since."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stocktake.run.signed import drift, list_signoffs
from tests.integration.run.test_reviewed import card, load
from tests.integration.web.conftest import RACING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Pages

DAYS = {"since": "2026-02-01", "until": "2026-02-02"}
PLACE = "/s/racing/signoff"


def signed(pages: Pages) -> str:
    """Sign two days that lack everything, waiving whatever stands in the way."""
    measured = pages.get("olaf", f"{PLACE}?since=2026-02-01&until=2026-02-02").text
    waivers = dict.fromkeys(re.findall(r'name="(waive\.[^"]+)"', measured), "a test")
    answer = pages.post("olaf", PLACE, **DAYS, **waivers)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_what_fails_blocks_the_signature_and_leads_to_its_evidence(pages: Pages) -> None:
    refused = pages.post("olaf", PLACE, **DAYS)

    assert refused.status_code == 409
    assert "Not signed" in refused.text
    assert 'href="/s/racing/gaps"' in refused.text
    assert list_signoffs(pages.workspace, RACING) == []


def test_signed_figures_stay_and_stand_beside_those_of_now(pages: Pages, tmp_path: Path) -> None:
    place = signed(pages)

    same = pages.get("vera", f"{place}?now=1").text
    load(pages.workspace, tmp_path, card())
    (sign_off,) = list_signoffs(pages.workspace, RACING)
    later = drift(pages.workspace, RACING, sign_off)
    shown = pages.get("vera", place).text

    assert "Everything measures as it was signed." in same
    assert [one.then for one in later] == list(sign_off.items)
    assert "waived" in shown
    assert "data-print" in shown
    assert 'class="on-paper">Signed by olaf' in shown


def test_a_viewer_sees_what_was_signed_but_cannot_sign(pages: Pages) -> None:
    assert pages.post("vera", PLACE, **DAYS).status_code == 403
    assert "Sign as" not in pages.get("vera", f"{PLACE}?since=2026-02-01&until=2026-02-02").text
