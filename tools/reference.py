"""Make the reference pages whose truth lies in the code: errors, settings, commands, API, checks.

Errors and settings are read from the source. Commands and the API are read from the imported
package, because Typer and ``__all__`` decide what they are. A page exists once its code does.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.main

from stocktake.api.app import openapi_document
from tools.source import PACKAGE, ROOT, Module, dotted_name, modules

__all__ = [
    "FOLDER",
    "Entry",
    "api_names",
    "checks",
    "commands",
    "environment_variables",
    "errors",
    "installed_commands",
    "own_settings",
    "read",
    "reference_pages",
    "settings",
    "table_settings",
]

FOLDER = ROOT / "docs" / "reference"
SOURCE_PLACES = (
    "In `stocktake.toml` below `[sources.NAME]`, "
    "or as `STOCKTAKE_SOURCE_NAME_KEY` in the environment."
)
ALERT_PLACES = (
    "In `stocktake.toml` below `[alerts.NAME]`, "
    "or as `STOCKTAKE_ALERTS_NAME_KEY` in the environment."
)
MADE = "This page is made from the code (`./do docs`)."


@dataclass(frozen=True)
class Entry:
    """One thing a reference page lists.

    Attributes:
        name: As a user writes it.
        text: What it is, Markdown.
        detail: One line of code: signature, type and default, or usage.
    """

    name: str
    text: str
    detail: str = ""


def read(path: Path) -> Module:
    """Read one module of the package."""
    return Module(path, (PACKAGE / path).read_text(encoding="utf-8"))


def errors(module: Module) -> list[Entry]:
    """List the exception classes with their documentation, in the file's order."""
    return [
        Entry(
            node.name, _prose(node), f"class {node.name}({', '.join(map(ast.unparse, node.bases))})"
        )
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
    ]


def settings(module: Module) -> list[Entry]:
    """List the fields of the class ``Settings``, each with the text below it."""
    found = []
    for owner in module.tree.body:
        if isinstance(owner, ast.ClassDef) and owner.name == "Settings":
            for field, after in zip(owner.body, [*owner.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign) and not ast.unparse(field.target).startswith(
                    "_"
                ):
                    found.append(Entry(ast.unparse(field.target), _text(after), ast.unparse(field)))
    return found


def table_settings(module: Module, mapping_name: str) -> dict[str, str]:
    """Return what a mapping of settings names, such as ``SOURCE_SETTINGS``, and what it says."""
    for statement in module.tree.body:
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == mapping_name:
            mapping = next(one for one in ast.walk(statement) if isinstance(one, ast.Dict))
            return {str(key): str(text) for key, text in ast.literal_eval(mapping).items()}
    return {}


def own_settings() -> dict[str, dict[str, str]]:
    """Return what sources of the installed systems declare beyond those, by source."""
    systems = importlib.import_module("stocktake.run.registry").installed_systems()
    return {
        source.name: dict(source.settings)
        for system in systems.values()
        for source in system.sources
        if source.settings
    }


def environment_variables(package: Sequence[Module]) -> set[str]:
    """Collect the ``STOCKTAKE_`` variables that appear in strings of the code, prefixes too."""
    pattern = re.compile(r"\bSTOCKTAKE_[A-Z][A-Z_]*")
    return {
        name
        for module in package
        for text in module.texts()
        if isinstance(text.value, str)
        for name in pattern.findall(text.value)
    }


def checks(package: Sequence[Module]) -> list[Entry]:
    """List the public functions that return a ``Check``, sorted by name."""
    found = [
        Entry(function.name, _prose(function), f"{function.name}({ast.unparse(function.args)})")
        for module in package
        if module.path.parts[0] != "systems"
        for function in module.tree.body
        if isinstance(function, ast.FunctionDef)
        and not function.name.startswith("_")
        and function.returns is not None
        and dotted_name(function.returns).rpartition(".")[2] == "Check"
    ]
    return sorted(found, key=lambda entry: entry.name)


def commands(app: typer.Typer) -> list[Entry]:
    """List every command with its usage, groups' commands after their group."""
    return list(_commands(typer.main.get_command(app), "stocktake"))


def installed_commands() -> list[Entry]:
    """List the commands of the installed command line; none before ``stocktake.cli`` exists."""
    if not (PACKAGE / "cli" / "main.py").exists():
        return []
    return commands(importlib.import_module("stocktake.cli.main").app)


def _commands(command: Any, path: str) -> Iterator[Entry]:
    # Commands may be stand-ins that import the real one when it is called.
    command = command.real() if hasattr(command, "real") else command
    names = command.list_commands(None) if hasattr(command, "list_commands") else []
    arguments = [_parameter(one) for one in command.params if "--help" not in one.opts]
    if not names or command.callback is not None:
        usage = " ".join([path, *(word for word, _ in arguments)])
        described = [f"- `{word}`: {text}" for word, text in arguments if text]
        text = "\n".join([inspect.cleandoc(command.help or ""), "", *described]).strip()
        yield Entry(path, text, usage)
    for name in sorted(names):
        yield from _commands(command.get_command(None, name), f"{path} {name}")


def _parameter(parameter: Any) -> tuple[str, str]:
    text = " ".join((getattr(parameter, "help", None) or "").split())
    if parameter.param_type_name == "argument":
        word = parameter.name.upper() + ("…" if parameter.nargs == -1 else "")
    else:
        word = "/".join(sorted([*parameter.opts, *parameter.secondary_opts], key=len))
        word += "" if parameter.is_flag else f" {parameter.name.upper()}"
    return (word if parameter.required else f"[{word}]"), text


def api_names() -> list[str]:
    """Return the public names of the package, as it declares them."""
    return sorted(getattr(importlib.import_module("stocktake"), "__all__", []))


def reference_pages() -> Iterator[tuple[str, str]]:
    """Yield file name and text of every page; commands last, for they import the whole package."""
    package = modules()
    yield "errors.md", _errors_page(read(Path("errors.py")))
    yield "settings.md", _settings_page(read(Path("settings.py")), package)
    directives = [f"::: stocktake.{name}" for name in api_names()]
    yield "api.md", "\n\n".join(["# Python API", MADE, *directives]) + "\n"
    if found := checks(package):
        yield "checks.md", _page("Checks", MADE, found, language="python")
    if entries := installed_commands():
        yield "http-api.md", _http_page(openapi_document())
        yield "commands.md", _page("Commands", MADE, entries, language="console")


def _errors_page(module: Module) -> str:
    tree = inspect.cleandoc(ast.get_docstring(module.tree) or "").partition("\n\n")[2]
    above = f"{MADE}\n\n```text\n{tree}\n```"
    return _page("Errors", above, errors(module), language="python")


def _settings_page(module: Module, package: Sequence[Module]) -> str:
    entries = settings(module)
    variables = "\n".join(f"- `{name}`" for name in sorted(environment_variables(package)))
    page = _page("Settings", f"{MADE}\n\n{_prose(module.tree)}", entries, language="python")
    keys = _listed(table_settings(module, "SOURCE_SETTINGS"))
    channel = _listed(table_settings(module, "ALERT_SETTINGS"))
    own = "".join(
        f"\nOf `{source}` alone:\n\n"
        + "".join(f"- `{key}`: {text}\n" for key, text in told.items())
        for source, told in own_settings().items()
    )
    return (
        f"{page}\n## Settings of a source\n\n{SOURCE_PLACES}\n\n{keys}\n{own}"
        f"\n## Settings of a channel for alerts\n\n{ALERT_PLACES}\n\n{channel}\n"
        f"\n## Environment variables read anywhere\n\n{variables}\n"
    )


def _http_page(document: dict[str, Any]) -> str:
    """Return the page of the HTTP API: every path, by what it is about."""
    about: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            told = [f"`{method.upper()} {path}`", route["summary"], _asked(route)]
            about.setdefault(route["tags"][0], []).append("| " + " | ".join(told) + " |")
    head = ["| path | what | asks for |", "| --- | --- | --- |"]
    parts = ["\n".join([f"## {name}", "", *head, *lines]) for name, lines in about.items()]
    text = " ".join(document["info"]["description"].split())
    place = "The OpenAPI document, with every shape and example: `GET /api/v1/openapi.json`."
    how = "[How to serve it](../howto/serve.md) tells of users, keys and proxies."
    return "\n\n".join(["# HTTP API", MADE, text, f"{place} {how}", *parts]) + "\n"


def _asked(route: dict[str, Any]) -> str:
    shared = {"Idempotency-Key", "limit", "cursor"}
    names = [
        f"`{one['name']}`"
        for one in route.get("parameters", ())
        if one["in"] == "query" and one["name"] not in shared
    ]
    kinds = {one["name"] for one in route.get("parameters", ())}
    if "cursor" in kinds:
        names.append("pages")
    if "requestBody" in route:
        names.append("a body")
    return ", ".join(names)


def _listed(told: dict[str, str]) -> str:
    return "\n".join(f"- `{key}`: {text}" for key, text in told.items())


def _page(title: str, above: str, entries: Sequence[Entry], *, language: str) -> str:
    parts = [f"# {title}", above]
    for entry in entries:
        parts += [f"## `{entry.name}`", f"```{language}\n{entry.detail}\n```", entry.text]
    return "\n\n".join(part for part in parts if part) + "\n"


def _prose(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    return _markdown(ast.get_docstring(node) or "")


def _text(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return _markdown(inspect.cleandoc(str(node.value.value)))
    return ""


def _markdown(docstring: str) -> str:
    """Turn our docstrings into Markdown: code marks, literal blocks, sections as lists."""
    text = re.sub(r":(?:class|func|meth|mod):`~?([^`]+)`", r"`\1`", docstring.replace("``", "`"))
    text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
    head, *sections = re.split(_SECTION, text, flags=re.MULTILINE)
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        items = re.sub(r"^    (?=\S)", "- ", body.strip("\n"), flags=re.MULTILINE)
        head += f"**{title}**\n\n{items}\n\n"
    return head.strip()


_SECTION = r"^(Args|Attributes|Raises|Returns|Yields):\n"
