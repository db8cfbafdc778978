"""Tools taken out of a request, so that a model cannot call them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from plano_extproc.apis import Api
from plano_extproc.translate.chat import Json

Offered = Callable[[str], bool]
"""Says whether a tool of that name may be offered."""


def without_tools(api: Api, request: Json, may_be_offered: Offered) -> Json:
    """Return the request without the tools that may not be offered; the very same object where all may.

    Without any tool left, what speaks of tools goes too. A choice of one that is gone becomes the model's own choice.
    """
    made = dict(request)
    gone: set[str] = set()

    def may(name: str) -> bool:
        if may_be_offered(name):
            return True
        gone.add(name)
        return False

    for key in ("tools", "functions"):
        if isinstance(request.get(key), list):
            made[key] = [one for tool in request[key] if (one := _LEFT[api](tool, may)) is not None]
            if not made[key]:
                del made[key]
    if api == "anthropic.messages" and isinstance(request.get("mcp_servers"), list):
        made["mcp_servers"] = [one for one in request["mcp_servers"] if not isinstance(one, dict) or may(_name(one))]
    if not gone:
        return request
    return _chosen(made, gone)


def _chosen(request: Json, gone: set[str]) -> Json:
    """Take out what names a tool that is gone."""
    if "tools" not in request and "functions" not in request:
        return {key: value for key, value in request.items() if key not in _OF_TOOLS}
    return {key: value for key, value in request.items() if key not in _CHOICES or not gone & set(_words(value))}


def _words(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _words(one)
        case list():
            for one in value:
                yield from _words(one)


def _chat(tool: Any, may: Offered) -> Any:
    if not isinstance(tool, dict):
        return tool
    held = next((tool[key] for key in ("function", "custom") if isinstance(tool.get(key), dict)), tool)
    return tool if may(_name(held) or str(tool.get("type", ""))) else None


def _flat(tool: Any, may: Offered) -> Any:
    """Look at a tool of Anthropic's or of Responses: its name, or its type where it is the provider's own."""
    if not isinstance(tool, dict):
        return tool
    if isinstance(tool.get("tools"), list):
        inside = [one for held in tool["tools"] if (one := _flat(held, may)) is not None]
        return {**tool, "tools": inside} if inside else None
    name = _name(tool) or str(tool.get("type", "")).removesuffix("_preview")
    return tool if may(name) else None


def _gemini(tool: Any, may: Offered) -> Any:
    if not isinstance(tool, dict):
        return tool
    made: Json = {}
    for key, held in tool.items():
        if key in _DECLARED and isinstance(held, list):
            inside = [one for one in held if not isinstance(one, dict) or may(_name(one))]
            if inside:
                made[key] = inside
        elif may(_snake(key)):
            made[key] = held
    return made or None


def _name(held: Json) -> str:
    name = held.get("name") or held.get("server_label")
    return name if isinstance(name, str) else ""


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


_DECLARED: Final = ("functionDeclarations", "function_declarations")
_CHOICES: Final = ("tool_choice", "function_call", "toolConfig", "tool_config")
_OF_TOOLS: Final = (*_CHOICES, "parallel_tool_calls", "max_tool_calls")

_LEFT: Final[Mapping[Api, Callable[[Any, Offered], Any]]] = {
    "openai.chat": _chat,
    "openai.responses": _flat,
    "anthropic.messages": _flat,
    "gemini.generate": _gemini,
}
"""Return what is left of a tool, None where nothing is."""
