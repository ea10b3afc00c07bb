"""The house keeps its shape: budgets of style.md section 5, and rules no linter knows."""

import ast
import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tools.conduct import (
    clock_reads,
    crowded_signatures,
    long_functions,
    naive_times,
    prints,
    sql_in_python,
    undocumented_statements,
    unwanted_words,
)
from tools.source import PACKAGE, ROOT, Module, modules, tracked_files

SOURCE = modules()
# What each system keeps below its folder, besides its modules.
SYSTEM_FOLDERS = {"derived", "migrations", "sandbox", "app"}
HEART = {
    *("model", "store", "run"),
    *("count", "plan", "fetch", "load", "derive", "check", "report"),
}

Rule = Callable[[Iterable[Module]], list[str]]


def sample(text: str, path: str = "plan/sample.py") -> list[Module]:
    return [Module(Path(path), text)]


@pytest.mark.parametrize(
    "rule",
    [
        clock_reads,
        crowded_signatures,
        long_functions,
        naive_times,
        prints,
        sql_in_python,
        unwanted_words,
    ],
)
def test_the_package_keeps_the_rule(rule: Rule) -> None:
    found = rule(SOURCE)

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        pytest.param(clock_reads, "now = datetime.now(UTC)", id="clock"),
        pytest.param(clock_reads, "start = time.time()", id="clock in seconds"),
        pytest.param(crowded_signatures, "def plan(a, b, c, d, e): ...", id="fifth by position"),
        pytest.param(crowded_signatures, "def plan(a, b, *, c, d, e, f, g): ...", id="seven"),
        pytest.param(long_functions, "def plan():\n" + "    x = 1\n" * 41, id="41 statements"),
        pytest.param(naive_times, "datetime.now()", id="now"),
        pytest.param(naive_times, "datetime.datetime.utcnow()", id="utcnow"),
        pytest.param(naive_times, "datetime.fromtimestamp(0)", id="fromtimestamp"),
        pytest.param(naive_times, "date.today()", id="today"),
        pytest.param(prints, "print('hello')", id="print"),
        pytest.param(sql_in_python, "q = 'select 1 from dual'", id="select"),
        pytest.param(sql_in_python, "q = 'SELECT id\\nFROM run'", id="upper select"),
        pytest.param(sql_in_python, "q = f'insert into {table} values (1)'", id="f-string"),
        pytest.param(sql_in_python, "q = 'update run set state = 1'", id="update"),
        pytest.param(sql_in_python, "q = 'delete from run'", id="delete"),
        pytest.param(sql_in_python, "q = 'with a as (select 1) select 2'", id="with"),
        pytest.param(sql_in_python, "q = 'create temporary table t (a int)'", id="create"),
        pytest.param(sql_in_python, "q = 'set local role reader'", id="set"),
        pytest.param(unwanted_words, "def process_rows(): ...", id="process"),
        pytest.param(unwanted_words, "class RunManager: ...", id="Manager"),
    ],
)
def test_the_rule_notices(rule: Rule, broken: str) -> None:
    assert len(rule(sample(broken))) == 1


@pytest.mark.parametrize(
    ("rule", "sound"),
    [
        pytest.param(clock_reads, "seconds = time.monotonic()", id="durations may be measured"),
        pytest.param(crowded_signatures, "def merge(self, conn, a, b): ...", id="connection"),
        pytest.param(crowded_signatures, "@override\ndef hook(a, b, c): ...", id="override"),
        pytest.param(naive_times, "datetime.now(tz=UTC)", id="aware now"),
        pytest.param(naive_times, "datetime.fromtimestamp(0, UTC)", id="aware fromtimestamp"),
        pytest.param(prints, "console.print('hello')", id="rich"),
        pytest.param(sql_in_python, "'''select a from b'''", id="docstring"),
        pytest.param(sql_in_python, "q = 'Select a day from the list'", id="prose"),
        pytest.param(sql_in_python, "q = '{} = excluded.{}'", id="a piece of a statement"),
        pytest.param(unwanted_words, "def subprocess_exit(): ...", id="part of a word"),
    ],
)
def test_the_rule_lets_pass(rule: Rule, sound: str) -> None:
    assert rule(sample(sound)) == []


def test_a_file_named_utils_is_noticed() -> None:
    assert unwanted_words(sample("", "count/utils.py")) == ["count/utils.py: named 'utils'"]


def test_the_command_line_may_read_the_clock() -> None:
    assert clock_reads(sample("datetime.now(UTC)", "cli/main.py")) == []


def test_no_module_has_more_than_400_code_lines() -> None:
    long = {str(module.path): module.code_line_count for module in SOURCE}

    assert {path: count for path, count in long.items() if count > 400} == {}


def test_documentation_and_blank_lines_are_not_code() -> None:
    text = (
        '"""What it is.\n\nMore.\n"""\n\n# why\nX = """a\nb"""  # c\n\n\ndef f():\n    """Do."""\n'
    )

    assert Module(Path("a.py"), text).code_line_count == 3


# The figures are those of docs/decisions/0006-budgets.md.
def test_the_engine_stays_below_its_budget_of_code_lines() -> None:
    assert code_lines(lambda first: first not in {"systems", "testing"}) <= 42_500


def test_nouns_stages_store_and_run_stay_below_their_budget_of_code_lines() -> None:
    assert code_lines(lambda first: first in HEART) <= 25_000


def code_lines(counts: Callable[[str], bool]) -> int:
    return sum(module.code_line_count for module in SOURCE if counts(module.path.parts[0]))


def test_code_lies_at_most_two_folders_deep() -> None:
    deep = {
        str(folder)
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".sql"}
        and len((folder := path.relative_to(PACKAGE).parent).parts) > 2
        and not (folder.parts[0] == "systems" and folder.parts[2] in SYSTEM_FOLDERS)
    }

    assert deep == set()


def test_the_public_api_has_at_most_37_names() -> None:
    assert len(public_names()) <= 37


def public_names() -> list[str]:
    root = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    for statement in root.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return list(ast.literal_eval(statement.value))
    return []


def test_every_named_statement_is_documented_with_its_parameters() -> None:
    found = [
        line
        for path in sorted(PACKAGE.rglob("*.sql"))
        if "migrations" not in path.parts
        for line in undocumented_statements(
            path.relative_to(PACKAGE), path.read_text(encoding="utf-8")
        )
    ]

    assert not found, "\n".join(found)


SILENT = "-- name: rows\nselect 1;\n"
UNKNOWN = "-- name: rows\n-- Rows.\nselect %(day)s;\n"
UNUSED = "-- name: rows\n-- Rows.\n-- :day date  the day\nselect 1;\n"
SOUND = "-- name: rows\n-- Rows.\n-- :day date  the day\nselect %(day)s;\n"


@pytest.mark.parametrize(
    ("statement", "finding_count"), [(SILENT, 1), (UNKNOWN, 1), (UNUSED, 1), (SOUND, 0)]
)
def test_an_undocumented_statement_is_noticed(statement: str, finding_count: int) -> None:
    assert len(undocumented_statements("a.sql", statement)) == finding_count


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    # Written so that this file does not match itself.
    own_path = re.compile(r"(?<![\w.])/(?:work|farm|root|home/\w+|Users/\w+|tmp/bash_jobs)" + "/")

    assert lines_matching(own_path) == []


def test_no_file_names_a_package_registry_host() -> None:
    hosts = [r"pypi\.", r"pythonhosted\.", r"npmjs\.", r"debian\."]
    host = re.compile("|".join(rf"\b{start}(?:org|com)\b" for start in hosts))

    assert lines_matching(host) == []


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_is_large_enough_to_be_a_data_set() -> None:
    large = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.stat().st_size > 200_000 and path.name != "constraints.txt"
    ]

    assert large == []


def test_no_file_is_a_copy_of_the_data_beside_the_repository() -> None:
    beside = [parent / "shared" / "data" for parent in ROOT.parents]
    theirs = {digest(path) for folder in beside for path in folder.rglob("*") if path.is_file()}
    copies = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.read_bytes().strip() and digest(path) in theirs
    ]

    assert copies == []


def digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def test_every_changelog_fragment_has_a_declared_type() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    types = re.findall(r'\[\[tool\.towncrier\.type\]\]\ndirectory = "(\w+)"', settings)
    fragments = [path.name for path in (ROOT / "changes").iterdir() if path.name != "README.md"]

    assert [
        name for name in fragments if name.split(".")[1:] not in [[t, "md"] for t in types]
    ] == []
