"""Compares the pictures of all pages with those somebody accepted, by what an eye would notice.

``./do pictures`` takes and compares them, ``./do pictures --accept`` accepts the last ones taken.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

TAKEN, ACCEPTED, CHANGED = "taken", "accepted", "changed"
NOTICED = (8, 12, 12)
"""Steps of 255 in lightness and in both colours, after a blur of a pixel, that an eye notices."""
LEAST_PIXELS = 12
"""So few pixels are noise."""
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different about a picture.

    Attributes:
        name: Its file.
        what: In words.
        pixels: How many pixels look different; 0 when that is no question.
        box: Left, top, right and bottom of all that does.
    """

    name: str
    what: str
    pixels: int = 0
    box: tuple[int, int, int, int] | None = None


def differing(before: Image.Image, after: Image.Image) -> Image.Image:
    """Return white where two pictures of one size look different, black elsewhere."""
    soft = [one.filter(ImageFilter.BoxBlur(1)).convert("YCbCr") for one in (before, after)]
    bands = ImageChops.difference(*soft).split()
    marked = [
        band.point([255 * (step > most) for step in range(256)])
        for band, most in zip(bands, NOTICED, strict=True)
    ]
    return ImageChops.lighter(ImageChops.lighter(*marked[:2]), marked[2])


def compare(before: Path, after: Path, *, marked: Path | None = None) -> Difference | None:
    """Return what is different about a picture, ``None`` when nobody would see it.

    Args:
        before: As it was accepted.
        after: As it is.
        marked: Where to keep both side by side, with what differs framed.
    """
    with Image.open(before) as one, Image.open(after) as other:
        was, now = one.convert("RGB"), other.convert("RGB")
    if was.size != now.size:
        sizes = f"{was.width} × {was.height} became {now.width} × {now.height}"
        found = Difference(after.name, f"its size: {sizes}")
    else:
        apart = differing(was, now)
        pixels = apart.histogram()[255]
        if pixels < LEAST_PIXELS:
            return None
        box = apart.getbbox()
        found = Difference(after.name, f"{pixels:,} pixels in {box}", pixels, box)
    if marked is not None:
        _beside(was, now, found).save(marked)
    return found


def _beside(was: Image.Image, now: Image.Image, found: Difference) -> Image.Image:
    sheet = Image.new("RGB", (was.width + now.width + 8, max(was.height, now.height)), "white")
    for left, picture in ((0, was), (was.width + 8, now)):
        sheet.paste(picture, (left, 0))
        if found.box is not None:
            left_edge, top, right, bottom = found.box
            frame = (left + left_edge - 3, top - 3, left + right + 2, bottom + 2)
            ImageDraw.Draw(sheet).rectangle(frame, outline="magenta", width=2)
    return sheet


def compare_sets(folder: Path) -> list[Difference]:
    """Return what is different about the pictures taken, by name; those that came or went too."""
    taken = {path.name: path for path in (folder / TAKEN).glob("*.png")}
    accepted = {path.name: path for path in (folder / ACCEPTED).glob("*.png")}
    changed = folder / CHANGED
    shutil.rmtree(changed, ignore_errors=True)
    changed.mkdir(parents=True)
    found = [
        compare(accepted[name], taken[name], marked=changed / name)
        for name in sorted(taken.keys() & accepted.keys())
    ]
    told = [one for one in found if one is not None]
    told += [Difference(name, "it is new") for name in sorted(taken.keys() - accepted.keys())]
    return told + [Difference(name, "is gone") for name in sorted(accepted.keys() - taken.keys())]


def accept(folder: Path) -> int:
    """Make the pictures taken the accepted ones; return how many."""
    shutil.rmtree(folder / ACCEPTED, ignore_errors=True)
    shutil.copytree(folder / TAKEN, folder / ACCEPTED)
    return len(list((folder / ACCEPTED).glob("*.png")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare or accept; exit code 0 when nothing differs, 1 when something does, 2 when unable."""
    parser = argparse.ArgumentParser(prog="./do pictures", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accept", action="store_true", help="accept the pictures last taken")
    asked = parser.parse_args(arguments)
    say = sys.stderr.write
    if not any((asked.folder / TAKEN).glob("*.png")):
        say(f"No pictures were taken: there are none in {asked.folder / TAKEN}. ./do pictures\n")
        return 2
    if asked.accept:
        say(f"{accept(asked.folder)} pictures are accepted.\n")
        return 0
    if not any((asked.folder / ACCEPTED).glob("*.png")):
        say(
            "No pictures were accepted yet, so there is nothing to compare with.\n"
            f"Look at {asked.folder / TAKEN}, then: ./do pictures --accept\n"
        )
        return 2
    found = compare_sets(asked.folder)
    for one in found[:SHOWN]:
        say(f"{one.name}: {one.what}\n")
    if not found:
        say("All pictures look as accepted.\n")
        return 0
    say(f"{len(found)} pictures differ; both side by side: {asked.folder / CHANGED}\n")
    say("If that is meant: ./do pictures --accept\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
