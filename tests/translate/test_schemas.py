from plano_extproc.translate.schemas import closed, strict

SCHEMA = {
    "type": "object",
    "properties": {
        "minimum": {"type": "integer", "minimum": 1, "description": "The least"},
        "list": {"type": "array", "items": {"$ref": "#/$defs/Item"}, "minItems": 2},
        "maybe": {"anyOf": [{"type": ["object", "null"], "properties": {"a": {"type": "string"}}}]},
    },
    "required": ["minimum"],
    "$defs": {"Item": {"properties": {"b": {"const": {"maxLength": 3}}}}},
}


def test_closed_turns_limits_into_words() -> None:
    assert closed(SCHEMA) == {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "description": "The least (minimum: 1)"},
            "list": {"type": "array", "items": {"$ref": "#/$defs/Item"}, "description": "minItems: 2"},
            "maybe": {
                "anyOf": [
                    {"type": ["object", "null"], "properties": {"a": {"type": "string"}}, "additionalProperties": False}
                ]
            },
        },
        "required": ["minimum"],
        "$defs": {"Item": {"properties": {"b": {"const": {"maxLength": 3}}}, "additionalProperties": False}},
        "additionalProperties": False,
    }


def test_strict_requires_every_property_and_keeps_limits() -> None:
    made = strict(SCHEMA)

    assert made["required"] == ["minimum", "list", "maybe"]
    assert made["properties"]["minimum"] == {"type": "integer", "minimum": 1, "description": "The least"}
    assert made["$defs"]["Item"]["required"] == ["b"]
    assert made["$defs"]["Item"]["properties"]["b"] == {"const": {"maxLength": 3}}


def test_the_callers_schema_is_not_changed() -> None:
    before = repr(SCHEMA)
    closed(SCHEMA)
    strict(SCHEMA)

    assert repr(SCHEMA) == before


def test_the_result_is_stable() -> None:
    assert closed(closed(SCHEMA)) == closed(SCHEMA)
    assert strict(strict(SCHEMA)) == strict(SCHEMA)
