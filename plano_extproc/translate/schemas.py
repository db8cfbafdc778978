"""Output schemas, brought into the part of JSON Schema that a dialect enforces. Schemas of tools are never touched."""

from typing import Any, Final

from plano_extproc.translate.chat import Json, OutputSchema
from plano_extproc.translate.names import fitted

_SCHEMA_MAPS: Final = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_SCHEMA_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SCHEMAS: Final = frozenset({"items", "additionalProperties", "not", "if", "then", "else"})

# https://platform.claude.com/docs/en/build-with-claude/structured-outputs lists what is refused.
_CONSTRAINTS: Final = (
    "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
)  # fmt: skip


def named(output: OutputSchema, name_limit: int) -> Json:
    """Return what OpenAI's APIs are told of the schema that an answer is held to."""
    made: Json = {"name": fitted(output.name or "answer", name_limit)}
    if output.description is not None:
        made["description"] = output.description
    is_strict = output.strict is not False
    return {**made, "schema": strict(output.schema) if is_strict else output.schema, "strict": is_strict}


def closed(schema: Json) -> Json:
    """Return the schema as Anthropic enforces it: objects are closed, and limits become words of the description."""
    made = _mapped(schema, closed)
    limits = [f"{key}: {made.pop(key)}" for key in _CONSTRAINTS if key in made]
    if limits:
        said = made.get("description")
        made["description"] = f"{said} ({', '.join(limits)})" if isinstance(said, str) else ", ".join(limits)
    if _is_object(made):
        made["additionalProperties"] = False
    return made


def strict(schema: Json) -> Json:
    """Return the schema as OpenAI enforces it: objects are closed, and each of their properties is required."""
    made = _mapped(schema, strict)
    if _is_object(made):
        made["additionalProperties"] = False
        properties = made.get("properties")
        made["required"] = list(properties) if isinstance(properties, dict) else []
        made.setdefault("properties", {})
    return made


def _is_object(schema: Json) -> bool:
    kind = schema.get("type")
    return kind == "object" or "properties" in schema or (isinstance(kind, list) and "object" in kind)


def _mapped(schema: Json, change: Any) -> Json:
    made: Json = {}
    for key, value in schema.items():
        if key in _SCHEMA_MAPS and isinstance(value, dict):
            made[key] = {name: change(inner) if isinstance(inner, dict) else inner for name, inner in value.items()}
        elif key in _SCHEMA_LISTS and isinstance(value, list):
            made[key] = [change(inner) if isinstance(inner, dict) else inner for inner in value]
        elif key in _SCHEMAS and isinstance(value, dict):
            made[key] = change(value)
        else:
            made[key] = value
    return made
