"""A request of OpenAI's Responses, read.

The input is a flat list of items, where other dialects have turns. What the assistant said, thought and called in a
row is one turn; a result goes directly behind the turn that called for it, wherever it stands in the list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from plano_extproc.translate import shape
from plano_extproc.translate.apis.openai_responses.parts import read_parts
from plano_extproc.translate.apis.openai_responses.reasoning import read_reasoning
from plano_extproc.translate.apis.openai_responses.tools import CUSTOM_INPUT, Names, read_tool_choice, read_tools
from plano_extproc.translate.chat import (
    Block,
    File,
    Image,
    Json,
    Message,
    OutputSchema,
    Reasoning,
    Request,
    Role,
    Text,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.failed_tools import says_error
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import EFFORTS
from plano_extproc.translate.shape import at, refuse


def decode_request(body: Json, losses: Losses) -> Request:
    """Return what a request asks for. Raises `InvalidRequest` that names the field of a wrong shape."""
    for key, problem in _NEEDS_STORE.items():
        if body.get(key) not in (None, False):
            raise refuse(key, problem)
    losses.unknown(body, _FIELDS)
    if body.get("store") is True:
        losses.add("store")
    if body.get("truncation") not in (None, "disabled"):
        losses.add("truncation")
    for wanted in shape.texts(shape.optional_list(body, "include"), "include"):
        if wanted not in ("reasoning.encrypted_content", _LOGPROBS):
            losses.add(f"include[{wanted}]")
    names = Names(body)
    tools, web_search = read_tools(body, names, losses)
    tools, choice = read_tool_choice(body, names, tools, losses)
    text = shape.optional_object(body, "text") or {}
    losses.unknown(text, frozenset({"format", "verbosity"}), "text")
    form = shape.optional_object(text, "format", "text")
    knobs = {key: body[key] for key in _KNOBS if body.get(key) not in (None, {}, _DEFAULTS.get(key))}
    if _LOGPROBS in (body.get("include") or ()):
        knobs["logprobs"] = True
    if verbosity := shape.optional_text(text, "verbosity", "text"):
        knobs["verbosity"] = verbosity
    return Request(
        model=shape.optional_text(body, "model") or "",
        messages=_messages(body, names, losses),
        stream=shape.optional_flag(body, "stream") or False,
        include_usage=True,
        max_tokens=shape.optional_integer(body, "max_output_tokens"),
        temperature=shape.optional_number(body, "temperature"),
        top_p=shape.optional_number(body, "top_p"),
        tools=tools,
        web_search=web_search,
        tool_choice=choice,
        parallel_tools=shape.optional_flag(body, "parallel_tool_calls"),
        output=_output(form),
        json_mode=form is not None and form.get("type") == "json_object",
        reasoning=_reasoning(shape.optional_object(body, "reasoning"), losses),
        user=shape.optional_text(body, "user") or shape.optional_text(body, "safety_identifier"),
        knobs=knobs,
    )


def _output(form: Json | None) -> OutputSchema | None:
    kind = form.get("type") if form else None
    if form is None or kind == "text":
        return None
    if kind == "json_object":
        return None
    if kind != "json_schema":
        raise refuse("text.format.type", "must be text, json_object or json_schema")
    return OutputSchema(
        schema=shape.required_object(form.get("schema"), "text.format.schema"),
        name=shape.required_text(form, "name", "text.format"),
        description=shape.optional_text(form, "description", "text.format"),
        strict=shape.optional_flag(form, "strict", "text.format"),
    )


def _reasoning(wanted: Json | None, losses: Losses) -> Reasoning | None:
    if wanted is None:
        return None
    losses.unknown(wanted, frozenset({"effort", "summary", "generate_summary"}), "reasoning")
    effort = shape.optional_text(wanted, "effort", "reasoning")
    if effort is None:
        return None
    if effort not in EFFORTS:
        raise refuse("reasoning.effort", f"must be one of {', '.join(EFFORTS)}")
    summary = shape.optional_text(wanted, "summary", "reasoning")
    return Reasoning("off" if effort == "none" else "on", effort, summary=summary)


@dataclass(slots=True)
class _Turn:
    """One turn, and the results of the tools that it calls."""

    role: Role
    blocks: list[Block]
    results: list[Block] = field(default_factory=list)


class _Conversation:
    """Puts items into turns."""

    def __init__(self, names: Names, losses: Losses) -> None:
        self.names = names
        self.losses = losses
        self._turns: list[_Turn] = []
        self._calls: dict[str, _Turn] = {}

    def say(self, role: Role, blocks: list[Block]) -> None:
        """Add to what the assistant said last, or a turn of somebody else."""
        last = self._turns[-1] if self._turns else None
        if role == "assistant" and last and last.role == "assistant" and not last.results:
            last.blocks += blocks
        else:
            self._turns.append(_Turn(role, blocks))

    def call(self, use: ToolUse) -> None:
        self.say("assistant", [use])
        self._calls[use.id] = self._turns[-1]

    def answer(self, result: ToolResult) -> None:
        """Add a result behind its call; one that nobody called for stays where it is."""
        turn = self._calls.get(result.id)
        if turn:
            turn.results.append(result)
        else:
            self.say("user", [result])

    def messages(self) -> tuple[Message, ...]:
        made: list[Message] = []
        for turn in self._turns:
            made.append(Message(turn.role, tuple(turn.blocks)))
            if turn.results:
                made.append(Message("user", tuple(turn.results)))
        return tuple(made)


def _messages(body: Json, names: Names, losses: Losses) -> tuple[Message, ...]:
    talk = _Conversation(names, losses)
    if instructions := shape.optional_text(body, "instructions"):
        talk.say("system", [Text(instructions)])
    held = body.get("input")
    if isinstance(held, str):
        talk.say("user", read_parts(held, "input", losses))
    elif isinstance(held, dict):
        _item(held, "input", talk)
    elif isinstance(held, list):
        for position, value in enumerate(held):
            place = f"input[{position}]"
            _item(shape.required_object(value, place), place, talk)
    else:
        raise refuse("input", "a string or a list of items is required")
    return talk.messages()


def _item(item: Json, where: str, talk: _Conversation) -> None:
    kind = item.get("type")
    if kind is None:
        kind = "message" if "role" in item else "item_reference"
    if not isinstance(kind, str):
        raise refuse(at(where, "type"), "a string is required")
    if kind in _UNREADABLE:
        raise refuse(where, _UNREADABLE[kind])
    found = _ITEMS.get(kind)
    if found:
        read, known = found
        talk.losses.unknown(item, known, "input[]")
        read(item, where, talk)
    elif kind.endswith("_call"):
        talk.say("assistant", [Text(_summary(kind, item))])
    elif kind.endswith("_output"):
        talk.say("user", [Text(_summary(kind, item))])
    else:
        talk.losses.add(f"input[{kind}]")


def _message(item: Json, where: str, talk: _Conversation) -> None:
    role = _ROLES.get(str(item.get("role")))
    if role is None:
        raise refuse(at(where, "role"), f"must be one of {', '.join(_ROLES)}")
    talk.say(role, read_parts(item.get("content"), at(where, "content"), talk.losses))


def _function_call(item: Json, where: str, talk: _Conversation) -> None:
    text = shape.optional_text(item, "arguments", where) or ""
    try:
        arguments = orjson.loads(text) if text.strip() else None
    except orjson.JSONDecodeError as error:
        raise refuse(at(where, "arguments"), f"is not valid JSON: {error.msg} at {error.pos}") from None
    given = {} if arguments is None else shape.required_object(arguments, at(where, "arguments"))
    talk.call(_use(item, where, talk, given))


def _custom_call(item: Json, where: str, talk: _Conversation) -> None:
    talk.call(_use(item, where, talk, {CUSTOM_INPUT: shape.required_text(item, "input", where)}))


def _use(item: Json, where: str, talk: _Conversation, arguments: Json) -> ToolUse:
    name = shape.required_text(item, "name", where)
    flat = talk.names.flat(name, shape.optional_text(item, "namespace", where))
    return ToolUse(shape.required_text(item, "call_id", where), flat, arguments)


def _result(item: Json, where: str, talk: _Conversation) -> None:
    held = item.get("output")
    content: list[Text | Image | File] = []
    for block in () if held is None else read_parts(held, at(where, "output"), talk.losses):
        if not isinstance(block, Text | Image | File):
            raise refuse(at(where, "output"), "the result of a tool holds text, images and files only")
        content.append(block)
    is_error = len(content) == 1 and isinstance(content[0], Text) and says_error(content[0].text)
    talk.answer(ToolResult(shape.required_text(item, "call_id", where), tuple(content), is_error))


def _thought(item: Json, where: str, talk: _Conversation) -> None:
    block = read_reasoning(item, where)
    if block:
        talk.say("assistant", [block])


def _offer(item: Json, where: str, talk: _Conversation) -> None:
    """Tools that come with the conversation are read with the others."""


def _summary(kind: str, item: Json) -> str:
    """Return in words what a tool was asked or answered that only its provider knows how to call."""
    told = {key: item[key] for key in _TOLD if item.get(key) not in (None, "", [], {})}
    return f"\n[{kind} {orjson.dumps(told).decode()}]\n"


_TOLD: Final = (
    "name", "action", "operation", "arguments", "code", "queries", "revised_prompt", "output", "outputs", "error",
)  # fmt: skip
"""What of such an item is worth telling; the rest is for its provider's eyes, or long."""

_STORED: Final = "is known to the provider that it was sent to only; send the whole conversation in `input`"
_NEEDS_STORE: Final[Mapping[str, str]] = {
    "previous_response_id": _STORED,
    "conversation": _STORED,
    "prompt": "is stored at OpenAI, and this provider cannot read it; send its text",
    "background": "this provider answers while the caller waits only",
}
_UNREADABLE: Final[Mapping[str, str]] = {
    "item_reference": _STORED,
    "compaction": "a compacted conversation can be read by OpenAI only; send its items",
}
_KNOBS: Final = ("metadata", "moderation", "prompt_cache_key", "prompt_cache_retention", "service_tier", "top_logprobs")
_LOGPROBS: Final = "message.output_text.logprobs"
_DEFAULTS: Final[Json] = {"service_tier": "auto"}
_FIELDS: Final = frozenset(
    {
        "model", "input", "instructions", "stream", "stream_options", "max_output_tokens", "temperature", "top_p",
        "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning", "user", "safety_identifier", "store",
        "include", "truncation", *_NEEDS_STORE, *_KNOBS,
    }
)  # fmt: skip
_ROLES: Final[Mapping[str, Role]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}

_Read = Callable[[Json, str, _Conversation], None]
_CALL_FIELDS: Final = frozenset({"type", "id", "call_id", "name", "namespace", "status"})
_RESULT_FIELDS: Final = frozenset({"type", "id", "call_id", "output", "status", "name", "namespace"})
_ITEMS: Final[Mapping[str, tuple[_Read, frozenset[str]]]] = {
    "message": (_message, frozenset({"type", "id", "role", "content", "status", "phase"})),
    "function_call": (_function_call, _CALL_FIELDS | {"arguments"}),
    "function_call_output": (_result, _RESULT_FIELDS),
    "custom_tool_call": (_custom_call, _CALL_FIELDS | {"input"}),
    "custom_tool_call_output": (_result, _RESULT_FIELDS),
    "reasoning": (_thought, frozenset({"type", "id", "summary", "content", "encrypted_content", "status"})),
    "additional_tools": (_offer, frozenset({"type", "id", "role", "tools"})),
}
