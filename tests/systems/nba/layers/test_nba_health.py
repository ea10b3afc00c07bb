"""A real season under check, gate and report: whole, and after losing 80 days of layer 4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from stocktake.model import Range, Severity
from stocktake.report.markdown import markdown
from stocktake.report.sections import sections
from stocktake.run.checked import check_system
from stocktake.run.counted import recount_system
from stocktake.run.files import load_files
from stocktake.run.measured import measure_gate
from stocktake.run.reported import examine
from stocktake.run.shipped import load_shipped
from stocktake.run.workspace import Workspace
from stocktake.settings import Settings
from stocktake.store import ENGINE
from stocktake.store.installation import init
from stocktake.systems.nba import system
from stocktake.testing.database import temporary_database
from tests.systems.nba.conftest import NBA as COMPONENT
from tests.systems.nba.real import NBA, PLAYERS_2024, real_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stocktake.model import CheckResult, GateVerdict
    from stocktake.report.health import Health
    from stocktake.store import LocalCluster

SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)
TUESDAY = SATURDAY + timedelta(days=3)
SEASON = Range(date(2024, 10, 22), date(2025, 6, 30))
HOLE = (date(2024, 11, 26), date(2025, 2, 13))
"""Eighty days; games were played on the first and the last of them."""
CACHE = "player_daily_cache"
GROUP = f"L4 {CACHE} 2024-25"


@dataclass(slots=True)
class Story:
    """What was said of a season as it is, and after the loss; in the order of the fields.

    Args:
        checks: Of the whole season, on Saturday.
        gate: The same.
        health: Report of the Tuesday after rows were lost on Saturday.
        checks_after: Of that Tuesday.
        gate_after: The same.
        lost: Games of which rows were lost, oldest first.
    """

    checks: list[CheckResult]
    gate: GateVerdict
    health: Health
    checks_after: list[CheckResult]
    gate_after: GateVerdict
    lost: list[str]


@pytest.fixture(scope="module")
def story(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Load a real season from its file, look at it, lose eighty days, look again."""
    real_file(PLAYERS_2024)
    home = tmp_path_factory.mktemp("home")
    with temporary_database(cluster, components=(ENGINE, COMPONENT)) as fresh:
        init(fresh, "real")
        first = Workspace(Settings(home=home), fresh, "real", lambda: SATURDAY)
        load_shipped(first, system)
        load_files(
            first,
            system,
            system.dataset("raw_box_score"),
            [NBA / PLAYERS_2024],
            source="leaguegamelog_file",
            report=lambda _: None,
        )
        checks = check_system(first, system, system.datasets, SEASON)
        gate = measure_gate(first, system, "ml", SEASON)
        lost = lose(first)
        later = Workspace(Settings(home=home), fresh, "real", lambda: TUESDAY)
        health = examine(later, system, SEASON)
        gate_after = measure_gate(later, system, "ml", SEASON)
        yield Story(checks, gate, health, list(health.checks), gate_after, lost)


def lose(workspace: Workspace) -> list[str]:
    """Delete eighty days of one table behind the ledger's back and count anew."""
    with workspace.database.connection() as conn:
        lost = conn.execute(
            "with lost as (delete from nba.player_daily_cache where game_date between %s and %s"
            " returning game_id, game_date) select game_id from lost group by 1"
            " order by min(game_date), 1",
            HOLE,
        ).fetchall()
    recount_system(workspace, system, system.datasets, Range())
    return [game for (game,) in lost]


def bad(results: list[CheckResult]) -> dict[tuple[str, str], Severity]:
    return {
        (one.check, one.group): one.severity
        for one in results
        if one.severity not in (Severity.PASS, Severity.NOT_APPLICABLE)
    }


def test_of_a_real_season_only_the_absent_team_log_warns(story: Story) -> None:
    assert bad(story.checks) == {("raw_team_log_coverage", "2024-25"): Severity.WARN}


def test_a_real_season_is_ready_to_train_on(story: Story) -> None:
    assert (story.gate.verdict, story.gate.reasons) == ("ready", ())


def test_two_hundred_rows_and_more_are_searched_for_leaks(story: Story) -> None:
    leakage = next(item for item in story.gate.items if item.name == "no_leakage")

    assert leakage.value == 0
    assert int(leakage.detail.split()[0].replace(",", "")) >= 200


def test_after_losing_eighty_days_of_a_layer_coverage_and_gaps_fail(story: Story) -> None:
    found = bad(story.checks_after)

    assert found["player_daily_cache_coverage", "2024-25"] is Severity.FAIL
    assert found["days_without_layer", GROUP] is Severity.FAIL


def test_after_losing_eighty_days_of_a_layer_its_games_are_named(story: Story) -> None:
    (missing,) = (
        one for one in story.checks_after if (one.check, one.group) == ("games_missing", GROUP)
    )

    assert missing.value == len(story.lost) > 500
    assert [key["game_id"] for key in missing.failing_keys] == story.lost[:100]


def test_with_layer_4_lost_the_gate_says_not_ready(story: Story) -> None:
    assert story.gate_after.verdict == "not_ready"
    assert any(reason.startswith("coverage_of_features") for reason in story.gate_after.reasons)


def test_the_report_says_on_which_day_the_hole_would_have_been_noticed(story: Story) -> None:
    (told,) = (one for one in story.health.notices if one.loss.dataset == CACHE)

    assert (told.loss.lost_at, told.loss.units) == (SATURDAY, len(story.lost))
    assert told.at == datetime(2026, 11, 23, 13, tzinfo=UTC)  # Monday at eight in New York
    assert told.by == "schedule health, check was due"


def test_the_report_is_not_healthy_and_names_the_hole(story: Story) -> None:
    written = markdown("nba", [], sections(story.health))

    named = [
        line
        for line in written.splitlines()
        if line.startswith(f"| {CACHE} |") and f"| {HOLE[0]} | {HOLE[1]} |" in line
    ]
    assert story.health.exit_code == 2
    assert named
