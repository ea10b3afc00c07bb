"""Read the repository's own source: which files it has, and what the code in them looks like."""

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

__all__ = [
    "PACKAGE",
    "ROOT",
    "Function",
    "Module",
    "dotted_name",
    "modules",
    "positional_count",
    "statement_count",
    "tracked_files",
]

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "stocktake"

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Documented: TypeAlias = ast.Module | ast.ClassDef | Function

_NO_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)


@dataclass(frozen=True)
class Module:
    """One Python file, read once.

    Attributes:
        path: Where it lies, relative to the folder it was looked for in.
        text: Its source.
    """

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def docstrings(self) -> frozenset[ast.AST]:
        """The constants that document something."""
        return frozenset(
            statement.value
            for node in ast.walk(self.tree)
            if isinstance(node, Documented)
            for statement in node.body[:1]
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        )

    @property
    def code_line_count(self) -> int:
        """Lines that hold code: not blank, not only a comment, not documentation."""
        with_code: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in _NO_CODE:
                with_code.update(range(token.start[0], token.end[0] + 1))
        documentation = {
            line
            for constant in self.docstrings
            if isinstance(constant, ast.Constant)
            for line in range(constant.lineno, (constant.end_lineno or constant.lineno) + 1)
        }
        return len(with_code - documentation)

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def texts(self) -> Iterator[ast.Constant]:
        """Every string that is not documentation, the fixed parts of f-strings too."""
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node not in self.docstrings
            ):
                yield node


def tracked_files(root: Path = ROOT) -> list[Path]:
    """Return every file git knows or would add, absolute, sorted; deleted ones left out."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],  # noqa: S607
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (root / name for name in listing.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def modules(folder: Path = PACKAGE) -> list[Module]:
    """Return every Python file below ``folder``, paths relative to it, sorted."""
    return [
        Module(path.relative_to(folder), path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.py"))
    ]


def statement_count(function: Function) -> int:
    """Return how many statements a function holds, nested ones too, its docstring not."""
    documented = ast.get_docstring(function, clean=False) is not None
    statements = sum(isinstance(node, ast.stmt) for node in ast.walk(function))
    return statements - 1 - documented


def positional_count(function: Function) -> int:
    """Return how many arguments may be passed by position.

    What says only where the work happens does not count: ``self``, ``cls``, then a leading
    connection or workspace, then the system. ``since, until`` is one range.
    """
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    for places in ({"self", "cls"}, {"conn", "connection", "workspace"}, {"system"}):
        if names and names[0] in places:
            names = names[1:]
    return len(names) - ({"since", "until"} <= set(names))


def dotted_name(node: ast.expr) -> str:
    """Return ``a.b.c`` for a plain chain of names, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
