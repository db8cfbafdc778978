"""A request of Anthropic's Messages, read.

Both generations of clients are understood: the system prompt may be a field, or messages of role `system`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from plano_extproc.translate import shape
from plano_extproc.translate.apis.anthropic_messages.tools import read_tool_choice, read_tools
from plano_extproc.translate.chat import (
    Block,
    CacheMark,
    Citation,
    File,
    Image,
    Inline,
    Json,
    Link,
    Message,
    OutputSchema,
    Plain,
    Reasoning,
    RedactedThinking,
    Request,
    Role,
    Stored,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import EFFORTS
from plano_extproc.translate.shape import at, refuse


def decode_request(body: Json, losses: Losses) -> Request:
    """Return what a request asks for. Raises `InvalidRequest` that names the field of a wrong shape."""
    losses.unknown(body, _FIELDS)
    messages: list[Message] = []
    if (system := body.get("system")) is not None:
        messages.append(Message("system", tuple(_content(system, "system", losses))))
    turns = shape.required_list(body.get("messages"), "messages")
    messages += [_message(turn, f"messages[{i}]", losses) for i, turn in enumerate(turns)]
    metadata = shape.optional_object(body, "metadata") or {}
    losses.unknown(metadata, frozenset({"user_id"}), "metadata")
    config = shape.optional_object(body, "output_config") or {}
    losses.unknown(config, frozenset({"effort", "format"}), "output_config")
    tools, web_search = read_tools(body, losses)
    choice, parallel = read_tool_choice(body)
    return Request(
        model=shape.optional_text(body, "model") or "",
        messages=tuple(messages),
        stream=shape.optional_flag(body, "stream") or False,
        include_usage=True,
        max_tokens=shape.optional_integer(body, "max_tokens"),
        temperature=shape.optional_number(body, "temperature"),
        top_p=shape.optional_number(body, "top_p"),
        top_k=shape.optional_integer(body, "top_k"),
        stop=shape.texts(shape.optional_list(body, "stop_sequences"), "stop_sequences"),
        tools=tools,
        web_search=web_search,
        tool_choice=choice,
        parallel_tools=parallel,
        output=_output(config, body, losses),
        reasoning=_reasoning(body, config, losses),
        user=shape.optional_text(metadata, "user_id", "metadata"),
        knobs=_knobs(body, losses),
    )


def _knobs(body: Json, losses: Losses) -> Json:
    match shape.optional_text(body, "service_tier"):
        case None | "auto":
            return {}
        case "standard_only":
            return {"service_tier": "default"}
        case _:
            losses.add("service_tier")
            return {}


def _output(config: Json, body: Json, losses: Losses) -> OutputSchema | None:
    # `output_format` is the name that the field had while it was a beta.
    form = shape.optional_object(config, "format", "output_config") or shape.optional_object(body, "output_format")
    if form is None:
        return None
    losses.unknown(form, frozenset({"type", "schema", "name"}), "output_config.format")
    if form.get("type") != "json_schema":
        raise refuse("output_config.format.type", "must be json_schema")
    return OutputSchema(shape.required_object(form.get("schema"), "output_config.format.schema"))


def _reasoning(body: Json, config: Json, losses: Losses) -> Reasoning | None:
    effort = shape.optional_text(config, "effort", "output_config")
    if effort is not None and effort not in EFFORTS:
        raise refuse("output_config.effort", f"must be one of {', '.join(EFFORTS[2:])}")
    thinking = shape.optional_object(body, "thinking")
    losses.unknown(thinking or {}, frozenset({"type", "budget_tokens", "display"}), "thinking")
    if thinking is None:
        return None if effort is None else Reasoning("adaptive", effort)
    kind = thinking.get("type")
    if kind == "disabled":
        return Reasoning("off")
    summary = None if thinking.get("display") == "omitted" else "auto"
    if kind == "enabled":
        return Reasoning("on", effort, shape.optional_integer(thinking, "budget_tokens", "thinking"), summary)
    if not isinstance(kind, str):
        raise refuse("thinking.type", "a string is required")
    return Reasoning("adaptive", effort, summary=summary)


def _message(value: Any, where: str, losses: Losses) -> Message:
    turn = shape.required_object(value, where)
    role = turn.get("role")
    if role not in _ROLES:
        raise refuse(at(where, "role"), f"must be one of {', '.join(_ROLES)}")
    losses.unknown(turn, _TURN_FIELDS, "messages[]")
    known: Role = role
    return Message(known, tuple(_content(turn.get("content"), at(where, "content"), losses)))


def _content(content: Any, where: str, losses: Losses) -> list[Block]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    if not isinstance(content, list):
        raise refuse(where, "a string or a list of blocks is required")
    blocks: list[Block] = []
    for position, value in enumerate(content):
        place = f"{where}[{position}]"
        blocks += _block(shape.required_object(value, place), place, losses)
    return blocks


def _block(block: Json, where: str, losses: Losses) -> list[Block]:
    kind = block.get("type")
    if not isinstance(kind, str):
        raise refuse(at(where, "type"), "a string is required")
    found = _BLOCKS.get(kind)
    if found is None:
        if kind.endswith(_HOSTED):
            return [Text(_summary(kind, block))]
        raise refuse(where, f"a block of type '{kind}' cannot be translated for this provider")
    read, known = found
    losses.unknown(block, known, "messages[].content[]")
    return read(block, where, losses)


def _text(block: Json, where: str, losses: Losses) -> list[Block]:
    text = shape.required_text(block, "text", where)
    told = shape.optional_list(block, "citations", where)
    sources = [
        _source_of(shape.required_object(cited, f"{where}.citations[{position}]"))
        for position, cited in enumerate(told)
    ]
    if None in sources:
        losses.field("citations")
    cited = tuple(source for source in sources if source is not None)
    return [Text(text, _cache(block, where), cited)] if text else []


def _source_of(cited: Json) -> Citation | None:
    url = cited.get("url")
    return Citation(url, str(cited.get("title") or "")) if isinstance(url, str) and url else None


def _image(block: Json, where: str, _: Losses) -> list[Block]:
    place = at(where, "source")
    source = shape.required_object(block.get("source"), place)
    read = _SOURCES.get(str(source.get("type")))
    if read is None:
        raise refuse(at(place, "type"), f"must be one of {', '.join(_SOURCES)}")
    return [Image(read(source, place), None, _cache(block, where), where)]


def _document(block: Json, where: str, losses: Losses) -> list[Block]:
    place = at(where, "source")
    source = shape.required_object(block.get("source"), place)
    title = shape.optional_text(block, "title", where)
    cache = _cache(block, where)
    kind = source.get("type")
    if kind == "content":
        return _content(source.get("content"), at(place, "content"), losses)
    if kind == "text":
        return [File(Plain(shape.required_text(source, "data", place)), title, cache, where)]
    read = _SOURCES.get(str(kind))
    if read is None:
        raise refuse(at(place, "type"), f"must be one of text, content, {', '.join(_SOURCES)}")
    return [File(read(source, place), title, cache, where)]


def _search_result(block: Json, where: str, losses: Losses) -> list[Block]:
    heading = f"{shape.required_text(block, 'title', where)} ({shape.required_text(block, 'source', where)})"
    found = _content(block.get("content"), at(where, "content"), losses)
    words = [heading, *(item.text for item in found if isinstance(item, Text))]
    return [Text("\n".join(words), _cache(block, where))]


def _tool_reference(block: Json, where: str, _: Losses) -> list[Block]:
    return [Text(shape.required_text(block, "tool_name", where))]


def _tool_use(block: Json, where: str, _: Losses) -> list[Block]:
    arguments = block.get("input")
    return [
        ToolUse(
            id=shape.required_text(block, "id", where),
            name=shape.required_text(block, "name", where),
            input={} if arguments is None else shape.required_object(arguments, at(where, "input")),
            cache=_cache(block, where),
        )
    ]


def _tool_result(block: Json, where: str, losses: Losses) -> list[Block]:
    held = block.get("content")
    content: list[Text | Image | File] = []
    for item in () if held is None else _content(held, at(where, "content"), losses):
        if not isinstance(item, Text | Image | File):
            raise refuse(at(where, "content"), "the result of a tool holds text, images and documents only")
        content.append(item)
    return [
        ToolResult(
            id=shape.required_text(block, "tool_use_id", where),
            content=tuple(content),
            is_error=shape.optional_flag(block, "is_error", where) or False,
            cache=_cache(block, where),
        )
    ]


def _thinking(block: Json, where: str, _: Losses) -> list[Block]:
    signature = shape.optional_text(block, "signature", where)
    return [Thinking(shape.optional_text(block, "thinking", where) or "", signature or None)]


def _redacted(block: Json, where: str, _: Losses) -> list[Block]:
    return [RedactedThinking(shape.required_text(block, "data", where))]


def _cache(value: Json, where: str) -> CacheMark | None:
    mark = shape.optional_object(value, "cache_control", where)
    return None if mark is None else CacheMark(shape.optional_text(mark, "ttl", at(where, "cache_control")))


def _inline(source: Json, where: str) -> Inline:
    media_type = shape.required_text(source, "media_type", where)
    return Inline(media_type, shape.required_text(source, "data", where))


def _link(source: Json, where: str) -> Link:
    return Link(shape.required_text(source, "url", where))


def _stored(source: Json, where: str) -> Stored:
    return Stored(shape.required_text(source, "file_id", where))


def _summary(kind: str, block: Json) -> str:
    """Return in words what a tool of the provider was asked or answered: another provider cannot replay it."""
    if "input" in block:
        return f"\n[{block.get('name') or kind} {orjson.dumps(block['input']).decode()}]\n"
    content = block.get("content")
    found = [content] if isinstance(content, dict) else content if isinstance(content, list) else []
    told = [_told(item) for item in found if isinstance(item, dict)]
    return f"\n[{kind}: {'; '.join(text for text in told if text)}]\n"


def _told(item: Json) -> str:
    # What else a result holds is for its provider's eyes, and often long.
    parts = (item.get(key) for key in ("title", "url", "text", "stdout", "stderr", "error_code"))
    return " ".join(part for part in parts if isinstance(part, str) and part)


_FIELDS: Final = frozenset(
    {
        "model", "messages", "system", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "stream",
        "tools", "tool_choice", "thinking", "output_config", "output_format", "metadata",
        "service_tier",
    }
)  # fmt: skip
_TURN_FIELDS: Final = frozenset({"role", "content"})
_ROLES: Final = ("user", "assistant", "system")
_HOSTED: Final = ("server_tool_use", "mcp_tool_use", "_tool_result")
"""How the types of blocks end that tell of tools which the provider itself runs."""

_Read = Callable[[Json, str, Losses], list[Block]]
_BLOCKS: Final[Mapping[str, tuple[_Read, frozenset[str]]]] = {
    "text": (_text, frozenset({"type", "text", "cache_control", "citations"})),
    "image": (_image, frozenset({"type", "source", "cache_control"})),
    "document": (_document, frozenset({"type", "source", "title", "cache_control"})),
    "search_result": (_search_result, frozenset({"type", "source", "title", "content", "cache_control"})),
    "tool_reference": (_tool_reference, frozenset({"type", "tool_name"})),
    "tool_use": (_tool_use, frozenset({"type", "id", "name", "input", "cache_control"})),
    "tool_result": (_tool_result, frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"})),
    "thinking": (_thinking, frozenset({"type", "thinking", "signature"})),
    "redacted_thinking": (_redacted, frozenset({"type", "data"})),
}
_SOURCES: Final[Mapping[str, Callable[[Json, str], Inline | Link | Stored]]] = {
    "base64": _inline,
    "url": _link,
    "file": _stored,
}
