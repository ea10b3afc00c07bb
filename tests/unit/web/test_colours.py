"""States can be told apart by everybody: measured, not believed."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from stocktake.web import assets

SHEET = (Path(assets.__file__).parent / "static" / "app.css").read_text(encoding="utf-8")
STATES = (
    *("complete", "thin", "empty", "missing", "failed", "stale", "blocked", "accepted"),
    *("unrecoverable", "surplus"),
)
STEPS = tuple(f"c{step}" for step in range(7))
LEAST = {"light": 28.0, "dark": 23.5}

# Machado, Oliveira, Fernandes (2009), full severity, linear light.
SIGHTS = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
TO_XYZ = (
    (0.4124, 0.3576, 0.1805),
    (0.2126, 0.7152, 0.0722),
    (0.0193, 0.1192, 0.9505),
)
WHITE = (0.95047, 1.0, 1.08883)

Triple = tuple[float, float, float]


def tokens(theme: str) -> dict[str, str]:
    """Return the custom properties of a theme."""
    begin = SHEET.index(":root {" if theme == "light" else ':root[data-theme="dark"] {')
    block = SHEET[begin : SHEET.index("}", begin)]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))


def linear(colour: str) -> Triple:
    """Return a colour in linear light, 0 to 1."""
    digits = colour.lstrip("#")
    full = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    parts = [int(full[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return red, green, blue


def times(matrix: tuple[Triple, ...], colour: Triple) -> Triple:
    """Return a colour seen through a matrix."""
    red, green, blue = (
        sum(factor * part for factor, part in zip(row, colour, strict=True)) for row in matrix
    )
    return red, green, blue


def lab(colour: Triple) -> Triple:
    """Return a linear colour in CIELAB."""
    clipped = (
        min(1.0, max(0.0, colour[0])),
        min(1.0, max(0.0, colour[1])),
        min(1.0, max(0.0, colour[2])),
    )
    scaled = [part / white for part, white in zip(times(TO_XYZ, clipped), WHITE, strict=True)]
    roots = [part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in scaled]
    return 116 * roots[1] - 16, 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])


def distance(one: str, other: str, sight: str) -> float:
    """Return the CIE76 distance of two colours for somebody's sight."""
    matrix = SIGHTS[sight]
    left, right = (lab(times(matrix, linear(colour))) for colour in (one, other))
    return float(sum((a - b) ** 2 for a, b in zip(left, right, strict=True)) ** 0.5)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it."""
    bright, dim = sorted(
        (sum(f * p for f, p in zip(TO_XYZ[1], linear(c), strict=True)) for c in (one, other)),
        reverse=True,
    )
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_states_stay_apart(theme: str, sight: str) -> None:
    told = tokens(theme)

    nearest = min(
        (distance(told[one], told[other], sight), one, other)
        for one, other in itertools.combinations(STATES, 2)
    )

    assert nearest[0] >= LEAST[theme], nearest


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_coverage_scale_darkens_with_every_step(theme: str) -> None:
    told = tokens(theme)
    brightness = [lab(linear(told[step]))[0] for step in STEPS]

    assert brightness == sorted(brightness, reverse=True)
    assert len(set(brightness)) == len(STEPS)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground", "least"),
    [
        *(("text", "surface", 7.0), ("text-2", "surface", 4.5), ("accent", "surface", 4.5)),
        *(("on-accent", "accent", 4.5), ("text-2", "bg", 4.5), ("edge", "surface", 3.0)),
        *(("bad", "surface", 4.5), ("good", "surface", 4.5), ("warn-text", "warn-bg", 4.5)),
    ],
)
def test_texts_and_edges_have_the_contrast_they_need(
    theme: str, text: str, ground: str, least: float
) -> None:
    told = tokens(theme)

    assert contrast(told[text], told[ground]) >= least


def test_the_dark_theme_is_the_same_however_it_is_chosen() -> None:
    by_choice = tokens("dark")
    begin = SHEET.index(':root:not([data-theme="light"]) {')
    by_system = dict(
        re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", SHEET[begin : SHEET.index("}", begin)])
    )

    assert by_choice == by_system
