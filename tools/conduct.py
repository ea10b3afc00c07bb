"""Rules of our style that ruff, mypy and import-linter do not know: source in, findings out.

Each returns lines ``path:line: what is wrong``; an empty list means the rule holds.
"""

import ast
import re
from collections.abc import Iterable

from tools.source import Function, Module, dotted_name, positional_count, statement_count

__all__ = [
    "clock_reads",
    "crowded_signatures",
    "long_functions",
    "naive_times",
    "prints",
    "sql_in_python",
    "undocumented_statements",
    "unwanted_words",
]

MOST_STATEMENTS = 40
MOST_ARGUMENTS = 6
MOST_POSITIONAL = 4  # see docs/decisions/0006-budgets.md

UNWANTED = frozenset(
    [
        *("job", "jobs", "pipeline", "process", "handle", "manager", "helper", "helpers"),
        *("util", "utils", "misc", "data", "info", "master", "phase"),
    ]
)
UNWANTED_FILES = UNWANTED | {"common", "core", "base"}
# Where a framework, not we, decides what a function takes.
FRAMEWORK_FOLDERS = frozenset({"cli", "api", "web", "app"})
# Entry points, which read the clock and pass it on, and servers for tests, which log and date.
CLOCK_FOLDERS = frozenset({"run", "cli", "api", "web", "app", "testing", "sandbox"})
# A sandbox is a world made of many small formulas, called by nobody else.
PRIVATE_FOLDERS = frozenset({"sandbox"})

_SQL = re.compile(
    r"""^\s*(?:--.*\n\s*)*(?:
        (?i:select)\b(?s:.*)\b(?i:from)\b
      | (?i:insert\s+into)\s | (?i:delete\s+from)\s | (?i:merge\s+into)\s
      | (?i:update)\s+\S+\s+(?i:set)\s
      | (?i:with)\s+(?:(?i:recursive)\s+)?\w+(?:\s*\([^)]*\))?\s+(?i:as)\s*\(
      | (?i:create|alter|drop)\s+(?:(?i:or\s+replace|unique|temp|temporary|unlogged)\s+)*
        (?i:table|index|schema|view|materialized|function|role|database|policy|type|sequence|
        trigger|extension)\b
      | (?i:copy|truncate|grant|revoke|vacuum|analyze|listen|notify|lock\s+table)\s+["{\w]
      | (?i:set\s+(?:local|session)|set\s+\w+\s*(?:=|to))\s
    )""",
    re.VERBOSE,
)
_STATEMENT = re.compile(r"^-- name: *(\S+)[^\n]*\n(.*?)(?=^-- name:|\Z)", re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"%\((\w+)\)s")

_ALWAYS_NAIVE = frozenset({"utcnow", "utcfromtimestamp", "today"})
_ZONE_POSITION = {"now": 0, "fromtimestamp": 1}


def sql_in_python(modules: Iterable[Module]) -> list[str]:
    """SQL lives in .sql files. Prose that begins a sentence ("Select a day from …") is no SQL."""
    return [
        f"{module.path}:{text.lineno}: SQL in a string: {_opening(text)}"
        for module in modules
        for text in module.texts()
        if isinstance(text.value, str) and _looks_like_sql(text.value)
    ]


def _opening(text: ast.Constant) -> str:
    return " ".join(str(text.value).split())[:60]


def _looks_like_sql(text: str) -> bool:
    words = text.split(maxsplit=1)
    is_prose = not words or (words[0] != words[0].lower() and words[0] != words[0].upper())
    return not is_prose and _SQL.match(text) is not None


def undocumented_statements(path: object, text: str) -> list[str]:
    """Every ``-- name:`` has a sentence, and ``-- :name  type  meaning`` for each parameter."""
    found = []
    for name, block in _STATEMENT.findall(text):
        comment = "\n".join(re.findall(r"^\s*--(.*)$", block, re.MULTILINE))
        body = re.sub(r"--.*", "", block)
        if not re.search(r"^\s*\w", comment, re.MULTILINE):
            found.append(f"{path}: {name} does not say what it returns or does")
        documented = _documented_parameters(comment)
        used = set(_PARAMETER.findall(body))
        found += [f"{path}: {name} does not document :{one}" for one in sorted(used - documented)]
        found += [f"{path}: {name} documents :{one}, unused" for one in sorted(documented - used)]
    return found


def _documented_parameters(comment: str) -> set[str]:
    """Read ``:a type, :b type`` lines, and table lines such as ``a, b  type  meaning``."""
    names: set[str] = set()
    for line in comment.splitlines():
        text = line.strip()
        if text.startswith(":"):
            names.update(re.findall(r"(?:^|,\s*):(\w+)", text))
        elif table := re.match(r"(\w+(?:, *\w+)*)\s{2,}\S", text):
            names.update(re.split(r", *", table[1]))
    return names


def prints(modules: Iterable[Module]) -> list[str]:
    """Nothing prints: the command line renders, everything else logs."""
    return [
        f"{module.path}:{node.lineno}: print"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and dotted_name(node.func) == "print"
    ]


def naive_times(modules: Iterable[Module]) -> list[str]:
    """Every datetime knows its zone, and no day is taken from the machine's own zone."""
    return [
        f"{module.path}:{node.lineno}: {dotted_name(node.func)} without a zone"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _is_naive(node)
    ]


def _is_naive(call: ast.Call) -> bool:
    owner, _, name = dotted_name(call.func).rpartition(".")
    if owner.rpartition(".")[2] not in {"date", "datetime"}:
        return False
    zone_given = bool(call.args[_ZONE_POSITION.get(name, 0) :] or call.keywords)
    return name in _ALWAYS_NAIVE or (name in _ZONE_POSITION and not zone_given)


def clock_reads(modules: Iterable[Module]) -> list[str]:
    """Time is an argument: only the entry points read the wall clock."""
    clocks = {
        "datetime.now",
        "datetime.datetime.now",
        "time.time",
        "time.time_ns",
        "dt.datetime.now",
    }
    return [
        f"{module.path}:{node.lineno}: reads the clock; take `now` as an argument"
        for module in modules
        if not CLOCK_FOLDERS & set(module.path.parts)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and dotted_name(node.func) in clocks
    ]


def long_functions(modules: Iterable[Module]) -> list[str]:
    """A function holds at most 40 statements."""
    return [
        f"{module.path}:{function.lineno}: {function.name} has {count} statements"
        for module in modules
        for function in module.functions()
        if (count := statement_count(function)) > MOST_STATEMENTS
    ]


def crowded_signatures(modules: Iterable[Module]) -> list[str]:
    """At most 6 arguments, keyword-only after the fourth.

    A framework's hooks keep its signature: overrides, magic methods, and the commands and routes
    that Typer and FastAPI call by keyword.
    """
    found = []
    for module in modules:
        for function in module.functions():
            if function.name.startswith("_") or _is_hook(module, function):
                continue
            if PRIVATE_FOLDERS & set(module.path.parts):
                continue
            positional = positional_count(function)
            if positional > MOST_POSITIONAL:
                what = f"{positional} arguments by position; keyword-only after the fourth"
            elif positional + len(function.args.kwonlyargs) > MOST_ARGUMENTS:
                what = f"more than {MOST_ARGUMENTS} arguments"
            else:
                continue
            found.append(f"{module.path}:{function.lineno}: {function.name} takes {what}")
    return found


PROTOCOL_METHODS = frozenset({"data_received"})
"""Names that asyncio gives; ``typing.override`` would say so from Python 3.12 on."""


def _is_hook(module: Module, node: Function | ast.ClassDef) -> bool:
    """Whether somebody else decides its signature and name."""
    decorators = {dotted_name(getattr(one, "func", one)) for one in node.decorator_list}
    if decorators & {"override", "typing.override"} or node.name in PROTOCOL_METHODS:
        return True
    if not FRAMEWORK_FOLDERS & set(module.path.parts):
        return False
    return bool(decorators) or (
        not isinstance(node, ast.ClassDef) and "Context" in ast.unparse(node.args)
    )


def unwanted_words(modules: Iterable[Module]) -> list[str]:
    """No file, folder, class or function is named by a word that says nothing (style.md 6, 7)."""
    found = []
    for module in modules:
        named = UNWANTED_FILES & set(module.path.with_suffix("").parts)
        found += [f"{module.path}: named '{word}'" for word in sorted(named)]
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ClassDef | Function) or _is_hook(module, node):
                continue
            found += [
                f"{module.path}:{node.lineno}: {node.name} contains '{word}'"
                for word in sorted(_words(node.name) & UNWANTED)
            ]
    return found


def _words(name: str) -> set[str]:
    """Split ``snake_case`` and ``CamelCase`` into lower-case words."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}
