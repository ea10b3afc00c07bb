"""What the source itself must not do: run what it is given, or take it for a statement."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from stocktake.settings import load_settings

SOURCE = Path(__file__).parents[2] / "src" / "stocktake"
RUNS_DATA = {"pickle", "cPickle", "dill", "marshal", "shelve", "yaml", "jsonpickle", "joblib"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
SHELLS = {"system", "popen"}
READS_STATEMENTS = {"store/queries.py", "testing/database.py"}
"""They take statements out of ``.sql`` files of the package, and nothing from anybody else."""


def modules() -> Iterator[tuple[str, ast.AST]]:
    """Yield every module of the source by its path."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def wrong_in(tree: ast.AST) -> list[str]:
    """Return what in a module runs what it is given."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name.partition(".")[0] in RUNS_DATA]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module.partition(".")[0] in RUNS_DATA else []
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in RUNS_TEXT:
                found.append(node.func.id)
            is_os = isinstance(node.func, ast.Attribute) and node.func.attr in SHELLS
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if is_os and isinstance(owner, ast.Name) and owner.id == "os":
                found.append(f"os.{node.func.attr}")  # type: ignore[attr-defined] # is_os says so
            found += [
                "shell=True"
                for one in node.keywords
                if one.arg == "shell" and getattr(one.value, "value", None) is True
            ]
    return found


def built_sql(tree: ast.AST) -> list[int]:
    """Return lines that hand an f-string, a sum or a formatted text to the database."""
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        first = node.args[0]
        is_made = isinstance(first, ast.JoinedStr | ast.BinOp) or (
            isinstance(first, ast.Call)
            and getattr(first.func, "attr", "") in {"format", "join", "encode"}
            and isinstance(getattr(first.func, "value", None), ast.Constant | ast.JoinedStr)
        )
        if name in {"execute", "executemany", "SQL", "copy"} and is_made:
            found.append(node.lineno)
    return found


@pytest.mark.fault("S14")
def test_no_module_runs_what_it_is_given() -> None:
    found = {name: wrong_in(tree) for name, tree in modules()}

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.fault("S05")
def test_no_module_builds_statements_out_of_texts() -> None:
    found = {name: built_sql(tree) for name, tree in modules()}

    assert {name for name, wrong in found.items() if wrong} == READS_STATEMENTS


@pytest.mark.parametrize(
    "text",
    [
        "import yaml",
        "from pickle import loads",
        "eval('1')",
        "os.system('x')",
        "run(a, shell=True)",
    ],
)
def test_the_rule_against_running_data_notices(text: str) -> None:
    assert len(wrong_in(ast.parse(text))) == 1


@pytest.mark.parametrize(
    "text",
    ["c.execute(f'select {x}')", "c.execute('a' + x)", "SQL('x {}'.format(y))", "c.copy(f'{x}')"],
)
def test_the_rule_against_built_statements_notices(text: str) -> None:
    assert built_sql(ast.parse(text)) == [1]


@pytest.mark.fault("S14")
def test_settings_that_try_to_run_code_are_texts(tmp_path: Path) -> None:
    (tmp_path / "stocktake.toml").write_text(
        '[sources.theracingapi]\nbase_url = "!!python/object/apply:os.system [id]"\n',
        encoding="utf-8",
    )

    found = load_settings(home=tmp_path).source("theracingapi")["base_url"]

    assert str(found).startswith("!!python/object")
