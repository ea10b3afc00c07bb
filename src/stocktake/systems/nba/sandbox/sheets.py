"""Box scores as ``boxscoretraditionalv3``, ``boxscoreadvancedv3`` and the cdn send them."""

from typing import Any, Final

from stocktake.systems.nba.sandbox.lines import Box, Line, Side, Tally, summed
from stocktake.systems.nba.sandbox.population import Player
from stocktake.systems.nba.sandbox.teams import Team

Fields = dict[str, Any]

FREE_THROW_WEIGHT: Final = 0.44


def traditional(box: Box, *, identity: str) -> Fields:
    """Return the section ``boxScoreTraditional``."""
    return {
        "gameId": identity,
        "awayTeamId": box.away.team.id,
        "homeTeamId": box.home.team.id,
        "homeTeam": _team(box, 0),
        "awayTeam": _team(box, 1),
    }


def blank(identity: str, sides: tuple[Team, Team]) -> Fields:
    """Return the section of a game without figures: not begun, or lost."""
    teams = {
        name: {**team_fields(team), "players": [], "statistics": None, **_groups(None)}
        for name, team in zip(("homeTeam", "awayTeam"), sides, strict=True)
    }
    home, away = sides
    return {"gameId": identity, "awayTeamId": away.id, "homeTeamId": home.id, **teams}


def team_fields(team: Team) -> Fields:
    """Return how the newer answers name a team."""
    return {
        "teamId": team.id,
        "teamCity": team.city,
        "teamName": team.name,
        "teamTricode": team.tricode,
        "teamSlug": team.slug,
    }


def clock(seconds: int) -> str:
    """Return ``19:09``."""
    return f"{seconds // 60}:{seconds % 60:02}"


def _team(box: Box, place: int) -> Fields:
    side, other = box.sides[place], box.sides[1 - place]
    total = side.total()
    total.tov += side.team_turnovers
    starters = [line for line in side.lines if line.start]
    bench = [line for line in side.lines if not line.start]
    seconds = sum(line.seconds for line in side.lines)
    has_groups = int(box.game.id) % 3 != 0
    return {
        **team_fields(side.team),
        "players": [
            *(_player(line) for line in side.lines),
            *(_absent(player, comment) for player, comment in side.absent),
        ],
        "statistics": {
            **_statistics(total, clock(seconds)),
            "plusMinusPoints": float(side.pts - other.pts),
        },
        **_groups((starters, bench) if has_groups else None),
    }


def _groups(lines: tuple[list[Line], list[Line]] | None) -> Fields:
    """Return starters and bench; both are null in a third of the answers."""
    if lines is None:
        return {"starters": None, "bench": None}
    return {
        name: _statistics(
            summed(line.tally for line in group), clock(sum(line.seconds for line in group))
        )
        for name, group in zip(("starters", "bench"), lines, strict=True)
    }


def _person(player: Player, *, position: str, comment: str) -> Fields:
    return {
        "personId": player.id,
        "firstName": player.first,
        "familyName": player.family,
        "nameI": player.initialed,
        "playerSlug": player.slug,
        "position": position,
        "comment": comment,
        "jerseyNum": player.jersey,
    }


def _player(line: Line) -> Fields:
    return {
        **_person(line.player, position=line.start, comment=""),
        "statistics": {
            **_statistics(line.tally, clock(line.seconds)),
            "plusMinusPoints": float(line.plus_minus),
        },
    }


def _absent(player: Player, comment: str) -> Fields:
    return {
        **_person(player, position="", comment=comment),
        "statistics": {**_statistics(Tally(), ""), "plusMinusPoints": 0.0},
    }


def _share(hits: int, attempts: int) -> float:
    return round(hits / attempts, 3) if attempts else 0.0


def _statistics(tally: Tally, minutes: str) -> Fields:
    return {
        "minutes": minutes,
        "fieldGoalsMade": tally.fgm,
        "fieldGoalsAttempted": tally.fga,
        "fieldGoalsPercentage": _share(tally.fgm, tally.fga),
        "threePointersMade": tally.fg3m,
        "threePointersAttempted": tally.fg3a,
        "threePointersPercentage": _share(tally.fg3m, tally.fg3a),
        "freeThrowsMade": tally.ftm,
        "freeThrowsAttempted": tally.fta,
        "freeThrowsPercentage": _share(tally.ftm, tally.fta),
        "reboundsOffensive": tally.oreb,
        "reboundsDefensive": tally.dreb,
        "reboundsTotal": tally.reb,
        "assists": tally.ast,
        "steals": tally.stl,
        "blocks": tally.blk,
        "turnovers": tally.tov,
        "foulsPersonal": tally.pf,
        "points": tally.pts,
    }


def advanced(box: Box, *, identity: str) -> Fields:
    """Return the section ``boxScoreAdvanced`` with its most used figures."""
    teams = {}
    plays = [_plays(side) for side in box.sides]
    possessions = sum(plays) / 2
    for place, name in enumerate(("homeTeam", "awayTeam")):
        side, other = box.sides[place], box.sides[1 - place]
        attack, defence = 100 * side.pts / possessions, 100 * other.pts / possessions
        rating = {
            "offensiveRating": round(attack, 1),
            "defensiveRating": round(defence, 1),
            "netRating": round(attack - defence, 1),
            "pace": round(48 * possessions / (box.minutes / 5), 2),
            "possessions": round(possessions, 1),
        }
        seconds = sum(line.seconds for line in side.lines)
        teams[name] = {
            **team_fields(side.team),
            "players": [
                {
                    **_person(line.player, position=line.start, comment=""),
                    "statistics": {"minutes": clock(line.seconds), **_efficiency(line.tally)},
                }
                for line in side.lines
            ],
            "statistics": {
                "minutes": clock(seconds),
                **rating,
                **_efficiency(side.total()),
            },
        }
    home, away = (side.team.id for side in box.sides)
    return {"gameId": identity, "awayTeamId": away, "homeTeamId": home, **teams}


def _plays(side: Side) -> float:
    total = side.total()
    return total.fga + FREE_THROW_WEIGHT * total.fta - total.oreb + total.tov


def _efficiency(tally: Tally) -> Fields:
    shots = tally.fga + FREE_THROW_WEIGHT * tally.fta
    return {
        "effectiveFieldGoalPercentage": (
            round((tally.fgm + 0.5 * tally.fg3m) / tally.fga, 3) if tally.fga else 0.0
        ),
        "trueShootingPercentage": round(tally.pts / (2 * shots), 3) if shots else 0.0,
    }


def live_box(box: Box, periods: tuple[Any, Any], status: tuple[int, str]) -> Fields:
    """Return the section ``game`` of the cdn's ``liveData/boxscore``."""
    game = box.game
    teams = {}
    for place, name in enumerate(("homeTeam", "awayTeam")):
        side = box.sides[place]
        played = [_live_player(line, order) for order, line in enumerate(side.lines, start=1)]
        absent = [
            {
                "status": "INACTIVE",
                **_live_name(player),
                "played": "0",
                "notPlayingReason": "INACTIVE_" + comment.partition(" - ")[0],
                "statistics": {**_statistics(Tally(), "PT00M00.00S")},
            }
            for player, comment in side.absent
        ]
        teams[name] = {
            **team_fields(side.team),
            "score": side.pts,
            "periods": [
                {
                    "period": number,
                    "periodType": "REGULAR" if number <= 4 else "OVERTIME",
                    "score": score,
                }
                for number, score in enumerate(periods[place], start=1)
            ],
            "players": [*played, *absent],
            "statistics": _statistics(side.total(), f"PT{box.minutes}M00.00S"),
        }
    return {
        "gameId": game.id,
        "gameCode": game.code,
        "gameTimeUTC": f"{game.tip_off:%Y-%m-%dT%H:%M:%SZ}",
        "gameStatus": status[0],
        "gameStatusText": status[1],
        "period": len(periods[0]),
        "gameClock": "",
        "regulationPeriods": 4,
        **teams,
    }


def _live_name(player: Player) -> Fields:
    return {
        "personId": player.id,
        "jerseyNum": player.jersey,
        "name": player.name,
        "nameI": player.initialed,
        "firstName": player.first,
        "familyName": player.family,
    }


def _live_player(line: Line, order: int) -> Fields:
    minutes = f"PT{line.seconds // 60:02}M{line.seconds % 60:02}.00S"
    return {
        "status": "ACTIVE",
        "order": order,
        **_live_name(line.player),
        "position": line.start,
        "starter": "1" if line.start else "0",
        "played": "1",
        "statistics": {
            **_statistics(line.tally, minutes),
            "plusMinusPoints": float(line.plus_minus),
        },
    }
