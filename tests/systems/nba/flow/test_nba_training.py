"""Training on the sandbox: the gate guards it, and what a model foretold is counted by game."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stocktake.errors import PlanRefused
from stocktake.model import Range, State
from stocktake.run.files import load_files
from stocktake.run.measured import measure_gate
from stocktake.run.progress import silent
from stocktake.run.trained import train
from tests.systems.nba.flow.conftest import NBA
from tests.systems.nba.flow.test_nba_repairs import GAME, delete

if TYPE_CHECKING:
    from pathlib import Path

    from tests.systems.nba.flow.conftest import League

USABLE = "select count(*) from nba.usable_features where is_production_ready"
TRAINABLE = "select count(*) from nba.ml_feature_store where is_production_ready"


CARD = """
{"model": "m", "target": "points", "feature_version": "v1_25", "seed": 42,
 "trained_at": "2024-11-12T12:00:00Z", "baseline": "last_10", "improvement": 0.02,
 "verdict": "better",
 "parts": {"train": {"rows": 900, "since": "2024-11-05", "until": "2024-11-08"},
           "test": {"rows": %d, "since": "2024-11-09", "until": "2024-11-12"}},
 "errors": {"model": {"mae": 4.8}, "last_10": {"mae": 4.9}}}
"""
FORETOLD = """
select game_id, game_date, player_id from nba.ml_feature_store
 where game_date >= '2024-11-09' order by 1, 3
"""


def load_model(league: League, folder: Path) -> list[str]:
    """Load a model's card and what it foretold of some days; return the games, in order."""
    rows = league.rows(FORETOLD)
    lines = [f"m,{game},{day},{player},10.5" for game, day, player in rows]
    (folder / "metrics.json").write_text(CARD % len(rows))
    (folder / "predictions.csv").write_text(
        "\n".join(["model,game_id,game_date,player_id,predicted_points", *lines])
    )
    for name, form, file in (
        ("model_card", "model_card", "metrics.json"),
        ("model_output", "model_predictions", "predictions.csv"),
    ):
        target = NBA.dataset(name)
        load_files(league.workspace, NBA, target, [folder / file], source=form, report=silent)
    return sorted({game for game, _, _ in rows})


def test_training_is_refused_while_the_gate_says_not_ready(league: League, tmp_path: Path) -> None:
    with pytest.raises(PlanRefused) as refused:
        train(
            league.workspace,
            NBA,
            Range(),
            target="points",
            seed=42,
            out=tmp_path,
            is_forced=False,
        )

    assert "ready_rows" in refused.value.message  # three weeks are no history
    assert "--force" in str(refused.value.hint)
    assert league.rows("select count(*) from nba.model_card") == [(0,)]


def test_what_a_model_foretold_is_counted_game_by_game(league: League, tmp_path: Path) -> None:
    games = load_model(league, tmp_path)
    whole = league.count("predictions")

    delete(league, "predictions", value=games[0])
    drift = league.recount("predictions")
    short = league.count("predictions")
    told = league.why("predictions", f"m:{games[0]}")
    league.derive()

    assert whole.expected == whole.held == len(games) > 1
    assert drift == [("predictions", f"m:{games[0]}")]
    assert (short.missing, short.states[State.COMPLETE]) == (1, len(games) - 1)
    assert told.state is State.MISSING
    assert league.count("predictions").coverage == 1


def test_rows_that_rest_on_stale_ones_are_not_ready_until_they_are_derived(league: League) -> None:
    ready = league.rows(TRAINABLE)
    before = league.rows(USABLE)
    with league.database.login() as session:
        session.execute(
            "update nba.raw_box_score set pts = pts + 2, fgm = fgm + 1, _loaded_at = now() "
            "where game_id = %s",
            [GAME],
        )
    league.count("clean_box_score")

    during = league.rows(
        "select distinct is_production_ready, not_ready_reason from nba.usable_features u "
        "join nba.schedule g using (game_id) where g.game_date >= "
        "(select game_date from nba.schedule where game_id = %s) and exists (select from "
        "nba.ml_feature_store f where f.game_id = u.game_id and f.player_id = u.player_id "
        "and f.is_production_ready)",
        [GAME],
    )
    gate = measure_gate(league.workspace, NBA, "ml", Range())
    league.derive()

    assert before == ready
    assert during == [(False, "input stale")]
    assert any(reason.startswith("nothing_stale") for reason in gate.reasons)
    assert league.rows(USABLE) == league.rows(TRAINABLE)
