"""What the sandbox gets wrong on purpose inside well-formed answers.

Units that a fault's ``match`` can name: a game id, a day (``2024-11-05``), a month, a season
(``2024-25``), a kind of game (``regular``, ``cup_final``, ``play_in``, ``playoffs``, ``pre``).
``endpoint`` narrows a fault to one route pattern; without it every answer it fits is spoiled.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from stocktake.systems.nba.sandbox.dates import season_name
from stocktake.systems.nba.sandbox.fixtures import Game
from stocktake.systems.nba.sandbox.flow import flow
from stocktake.systems.nba.sandbox.league import Season
from stocktake.systems.nba.sandbox.lines import Box
from stocktake.systems.nba.sandbox.teams import OTHER_LEAGUE
from stocktake.systems.nba.sandbox.views import (
    FINAL,
    LIVE,
    Shown,
    View,
    corrected,
    finished,
    half_over,
    half_time,
    upcoming,
)
from stocktake.testing import FaultRules

CONTENT_FAULTS: Final[dict[str, str]] = {
    "duplicate_rows": "log rows of a game appear twice; value 'different' changes the second",
    "empty_answer": "no rows for a game, a day, or all: 200 with empty lists",
    "half_time_box": "box scores and logs stop at half-time, schedules and scoreboards are right",
    "half_time_score": "schedules and scoreboards give the half-time score with status final",
    "in_progress": "a game that is over stands at half-time everywhere, with status live",
    "late_correction": "the box score of a game differs; after=1 spares the first answer",
    "lost_cursor": "balldontlie ends after the first page without a next_cursor",
    "lost_zeros": "the logs' GAME_ID has no leading zeros; value 'number' sends a number",
    "missing_days": "the logs lack value (1) days from the day in match on",
    "missing_from_log": "a game is in no log; its box score can be had",
    "moved_under_old_date": "a game that was moved is still listed and logged under its old date",
    "page_25": "balldontlie sends 25 games a page, whatever per_page asks for",
    "preseason_mixed": "the regular log has the pre-season games too",
    "renumbered": "a game is in the logs a second time under a number of its own",
    "schedule_shrinks": "schedules lack the last value (10) regular games of a season",
    "swap_games": "a pre-season game under an unknown number stands in a game's place in the logs",
    "wrong_league": "games of league 10 are mixed in: value (2) in logs and scoreboards",
}
"""Each kind of content fault and what it does."""

RENUMBERED_BY: Final = 5_000
DEFAULT_SHRINK: Final = 10
DEFAULT_STRANGERS: Final = 2


def units_of(game: Game) -> tuple[str, ...]:
    """Return the names a fault can call a game by, the narrowest first."""
    day = game.day.isoformat()
    return game.id, day, day[:7], season_name(game.start_year), game.kind


def units_of_day(day: date, season: str) -> tuple[str, ...]:
    """Return the names a fault can call a day by."""
    return day.isoformat(), day.isoformat()[:7], season


def renumbered(identity: str) -> str:
    """Return a number that no schedule has."""
    return f"{int(identity) + RENUMBERED_BY:010}"


@dataclass(frozen=True, slots=True)
class ContentFaults:
    """Games as answers show them, with the faults in force.

    Attributes:
        rules: The faults in force.
        seed: Of the world.
        today: The sandbox's today.
    """

    rules: FaultRules
    seed: int
    today: date

    def strikes(self, kind: str, game: Game, endpoint: str) -> bool:
        """Say whether a fault hits a game, and count the match."""
        return self.rules.has(kind) and (
            self.rules.content(kind, units_of(game), endpoint=endpoint) is not None
        )

    def value(self, kind: str, units: Sequence[str], endpoint: str, default: int) -> int | None:
        """Return the number a fault asks for; None when it does not strike."""
        fault = self.rules.content(kind, units, endpoint=endpoint)
        return None if fault is None else int(fault.number(default))

    def view(self, season: Season, game: Game, endpoint: str, *, periods: bool) -> View:
        """Return a game as schedules and scoreboards show it.

        Args:
            season: The season of the game.
            game: A listed game.
            endpoint: Route pattern of the answer.
            periods: Whether points by period are wanted.
        """
        if self._is_live(game, endpoint):
            return half_over(season.box(game), status=LIVE)
        if not season.is_final(game):
            return upcoming(game, self.today)
        box = season.box(game)
        if self.strikes("half_time_score", game, endpoint):
            return half_over(box, status=FINAL)
        view = finished(box, flow(box, self.seed).scores if periods else ((), ()))
        if game.moved_from and self.strikes("moved_under_old_date", game, endpoint):
            return replace(view, day=game.moved_from)
        return view

    def views_on(self, season: Season, day: date, endpoint: str) -> list[View]:
        """Return the games a scoreboard shows for a day."""
        units = units_of_day(day, season.dates.name)
        if self.rules.content("empty_answer", units, endpoint=endpoint):
            return []
        views = (
            self.view(season, game, endpoint, periods=True)
            for game in season.listed
            if day in {game.day, game.moved_from}
        )
        shown = [view for view in views if view.day == day]
        count = self.value("wrong_league", units, endpoint, DEFAULT_STRANGERS) or 0
        strangers = [_stranger(view.box) for view in shown[:count] if view.box is not None]
        return shown + [finished(box, flow(box, self.seed).scores) for box in strangers]

    def schedule(self, season: Season, endpoint: str) -> list[View]:
        """Return the games a season's schedule shows."""
        games: Sequence[Game] = season.listed
        lost = self.value("schedule_shrinks", (season.dates.name,), endpoint, DEFAULT_SHRINK)
        if lost:
            regular = [game.id for game in games if game.kind == "regular"]
            gone = set(regular[-lost:])
            games = [game for game in games if game.id not in gone]
        return [self.view(season, game, endpoint, periods=False) for game in games]

    def box(self, season: Season, game: Game, endpoint: str) -> Box | None:
        """Return a game's box score as it is shown; None when nothing is."""
        if self.strikes("empty_answer", game, endpoint):
            return None
        if self._is_live(game, endpoint):
            return half_time(season.box(game))
        return self._settled(season, game, endpoint) if season.is_final(game) else None

    def _is_live(self, game: Game, endpoint: str) -> bool:
        """Say whether a game of today or before is still being played."""
        return game.day <= self.today and self.strikes("in_progress", game, endpoint)

    def _settled(self, season: Season, game: Game, endpoint: str) -> Box:
        """Return the box score of a game that is over."""
        box = season.box(game)
        if self.strikes("half_time_box", game, endpoint):
            return half_time(box)
        return corrected(box) if self.strikes("late_correction", game, endpoint) else box

    def log(self, season: Season, kind: str, endpoint: str) -> list[Shown]:
        """Return the games a log shows, oldest first."""
        shown: list[Shown] = []
        spares = season.finals("pre")
        for game in season.begun(kind):
            if self._is_lost(game, endpoint):
                continue
            is_swapped = spares and season.is_final(game)
            if is_swapped and self.strikes("swap_games", game, endpoint):
                spare = season.box(spares[int(game.id) % len(spares)])
                shown.append(Shown(renumbered(game.id), game.day, spare))
                continue
            shown += self._shown(season, game, endpoint)
        if kind == "regular" and self.rules.has("preseason_mixed"):
            shown += [
                Shown(game.id, game.day, season.box(game))
                for game in spares
                if self.strikes("preseason_mixed", game, endpoint)
            ]
        count = self.value("wrong_league", (season.dates.name, kind), endpoint, DEFAULT_STRANGERS)
        for each in shown[: count or 0]:
            box = _stranger(each.box)
            shown.append(Shown(box.game.id, each.day, box))
        return sorted(shown, key=lambda each: (each.day, each.id))

    def _shown(self, season: Season, game: Game, endpoint: str) -> Iterator[Shown]:
        """Yield a game of the log, and its copy under another number."""
        is_live = self._is_live(game, endpoint)
        if not is_live and not season.is_final(game):
            return
        box = half_time(season.box(game)) if is_live else self._settled(season, game, endpoint)
        day = game.day
        if game.moved_from and self.strikes("moved_under_old_date", game, endpoint):
            day = game.moved_from
        yield Shown(game.id, day, box, not is_live)
        if self.strikes("renumbered", game, endpoint):
            yield Shown(renumbered(game.id), day, box, not is_live)

    def _is_lost(self, game: Game, endpoint: str) -> bool:
        if self.rules.has("missing_days") and self._in_block(game.day, endpoint):
            return True
        return self.strikes("missing_from_log", game, endpoint) or self.strikes(
            "empty_answer", game, endpoint
        )

    def _in_block(self, day: date, endpoint: str) -> bool:
        """Say whether a day lies in a block of missing days; rate, times and after are ignored."""
        for fault in self.rules.active:
            if fault.kind != "missing_days" or fault.endpoint not in {None, endpoint}:
                continue
            if fault.match is None:
                return True
            first = date.fromisoformat(fault.match)
            if first <= day < first + timedelta(days=int(fault.number(1))):
                return True
        return False

    def log_rows(
        self,
        games: Iterable[Shown],
        rows: Iterable[list[Any]],
        headers: Sequence[str],
        endpoint: str,
    ) -> list[list[Any]]:
        """Return log rows with lost zeros and doubled rows.

        Args:
            games: The games shown, faults of games included.
            rows: Their rows.
            headers: Of the rows.
            endpoint: Route pattern of the answer.
        """
        listed = list(rows)
        place = headers.index("GAME_ID")
        if self.rules.has("duplicate_rows"):
            doubled = {
                shown.id: fault.value
                for shown in games
                if (fault := self._rule("duplicate_rows", shown, endpoint))
            }
            listed += [
                _doubled(row, headers, doubled[row[place]])
                for row in listed
                if row[place] in doubled
            ]
        if self.rules.has("lost_zeros"):
            short = {
                shown.id: fault.value
                for shown in games
                if (fault := self._rule("lost_zeros", shown, endpoint))
            }
            for row in listed:
                if row[place] in short:
                    number = int(row[place])
                    row[place] = number if short[row[place]] == "number" else str(number)
        return listed

    def _rule(self, kind: str, shown: Shown, endpoint: str) -> Any:
        units = (shown.id, *units_of(replace(shown.box.game, day=shown.day))[1:])
        return self.rules.content(kind, units, endpoint=endpoint)


def _stranger(box: Box) -> Box:
    """Return a game as if it were one of league 10."""
    home, away = OTHER_LEAGUE
    game = replace(box.game, id=f"10{box.game.id[2:]}", home=home, away=away)
    return replace(
        box, game=game, home=replace(box.home, team=home), away=replace(box.away, team=away)
    )


def _doubled(row: list[Any], headers: Sequence[str], value: object) -> list[Any]:
    """Return a copy of a row; a different one has a free throw more."""
    copy = row.copy()
    if value == "different":
        for name in ("FTM", "FTA", "PTS"):
            copy[headers.index(name)] += 1
        made, tried = copy[headers.index("FTM")], copy[headers.index("FTA")]
        copy[headers.index("FT_PCT")] = round(made / tried, 3)
    return copy
