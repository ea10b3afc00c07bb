"""Make the reliability page: each fault, our promise, and the tests that show it.

``python -m tools.reliability`` writes ``docs/reference/reliability.md`` from ``tests/faults.toml``
and the ``@pytest.mark.fault`` marks of the tests.
"""

import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.source import ROOT, Function, Module, dotted_name, modules

__all__ = ["PAGE", "Fault", "fault_groups", "marked_tests", "reliability_page"]

PAGE = ROOT / "docs" / "reference" / "reliability.md"
TESTS = ROOT / "tests"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, and what is promised for it."""

    id: str
    what: str
    promise: str


def fault_groups(text: str) -> dict[str, list[Fault]]:
    """Read ``tests/faults.toml``: group title to faults, in the file's order."""
    return {
        group["title"]: [Fault(key, *entry) for key, entry in group["faults"].items()]
        for group in tomllib.loads(text)["group"]
    }


def marked_tests(modules: Sequence[Module]) -> dict[str, list[str]]:
    """Return fault id to ``file: sentence`` of each test that carries it, sorted.

    A mark counts on a test, on one of its parameters, on its class, or as the module's
    ``pytestmark``.
    """
    found: dict[str, set[str]] = {}
    for module in modules:
        for ids, test in _tests(module.tree, frozenset(_module_marks(module.tree))):
            sentence = test.removeprefix("test_").replace("_", " ")
            for one in ids:
                found.setdefault(one, set()).add(f"{module.path.as_posix()}: {sentence}")
    return {one: sorted(tests) for one, tests in sorted(found.items())}


def _tests(
    scope: ast.Module | ast.ClassDef, around: frozenset[str]
) -> Iterator[tuple[frozenset[str], str]]:
    for node in scope.body:
        if isinstance(node, ast.ClassDef):
            yield from _tests(node, around | frozenset(_marks(node.decorator_list)))
        elif isinstance(node, Function) and node.name.startswith("test_"):
            yield around | frozenset(_marks(node.decorator_list)), node.name


def _module_marks(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            yield from _marks([node.value])


def _marks(expressions: Sequence[ast.expr]) -> Iterator[str]:
    for expression in expressions:
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and dotted_name(node.func).endswith("mark.fault"):
                yield from (str(ast.literal_eval(argument)) for argument in node.args)


def reliability_page(
    groups: Mapping[str, Sequence[Fault]], tests: Mapping[str, Sequence[str]]
) -> str:
    """Return the page as Markdown.

    Raises:
        ValueError: A test carries an id that no fault has.
    """
    faults = [fault for group in groups.values() for fault in group]
    if unknown := sorted(set(tests) - {fault.id for fault in faults}):
        msg = f"tests carry fault ids that tests/faults.toml does not list: {', '.join(unknown)}"
        raise ValueError(msg)
    shown = sum(fault.id in tests for fault in faults)
    lines = [
        "# What goes wrong, and what then",
        "",
        "This page is made from the tests (`./do docs`). Each fault has an id, a promise, and the",
        "tests that cause the fault and look whether the promise held. Faults without one say so.",
        "",
        f"{shown} of {len(faults)} faults are shown by at least one test.",
    ]
    for title, group in groups.items():
        lines += ["", f"## {title}"]
        for fault in group:
            lines += ["", f"### {fault.id}: {fault.what}", "", fault.promise, ""]
            lines += [f"- `{test}`" for test in tests.get(fault.id, [])] or [
                "No test shows this yet."
            ]
    return "\n".join(lines) + "\n"


def current_page(tests: Path = TESTS) -> str:
    """Return the page as the tests in the work tree make it."""
    groups = fault_groups((tests / "faults.toml").read_text(encoding="utf-8"))
    return reliability_page(groups, marked_tests(modules(tests)))


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(current_page(), encoding="utf-8")
