"""A call of a tool, read from an answer of any dialect that clients speak."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from plano_extproc.translate.chat import Json


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the tool's name, and what it is called with, as JSON text or whatever the model wrote."""

    name: str
    arguments: str = ""


Judge = Callable[[Call], bool]
"""Says whether a call may stay. It may raise a `GatewayError` instead: then the whole answer is refused."""


def of_chat(call: Json) -> Call:
    """Read an entry of `tool_calls`."""
    held: Json = next((call[key] for key in ("function", "custom") if isinstance(call.get(key), dict)), {})
    return of_function(held)


def of_function(held: Json) -> Call:
    """Read the old `function_call`, or the object of that shape in a tool call."""
    return Call(_text(held.get("name")), _text(held.get("arguments", held.get("input"))))


def of_block(block: Json, streamed: str = "") -> Call:
    """Read a content block of Anthropic's; `streamed` is what came of its input in pieces."""
    return Call(_text(block.get("name")), streamed or _text(block.get("input")))


def of_item(item: Json) -> Call:
    """Read an output item of Responses; the provider's own tools are called what their items are."""
    name = _text(item.get("name")) or str(item.get("type")).removesuffix("_call")
    return Call(name, _text(next((item[key] for key in _SAID if item.get(key)), "")))


def of_part(held: Json) -> Call:
    """Read a `functionCall` of Gemini's."""
    return Call(_text(held.get("name")), _text(held.get("args")))


def is_call_block(block: Json) -> bool:
    """Tell whether a content block of Anthropic's calls a tool, of the client's or of the provider's."""
    return str(block.get("type")) in ("tool_use", "server_tool_use", "mcp_tool_use")


def is_call_item(item: Json) -> bool:
    """Tell whether an output item of Responses calls a tool."""
    kind = str(item.get("type"))
    return kind.endswith("_call") or kind == "mcp_approval_request"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode() if value else ""


_SAID: Final = ("arguments", "input", "code", "action", "operation", "queries")
