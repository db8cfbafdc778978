"""Tools and the choice between them, in Anthropic's Messages, both ways."""

from typing import Any, Final

from plano_extproc.translate import shape
from plano_extproc.translate.chat import CacheMark, Json, Request, Tool, ToolChoice, WebSearch
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.shape import at, refuse

_TOOL_FIELDS: Final = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})
_SEARCH_FIELDS: Final = frozenset({"type", "name", "user_location", "cache_control"})
_WEB_SEARCH: Final = "web_search_"
_WEB_SEARCH_TYPE: Final = "web_search_20250305"
"""The first version; every model that searches knows it."""


def read_tools(body: Json, losses: Losses) -> tuple[tuple[Tool, ...], WebSearch | None]:
    """Return the tools that the caller runs, and whether the web is searched.

    Other tools that the provider runs or defines are lost, by name of their type.
    """
    tools: list[Tool] = []
    search: WebSearch | None = None
    for position, value in enumerate(shape.optional_list(body, "tools")):
        where = f"tools[{position}]"
        tool = shape.required_object(value, where)
        kind = shape.optional_text(tool, "type", where) or "custom"
        if kind == "custom":
            losses.unknown(tool, _TOOL_FIELDS, "tools[]")
            tools.append(_read_tool(tool, where))
        elif kind.startswith(_WEB_SEARCH):
            losses.unknown(tool, _SEARCH_FIELDS, "tools[]")
            location = dict(shape.optional_object(tool, "user_location", where) or {})
            location.pop("type", None)
            search = WebSearch(location or None)
        else:
            losses.add(f"tools[{kind}]")
    return tuple(tools), search


def _read_tool(tool: Json, where: str) -> Tool:
    mark = shape.optional_object(tool, "cache_control", where)
    return Tool(
        name=shape.required_text(tool, "name", where),
        description=shape.optional_text(tool, "description", where),
        schema=shape.required_object(tool.get("input_schema"), at(where, "input_schema")),
        strict=shape.optional_flag(tool, "strict", where),
        cache=None if mark is None else CacheMark(shape.optional_text(mark, "ttl", where)),
    )


def read_tool_choice(body: Json) -> tuple[ToolChoice | None, bool | None]:
    """Return the choice, and whether several tools may be called at once."""
    choice = shape.optional_object(body, "tool_choice")
    if choice is None:
        return None, None
    single = shape.optional_flag(choice, "disable_parallel_tool_use", "tool_choice")
    parallel = None if single is None else not single
    match choice:
        case {"type": "auto"}:
            return ToolChoice("auto"), parallel
        case {"type": "none"}:
            return ToolChoice("none"), parallel
        case {"type": "any"}:
            return ToolChoice("required"), parallel
        case {"type": "tool", "name": str(name)}:
            return ToolChoice("tool", name), parallel
    raise refuse("tool_choice", "must have the type auto, any, none, or tool with a name")


def write_tools(request: Request, losses: Losses) -> Json:
    """Return the fields of a request that are about tools."""
    tools = [_write_tool(tool, losses) for tool in request.tools]
    if request.web_search:
        search: Json = {"type": _WEB_SEARCH_TYPE, "name": "web_search"}
        if request.web_search.location:
            search["user_location"] = {"type": "approximate", **request.web_search.location}
        tools.append(search)
    if not tools:
        # A choice between no tools is refused.
        return {}
    choice = _write_choice(request)
    return {"tools": tools} if choice is None else {"tools": tools, "tool_choice": choice}


def _write_tool(tool: Tool, losses: Losses) -> Json:
    made: Json = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    schema = tool.schema or {"properties": {}}
    made["input_schema"] = schema if "type" in schema else {"type": "object", **schema}
    if tool.strict:
        losses.field("tools_strict")
    if tool.cache:
        made["cache_control"] = cache_marker(tool.cache)
    return made


def _write_choice(request: Request) -> Json | None:
    choice: ToolChoice | None = request.tool_choice
    is_single = request.parallel_tools is False
    if choice is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if is_single else None
    made: dict[str, Any] = {"type": {"required": "any"}.get(choice.mode, choice.mode)}
    if choice.mode == "tool":
        made["name"] = choice.tool
    if is_single and choice.mode != "none":
        made["disable_parallel_tool_use"] = True
    return made


def cache_marker(mark: CacheMark) -> Json:
    """Write a mark as the field `cache_control`; without a life of its own it lives as long as is usual."""
    return {"type": "ephemeral"} if mark.ttl is None else {"type": "ephemeral", "ttl": mark.ttl}
