"""Values that fit a JSON Schema, taken from a text where it has them."""

import re
from collections.abc import Mapping
from typing import Any

_DEEPEST = 8
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_QUOTED = re.compile(r"[\"'\u201c\u2018]([^\"'\u201c\u201d\u2018\u2019]+)[\"'\u201d\u2019]")
_PLACE = re.compile(r"\b(?:in|at|for|to|from|near|of|and|or)\s+((?:[A-Z][\w'-]*)(?:\s+[A-Z][\w'-]*)*)")
_PLACE_WORDS = ("city", "place", "location", "town", "country", "region", "where")


def arguments(schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Build the arguments of a tool: what it requires, and what else the text speaks of."""
    value = _value(schema, text, "", schema, 0)
    return value if isinstance(value, dict) else {}


def value(schema: Mapping[str, Any], text: str) -> Any:
    """Build any value that the schema allows."""
    return _value(schema, text, "", schema, 0)


def subjects(text: str) -> list[str]:
    """Find what a text is about: quoted words, else names of places, in their order."""
    return [found.strip() for found in _QUOTED.findall(text) or _PLACE.findall(text)]


def _value(schema: Any, text: str, name: str, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return text
    if isinstance(ref := schema.get("$ref"), str):
        return _value(_referred(ref, root), text, name, root, depth + 1)
    for union in ("anyOf", "oneOf", "allOf"):
        if isinstance(members := schema.get(union), list) and members:
            return _value(members[0], text, name, root, depth + 1)
    for fixed in ("const", "default"):
        if fixed in schema:
            return schema[fixed]
    if isinstance(choices := schema.get("enum"), list) and choices:
        return next((choice for choice in choices if str(choice).lower() in text.lower()), choices[0])
    return _typed(schema, text, name, root, depth)


def _typed(schema: Mapping[str, Any], text: str, name: str, root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    match kind or ("object" if "properties" in schema else "string"):
        case "object":
            return _object(schema, text, root, depth)
        case "array":
            return [_value(schema.get("items", {}), text, name, root, depth + 1)]
        case "integer":
            return int(_number(schema, text))
        case "number":
            return _number(schema, text)
        case "boolean":
            return name.lower().replace("_", " ") in text.lower() if name else True
        case "null":
            return None
        case _:
            return _string(schema, text, name)


def _object(schema: Mapping[str, Any], text: str, root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    required = schema.get("required")
    wanted = required if isinstance(required, list) else []
    return {
        name: _value(inner, text, str(name), root, depth + 1)
        for name, inner in properties.items()
        if name in wanted or _is_spoken_of(inner, text)
    }


def _is_spoken_of(schema: Any, text: str) -> bool:
    choices = schema.get("enum") if isinstance(schema, Mapping) else None
    return isinstance(choices, list) and any(str(choice).lower() in text.lower() for choice in choices)


def _number(schema: Mapping[str, Any], text: str) -> float:
    if found := _NUMBER.search(text):
        return float(found.group())
    least = schema.get("minimum", 0)
    return float(least) if isinstance(least, int | float) else 0.0


def _string(schema: Mapping[str, Any], text: str, name: str) -> str:
    if schema.get("format") == "date":
        found = _DATE.search(text)
        return found.group() if found else "2026-01-01"
    about = f"{name} {schema.get('description', '')}".lower()
    if found_subjects := subjects(text):
        return found_subjects[0]
    if any(word in about for word in _PLACE_WORDS):
        return "here"
    return text


def _referred(ref: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for step in ref.removeprefix("#/").split("/"):
        if not isinstance(found, Mapping):
            return {}
        found = found.get(step, {})
    return found
