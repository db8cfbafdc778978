"""Google's JSON, as lenient as its servers: names in camel or snake case, one object in place of a list of one.

https://protobuf.dev/programming-guides/json
"""

from collections.abc import Mapping
from typing import Any, Final

from plano_extproc.translate import shape
from plano_extproc.translate.chat import Json
from plano_extproc.translate.shape import at


def camel(value: Json) -> Json:
    """Return an object of the API with its names in camel case. What a caller names itself must not come here."""
    if not any("_" in key for key in value):
        return value
    return {_camel(key): held for key, held in value.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def object_of(value: Any, where: str) -> Json:
    """Return an object that must be there, with its names in camel case."""
    return camel(shape.required_object(value, where))


def optional_object(value: Json, key: str, where: str = "") -> Json:
    """Return an object with its names in camel case, empty when it is absent or null."""
    held = value.get(key)
    return {} if held is None else object_of(held, at(where, key))


def items_of(value: Any, where: str) -> list[Any]:
    """Return a list; an object stands for a list of one, absent and null for an empty one."""
    if value is None:
        return []
    return [value] if isinstance(value, dict) else shape.required_list(value, where)


def whole_number(value: Json, key: str, where: str) -> int | None:
    """Return a whole number that is not negative; Google's clients may write it with a decimal point."""
    held = value.get(key)
    if isinstance(held, float) and held.is_integer():
        value = {key: int(held)}
    return shape.optional_integer(value, key, where)


SERVICE_TIERS: Final[Mapping[str, str]] = {"standard": "default", "flex": "flex", "priority": "priority"}
TIER_WORDS: Final[Mapping[str | None, str]] = {tier: own for own, tier in SERVICE_TIERS.items()}
"""Google's words for the service tiers of OpenAI's chat, both ways."""

TRAFFIC_TIERS: Final[Mapping[str, str]] = {
    "ON_DEMAND": "default",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
}
"""Vertex AI's words for the same, in answers."""
