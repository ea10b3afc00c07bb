"""Files the pages are made of: sums, sizes, and what templates must not do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from stocktake.errors import ConfigurationError
from stocktake.web.assets import Assets
from stocktake.web.site import TEMPLATES
from stocktake.web.vendor import FOLDER, require_vendor_files, vendor_files

if TYPE_CHECKING:
    from pathlib import Path

OWN_SCRIPT, SHEET, FIRST_LOAD = 15_000, 12_000, 60_000
ALWAYS = ("app.css", "app.js", "vendor/htmx.min.js", "vendor/hx-csp.min.js")


def test_own_script_and_sheet_stay_within_their_budgets() -> None:
    sizes = Assets().sizes()

    assert sum(size for name, size in sizes.items() if re.fullmatch(r"\w+\.js", name)) < OWN_SCRIPT
    assert sizes["app.css"] < SHEET


def test_what_a_first_page_loads_leaves_room_for_the_page() -> None:
    sizes = Assets().sizes()

    assert sum(sizes[name] for name in (*ALWAYS, "heatmap.js")) < 0.6 * FIRST_LOAD


def test_modules_import_each_other_by_the_names_they_are_served_under() -> None:
    assets = Assets()

    assert b"./app.js" not in assets.by_name["heatmap.js"].content
    assert assets.by_name["app.js"].address.encode() in assets.by_name["heatmap.js"].content


def test_a_part_is_sent_within_the_module_that_imports_it() -> None:
    assets = Assets()
    script = assets.by_name["app.js"].content

    assert b"import" not in script
    assert b"const{listen}=(()=>{" in script
    assert b"EventSource" in script
    assert not [name for name in assets.by_name if name.startswith("parts/")]


def test_third_party_files_are_the_ones_known() -> None:
    require_vendor_files()

    assert all(file.fits((FOLDER / file.name).read_bytes()) for file in vendor_files())


@pytest.mark.parametrize("harm", ["absent", "changed"])
def test_a_third_party_file_that_is_not_as_known_is_told_with_the_command(
    tmp_path: Path, harm: str
) -> None:
    for file in vendor_files():
        (tmp_path / file.name).write_bytes((FOLDER / file.name).read_bytes())
    broken = tmp_path / vendor_files()[0].name
    if harm == "absent":
        broken.unlink()
    else:
        broken.write_bytes(b"something else")

    with pytest.raises(ConfigurationError) as refused:
        require_vendor_files(tmp_path)

    assert "./do setup" in str(refused.value.hint)


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_a_template_has_no_inline_style_script_or_unescaped_value(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert "| safe" not in text
    assert "|safe" not in text
    assert "autoescape" not in text
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert not re.search(r"hx-on|js:|javascript:", text)


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_every_element_of_htmx_carries_the_nonce(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    for tag in re.findall(r"<[a-z]+[^>]*\bhx-get[^>]*>", text):
        assert 'hx-nonce="{{ nonce }}"' in tag
