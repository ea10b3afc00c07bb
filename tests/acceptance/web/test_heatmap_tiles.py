"""What a heatmap is made from over HTTP: tiles, their version, the line of a cell; many rows."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from stocktake.count.packed import CODES, Outline
from stocktake.model import GAP_STATES, Range, ordinal_of
from stocktake.run import lately
from stocktake.run.counted import frame, tile
from stocktake.run.lately import Kept, Standings
from stocktake.web import tiles
from stocktake.web.tiles import Pictures, Wanted, shown_rows
from tests.acceptance.web.world import RACING

if TYPE_CHECKING:
    from tests.acceptance.web.world import World

RACES = "/s/racing/d/ra_races"
MEMBERS = "ra_race_results"


def told(answer: httpx2.Response) -> dict[str, Any]:
    """Return what the header of a tile says."""
    found: dict[str, Any] = httpx2.Response(200, text=answer.headers["x-tile"]).json()
    return found


def made(rows: int, *, width: int = 10) -> Outline:
    """Return an outline of so many rows, the later ones lacking more."""
    names = tuple((f"row {number}",) for number in range(rows))
    return Outline("day", names, tuple(range(rows)), (width - 1,) * rows, 0, width)


@pytest.mark.parametrize("name", [one.name for one in RACING.datasets])
def test_an_outline_is_that_of_the_whole_picture(world: World, name: str) -> None:
    dataset = RACING.dataset(name)
    whole = tile(world.workspace, RACING, dataset, Range())

    found = frame(world.workspace, RACING, dataset, Range())

    assert (found.axis, found.first, found.width) == (whole.axis, whole.first, whole.width)
    assert found.rows == whole.rows
    if whole.axis != "share":
        gaps = bytes(CODES[state] for state in GAP_STATES)
        lacking = [sum(map(whole.row(row).count, gaps)) for row in range(len(whole.rows))]
        assert list(found.lacking) == lacking


@pytest.mark.parametrize("name", ["ra_races", MEMBERS, "ra_mst_courses"])
def test_parts_put_together_are_the_whole_picture(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tile(world.workspace, RACING, RACING.dataset(name), Range())
    monkeypatch.setattr(tiles, "MOST_BYTES", 0)
    monkeypatch.setattr(tiles, "TILE_ROWS", 1)
    monkeypatch.setattr(tiles, "TILE_COLUMNS", max(1, whole.width // 3))
    pictures, wanted = Pictures(world.workspace, Standings(world.workspace)), Wanted(name, Range())

    rows = [
        b"".join(
            pictures.tile(RACING, wanted, row, column).cells
            for column in range(0, whole.width, tiles.TILE_COLUMNS)
        )
        for row in range(len(whole.rows))
    ]

    assert b"".join(rows) == whole.cells


def test_a_tile_begins_at_the_row_and_column_asked_for(world: World) -> None:
    client = world.client("vera")
    whole = client.get(f"{RACES}/tile.bin")
    width = told(whole)["width"]

    part = client.get(f"{RACES}/tile.bin?row=1&column=100")

    assert part.content == whole.content[width + 100 : 2 * width]
    assert told(part) == told(whole)


def test_tiles_beyond_the_picture_are_empty(world: World) -> None:
    assert world.client("vera").get(f"{RACES}/tile.bin?row=512&column=999999").content == b""


def test_a_tile_of_another_count_has_another_version(world: World) -> None:
    client = world.client("olaf")
    before = told(client.get(f"{RACES}/tile.bin"))["version"]
    assert told(client.get(f"{RACES}/tile.bin?column=5"))["version"] == before

    unit = f"{RACES}/u/{world.since - timedelta(days=40)}/gb"
    world.post("olaf", f"{unit}/accept", reason="a test")
    after = told(client.get(f"{RACES}/tile.bin"))["version"]
    world.post("olaf", f"{unit}/withdraw")

    assert after != before


def test_of_many_rows_the_worst_are_shown_until_they_are_searched() -> None:
    many = made(5_001)

    assert shown_rows(many, "") == tuple(range(5_000, 4_800, -1))
    assert shown_rows(many, "ROW 500") == (500, 5_000)
    assert shown_rows(made(5_000), "") == tuple(range(5_000))


def test_a_missing_cell_is_said_with_what_is_known_of_it(world: World) -> None:
    ordinal = ordinal_of(world.since - timedelta(days=60))
    answer = world.client("vera").get(f"{RACES}/said?ordinal={ordinal}&series=gb")

    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == "not asked for yet"


def test_a_held_cell_is_said_with_its_rows(world: World) -> None:
    ordinal = ordinal_of(world.since)
    line = world.client("vera").get(f"{RACES}/said?ordinal={ordinal}&series=gb").text

    assert re.match(r"[\d,]+ (of [\d,]+ )?rows", line)


def test_a_cell_of_no_unit_has_no_line(world: World) -> None:
    path = f"/s/racing/d/ra_mst_courses/said?ordinal={10**7}"
    assert world.client("vera").get(path).status_code == 404


def test_a_range_before_all_that_is_expected_says_from_when_on(world: World) -> None:
    page = world.client("vera").get(f"{RACES}?since=2001-01-01&until=2001-02-01").text

    assert "is expected from 2015-01-01 on" in page
    assert "Whole history" in page


def test_nobody_waits_for_a_count_that_only_grew_old(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    standings = Standings(world.workspace)
    first = standings.of(RACING)
    monkeypatch.setattr(lately, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(lately, "LONGEST_SECONDS", 0.0)

    assert standings.of(RACING) is first

    deadline = time.monotonic() + 20
    while standings.of(RACING) is first and time.monotonic() < deadline:
        time.sleep(0.05)
    assert standings.of(RACING).at > first.at


def test_what_is_kept_is_made_anew_only_when_the_count_is_another(world: World) -> None:
    standings, calls = Standings(world.workspace), list[str]()

    def make(_system: object, name: str) -> str:
        calls.append(name)
        return name

    kept = Kept(standings, make)
    assert [kept.of(RACING, "a"), kept.of(RACING, "b"), kept.of(RACING, "a")] == ["a", "b", "a"]
    standings.forget("racing")
    kept.of(RACING, "a")

    assert calls == ["a", "b", "a"]
