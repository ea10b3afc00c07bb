"""Play-by-play of one game."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stocktake import Parsed, Request, State, UnitOutcome
from stocktake.systems.nba import normalise
from stocktake.systems.nba.envelope import (
    EMPTY_ANSWER,
    IN_PROGRESS,
    READ_ERRORS,
    changed,
    count,
    counted,
    decode,
    failed,
    reject,
)
from stocktake.systems.nba.rows import PlayRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

DATASET = "play_by_play"
FEWEST_ACTIONS = 350
"""A whole game has more."""
_MOST_COORDINATE = 10_000
_REGULATION_PERIODS = 4
_PERIOD_END = ("period", "end")


class Action(msgspec.Struct, frozen=True):
    """One action; ids 0 stand for nobody, empty scores for unchanged ones."""

    actionId: int  # noqa: N815 -- the source's names
    actionNumber: int | None = None  # noqa: N815
    clock: str | None = None
    period: int | None = None
    teamId: int | None = None  # noqa: N815
    personId: int | None = None  # noqa: N815
    playerName: str | None = None  # noqa: N815
    xLegacy: int | None = None  # noqa: N815
    yLegacy: int | None = None  # noqa: N815
    shotDistance: int | float | None = None  # noqa: N815
    shotResult: str | None = None  # noqa: N815
    isFieldGoal: int | None = None  # noqa: N815
    scoreHome: str | int | None = None  # noqa: N815
    scoreAway: str | int | None = None  # noqa: N815
    pointsTotal: int | None = None  # noqa: N815
    location: str | None = None
    description: str | None = None
    actionType: str | None = None  # noqa: N815
    subType: str | None = None  # noqa: N815
    shotValue: int | None = None  # noqa: N815


class _Game(msgspec.Struct, frozen=True):
    gameId: str | int  # noqa: N815
    actions: list[msgspec.Raw] | None = None


class _Answer(msgspec.Struct, frozen=True):
    game: _Game | None


def parse_plays(bodies: Sequence[bytes], request: Request, _fetched_at: datetime) -> Parsed:
    """Turn a play-by-play into rows of `play_by_play`, one per action.

    Raises:
        SourceChanged: Not a play-by-play, or one of another game or league.
    """
    if not any(body.strip() for body in bodies):
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    answer = decode(bodies[0], _Answer, request).game
    if answer is None or not answer.actions:
        return Parsed(outcomes=failed(request, EMPTY_ANSWER))
    game_id = _game_id(answer, request)
    parsed = Parsed()
    rows: dict[int, PlayRow] = {}
    kept: list[tuple[Any, ...]] = []
    for at, raw in enumerate(answer.actions):
        try:
            row = _row(game_id, msgspec.json.decode(raw, type=Action))
        except (*READ_ERRORS, ValueError) as error:
            reason = ValueError(str(error))
            reject(parsed, DATASET, f"actions[{at}]", error=reason, raw=bytes(raw))
            continue
        if rows.get(row.action_id) != row:
            kept.append(row)
        rows[row.action_id] = row
    duplicates = len(answer.actions) - len(kept) - len(parsed.rejects)
    count(parsed, DATASET, len(answer.actions), duplicates=duplicates)
    if kept:
        parsed.rows[PlayRow] = kept
    parsed.outcomes.append(UnitOutcome((game_id,), *_verdict(rows, len(parsed.rejects))))
    return parsed


def _game_id(answer: _Game, request: Request) -> str:
    try:
        game_id = normalise.read_game_id(answer.gameId).game_id
    except ValueError as error:
        changed(request, f"{error}.")
    if request.units and request.units[0][0] != game_id:
        changed(request, f"the answer is of game {game_id}.")
    return game_id


def _verdict(rows: dict[int, PlayRow], rejected: int) -> tuple[State, str]:
    if rejected:
        return State.THIN, f"{counted(rejected, 'row')} rejected"
    if not _is_ended(rows[max(rows)]):
        return State.THIN, f"{IN_PROGRESS}: {counted(len(rows), 'action')}, no end of the game"
    if len(rows) <= FEWEST_ACTIONS:
        return State.THIN, f"{counted(len(rows), 'action')}, a game has more than {FEWEST_ACTIONS}"
    return State.COMPLETE, ""


def _is_ended(latest: PlayRow) -> bool:
    """Return whether an action ends the game: a period after regulation's, with a winner."""
    is_end = latest.action_type == "game" or (latest.action_type, latest.sub_type) == _PERIOD_END
    has_winner = latest.score_home != latest.score_away
    return is_end and (latest.period or 0) >= _REGULATION_PERIODS and has_winner


def _row(game_id: str, action: Action) -> PlayRow:
    text = normalise.read_text
    distance = normalise.read_signed(action.shotDistance)
    shot_distance = None if distance is None else int(distance)
    for value in (action.xLegacy, action.yLegacy, shot_distance):
        if value is not None and abs(value) > _MOST_COORDINATE:
            normalise.refuse(f"{value} is no place on a court")
    number, who = normalise.read_count, normalise.read_known_id
    return PlayRow(
        game_id, normalise.read_id(action.actionId), number(action.actionNumber),
        number(action.period), text(action.clock), who(action.teamId), who(action.personId),
        text(action.playerName), action.xLegacy, action.yLegacy, shot_distance,
        text(action.shotResult), action.isFieldGoal == 1, number(action.shotValue),
        number(action.scoreHome), number(action.scoreAway), number(action.pointsTotal),
        text(action.location), text(action.description), text(action.actionType),
        text(action.subType),
    )  # fmt: skip
