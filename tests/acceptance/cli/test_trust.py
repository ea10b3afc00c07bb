"""Sign-off, gate and report as a user calls them, on two days of the sandbox."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.acceptance.cli.command import Said, installation, stocktake
from tests.acceptance.cli.test_documentation import absent, console_steps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stocktake.store.cluster import LocalCluster

RANGE = ("--since", "2025-06-01", "--until", "2025-06-02")
ITEM_KEYS = {
    *("name", "title", "kind", "severity", "is_met", "value", "threshold", "detail", "waived"),
    "lines",
}


@pytest.fixture(scope="module")
def page(
    cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What the how-to page's commands said, by command, and the database they ran on."""
    home = tmp_path_factory.mktemp("home")
    with installation(cluster, home, kind="sandbox") as address, pytest.MonkeyPatch.context() as p:
        p.setenv("COLUMNS", "100")
        said: dict[str, tuple[Said, list[str]]] = {}
        for command, shown in console_steps("howto/sign-off.md"):
            said[command] = (stocktake(*command.split()[1:]), shown)
        yield {"said": said, "address": address}


def test_the_sign_off_page_prints_what_it_shows(page: dict[str, Any]) -> None:
    wrong = {
        command: (lines, said.out, said.err)
        for command, (said, shown) in page["said"].items()
        if (lines := absent(shown, said.out))
    }

    assert wrong == {}


def test_a_refusal_ends_with_2_and_a_signature_does_not(page: dict[str, Any]) -> None:
    codes = [
        said.code for command, (said, _) in page["said"].items() if " signoff racing" in command
    ]

    assert codes[0] == 2
    assert codes[1] in {0, 1}


def test_a_sign_off_has_the_keys_of_the_contract(page: dict[str, Any]) -> None:
    del page
    told = stocktake("signoff", "show", "1", "--json").json

    assert set(told) == {
        *("signoff_id", "system", "since", "until", "by", "at", "is_signed", "refused", "waived"),
        "items",
    }
    assert (told["by"], told["is_signed"], told["refused"]) == ("ann", True, [])
    assert {frozenset(item) for item in told["items"]} == {frozenset(ITEM_KEYS)}


def test_a_waiver_is_signed_with_exit_1_and_listed(page: dict[str, Any]) -> None:
    with psycopg.connect(page["address"], autocommit=True) as conn:
        set_state = (
            "update stocktake.run set state = %s where run_id ="
            " (select max(run_id) from stocktake.run where system = 'racing')"
        )
        conn.execute(set_state, ["paused"])
        refused = stocktake("signoff", "racing", *RANGE, "--json")
        signed = stocktake(
            "signoff", "racing", *RANGE, "--waive", "no_unfinished_runs=ends tonight", "--json"
        )
        conn.execute(set_state, ["done"])

    assert (refused.code, refused.json["refused"]) == (2, ["no_unfinished_runs"])
    assert refused.json["is_signed"] is False
    assert (signed.code, signed.json["waived"]) == (1, {"no_unfinished_runs": "ends tonight"})
    assert "no_unfinished_runs" in stocktake("signoff", "list", "racing").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("signoff", "racing", "--waive", "gaps_of_days"), "gives no reason"),
        (("signoff", "racing", "--waive", "gaps=why"), "no item 'gaps'"),
        (("signoff", "show", "x"), "not the number of a sign-off"),
        (("signoff", "nowhere"), "no system 'nowhere'"),
        (("check", "racing", "--gate", "nowhere"), "no gate 'nowhere'"),
        (("report", "racing", "--out", "report.pdf"), "none of .md, .json, .html"),
    ],
)
def test_what_does_not_exist_is_refused(
    page: dict[str, Any], arguments: tuple[str, ...], told: str
) -> None:
    del page
    said = stocktake(*arguments)

    assert said.code == 2
    assert told in said.err


def test_a_gate_has_the_keys_of_the_contract(page: dict[str, Any]) -> None:
    del page
    said = stocktake("check", "racing", "--gate", "statistics", *RANGE, "--json")

    assert set(said.json) == {"system", "gate", "verdict", "reasons", "exit_code", "items"}
    assert (said.json["verdict"], said.code) == ("ready_degraded", 1)


def test_a_gate_over_days_that_are_missing_is_not_ready(page: dict[str, Any]) -> None:
    del page
    said = stocktake("check", "racing", "--gate", "statistics", "--since", "2025-05-01")

    assert said.code == 2
    assert "not_ready" in said.out


class Outline(HTMLParser):
    """Tags, addresses and cells of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]


@pytest.fixture(scope="module")
def files(page: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report in every format."""
    folder = tmp_path_factory.mktemp("reports")
    del page
    said = stocktake("report", "racing", *RANGE, "--out", str(folder))
    assert said.code in {1, 2}
    return folder


def test_a_report_is_written_in_three_formats(files: Path) -> None:
    assert sorted(path.name for path in files.iterdir()) == [
        "racing.html",
        "racing.json",
        "racing.md",
    ]


def test_a_page_needs_nothing_else_and_runs_nothing(files: Path) -> None:
    text = (files / "racing.html").read_text()
    outline = Outline()
    outline.feed(text)

    assert outline.links == []
    assert "script" not in outline.tags
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert outline.tags.count("table") >= 4


def test_a_report_has_both_figures_and_every_year(files: Path) -> None:
    told = json.loads((files / "racing.json").read_text())

    races = next(one for one in told["datasets"] if one["dataset"] == "ra_races")
    assert {"missing", "needed_for_target", "surplus", "final_rows", "table_rows"} <= set(races)
    assert [(year["year"], year["expected"], year["held"]) for year in races["years"]] == [
        ("2025", 4, 4)
    ]


def test_a_report_in_markdown_has_the_same_sections(files: Path) -> None:
    headings = re.findall(r"^## (.*)$", (files / "racing.md").read_text(), re.MULTILINE)
    shown = re.findall(r"<h2>(.*?)</h2>", (files / "racing.html").read_text())

    assert headings == shown
    assert headings[0] == "Held against expected"


def test_a_report_ends_with_2_when_days_are_missing(page: dict[str, Any]) -> None:
    del page
    said = stocktake("report", "racing", "--since", "2025-06-01", "--until", "2025-06-04", "--json")

    assert (said.code, said.json["exit_code"], said.json["gap_count"]) == (2, 2, 8)
