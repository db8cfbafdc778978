"""Tools and the choice between them, in OpenAI's chat, both ways."""

from typing import Any, Final

from plano_extproc.translate import shape
from plano_extproc.translate.chat import CacheMark, Json, Request, Tool, ToolChoice, WebSearch
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.shape import at, refuse

_TOOL_FIELDS: Final = frozenset({"type", "function", "cache_control"})
_FUNCTION_FIELDS: Final = frozenset({"name", "description", "parameters", "strict"})
_NO_PARAMETERS: Final[Json] = {"type": "object", "properties": {}}


def read_tools(body: Json, losses: Losses) -> tuple[Tool, ...]:
    """Return the functions that the request offers; tools of other types are lost, by name of their type."""
    tools: list[Tool] = []
    for position, value in enumerate(shape.optional_list(body, "tools")):
        where = f"tools[{position}]"
        tool = shape.required_object(value, where)
        if tool.get("type", "function") != "function":
            losses.add(f"tools[{tool['type']}]")
            continue
        losses.unknown(tool, _TOOL_FIELDS, "tools[]")
        place = at(where, "function")
        function = shape.required_object(tool.get("function"), place)
        losses.unknown(function, _FUNCTION_FIELDS, "tools[].function")
        mark = shape.optional_object(tool, "cache_control", where)
        tools.append(
            Tool(
                name=shape.required_text(function, "name", place),
                description=shape.optional_text(function, "description", place),
                schema=shape.optional_object(function, "parameters", place),
                strict=shape.optional_flag(function, "strict", place),
                cache=None if mark is None else CacheMark(shape.optional_text(mark, "ttl", where)),
            )
        )
    return tuple(tools)


def read_tool_choice(body: Json, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """Return the tools that may be chosen, and the choice."""
    choice: Any = body.get("tool_choice")
    match choice:
        case None:
            return tools, None
        case "auto" | "none" | "required":
            return tools, ToolChoice(choice)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "function", "name": str(name)}:
            return tools, ToolChoice("tool", name)
        case {
            "type": "allowed_tools",
            "allowed_tools": {"mode": ("auto" | "required") as mode, "tools": list(allowed)},
        }:
            names = {_allowed_name(entry, position) for position, entry in enumerate(allowed)}
            return tuple(tool for tool in tools if tool.name in names), ToolChoice(mode)
    raise refuse("tool_choice", "must be auto, none, required, or an object that names a function")


def _allowed_name(entry: object, position: int) -> str:
    match entry:
        case {"function": {"name": str(name)}}:
            return name
    raise refuse(f"tool_choice.allowed_tools.tools[{position}]", "must name a function")


def read_web_search(body: Json, losses: Losses) -> WebSearch | None:
    """Return what `web_search_options` asks for."""
    options = shape.optional_object(body, "web_search_options")
    if options is None:
        return None
    losses.unknown(options, frozenset({"user_location"}), "web_search_options")
    location = shape.optional_object(options, "user_location", "web_search_options") or {}
    return WebSearch(shape.optional_object(location, "approximate", "web_search_options.user_location"))


def write_tools(request: Request, *, cache_control: bool, losses: Losses) -> Json:
    """Return the fields of a request that are about tools."""
    body: Json = {}
    if request.tools:
        body["tools"] = [_tool(tool, cache_control, losses) for tool in request.tools]
    if request.web_search:
        approximate = {k: v for k, v in (request.web_search.location or {}).items() if v is not None}
        location = {"type": "approximate", "approximate": approximate}
        body["web_search_options"] = {"user_location": location} if approximate else {}
    if not request.tools:
        # A choice between no tools is refused by most providers.
        return body
    choice = request.tool_choice
    if choice:
        is_named = choice.mode == "tool"
        body["tool_choice"] = {"type": "function", "function": {"name": choice.tool}} if is_named else choice.mode
    if request.parallel_tools is not None:
        body["parallel_tool_calls"] = request.parallel_tools
    return body


def _tool(tool: Tool, cache_control: bool, losses: Losses) -> Json:
    function: Json = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = _NO_PARAMETERS if tool.schema is None else tool.schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    made: Json = {"type": "function", "function": function}
    if tool.cache and cache_control:
        made["cache_control"] = cache_marker(tool.cache)
    elif tool.cache:
        losses.field("cache")
    return made


def cache_marker(mark: CacheMark) -> Json:
    """Return a cache marker, as those of OpenAI's kin that know it write it."""
    return {"type": "ephemeral"} if mark.ttl is None else {"type": "ephemeral", "ttl": mark.ttl}
