"""What `stocktake train nba` leaves behind, read like any file: a model's card and what it told."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import msgspec

from stocktake import Parsed, Request, SourceChanged, State, UnitOutcome
from stocktake.systems.nba.envelope import reject
from stocktake.systems.nba.normalise import read_game_id, read_id
from stocktake.systems.nba.rows import ModelCardRow, ModelOutputRow

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = {"model", "game_id", "player_id", "predicted_points"}


class _Part(msgspec.Struct):
    rows: int
    since: date
    until: date


class _Error(msgspec.Struct):
    mae: Decimal


class _Card(msgspec.Struct):
    model: str
    target: str
    feature_version: str
    seed: int
    trained_at: datetime
    parts: dict[str, _Part]
    errors: dict[str, _Error]
    baseline: str
    improvement: Decimal
    verdict: str


def parse_card(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn the metrics of models into rows of `model_card`.

    Raises:
        SourceChanged: Not the metrics of a model.
    """
    parsed = Parsed()
    rows = []
    for body in bodies:
        try:
            told = msgspec.json.decode(body, type=_Card)
            train, test = told.parts["train"], told.parts["test"]
            row = ModelCardRow(
                told.model,
                told.target,
                told.feature_version,
                told.seed,
                told.trained_at,
                train.since,
                train.until,
                test.since,
                test.until,
                test.rows,
                told.errors["model"].mae,
                told.errors[told.baseline].mae,
                told.improvement,
                told.verdict,
                body.decode(),
            )
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError) as error:
            raise SourceChanged(f"{request.path}: not a model's metrics: {error}") from error
        rows.append(row)
        parsed.outcomes.append(UnitOutcome((row.model,)))
    parsed.rows[ModelCardRow] = list(rows)
    parsed.read["model_card"] = len(rows)
    return parsed


def parse_predictions(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn a CSV of predictions into rows of `model_output`; a unit is a model.

    Raises:
        SourceChanged: Not a CSV of predictions, or one without a row.
    """
    parsed = Parsed()
    rows: list[tuple[object, ...]] = []
    read = 0
    for body in bodies:
        try:
            lines = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
            if _COLUMNS - set(lines.fieldnames or ()):
                raise SourceChanged(f"{request.path}: columns are {', '.join(sorted(_COLUMNS))}.")
            for line in lines:
                read += 1
                try:
                    rows.append(_output(line))
                except (ValueError, InvalidOperation, TypeError) as error:
                    place = f"line {lines.line_num}"
                    reject(parsed, "model_output", place, error=ValueError(str(error)), raw=line)
        except (UnicodeDecodeError, csv.Error) as error:
            raise SourceChanged(f"{request.path}: not a CSV of predictions: {error}") from error
    if not rows:
        raise SourceChanged(f"{request.path}: no prediction at all.")
    parsed.rows[ModelOutputRow] = rows
    parsed.read["model_output"] = read
    state, reason = State.COMPLETE, ""
    if parsed.rejects:
        state, reason = State.THIN, f"{len(parsed.rejects)} rows rejected"
    names = dict.fromkeys(str(row[0]) for row in rows)
    parsed.outcomes += [UnitOutcome((name,), state, reason) for name in names]
    return parsed


def _output(line: dict[str, str]) -> ModelOutputRow:
    points = Decimal(line["predicted_points"])
    if not line["model"] or not points.is_finite():
        message = f"{line['model']!r} foretells {line['predicted_points']!r}"
        raise ValueError(message)
    game = read_game_id(line["game_id"])
    told = line.get("game_date")
    return ModelOutputRow(
        line["model"],
        game.game_id,
        read_id(line["player_id"]),
        points,
        f"{line['model']}:{game.game_id}",
        date.fromisoformat(told) if told else None,
    )
