"""Tools and the choice between them, in Gemini's API, both ways."""

from typing import Any, Final

from plano_extproc.translate import shape
from plano_extproc.translate.apis.gemini_generate.fields import items_of, object_of, optional_object
from plano_extproc.translate.apis.gemini_generate.schema import json_schema
from plano_extproc.translate.chat import Json, Request, Tool, ToolChoice, WebSearch
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.shape import at, refuse

_SEARCHES: Final = ("googleSearch", "googleSearchRetrieval", "enterpriseWebSearch")
_FUNCTION_FIELDS: Final = frozenset({"name", "description", "parameters", "parametersJsonSchema"})
_MODES: Final = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none", "MODE_UNSPECIFIED": "auto"}


def read_tools(body: Json, losses: Losses) -> tuple[tuple[Tool, ...], WebSearch | None]:
    """Return the functions that the caller runs, and whether the web is searched; Google's other tools are lost."""
    tools: list[Tool] = []
    search: WebSearch | None = None
    for position, value in enumerate(items_of(body.get("tools"), "tools")):
        where = f"tools[{position}]"
        tool = object_of(value, where)
        for kind in tool:
            if kind in _SEARCHES:
                search = WebSearch()
            elif kind != "functionDeclarations":
                losses.add(f"tools[{kind}]")
        place = at(where, "functionDeclarations")
        for number, declared in enumerate(items_of(tool.get("functionDeclarations"), place)):
            tools.append(_read_function(declared, f"{place}[{number}]", losses))
    return tuple(tools), search


def _read_function(value: Any, where: str, losses: Losses) -> Tool:
    function = object_of(value, where)
    losses.unknown(function, _FUNCTION_FIELDS, "tools[].functionDeclarations[]")
    schema = shape.optional_object(function, "parametersJsonSchema", where)
    if schema is None:
        parameters = shape.optional_object(function, "parameters", where)
        schema = None if parameters is None else json_schema(parameters)
    return Tool(
        name=shape.required_text(function, "name", where),
        description=shape.optional_text(function, "description", where),
        schema=schema,
    )


def read_tool_choice(body: Json, tools: tuple[Tool, ...], losses: Losses) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """Return the tools that may be chosen, and the choice."""
    config = optional_object(body, "toolConfig")
    losses.unknown(config, frozenset({"functionCallingConfig"}), "toolConfig")
    where = "toolConfig.functionCallingConfig"
    calling = optional_object(config, "functionCallingConfig", "toolConfig")
    losses.unknown(calling, frozenset({"mode", "allowedFunctionNames"}), where)
    if not calling:
        return tools, None
    told = shape.optional_text(calling, "mode", where) or "AUTO"
    mode = _MODES.get(told.upper())
    allowed = shape.texts(shape.optional_list(calling, "allowedFunctionNames", where), f"{where}.allowedFunctionNames")
    if mode is None:
        raise refuse(at(where, "mode"), f"must be one of {', '.join(_MODES)}")
    if mode == "none":
        return tools, ToolChoice("none")
    if mode == "required" and len(allowed) == 1:
        return tools, ToolChoice("tool", allowed[0])
    choosable = tuple(tool for tool in tools if tool.name in allowed) if allowed else tools
    return choosable, ToolChoice("required" if mode == "required" else "auto")


def write_tools(request: Request, losses: Losses) -> Json:
    """Return the fields of a request that are about tools."""
    body: Json = {}
    if request.web_search and not request.tools:
        body["tools"] = [{"googleSearch": {}}]
        if request.web_search.location:
            losses.field("web_search_location")
    elif request.web_search:
        # Most models refuse functions beside Google's own tools.
        losses.field("web_search")
    if not request.tools:
        return body
    body["tools"] = [{"functionDeclarations": [_write_function(tool, losses) for tool in request.tools]}]
    if request.parallel_tools is False:
        losses.field("parallel_tools")
    if request.tool_choice:
        body["toolConfig"] = {"functionCallingConfig": _write_choice(request.tool_choice)}
    return body


def _write_function(tool: Tool, losses: Losses) -> Json:
    made: Json = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    if tool.schema:
        # The other field, `parameters`, knows only a part of JSON Schema, and refuses the rest.
        made["parametersJsonSchema"] = tool.schema if "type" in tool.schema else {"type": "object", **tool.schema}
    if tool.strict:
        losses.field("tools_strict")
    if tool.cache:
        losses.field("cache")
    return made


def _write_choice(choice: ToolChoice) -> Json:
    if choice.mode == "tool":
        return {"mode": "ANY", "allowedFunctionNames": [choice.tool]}
    return {"mode": {"auto": "AUTO", "none": "NONE", "required": "ANY"}[choice.mode]}
