"""Tools and the choice between them, written for Converse."""

from plano_extproc.translate.apis.bedrock_converse.turns import cache_point
from plano_extproc.translate.chat import Json, Request, Tool, ToolResult, ToolUse
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.structured import JSON_TOOL


def write_tools(request: Request, profile: Profile, losses: Losses) -> Json:
    """Return the fields of a request that are about tools.

    A conversation in which tools were called is refused without tools, so they are described again; and `none` is no
    choice that could be made, so that tools are left out for it where they can be.
    """
    if request.web_search:
        losses.field("web_search")
    was_called = _names_in(request)
    if not request.tools or (request.tool_choice and request.tool_choice.mode == "none"):
        if was_called is None:
            return {}
        if request.tools:
            losses.field("tool_choice")
    elif request.parallel_tools is False and not _answers_by_tool(request):
        losses.field("parallel_tools")
    tools = request.tools or tuple(map(_bygone, was_called or ()))
    written = [made for tool in tools for made in _write_tool(tool, profile, losses)]
    choice = _write_choice(request, profile, losses)
    return {"toolConfig": {"tools": written, "toolChoice": choice} if choice else {"tools": written}}


def _names_in(request: Request) -> tuple[str, ...] | None:
    """Return the tools that were called in the conversation; None where it holds neither calls nor results."""
    blocks = [block for message in request.messages for block in message.blocks]
    names = tuple(dict.fromkeys(block.name for block in blocks if isinstance(block, ToolUse)))
    if names:
        return names
    return ("tool",) if any(isinstance(block, ToolResult) for block in blocks) else None


def _bygone(name: str) -> Tool:
    return Tool(name, "No longer offered: it was called earlier, and must not be called again.")


def _answers_by_tool(request: Request) -> bool:
    return any(tool.name == JSON_TOOL for tool in request.tools)


def _write_tool(tool: Tool, profile: Profile, losses: Losses) -> list[Json]:
    schema = tool.schema or {"properties": {}}
    spec: Json = {"name": tool.name}
    if tool.description:
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": schema if "type" in schema else {"type": "object", **schema}}
    if tool.strict:
        losses.field("tools_strict")
    point = cache_point(tool.cache, profile, losses)
    return [{"toolSpec": spec}, point] if point else [{"toolSpec": spec}]


def _write_choice(request: Request, profile: Profile, losses: Losses) -> Json | None:
    # `auto` is the default, and not every model lets it be said.
    choice = request.tool_choice
    if choice is None or not request.tools or choice.mode in ("auto", "none"):
        return None
    if not profile.forced_tools:
        losses.field("output" if _answers_by_tool(request) else "tool_choice")
        return None
    return {"tool": {"name": choice.tool}} if choice.mode == "tool" else {"any": {}}
