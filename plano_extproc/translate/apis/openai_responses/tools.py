"""Tools and the choice between them, in OpenAI's Responses, both ways.

Two kinds of tools have no word in other dialects. A custom tool takes free text, and becomes a function with one
string. A namespace groups tools, which become functions named after both. `Names` knows the way back, by which the
caller finds its own tools again in the answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from plano_extproc.translate import shape
from plano_extproc.translate.chat import Json, Request, Tool, ToolChoice, WebSearch
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.shape import at, refuse

CUSTOM_INPUT: Final = "input"
"""The one argument of the function that a custom tool becomes."""

_NO_PARAMETERS: Final[Json] = {"type": "object", "properties": {}}
_FUNCTION_FIELDS: Final = frozenset({"type", "name", "description", "parameters", "strict", "function"})
_CUSTOM_FIELDS: Final = frozenset({"type", "name", "description", "format"})
_SEARCH_FIELDS: Final = frozenset({"type", "user_location"})
_WEB_SEARCH: Final = "web_search"
_TOP_LEVEL: Final = "functions"
"""The namespace in which the callers' own tools are by default."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a function is to the caller."""

    name: str
    namespace: str | None = None
    is_custom: bool = False


class Names:
    """The names of a request's tools, both ways. Reads what it understands and raises nothing."""

    def __init__(self, body: Json) -> None:
        """Name the tools that the request `body` offers: those outside of namespaces keep their names."""
        self._origins: dict[str, Origin] = {}
        self._flat: dict[tuple[str | None, str], str] = {}
        offered = sorted(_names(body), key=lambda origin: origin.namespace is not None)
        for origin in offered:
            key = (origin.namespace, origin.name)
            if key not in self._flat:
                self._flat[key] = flat = self._free(_joined(*key))
                self._origins[flat] = origin

    def flat(self, name: str, namespace: str | None) -> str:
        """Return the name by which other dialects know a tool."""
        return self._flat.get((namespace, name)) or _joined(namespace, name)

    def origin(self, flat: str) -> Origin:
        """Return what a function is to the caller."""
        return self._origins.get(flat) or Origin(flat)

    def _free(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._origins:
            name, number = f"{wanted}_{number}", number + 1
        return name


def _joined(namespace: str | None, name: str) -> str:
    if namespace in (None, "", _TOP_LEVEL):
        return name
    return f"{namespace}{name}" if str(namespace).endswith("__") else f"{namespace}__{name}"


def _names(body: Json) -> Iterator[Origin]:
    for tools in (body.get("tools"), *(tools for _, tools in _additional(body))):
        yield from _named(tools, None)


def _named(tools: Any, namespace: str | None) -> Iterator[Origin]:
    for tool in tools if isinstance(tools, list) else ():
        match tool:
            case {"type": "namespace", "name": str(name), "tools": inner} if namespace is None:
                yield from _named(inner, name)
            case {"type": "function" | "custom" as kind, "name": str(name)}:
                yield Origin(name, namespace, kind == "custom")
            case {"function": {"name": str(name)}} | {"name": str(name)}:
                yield Origin(name, namespace)


def _additional(body: Json) -> Iterator[tuple[str, Any]]:
    """Yield tools that the conversation itself brings along."""
    items = body.get("input")
    for position, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("type") == "additional_tools":
            yield f"input[{position}].tools", item.get("tools")


def read_tools(body: Json, names: Names, losses: Losses) -> tuple[tuple[Tool, ...], WebSearch | None]:
    """Return the tools that the caller runs, and whether the web is searched.

    Other tools that the provider runs or defines are lost, by name of their type.
    """
    reader = _Reader(names, losses)
    reader.read(shape.optional_list(body, "tools"), "tools", None)
    for where, tools in _additional(body):
        reader.read(shape.required_list(tools, where), where, None)
    return tuple(reader.tools.values()), reader.search


class _Reader:
    def __init__(self, names: Names, losses: Losses) -> None:
        self.tools: dict[str, Tool] = {}
        self.search: WebSearch | None = None
        self._names = names
        self._losses = losses

    def read(self, tools: list[Any], where: str, namespace: str | None) -> None:
        for position, value in enumerate(tools):
            place = f"{where}[{position}]"
            tool = shape.required_object(value, place)
            kind = shape.optional_text(tool, "type", place) or "function"
            if kind == "function":
                self._function(tool, place, namespace)
            elif kind == "custom":
                self._custom(tool, place, namespace)
            elif kind == "namespace":
                if namespace is not None:
                    raise refuse(place, "a namespace cannot hold another one")
                name = shape.required_text(tool, "name", place)
                self.read(shape.required_list(tool.get("tools"), at(place, "tools")), at(place, "tools"), name)
            elif kind.startswith(_WEB_SEARCH):
                self._losses.unknown(tool, _SEARCH_FIELDS, "tools[]")
                location = dict(shape.optional_object(tool, "user_location", place) or {})
                location.pop("type", None)
                self.search = WebSearch({key: held for key, held in location.items() if held is not None} or None)
            else:
                self._losses.add(f"tools[{kind}]")

    def _function(self, tool: Json, where: str, namespace: str | None) -> None:
        self._losses.unknown(tool, _FUNCTION_FIELDS, "tools[]")
        # Many clients send chat's form, in which the function stands one level deeper.
        function = shape.optional_object(tool, "function", where)
        place, function = (where, tool) if function is None else (at(where, "function"), function)
        name = self._names.flat(shape.required_text(function, "name", place), namespace)
        self.tools[name] = Tool(
            name=name,
            description=shape.optional_text(function, "description", place),
            schema=shape.optional_object(function, "parameters", place),
            strict=shape.optional_flag(function, "strict", place),
        )

    def _custom(self, tool: Json, where: str, namespace: str | None) -> None:
        self._losses.unknown(tool, _CUSTOM_FIELDS, "tools[]")
        name = self._names.flat(shape.required_text(tool, "name", where), namespace)
        form = shape.optional_object(tool, "format", where) or {}
        text: Json = {"type": "string"}
        if form.get("type") == "grammar":
            syntax = shape.required_text(form, "syntax", at(where, "format"))
            definition = shape.required_text(form, "definition", at(where, "format"))
            text["description"] = f"Text that follows this {syntax} grammar:\n{definition}"
        schema = {"type": "object", "properties": {CUSTOM_INPUT: text}, "required": [CUSTOM_INPUT]}
        self.tools[name] = Tool(
            name=name,
            description=shape.optional_text(tool, "description", where),
            schema={**schema, "additionalProperties": False},
        )


def read_tool_choice(
    body: Json, names: Names, tools: tuple[Tool, ...], losses: Losses
) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """Return the tools that may be chosen, and the choice. To force a tool of the provider's own is lost."""
    choice: Any = body.get("tool_choice")
    match choice:
        case None:
            return tools, None
        case "auto" | "none" | "required":
            return tools, ToolChoice(choice)
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(entries)}:
            allowed = {name for entry in entries if (name := _chosen(entry, names))}
            return tuple(tool for tool in tools if tool.name in allowed), ToolChoice(mode)
        case {"type": str(kind)}:
            if name := _chosen(choice, names):
                return tools, ToolChoice("tool", name)
            if kind not in ("function", "custom", "allowed_tools"):
                losses.add("tool_choice")
                return tools, None
    raise refuse("tool_choice", "must be auto, none, required, or an object that names a tool")


def _chosen(entry: Any, names: Names) -> str:
    match entry:
        case {"type": "function" | "custom", "name": str(name)} | {"type": "function", "function": {"name": str(name)}}:
            namespace = entry.get("namespace")
            return names.flat(name, namespace if isinstance(namespace, str) else None)
    return ""


def write_tools(request: Request, losses: Losses) -> Json:
    """Return the fields of a request that are about tools."""
    tools = [_write_tool(tool, losses) for tool in request.tools]
    if request.web_search:
        search: Json = {"type": _WEB_SEARCH}
        if location := {k: v for k, v in (request.web_search.location or {}).items() if v is not None}:
            search["user_location"] = {"type": "approximate", **location}
        tools.append(search)
    if not tools:
        # A choice between no tools is refused.
        return {}
    body: Json = {"tools": tools}
    choice = request.tool_choice
    if choice:
        body["tool_choice"] = {"type": "function", "name": choice.tool} if choice.mode == "tool" else choice.mode
    if request.parallel_tools is not None:
        body["parallel_tool_calls"] = request.parallel_tools
    return body


def _write_tool(tool: Tool, losses: Losses) -> Json:
    made: Json = {"type": "function", "name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    made["parameters"] = _NO_PARAMETERS if tool.schema is None else tool.schema
    # What is not said means strict here, and the contrary everywhere else.
    made["strict"] = tool.strict or False
    if tool.cache:
        losses.field("cache")
    return made
