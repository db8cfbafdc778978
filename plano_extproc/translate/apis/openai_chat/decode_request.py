"""A request of OpenAI's chat, read."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from plano_extproc.translate import shape
from plano_extproc.translate.apis.openai_chat.tools import read_tool_choice, read_tools, read_web_search
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
    Reasoning,
    RedactedThinking,
    Refusal,
    Request,
    Stored,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.failed_tools import says_error
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.media import read_data_uri
from plano_extproc.translate.profile import EFFORTS
from plano_extproc.translate.reading import span_in
from plano_extproc.translate.shape import at, refuse


def decode_request(body: Json, losses: Losses) -> Request:
    """Return what a request asks for. Raises `InvalidRequest` that names the field of a wrong shape."""
    if body.get("functions") or body.get("function_call"):
        raise refuse("functions", "is not translated for this provider; send `tools` and `tool_choice` instead")
    losses.unknown(body, _FIELDS)
    messages = shape.required_list(body.get("messages"), "messages")
    limit = shape.optional_integer(body, "max_completion_tokens")
    options = shape.optional_object(body, "stream_options") or {}
    losses.unknown(options, frozenset({"include_usage", "include_obfuscation"}), "stream_options")
    tools, choice = read_tool_choice(body, read_tools(body, losses))
    form = shape.optional_object(body, "response_format")
    return Request(
        model=shape.optional_text(body, "model") or "",
        messages=tuple(_message(turn, f"messages[{i}]", losses) for i, turn in enumerate(messages)),
        stream=shape.optional_flag(body, "stream") or False,
        include_usage=shape.optional_flag(options, "include_usage", "stream_options") or False,
        max_tokens=shape.optional_integer(body, "max_tokens") if limit is None else limit,
        temperature=shape.optional_number(body, "temperature"),
        top_p=shape.optional_number(body, "top_p"),
        top_k=shape.optional_integer(body, "top_k"),
        stop=_stop(body.get("stop")),
        tools=tools,
        web_search=read_web_search(body, losses),
        tool_choice=choice,
        parallel_tools=shape.optional_flag(body, "parallel_tool_calls"),
        output=_output(form),
        json_mode=form is not None and form.get("type") == "json_object",
        reasoning=_reasoning(body),
        user=shape.optional_text(body, "user") or shape.optional_text(body, "safety_identifier"),
        knobs={key: body[key] for key in KNOBS if _says_something(key, body.get(key))},
    )


def _says_something(key: str, value: Any) -> bool:
    return value is not None and value != _DEFAULTS.get(key)


def _stop(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise refuse("stop", "must be a string or a list of strings")
    return shape.texts(value, "stop")


def _output(form: Json | None) -> OutputSchema | None:
    kind = form.get("type") if form else None
    if form is None or kind in ("text", "json_object"):
        return None
    if kind != "json_schema":
        raise refuse("response_format.type", "must be text, json_object or json_schema")
    where = "response_format.json_schema"
    wanted = shape.required_object(form.get("json_schema"), where)
    schema = shape.optional_object(wanted, "schema", where)
    return OutputSchema(
        schema={"type": "object"} if schema is None else schema,
        name=shape.required_text(wanted, "name", where),
        description=shape.optional_text(wanted, "description", where),
        strict=shape.optional_flag(wanted, "strict", where),
    )


def _reasoning(body: Json) -> Reasoning | None:
    effort = shape.optional_text(body, "reasoning_effort")
    if effort is not None and effort not in EFFORTS:
        raise refuse("reasoning_effort", f"must be one of {', '.join(EFFORTS)}")
    thinking = shape.optional_object(body, "thinking")
    if thinking is None:
        return None if effort is None else Reasoning("off" if effort == "none" else "on", effort)
    # Anthropic's own field, which several clients send beside chat's.
    budget = shape.optional_integer(thinking, "budget_tokens", "thinking")
    match thinking.get("type"):
        case "disabled":
            return Reasoning("off")
        case "enabled":
            return Reasoning("on", effort, budget)
        case _:
            return Reasoning("adaptive", effort)


def _message(value: Any, where: str, losses: Losses) -> Message:
    turn = shape.required_object(value, where)
    role = turn.get("role")
    read = _ROLES.get(role) if isinstance(role, str) else None
    if read is None:
        raise refuse(at(where, "role"), f"must be one of {', '.join(_ROLES)}")
    return read(turn, where, losses)


def _system(turn: Json, where: str, losses: Losses) -> Message:
    losses.unknown(turn, _TURN_FIELDS, "messages[]")
    return Message("system", tuple(_content(turn, where, losses)))


def _user(turn: Json, where: str, losses: Losses) -> Message:
    losses.unknown(turn, _TURN_FIELDS, "messages[]")
    return Message("user", tuple(_content(turn, where, losses)))


def _assistant(turn: Json, where: str, losses: Losses) -> Message:
    losses.unknown(turn, _ASSISTANT_FIELDS, "messages[]")
    for part in ("audio", "function_call"):
        if turn.get(part) is not None:
            raise refuse(at(where, part), "cannot be translated for this provider")
    blocks: list[Block] = []
    for position, value in enumerate(shape.optional_list(turn, "thinking_blocks", where)):
        place = f"{where}.thinking_blocks[{position}]"
        blocks += _part(shape.required_object(value, place), place, losses)
    if not blocks and (said := turn.get("reasoning_content") or turn.get("reasoning")) and isinstance(said, str):
        blocks.append(Thinking(said))
    if turn.get("content") is not None:
        said = _content(turn, where, losses)
        blocks += with_sources(said, read_sources(turn, where))
    if refusal := shape.optional_text(turn, "refusal", where):
        blocks.append(Refusal(refusal))
    for position, value in enumerate(shape.optional_list(turn, "tool_calls", where)):
        place = f"{where}.tool_calls[{position}]"
        blocks.append(_tool_call(shape.required_object(value, place), place, losses))
    return Message("assistant", tuple(blocks))


def read_sources(turn: Json, where: str) -> tuple[Citation, ...]:
    """Return the pages that what the assistant said rests on, as it was told them."""
    pages = [
        shape.required_object(told, f"{where}.annotations[{position}]").get("url_citation")
        for position, told in enumerate(shape.optional_list(turn, "annotations", where))
    ]
    return tuple(
        Citation(page["url"], str(page.get("title") or ""), span_in(page))
        for page in pages
        if isinstance(page, dict) and isinstance(page.get("url"), str)
    )


def with_sources(blocks: list[Block], sources: tuple[Citation, ...]) -> list[Block]:
    """Return the blocks with the sources at the first text."""
    for position, block in enumerate(blocks):
        if sources and isinstance(block, Text):
            return [*blocks[:position], replace(block, citations=sources), *blocks[position + 1 :]]
    return blocks


def _tool(turn: Json, where: str, losses: Losses) -> Message:
    losses.unknown(turn, _TOOL_FIELDS, "messages[]")
    mark = _cache(turn, where)
    content: list[Text | Image | File] = []
    for block in _content(turn, where, losses):
        if not isinstance(block, Text | Image | File):
            raise refuse(at(where, "content"), "the result of a tool holds text, images and files only")
        mark = mark or block.cache
        content.append(Text(block.text) if isinstance(block, Text) else block)
    return Message(
        "user",
        (ToolResult(shape.required_text(turn, "tool_call_id", where), tuple(content), _is_error(content), mark),),
    )


def _is_error(content: list[Text | Image | File]) -> bool:
    return len(content) == 1 and isinstance(content[0], Text) and says_error(content[0].text)


def _tool_call(call: Json, where: str, losses: Losses) -> ToolUse:
    losses.unknown(call, _CALL_FIELDS, "messages[].tool_calls[]")
    if call.get("type", "function") != "function":
        raise refuse(at(where, "type"), "only calls of functions can be translated for this provider")
    function = shape.required_object(call.get("function"), at(where, "function"))
    text = shape.optional_text(function, "arguments", at(where, "function")) or ""
    try:
        arguments = orjson.loads(text) if text.strip() else None
    except orjson.JSONDecodeError as error:
        raise refuse(f"{where}.function.arguments", f"is not valid JSON: {error.msg} at {error.pos}") from None
    return ToolUse(
        id=shape.required_text(call, "id", where),
        name=shape.required_text(function, "name", at(where, "function")),
        input={} if arguments is None else shape.required_object(arguments, f"{where}.function.arguments"),
        cache=_cache(call, where),
    )


def _content(turn: Json, where: str, losses: Losses) -> list[Block]:
    content = turn.get("content")
    if isinstance(content, str):
        return [Text(content)] if content else []
    place = at(where, "content")
    if not isinstance(content, list):
        raise refuse(place, "a string or a list of parts is required")
    blocks: list[Block] = []
    for position, value in enumerate(content):
        here = f"{place}[{position}]"
        blocks += _part(shape.required_object(value, here), here, losses)
    return blocks


def _part(part: Json, where: str, losses: Losses) -> list[Block]:
    read, known = shape.known_part(part, where, _PARTS)
    losses.unknown(part, known, "messages[].content[]")
    return read(part, where)


def _text(part: Json, where: str) -> list[Block]:
    text = shape.required_text(part, "text", where)
    return [Text(text, _cache(part, where))] if text else []


def _refusal(part: Json, where: str) -> list[Block]:
    return [Refusal(shape.required_text(part, "refusal", where))]


def _image(part: Json, where: str) -> list[Block]:
    # Several clients send the address as a plain string.
    held = part.get("image_url")
    image = {"url": held} if isinstance(held, str) else shape.required_object(held, at(where, "image_url"))
    url = shape.required_text(image, "url", at(where, "image_url"))
    inline = read_data_uri(url, "image/jpeg")
    if inline is None and url[:5].lower() == "data:":
        raise refuse(at(where, "image_url.url"), "a data URI must be base64")
    cache = _cache(part, where)
    if (inline and inline.media_type == "application/pdf") or url.partition("?")[0].lower().endswith(".pdf"):
        return [File(inline or Link(url), None, cache, where)]
    return [Image(inline or Link(url), shape.optional_text(image, "detail", where), cache, where)]


def _file(part: Json, where: str) -> list[Block]:
    place = at(where, "file")
    file = shape.required_object(part.get("file"), place)
    name = shape.optional_text(file, "filename", place)
    cache = _cache(part, where)
    if file_id := shape.optional_text(file, "file_id", place):
        return [File(Stored(file_id), name, cache, where)]
    data = shape.required_text(file, "file_data", place)
    return [File(read_data_uri(data, "application/pdf") or Inline("application/pdf", data), name, cache, where)]


def _audio(part: Json, where: str) -> list[Block]:
    place = at(where, "input_audio")
    audio = shape.required_object(part.get("input_audio"), place)
    media_type = f"audio/{shape.required_text(audio, 'format', place)}"
    return [File(Inline(media_type, shape.required_text(audio, "data", place)), where=where)]


def _thinking(part: Json, where: str) -> list[Block]:
    return [Thinking(shape.optional_text(part, "thinking", where) or "", shape.optional_text(part, "signature", where))]


def _redacted(part: Json, where: str) -> list[Block]:
    return [RedactedThinking(shape.required_text(part, "data", where))]


def _cache(value: Json, where: str) -> CacheMark | None:
    mark = shape.optional_object(value, "cache_control", where)
    return None if mark is None else CacheMark(shape.optional_text(mark, "ttl", at(where, "cache_control")))


KNOBS: Final = (
    "audio", "frequency_penalty", "logit_bias", "logprobs", "metadata", "min_p", "modalities", "moderation", "n",
    "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    "repetition_penalty", "seed", "service_tier", "store", "top_logprobs", "verbosity",
)  # fmt: skip
"""Settings that have no place of their own in the neutral model."""

_DEFAULTS: Final[Json] = {
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "metadata": {},
    "modalities": ["text"],
    "n": 1,
    "presence_penalty": 0,
    "service_tier": "auto",
    "store": False,
}
"""Values that ask for nothing, so that their loss is none."""

_FIELDS: Final = frozenset(
    {
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p",
        "top_k", "stop", "tools", "tool_choice", "parallel_tool_calls", "web_search_options", "response_format",
        "reasoning_effort", "thinking", "user", "safety_identifier", "functions", "function_call", *KNOBS,
    }
)  # fmt: skip
_TURN_FIELDS: Final = frozenset({"role", "content"})
_ASSISTANT_FIELDS: Final = _TURN_FIELDS | {
    "tool_calls", "refusal", "audio", "function_call", "annotations",
    "reasoning_content", "reasoning", "thinking_blocks",
}  # fmt: skip
_TOOL_FIELDS: Final = _TURN_FIELDS | {"tool_call_id", "cache_control"}
_CALL_FIELDS: Final = frozenset({"id", "type", "function", "index", "cache_control"})

_ROLES: Final[Mapping[str, Callable[[Json, str, Losses], Message]]] = {
    "system": _system,
    "developer": _system,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
}
_PARTS: Final[Mapping[str, tuple[Callable[[Json, str], list[Block]], frozenset[str]]]] = {
    "text": (_text, frozenset({"type", "text", "cache_control"})),
    "image_url": (_image, frozenset({"type", "image_url", "cache_control"})),
    "file": (_file, frozenset({"type", "file", "cache_control"})),
    "input_audio": (_audio, frozenset({"type", "input_audio"})),
    "refusal": (_refusal, frozenset({"type", "refusal"})),
    "thinking": (_thinking, frozenset({"type", "thinking", "signature", "index"})),
    "redacted_thinking": (_redacted, frozenset({"type", "data", "index"})),
}
