"""``playbyplayv3``: a game told action by action, so that the actions add up to the box score."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from stocktake.systems.nba.sandbox.chance import pick, stream
from stocktake.systems.nba.sandbox.court import place_shot, shot_words
from stocktake.systems.nba.sandbox.dates import EASTERN
from stocktake.systems.nba.sandbox.flow import Basket, flow
from stocktake.systems.nba.sandbox.lines import Box, Line, Side

Action = dict[str, Any]

_PERIOD_SECONDS: Final = 720
_OVERTIME_SECONDS: Final = 300
_ORDINALS: Final = ("1st", "2nd", "3rd", "4th")
_TURNOVERS: Final = ("Bad Pass", "Lost Ball", "Traveling", "Offensive Foul Turnover")
_TRIP_MINUTES: Final = 36
_SUBSTITUTIONS: Final = 5
_TIMEOUTS: Final = 2


@dataclass(slots=True)
class _Telling:
    """What has been told of one side, and what is still to be told."""

    side: Side
    place: int
    passes: list[Line | None]
    blocks: list[Line]
    steals: list[Line]
    fouls: list[Line]
    offensive: list[Line]
    defensive: list[Line]
    counts: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def location(self) -> str:
        """``h`` at home, ``v`` away."""
        return "hv"[self.place]

    def add(self, what: str, line: Line, number: int = 1) -> int:
        """Count something for a player; return how much of it he has."""
        key = what, line.player.id
        self.counts[key] = self.counts.get(key, 0) + number
        return self.counts[key]


Unit = list[Action]


def actions(box: Box, seed: int) -> list[Action]:
    """Return every action of a game in order."""
    rng = stream(seed, "plays", box.game.id)
    told = flow(box, seed)
    sides = [_telling(side, place, rng) for place, side in enumerate(box.sides)]
    periods = len(told.home)
    units: list[list[Unit]] = [[] for _ in range(periods)]
    for own, other, baskets in (
        (sides[0], sides[1], told.home),
        (sides[1], sides[0], told.away),
    ):
        _tell_baskets(own, other, baskets, units, rng)
        for unit in (*_misses(own, other, rng), *_turnovers(own, other, rng)):
            units[_period(rng, periods)].append(unit)
    for own in sides:
        for line in own.fouls:
            units[_period(rng, periods)].append([_foul(own, line, "Personal")])
        for period in units:
            period.extend(_pauses(own, rng))
    return list(_numbered(_timed(box, units, rng)))


def _telling(side: Side, place: int, rng: Random) -> _Telling:
    return _Telling(
        side,
        place,
        passes=[],
        blocks=_listed(side, "blk", rng),
        steals=_listed(side, "stl", rng),
        fouls=_listed(side, "pf", rng),
        offensive=_listed(side, "oreb", rng),
        defensive=_listed(side, "dreb", rng),
    )


def _listed(side: Side, name: str, rng: Random) -> list[Line]:
    """Return each player as often as he did something, in any order."""
    found = [line for line in side.lines for _ in range(getattr(line.tally, name))]
    rng.shuffle(found)
    return found


def _period(rng: Random, periods: int) -> int:
    lengths = [_PERIOD_SECONDS if number < 4 else _OVERTIME_SECONDS for number in range(periods)]
    return pick(rng, lengths)


def _passes(shots: Sequence[Line], side: Side) -> list[Line | None]:
    """Return who passed before each made shot: as many as each has assists, none to himself."""
    left = {id(line): line.tally.ast for line in side.lines}
    by_shooter: dict[int, list[int]] = {}
    for place, line in enumerate(shots):
        by_shooter.setdefault(id(line), []).append(place)
    passes: list[Line | None] = [None] * len(shots)
    for _ in range(sum(left.values())):
        giver = max(side.lines, key=lambda line: left[id(line)])
        open_to = [key for key, places in by_shooter.items() if places and key != id(giver)]
        if not open_to:
            break
        # Those with most assists still to give must not be left with only their own shots.
        best = max(open_to, key=lambda key: (len(by_shooter[key]), -left.get(key, 0)))
        passes[by_shooter[best].pop()] = giver
        left[id(giver)] -= 1
    return passes


def _tell_baskets(
    own: _Telling,
    other: _Telling,
    baskets: Sequence[Sequence[Basket]],
    units: list[list[Unit]],
    rng: Random,
) -> None:
    shots = [basket.line for period in baskets for basket in period if basket.worth]
    passes = iter(_passes(shots, own.side))
    for number, period in enumerate(baskets):
        for basket in period:
            unit = (
                [_made(own, basket, next(passes), rng)]
                if basket.worth
                else _trip(own, other, basket, rng)
            )
            units[number].append(unit)


def _made(own: _Telling, basket: Basket, giver: Line | None, rng: Random) -> Action:
    spot = place_shot(rng, worth=basket.worth, is_made=True)
    kind = shot_words(rng, spot)
    points = own.add("PTS", basket.line, basket.worth)
    three = "3PT " if basket.worth == 3 else ""
    text = f"{basket.line.player.family} {spot.feet}' {three}{kind} ({points} PTS)"
    if giver is not None:
        text += f" ({giver.player.family} {own.add('AST', giver)} AST)"
    return {
        **_action(own, basket.line, "Made Shot", kind, text),
        "xLegacy": spot.x,
        "yLegacy": spot.y,
        "shotDistance": spot.feet,
        "shotResult": "Made",
        "isFieldGoal": 1,
        "shotValue": basket.worth,
        "_points": basket.worth,
        "_place": own.place,
    }


def _trip(own: _Telling, other: _Telling, basket: Basket, rng: Random) -> Unit:
    unit: Unit = []
    if other.fouls:
        unit.append(_foul(other, other.fouls.pop(), "Shooting"))
    count = len(basket.free)
    family = basket.line.player.family
    for number, is_made in enumerate(basket.free, start=1):
        kind = f"Free Throw {number} of {count}"
        text = f"MISS {family} {kind}"
        if is_made:
            text = f"{family} {kind} ({own.add('PTS', basket.line)} PTS)"
        action = _action(own, basket.line, "Free Throw", kind, text)
        unit.append({**action, "_points": int(is_made), "_place": own.place})
    if not basket.free[-1]:
        unit.append(_rebound(own, other, rng))
    return unit


def _misses(own: _Telling, other: _Telling, rng: Random) -> Iterator[Unit]:
    missed = [
        (line, worth)
        for line in own.side.lines
        for worth, count in (
            (3, line.tally.fg3a - line.tally.fg3m),
            (2, line.tally.fga - line.tally.fgm - line.tally.fg3a + line.tally.fg3m),
        )
        for _ in range(count)
    ]
    rng.shuffle(missed)
    missed.sort(key=lambda miss: miss[1])  # twos first: only they are blocked
    for line, worth in missed:
        spot = place_shot(rng, worth=worth, is_made=False)
        kind = shot_words(rng, spot)
        text = f"MISS {line.player.family} {spot.feet}' {'3PT ' if worth == 3 else ''}{kind}"
        unit: Unit = [
            {
                **_action(own, line, "Missed Shot", kind, text),
                "xLegacy": spot.x,
                "yLegacy": spot.y,
                "shotDistance": spot.feet,
                "shotResult": "Missed",
                "isFieldGoal": 1,
                "shotValue": worth,
            }
        ]
        if worth == 2 and other.blocks:
            blocker = other.blocks.pop()
            number = other.add("BLK", blocker)
            text = f"{blocker.player.family} BLOCK ({number} BLK)"
            unit.append(_action(other, blocker, "", "", text))
        yield [*unit, _rebound(own, other, rng)]


def _rebound(own: _Telling, other: _Telling, rng: Random) -> Action:
    """Return who takes a miss of ``own``: one of his side, one of the other, or a team."""
    chances = (len(own.offensive), len(other.defensive))
    if not sum(chances):
        return _team_action(own, "Rebound", "Unknown", f"{own.side.team.name} Rebound")
    taker, left = ((own, own.offensive), (other, other.defensive))[pick(rng, chances)]
    line = left.pop()
    taker.add("Off" if left is own.offensive else "Def", line)
    off, defended = (taker.counts.get((name, line.player.id), 0) for name in ("Off", "Def"))
    text = f"{line.player.family} REBOUND (Off:{off} Def:{defended})"
    return _action(taker, line, "Rebound", "Unknown", text)


def _turnovers(own: _Telling, other: _Telling, rng: Random) -> Iterator[Unit]:
    lost = _listed(own.side, "tov", rng)
    for line in lost:
        kind = rng.choice(_TURNOVERS[:2]) if other.steals else rng.choice(_TURNOVERS)
        text = f"{line.player.family} {kind} Turnover (P{own.add('TOV', line)})"
        unit = [_action(own, line, "Turnover", kind, text)]
        if other.steals:
            thief = other.steals.pop()
            words = f"{thief.player.family} STEAL ({other.add('STL', thief)} STL)"
            unit.append(_action(other, thief, "", "", words))
        yield unit
    for _ in range(own.side.team_turnovers):
        text = f"{own.side.team.name} Turnover: Shot Clock"
        yield [_team_action(own, "Turnover", "Shot Clock Turnover", text)]


def _foul(own: _Telling, line: Line, kind: str) -> Action:
    word = "S.FOUL" if kind == "Shooting" else "P.FOUL"
    text = f"{line.player.family} {word} (P{own.add('PF', line)})"
    return _action(own, line, "Foul", kind, text)


def _pauses(own: _Telling, rng: Random) -> Iterator[Unit]:
    for _ in range(_SUBSTITUTIONS):
        leaves, comes = rng.sample(own.side.lines, 2)
        text = f"SUB: {comes.player.family} FOR {leaves.player.family}"
        yield [_action(own, leaves, "Substitution", "", text)]
    for _ in range(_TIMEOUTS):
        text = f"{own.side.team.name} Timeout: Regular"
        yield [_team_action(own, "Timeout", "Regular", text)]


def _blank() -> Action:
    return {
        "actionNumber": 0,
        "clock": "",
        "period": 0,
        "teamId": 0,
        "teamTricode": "",
        "personId": 0,
        "playerName": "",
        "playerNameI": "",
        "xLegacy": 0,
        "yLegacy": 0,
        "shotDistance": 0,
        "shotResult": "",
        "isFieldGoal": 0,
        "scoreHome": "",
        "scoreAway": "",
        "pointsTotal": 0,
        "location": "",
        "description": "",
        "actionType": "",
        "subType": "",
        "videoAvailable": 0,
        "shotValue": 0,
        "actionId": 0,
    }


def _action(own: _Telling, line: Line, kind: str, detail: str, text: str) -> Action:
    return {
        **_blank(),
        "teamId": own.side.team.id,
        "teamTricode": own.side.team.tricode,
        "personId": line.player.id,
        "playerName": line.player.family,
        "playerNameI": line.player.initialed,
        "location": own.location,
        "description": text,
        "actionType": kind,
        "subType": detail,
        "videoAvailable": 1,
    }


def _team_action(own: _Telling, kind: str, detail: str, text: str) -> Action:
    """Return what a team did; the source names no team then, but the team as the person."""
    return {
        **_blank(),
        "personId": own.side.team.id,
        "location": own.location,
        "description": text,
        "actionType": kind,
        "subType": detail,
    }


def _timed(box: Box, units: list[list[Unit]], rng: Random) -> Iterator[Action]:
    """Yield the actions with period, clock and score; each period has a start and an end."""
    score = [0, 0]
    for number, period in enumerate(units, start=1):
        length = _PERIOD_SECONDS if number <= 4 else _OVERTIME_SECONDS
        rng.shuffle(period)
        yield _mark(box, number, length, score, is_start=True)
        left = sorted((rng.random() * (length - 1) for _ in period), reverse=True)
        for unit, seconds in zip(period, left, strict=True):
            yield from _scored(unit, number, seconds, score)
        yield _mark(box, number, length, score, is_start=False)


def _scored(unit: Iterable[Action], period: int, seconds: float, score: list[int]) -> Unit:
    told: Unit = []
    for action in unit:
        points, place = action.pop("_points", 0), action.pop("_place", 0)
        action["period"], action["clock"] = period, _clock(seconds)
        if points:
            score[place] += points
            action["scoreHome"], action["scoreAway"] = map(str, score)
            action["pointsTotal"] = sum(score)
        told.append(action)
    return told


def _mark(box: Box, period: int, length: int, score: Sequence[int], *, is_start: bool) -> Action:
    name = _ORDINALS[period - 1] if period <= 4 else f"{period - 4}OT"
    minutes = _TRIP_MINUTES * (period - 1 if is_start else period)
    at = box.game.tip_off.astimezone(EASTERN) + timedelta(minutes=minutes)
    home, away = map(str, score)
    return {
        **_blank(),
        "period": period,
        "clock": _clock(length if is_start else 0),
        "scoreHome": home,
        "scoreAway": away,
        "pointsTotal": sum(score),
        "description": f"{'Start' if is_start else 'End'} of {name} Period ({at:%I:%M %p} EST)",
        "actionType": "period",
        "subType": "start" if is_start else "end",
    }


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds * 10), 600)
    return f"PT{minutes:02}M{rest // 10:02}.{rest % 10}0S"


def _numbered(told: Iterable[Action]) -> Iterator[Action]:
    for place, action in enumerate(told, start=1):
        action["actionNumber"] = place + place // 3 + 1
        action["actionId"] = place
        yield action
