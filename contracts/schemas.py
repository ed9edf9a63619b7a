"""Small makers of JSON Schemas (draft 2020-12), the language of both documents."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

BOOLEAN: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string"}
NUMBERS: Schema = {"type": "array", "items": NUMBER}


def integer(low: int, high: int | None = None, **more: Any) -> Schema:
    """A whole number from `low` to `high`; None is no bound."""
    bounds = {"minimum": low} if high is None else {"minimum": low, "maximum": high}
    return {"type": "integer", **bounds, **more}


def one_of(values: Any, **more: Any) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(values), **more}


def record(required: dict[str, Schema], **optional: Schema) -> Schema:
    """An object that has all of `required`, and may have the others."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def by_name(values: Schema) -> Schema:
    """An object whose fields are names of its own, each with such a value."""
    return {"type": "object", "additionalProperties": values}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"oneOf": [schema, {"type": "null"}]}


def described(schema: Schema, text: str) -> Schema:
    """The schema with a sentence about it."""
    return {**schema, "description": text}


def ref(name: str) -> Schema:
    """A schema of the same document, by its name."""
    return {"$ref": f"#/components/schemas/{name}"}
