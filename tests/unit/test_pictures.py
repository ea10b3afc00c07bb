"""Pictures are compared by what an eye would notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from tools.pictures import compare, main

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (200, 120)


def picture(
    path: Path, *, ink: str = "#1A222C", left: int = 20, size: tuple[int, int] = SIZE
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Image.new("RGB", size, "#F4F6F8")
    ImageDraw.Draw(made).rectangle((left, 30, left + 60, 44), fill=ink)
    made.save(path)
    return path


def test_a_step_of_colour_that_nobody_sees_is_no_difference(tmp_path: Path) -> None:
    before, after = picture(tmp_path / "a.png"), picture(tmp_path / "b.png", ink="#1C242E")

    assert compare(before, after) is None


@pytest.mark.parametrize(
    "other", [{"ink": "#0B5FA5"}, {"left": 23}, {"size": (200, 124)}], ids=["ink", "place", "size"]
)
def test_what_an_eye_sees_is_a_difference(tmp_path: Path, other: dict[str, object]) -> None:
    before = picture(tmp_path / "a.png")
    after = picture(tmp_path / "b.png", **other)  # type: ignore[arg-type]

    assert compare(before, after) is not None


def test_a_difference_tells_where_it_is(tmp_path: Path) -> None:
    before, after = picture(tmp_path / "a.png"), picture(tmp_path / "b.png", left=100)

    found = compare(before, after, marked=tmp_path / "marked.png")

    assert found is not None
    assert found.box == (19, 29, 162, 46)
    assert (tmp_path / "marked.png").exists()


def test_nothing_accepted_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(tmp_path / "taken" / "runs.png")

    assert main([str(tmp_path)]) == 2
    assert "No pictures were accepted yet" in capsys.readouterr().err


def test_nothing_taken_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--accept"]) == 2
    assert "No pictures were taken" in capsys.readouterr().err


def test_what_was_accepted_is_compared_and_what_came_and_went_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(tmp_path / "taken" / "runs.png")
    picture(tmp_path / "taken" / "gone.png")
    accepted = main([str(tmp_path), "--accept"])
    same = main([str(tmp_path)])
    picture(tmp_path / "taken" / "runs.png", ink="#DF5310")
    picture(tmp_path / "taken" / "new.png")
    (tmp_path / "taken" / "gone.png").unlink()

    assert (accepted, same, main([str(tmp_path)])) == (0, 0, 1)
    told = capsys.readouterr().err
    for text in ("runs.png: ", "new.png: it is new", "gone.png: is gone", "3 pictures differ"):
        assert text in told
