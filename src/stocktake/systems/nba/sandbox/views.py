"""A game as answers show it on a day: where it stands, what is known, what a fault made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from stocktake.systems.nba.sandbox.dates import EASTERN
from stocktake.systems.nba.sandbox.fixtures import Game
from stocktake.systems.nba.sandbox.lines import Box, Line, Side, Tally
from stocktake.systems.nba.sandbox.scoring import share_margin

SCHEDULED, LIVE, FINAL = 1, 2, 3


@dataclass(frozen=True, slots=True)
class View:
    """A game in a schedule or on a scoreboard.

    Attributes:
        day: The day it is listed under.
        status: ``SCHEDULED``, ``LIVE`` or ``FINAL``.
        score: Home and away; zeros before it began.
        periods: Points by period of home and away.
        box: What was played so far; None before it began.
    """

    game: Game
    day: date
    status: int
    text: str
    score: tuple[int, int] = (0, 0)
    periods: tuple[Sequence[int], Sequence[int]] = ((), ())
    box: Box | None = None
    is_postponed: bool = False

    @property
    def period(self) -> int:
        """The period being played, or the last one; 0 before the game."""
        return len(self.periods[0])


@dataclass(frozen=True, slots=True)
class Shown:
    """A game as the logs show it.

    Attributes:
        id: Its ten digits, or those a fault gave it.
        day: The day the log names.
        is_over: Whether the log names a winner.
    """

    id: str
    day: date
    box: Box
    is_over: bool = True

    @property
    def season_id(self) -> str:
        """The season as the logs spell it: the type's digit and the year, such as ``22024``."""
        return f"{self.id[2]}20{self.id[3:5]}"


def upcoming(game: Game, today: date) -> View:
    """Return a game that has not begun."""
    day = game.day_known(today)
    if game.is_postponed(today):
        return View(game, day, SCHEDULED, "PPD", is_postponed=True)
    at = game.tip_off.astimezone(EASTERN)
    text = f"{at:%I:%M} {'am' if at.hour < 12 else 'pm'} ET".lstrip("0")
    return View(game, day, SCHEDULED, text)


def finished(box: Box, periods: tuple[Sequence[int], Sequence[int]]) -> View:
    """Return a game that is over."""
    overtimes = {0: "Final", 1: "Final/OT"}
    text = overtimes.get(box.overtimes, f"Final/OT{box.overtimes}")
    return View(box.game, box.game.day, FINAL, text, box.score, periods, box)


def half_over(box: Box, *, status: int) -> View:
    """Return a game at half-time, said to be live or, wrongly, final."""
    half = half_time(box)
    first = tuple(score // 2 for score in half.score)
    second = tuple(score - half for score, half in zip(half.score, first, strict=True))
    periods = (first[0], second[0]), (first[1], second[1])
    text = "Final" if status == FINAL else "Half"
    return View(box.game, box.game.day, status, text, half.score, periods, half)


def half_time(box: Box) -> Box:
    """Return what stood in the box score at half-time."""
    sides = []
    for side in box.sides:
        lines = [
            Line(line.player, max(1, line.seconds // 2), _half(line.tally), 0, line.start)
            for line in side.lines
        ]
        sides.append(Side(side.team, lines, side.absent, side.team_turnovers // 2))
    home, away = sides
    share_margin(home, home.pts - away.pts)
    share_margin(away, away.pts - home.pts)
    return Box(box.game, 0, home, away)


def _half(tally: Tally) -> Tally:
    fgm, fg3m = tally.fgm // 2, tally.fg3m // 2
    fg3m = min(fg3m, fgm)
    return Tally(
        fgm=fgm,
        fga=fgm + (tally.fga - tally.fgm) // 2,
        fg3m=fg3m,
        fg3a=fg3m + (tally.fg3a - tally.fg3m) // 2,
        ftm=tally.ftm // 2,
        fta=tally.ftm // 2 + (tally.fta - tally.ftm) // 2,
        oreb=tally.oreb // 2,
        dreb=tally.dreb // 2,
        ast=tally.ast // 2,
        stl=tally.stl // 2,
        blk=tally.blk // 2,
        tov=tally.tov // 2,
        pf=tally.pf // 2,
    )


def corrected(box: Box) -> Box:
    """Return the box score after the league looked again; two players of each side differ.

    Nothing changes for the team: the one with the most assists loses one to a team-mate, who
    loses a defensive rebound to him in turn if he has one.
    """
    sides = []
    for side in box.sides:
        lines = [replace(line, tally=replace(line.tally)) for line in side.lines]
        giver = max(lines, key=lambda line: (line.tally.ast, line.seconds))
        taker = min(lines[:5], key=lambda line: (line is giver, line.tally.ast, -line.seconds))
        giver.tally.ast -= 1
        taker.tally.ast += 1
        if taker.tally.dreb:
            taker.tally.dreb -= 1
            giver.tally.dreb += 1
        sides.append(Side(side.team, lines, side.absent, side.team_turnovers))
    return Box(box.game, box.overtimes, *sides)
