"""Google's own form of schemas, made into JSON Schema, which every other dialect takes.

Google's is a part of OpenAPI 3.0 with types in capitals; newer fields of the API take JSON Schema itself.
https://ai.google.dev/api/caching#Schema
"""

from typing import Any, Final

from plano_extproc.translate.apis.gemini_generate.fields import camel
from plano_extproc.translate.chat import Json

_SCHEMAS: Final = frozenset({"items", "additionalProperties"})
_LISTS: Final = frozenset({"anyOf", "prefixItems"})
_MAPS: Final = frozenset({"properties", "defs"})
_NUMBERS: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_LEFT_OUT: Final = frozenset({"nullable", "propertyOrdering"})
_NO_TYPE: Final = "TYPE_UNSPECIFIED"
_RENAMED: Final = {"example": "examples", "defs": "$defs", "ref": "$ref"}


def json_schema(schema: Json) -> Json:
    """Return the schema as JSON Schema; what is that already stays as it is."""
    told = camel(schema)
    made: Json = {
        _RENAMED.get(key, key): _value(key, held)
        for key, held in told.items()
        if key not in _LEFT_OUT and held != _NO_TYPE
    }
    if told.get("nullable") is True:
        return _nullable(made)
    return made


def _value(key: str, held: Any) -> Any:
    if key == "type" and isinstance(held, str):
        return held.lower()
    if key in _SCHEMAS and isinstance(held, dict):
        return json_schema(held)
    if key in _LISTS and isinstance(held, list):
        return [json_schema(inner) if isinstance(inner, dict) else inner for inner in held]
    if key in _MAPS and isinstance(held, dict):
        return {name: json_schema(inner) if isinstance(inner, dict) else inner for name, inner in held.items()}
    if key in _NUMBERS and isinstance(held, str) and held.isdecimal():
        # In Google's JSON, whole numbers of 64 bits are strings.
        return int(held)
    return [held] if key == "example" else held


def _nullable(made: Json) -> Json:
    if "enum" in made and isinstance(made["enum"], list) and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    elif isinstance(made.get("anyOf"), list):
        made["anyOf"] = [*made["anyOf"], {"type": "null"}]
    return made
