"""A model of points: gradient-boosted trees on the feature store, judged on later dates only.

Split by whole dates in time order: the first 70 % of the dates train, the next 15 % say when to
stop, the last 15 % judge. What it has to beat is a player's average over the last ten games.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stocktake import StocktakeError, Trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

Row = dict[str, Any]

VERSION = "v1_25"
SHARES = (0.70, 0.85)
"""Where training and validation end, as shares of the dates."""
MOST_ROUNDS = 2_000
PATIENCE_ROUNDS = 50
PARAMETERS: Mapping[str, Any] = {
    "objective": "reg:absoluteerror",
    "eta": 0.03,
    "max_depth": 4,
    "min_child_weight": 20,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "lambda": 2,
    "tree_method": "hist",
}
LEAST_GAIN, SUSPICIOUS_GAIN = 0.005, 0.10
"""Better than the baseline by less is not worth a model; by more, something leaks."""
LEAST_ROWS = 1_000
TARGETS = ("points",)

BASELINES: Mapping[str, Callable[[Row], float]] = {
    "last_10": lambda row: row["points_avg_last_10"],
    "last_5": lambda row: row["points_avg_last_5"],
    "season": lambda row: row["points_avg_season"],
    "mean": lambda row: (row["points_avg_last_10"] + row["points_avg_season"]) / 2,
}
TO_BEAT = "last_10"


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of the three parts; no date is in two of them."""

    train: Sequence[Row]
    validation: Sequence[Row]
    test: Sequence[Row]

    def spans(self) -> dict[str, dict[str, Any]]:
        """Return rows, first and last date of each part."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            name: {
                "rows": len(rows),
                "since": rows[0]["game_date"].isoformat(),
                "until": rows[-1]["game_date"].isoformat(),
            }
            for name, rows in named.items()
        }


def train(rows: Sequence[Row], *, target: str, seed: int, trained_at: datetime) -> Trained:
    """Train, judge and describe one model; needs ``stocktake[ml]``.

    Args:
        rows: Ready rows of players with five games or more, by date, game and player.
        target: What is foretold: ``points``.
        seed: Of the sampling of rows and columns.
        trained_at: Kept with the model.

    Raises:
        StocktakeError: An unknown target, too few rows, or xgboost is not installed.
    """
    if target not in TARGETS:
        raise StocktakeError(f"no target {target!r}.", hint=f"Targets: {', '.join(TARGETS)}.")
    if len(rows) < LEAST_ROWS:
        raise StocktakeError(
            f"{len(rows):,} rows are too few to train on; {LEAST_ROWS:,} are the least.",
            hint="Fill more seasons: stocktake backfill nba, then stocktake check nba --gate ml.",
        )
    parts = split(rows)
    booster, rounds, predicted = _fit(parts, seed)
    errors = {"model": errors_of(parts.test, predicted)}
    for name, told in BASELINES.items():
        errors[name] = errors_of(parts.test, [told(row) for row in parts.test])
    gain = 1 - errors["model"]["mae"] / errors[TO_BEAT]["mae"]
    exit_code, verdict = judge(gain)
    spans = parts.spans()
    body = bytes(booster.save_raw("json"))
    name = f"{VERSION}-{target}-{spans['train']['until']}-{hashlib.sha256(body).hexdigest()[:10]}"
    metrics = {
        "model": name,
        "target": target,
        "feature_version": VERSION,
        "seed": seed,
        "trained_at": trained_at.isoformat(),
        "parts": spans,
        "rounds": rounds,
        "parameters": dict(PARAMETERS),
        "errors": errors,
        "baseline": TO_BEAT,
        "improvement": gain,
        "verdict": verdict,
        "importances": _importances(booster, rows[0]["feature_names"]),
        "calibration": calibration(parts.test, predicted),
    }
    return Trained(
        name,
        metrics,
        _table(errors),
        {
            "model.json": body,
            "metrics.json": json.dumps(metrics, indent=1).encode(),
            "card.md": card(metrics).encode(),
            "predictions.csv": _predictions(name, parts, predicted),
        },
        {"model_card": "metrics.json", "model_predictions": "predictions.csv"},
        exit_code,
        verdict,
    )


def split(rows: Sequence[Row]) -> Parts:
    """Part rows, which are in order of date: by the first share of the dates, not of the rows."""
    days = list(dict.fromkeys(row["game_date"] for row in rows))
    ends = []
    for share in SHARES:
        last = set(days[: int(share * len(days))])
        ends.append(sum(row["game_date"] in last for row in rows))
    return Parts(rows[: ends[0]], rows[ends[0] : ends[1]], rows[ends[1] :])


def errors_of(rows: Sequence[Row], predicted: Sequence[float]) -> dict[str, float]:
    """Return mean absolute error and root of the mean squared one, in points."""
    misses = [row["target"] - value for row, value in zip(rows, predicted, strict=True)]
    mae = sum(map(abs, misses)) / len(misses)
    rmse = (sum(miss * miss for miss in misses) / len(misses)) ** 0.5
    return {"mae": round(mae, 4), "rmse": round(rmse, 4)}


def judge(gain: float) -> tuple[int, str]:
    """Return exit code and sentence for what the model gains over the baseline.

    >>> judge(0.02)[0], judge(0.001)[0], judge(-0.01)[0], judge(0.2)[0]
    (0, 1, 2, 1)
    """
    if gain <= 0:
        return 2, f"not better than {TO_BEAT}: {-gain:.1%} worse"
    if gain < LEAST_GAIN:
        return 1, f"better than {TO_BEAT} by {gain:.2%} only"
    if gain > SUSPICIOUS_GAIN:
        return 1, f"better than {TO_BEAT} by {gain:.1%}: that much is a sign of leakage"
    return 0, f"better than {TO_BEAT} by {gain:.1%}"


def calibration(rows: Sequence[Row], predicted: Sequence[float]) -> list[dict[str, float]]:
    """Return mean prediction and mean outcome of each tenth of the predictions, lowest first."""
    pairs = sorted(zip(predicted, (row["target"] for row in rows), strict=True))
    size = len(pairs)
    tenths = [pairs[size * tenth // 10 : size * (tenth + 1) // 10] for tenth in range(10)]
    return [
        {
            "rows": len(tenth),
            "predicted": round(sum(value for value, _ in tenth) / len(tenth), 3),
            "actual": round(sum(actual for _, actual in tenth) / len(tenth), 3),
        }
        for tenth in tenths
        if tenth
    ]


def card(metrics: Mapping[str, Any]) -> str:
    """Return the model card, in Markdown."""
    parts, errors = metrics["parts"], metrics["errors"]
    promise = f"It foretells {metrics['target']} of a player in a game from what was known before."
    lines = [
        f"# {metrics['model']}",
        "",
        f"{metrics['verdict'].capitalize()}. {promise}",
        "",
        "| part | rows | from | to |",
        "|---|---|---|---|",
        *(
            f"| {name} | {part['rows']:,} | {part['since']} | {part['until']} |"
            for name, part in parts.items()
        ),
        "",
        "| on the test part | MAE | RMSE |",
        "|---|---|---|",
        *(f"| {name} | {one['mae']:.3f} | {one['rmse']:.3f} |" for name, one in errors.items()),
        "",
        f"Trained {metrics['trained_at']}, seed {metrics['seed']}, {metrics['rounds']} rounds.",
        "",
        "| feature | gain |",
        "|---|---|",
        *(f"| {name} | {gain:.3f} |" for name, gain in metrics["importances"].items()),
        "",
        "Not for betting: it knows nothing of injuries announced before the game.",
        "",
    ]
    return "\n".join(lines)


def _fit(parts: Parts, seed: int) -> tuple[Any, int, list[float]]:
    try:
        import numpy as np  # noqa: PLC0415 -- optional, and slow to load
        import xgboost as xgb  # noqa: PLC0415 -- optional, and slow to load
    except ImportError as error:
        raise StocktakeError(
            "training needs xgboost, which is not installed.",
            hint="pip install 'stocktake[ml]'",
        ) from error

    def matrix(rows: Sequence[Row]) -> Any:
        features = np.array([row["features"] for row in rows], dtype=np.float64)
        return xgb.DMatrix(features, label=np.array([row["target"] for row in rows], dtype=float))

    validation, test = matrix(parts.validation), matrix(parts.test)
    booster = xgb.train(
        {**PARAMETERS, "seed": seed},
        matrix(parts.train),
        num_boost_round=MOST_ROUNDS,
        evals=[(validation, "validation")],
        early_stopping_rounds=PATIENCE_ROUNDS,
        verbose_eval=False,
    )
    best = booster.best_iteration + 1
    predicted = booster.predict(test, iteration_range=(0, best))
    return booster[:best], best, [float(value) for value in predicted]


def _importances(booster: Any, names: Sequence[str]) -> dict[str, float]:
    gains = booster.get_score(importance_type="total_gain")
    whole = sum(gains.values()) or 1.0
    told = {names[int(key[1:])]: gain / whole for key, gain in gains.items()}
    return {name: round(told[name], 4) for name in sorted(told, key=lambda one: -told[one])}


def _table(errors: Mapping[str, Mapping[str, float]]) -> tuple[tuple[str, ...], ...]:
    lines = [(name, f"{one['mae']:.3f}", f"{one['rmse']:.3f}") for name, one in errors.items()]
    return (("on later dates", "MAE", "RMSE"), *lines)


def _predictions(name: str, parts: Parts, predicted: Sequence[float]) -> bytes:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(("model", "game_id", "game_date", "player_id", "predicted_points"))
    for row, value in zip(parts.test, predicted, strict=True):
        day = row["game_date"].isoformat()
        writer.writerow((name, row["game_id"], day, row["player_id"], f"{value:.2f}"))
    return sink.getvalue().encode()
