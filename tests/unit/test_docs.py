"""The reference names everything a user can name, and generated pages say what the code says."""

import re
from collections.abc import Iterable
from pathlib import Path

import typer

from tools import reference
from tools.source import PACKAGE, ROOT, Module, modules, tracked_files

DOCS = ROOT / "docs"


def sample(text: str) -> Module:
    return Module(Path("check/sample.py"), text)


def undocumented(names: Iterable[str]) -> list[str]:
    """Names that no page below docs/reference shows as code or documents by directive."""
    pages = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("reference/*.md"))
    return [
        name
        for name in names
        if f"`{name}`" not in pages and not re.search(rf"(?m)^::: stocktake\.{name}$", pages)
    ]


def test_every_error_is_in_the_reference() -> None:
    entries = reference.errors(reference.read(Path("errors.py")))

    assert entries
    assert undocumented(entry.name for entry in entries) == []


def test_every_setting_is_in_the_reference() -> None:
    entries = reference.settings(reference.read(Path("settings.py")))

    assert entries
    assert undocumented(entry.name for entry in entries) == []


def test_every_setting_of_a_source_that_is_read_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    pattern = re.compile(r"""\bown\.get\("(\w+)"\)|_needed\(source, settings, '(\w+)'\)""")
    read = {
        name
        for module in modules()
        if module.path.parts[0] in {"fetch", "run"}
        for names in pattern.findall(module.text)
        for name in names
        if name
    }

    assert {"allowed_hosts", "base_url", "token", "user_agent"} <= read
    told = [*read, *(key for keys in reference.own_settings().values() for key in keys)]
    assert [name for name in told if f"- `{name}`: " not in page] == []


def test_every_environment_variable_is_in_the_reference() -> None:
    names = reference.environment_variables(modules())

    assert "STOCKTAKE_HOME" in names
    assert undocumented(names) == []


def test_every_public_name_is_in_the_reference() -> None:
    names = reference.api_names()

    assert "Dataset" in names
    assert undocumented(names) == []


def test_every_check_is_in_the_reference() -> None:
    assert undocumented(entry.name for entry in reference.checks(modules())) == []


def test_every_command_is_in_the_reference() -> None:
    assert undocumented(entry.name for entry in reference.installed_commands()) == []


def test_a_command_line_has_commands() -> None:
    exists = (PACKAGE / "cli" / "main.py").exists()

    assert bool(reference.installed_commands()) == exists


def test_a_name_that_no_page_has_is_noticed() -> None:
    assert undocumented(["Dataset", "Nowhere"]) == ["Nowhere"]


def test_generated_pages_are_up_to_date() -> None:
    stale = [
        name
        for name, text in reference.reference_pages()
        if not (page := DOCS / "reference" / name).exists()
        or page.read_text(encoding="utf-8") != text
    ]

    assert stale == [], "run ./do docs and commit the pages"


def test_every_page_can_be_reached() -> None:
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}

    assert pages == listed


def test_every_link_between_files_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in tracked_files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]

    assert not broken, "\n".join(broken)


def test_an_error_is_listed_with_its_documentation() -> None:
    (entry,) = reference.errors(sample('class Late(Error):\n    """It came ``late``."""'))

    assert entry == reference.Entry("Late", "It came `late`.", "class Late(Error)")


def test_a_setting_is_listed_with_its_type_and_default() -> None:
    text = 'class Settings:\n    level: str = "info"\n    """Least severity."""\n    _x: int = 1'
    (entry,) = reference.settings(sample(text))

    assert entry == reference.Entry("level", "Least severity.", "level: str = 'info'")


def test_an_environment_variable_is_found_in_code_but_not_in_prose() -> None:
    text = '"""STOCKTAKE_PROSE"""\nhome = environ["STOCKTAKE_HOME"]'

    assert reference.environment_variables([sample(text)]) == {"STOCKTAKE_HOME"}


def test_a_function_that_returns_a_check_is_a_check() -> None:
    text = (
        "def rows_per(table: str) -> Check:\n    '''Rows per row.'''\n\n"
        "def _inner() -> Check: ...\n\ndef count() -> int: ..."
    )

    assert [entry.name for entry in reference.checks([sample(text)])] == ["rows_per"]


def test_a_command_is_listed_with_its_arguments_and_options() -> None:
    app = typer.Typer()
    group = typer.Typer()
    app.add_typer(group, name="run")

    @app.command()
    def gaps(system: str, *, limit: int = typer.Option(20, help="Most lines.")) -> None:
        """List the gaps."""

    @group.command()
    def show(run_id: int) -> None:
        """Show a run."""

    @group.command()
    def undo(run_id: int) -> None:
        """Undo a run."""

    found = {entry.name: entry for entry in reference.commands(app)}

    assert found["stocktake gaps"].detail == "stocktake gaps SYSTEM [--limit LIMIT]"
    assert "List the gaps." in found["stocktake gaps"].text
    assert "`[--limit LIMIT]`: Most lines." in found["stocktake gaps"].text
    assert found["stocktake run undo"].detail == "stocktake run undo RUN_ID"


def test_the_package_lies_where_the_tools_look() -> None:
    assert (PACKAGE / "__init__.py").is_file()
