"""Reads a provider's JSON, which is mostly right: what is wrong shows as `BadProviderAnswer`."""

from typing import Any, Final

import orjson

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.chat import Json

INVALID_JSON: Final = "INVALID_JSON"
"""The key under which arguments that are no JSON object are handed on, as Anthropic's documentation suggests:
https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming"""


def text_of(value: Any) -> str:
    """Return a string; null and absent are empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise BadProviderAnswer("the provider's answer has something else where text belongs")


def name_of(function: Json) -> str:
    """Return the name of the tool that is called."""
    name = text_of(function.get("name"))
    if not name:
        raise BadProviderAnswer("the provider's answer calls a tool without a name")
    return name


def event_of(data: bytes) -> Json:
    """Return the object that an event of a stream holds."""
    try:
        told = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadProviderAnswer("the provider sent an event that is not valid JSON") from None
    if isinstance(told, dict):
        return told
    raise BadProviderAnswer("the provider sent an event that is no object")


def count_of(counts: Json, key: str) -> int:
    """Return a count of tokens; null and absent are 0."""
    held = counts.get(key) or 0
    if isinstance(held, int) and held >= 0:
        return int(held)
    raise BadProviderAnswer("the provider's answer has something else where a count belongs")


def span_in(page: Json) -> tuple[int, int] | None:
    """Return the stretch of a text that rests on a page; None where it is not told, or no stretch."""
    start, end = page.get("start_index"), page.get("end_index")
    return (start, end) if isinstance(start, int) and isinstance(end, int) and 0 <= start < end else None


def arguments_of(text: str) -> Json:
    """Return a tool's arguments as an object: none are an empty one, and what is no object is wrapped, to be seen."""
    if not text.strip():
        return {}
    try:
        arguments = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {INVALID_JSON: text}
    if arguments is None:
        return {}
    return arguments if isinstance(arguments, dict) else {INVALID_JSON: text}
