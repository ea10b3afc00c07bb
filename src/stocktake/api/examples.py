"""Examples for the OpenAPI document: one for each body and answer, made from its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
DEEPEST = 8
_FORMATS = {
    "date": "2024-03-05",
    "date-time": "2026-11-21T12:00:00Z",
    "uuid": "0193a5c0-7a1e-7c3a-9a60-3f6a5d0c1b2e",
}
_KINDS: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
}


def example_of(schema: Schema, shapes: Mapping[str, Schema], *, depth: int = 0) -> Any:
    """Return a value that fits a schema: what it gives as an example, else made by its kind.

    Args:
        schema: Of JSON.
        shapes: What its references name.
        depth: How deep it stands; below ``DEEPEST`` everything is ``None``.
    """
    if "$ref" in schema:
        named = shapes[str(schema["$ref"]).rpartition("/")[2]]
        return example_of(named, shapes, depth=depth + 1) if depth < DEEPEST else None
    for key in ("example", "const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return example_of(schema[key][0], shapes, depth=depth + 1)
    return _made(schema, shapes, depth=depth)


def _made(schema: Schema, shapes: Mapping[str, Schema], *, depth: int) -> Any:
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        members = schema.get("properties", {})
        made = {name: example_of(one, shapes, depth=depth + 1) for name, one in members.items()}
        return {**dict.fromkeys(schema.get("required", ())), **made}
    if kind == "array":
        items = schema.get("items")
        return [example_of(items, shapes, depth=depth + 1)] if items else []
    if kind == "string":
        text = str(_FORMATS.get(str(schema.get("format", "")), _KINDS["string"]))
        return text.ljust(int(schema.get("minLength", 0)), "x")[: int(schema.get("maxLength", 999))]
    least = schema.get("minimum")
    return _KINDS[kind] if least is None or kind == "boolean" else max(least, _KINDS[kind])
