"""How a report is laid out, and that no text of the data becomes markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest

from stocktake.model import CheckResult, Coverage, Hole, Loss, Severity, State
from stocktake.report.health import DatasetHealth, Health, Notice, OpenRun
from stocktake.report.markdown import markdown
from stocktake.report.page import page
from stocktake.report.sections import BAD, Column, Row, Section, sections

AT = datetime(2026, 1, 10, 12, tzinfo=UTC)
NASTY = "<script>alert('1')</script> & \"x\" | _y_ `z` [a](javascript:b)"
SECTION = Section(
    NASTY, NASTY, (Column(NASTY), Column("n", is_figure=True)), [Row((NASTY, "1"), BAD)]
)
WHOLE = Coverage("rain", 10, 10, {State.COMPLETE: 10})
HEALTHY = Health(
    system="league",
    kind="real",
    at=AT,
    since=None,
    until=date(2026, 1, 10),
    datasets=(DatasetHealth(WHOLE, (("2026", WHOLE),), rows=50, final_rows=200),),
    holes=(),
    hole_count=0,
    checks=(),
    open_runs=(),
    requests=(),
    notices=(),
    notice_count=0,
)


class Reader(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def measured(severity: Severity) -> CheckResult:
    return CheckResult("dry", "rain", "2026", severity, 0.5, 10, (), "", AT)


def table(health: Health, title: str) -> list[tuple[str, ...]]:
    (found,) = [part for part in sections(health) if part.title == title]
    return [row.cells for row in found.rows]


def test_text_of_the_data_never_becomes_a_tag_of_the_page() -> None:
    reader = Reader()
    reader.feed(page(NASTY, [("bad", NASTY), ("", NASTY)], [SECTION]))

    assert "script" not in reader.tags
    assert "a" not in reader.tags
    assert reader.texts.count(NASTY) == 9  # title, heading, two paragraphs, and the section's five


def test_text_of_the_data_never_becomes_a_mark_of_markdown() -> None:
    lines = markdown(NASTY, [NASTY], [SECTION]).splitlines()

    row = lines[-1]
    unescaped = row.replace("\\|", "")
    assert unescaped.count("|") == 3
    assert "\\<script\\>" in row
    assert "\\[a\\](javascript" in row
    assert "\\_y\\_" in row


def test_a_line_break_in_the_data_stays_within_its_cell() -> None:
    part = replace(SECTION, rows=[Row(("a\n\n# b", "1"))])

    assert "| a \\# b | 1 |" in markdown("t", [], [part])


@pytest.mark.parametrize(
    ("health", "code"),
    [
        pytest.param(HEALTHY, 0, id="nothing wrong"),
        pytest.param(replace(HEALTHY, checks=(measured(Severity.PASS),)), 0, id="passes"),
        pytest.param(replace(HEALTHY, checks=(measured(Severity.WARN),)), 1, id="warns"),
        pytest.param(replace(HEALTHY, checks=(measured(Severity.FAIL),)), 2, id="fails"),
        pytest.param(replace(HEALTHY, checks=(measured(Severity.ERROR),)), 2, id="unmeasured"),
        pytest.param(
            replace(HEALTHY, open_runs=(OpenRun(1, "backfill", "paused", AT, 3),)), 1, id="open run"
        ),
        pytest.param(
            replace(
                HEALTHY,
                datasets=(DatasetHealth(replace(WHOLE, states={State.STALE: 1}), (), 0, None),),
            ),
            1,
            id="stale",
        ),
        pytest.param(
            replace(HEALTHY, datasets=(DatasetHealth(replace(WHOLE, held=9), (), 0, None),)),
            2,
            id="below its target",
        ),
        pytest.param(
            replace(
                HEALTHY,
                datasets=(DatasetHealth(replace(WHOLE, held=9, target=0.9), (), 0, None),),
            ),
            0,
            id="a gap within its target",
        ),
    ],
)
def test_the_exit_code_follows_the_worst(health: Health, code: int) -> None:
    assert health.exit_code == code


def test_both_figures_stand_side_by_side() -> None:
    short = replace(WHOLE, held=7, target=0.9, surplus=1)
    health = replace(HEALTHY, datasets=(DatasetHealth(short, (), 0, None),))

    assert table(health, "Held against expected") == [
        ("rain", "70.00 %", "7", "10", "3", "2", "1", "90.00 %", "")
    ]


def test_the_final_state_is_told_with_its_share() -> None:
    assert table(HEALTHY, "Expected final state") == [("rain", "50", "200", "25.00 %")]


def test_a_system_without_figures_of_its_final_state_says_so() -> None:
    health = replace(HEALTHY, datasets=(DatasetHealth(WHOLE, (), 1, None),))

    assert table(health, "Expected final state") == []


def test_checks_that_pass_are_only_counted() -> None:
    health = replace(HEALTHY, checks=(measured(Severity.PASS), measured(Severity.FAIL)))

    assert [line[0] for line in table(health, "Checks")] == ["fail"]


def test_a_notice_tells_the_days_between_loss_and_check() -> None:
    loss = Loss("rain", ("moor",), "readings", 3, "2026-01-02", "2026-01-04", AT, True, None)
    notice = Notice(loss, AT + timedelta(days=2, hours=12), "schedule health")
    health = replace(HEALTHY, notices=(notice,), notice_count=1)

    assert table(health, "Would have been noticed") == [
        (
            *("rain", "moor readings", "2026-01-02 to 2026-01-04", "3", "2026-01-10 12:00"),
            *("still a gap", "2026-01-13 00:00", "2.5", "schedule health"),
        )
    ]


def test_holes_are_told_with_days_and_units() -> None:
    hole = Hole("rain", ("moor",), date(2026, 1, 2), date(2026, 1, 9), 5, 5, "source down")
    health = replace(HEALTHY, holes=(hole,), hole_count=1)

    assert table(health, "Consecutive gaps") == [
        ("rain", "moor", "2026-01-02", "2026-01-09", "5", "5", "source down")
    ]
