"""A request, written for a provider that speaks OpenAI's chat.

Chat wants every result of a tool directly after the turn that called it, so what stands between them waits.
"""

from collections.abc import Iterable
from typing import Final, assert_never

import orjson

from plano_extproc.translate.adjacent import Adjacent
from plano_extproc.translate.apis.openai_chat.decode_request import KNOBS
from plano_extproc.translate.apis.openai_chat.tools import cache_marker, write_tools
from plano_extproc.translate.call_ids import shortened_id
from plano_extproc.translate.chat import (
    Block,
    CacheMark,
    File,
    Image,
    Inline,
    Json,
    Link,
    Message,
    OutputSchema,
    Plain,
    RedactedThinking,
    Refusal,
    Request,
    Stored,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.efforts import effort_of
from plano_extproc.translate.failed_tools import as_error
from plano_extproc.translate.logprobs import asked
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.media import data_uri, sound_format
from plano_extproc.translate.names import shortened
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.schemas import named
from plano_extproc.translate.shape import refuse

_ID_LIMIT: Final = 40
"""OpenAI refuses ids of tool calls that are longer."""
_USER_LIMIT: Final = 64


def encode_request(request: Request, profile: Profile, losses: Losses) -> Json:
    """Return the body for the provider, and note what it does not get. A part that it cannot take raises."""
    body: Json = {"model": request.model, "messages": _Turns(profile, losses).write(request.messages)}
    if request.max_tokens is not None:
        body[profile.max_tokens_field] = request.max_tokens
    for field in ("temperature", "top_p"):
        value = getattr(request, field)
        if value is not None:
            body[field] = value
    if request.top_k is not None:
        losses.field("top_k")
    if request.stop:
        body["stop"] = list(request.stop[: profile.max_stop])
        if len(request.stop) > profile.max_stop:
            losses.field("stop")
    if request.stream:
        body["stream"] = True
        # The counts are needed here, whether or not the caller wants to see them.
        body["stream_options"] = {"include_usage": True}
    body |= write_tools(request, cache_control=profile.cache_control, losses=losses)
    if request.output or request.json_mode:
        body["response_format"] = _response_format(request.output)
    if request.reasoning:
        effort = effort_of(request.reasoning, profile)
        if effort is None:
            losses.field("reasoning")
        else:
            body["reasoning_effort"] = effort
    if request.user:
        body["user"] = shortened(request.user, _USER_LIMIT)
    return body | {key: value for key, value in asked(request.knobs, losses).items() if key in KNOBS}


def _response_format(output: OutputSchema | None) -> Json:
    if output is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": named(output, _USER_LIMIT)}


class _Turns:
    """Writes the messages, in the order that chat demands."""

    def __init__(self, profile: Profile, losses: Losses) -> None:
        self._profile = profile
        self._losses = losses
        self._turns = Adjacent()

    def write(self, messages: Iterable[Message]) -> list[Json]:
        for message in messages:
            match message.role:
                case "assistant":
                    self._assistant(message)
                case "user":
                    self._user(message)
                case "system":
                    self._turns.say({"role": "system", "content": self._system(message)})
                case _:
                    assert_never(message.role)
            self._turns.settle()
        return self._turns.end()

    def _assistant(self, message: Message) -> None:
        words: list[str] = []
        thoughts: list[str] = []
        calls: list[Json] = []
        for block in message.blocks:
            match block:
                case Text(text=text) | Refusal(text=text):
                    words.append(text)
                    self._note_losses(block)
                case ToolUse():
                    calls.append(self._call(block))
                case Thinking():
                    thoughts.append(block.text)
                case RedactedThinking():
                    self._losses.field("redacted_thinking")
                case Image() | File():
                    raise refuse(block.where, "this provider takes no images or files from the assistant")
                case ToolResult():
                    # Only a user answers calls of tools; decoders see to it.
                    pass
                case _:
                    assert_never(block)
        turn: Json = {"role": "assistant", "content": "".join(words) if words else None}
        if calls:
            turn["tool_calls"] = calls
        self._reason(turn, thoughts)
        if words or calls:
            self._turns.reply([turn], [call["id"] for call in calls])

    def _reason(self, turn: Json, thoughts: list[str]) -> None:
        thought = "".join(thoughts)
        if self._profile.replay_reasoning and (thought or "tool_calls" in turn):
            # DeepSeek and Kimi refuse a call of a tool without its reasoning; a blank is taken for one.
            turn["reasoning_content"] = thought or " "
        elif thoughts:
            self._losses.field("thinking")

    def _call(self, block: ToolUse) -> Json:
        self._note_losses(block)
        call_id, arguments = shortened_id(block.id, _ID_LIMIT), orjson.dumps(block.input).decode()
        return {"id": call_id, "type": "function", "function": {"name": block.name, "arguments": arguments}}

    def _user(self, message: Message) -> None:
        parts: list[Json] = []
        for block in message.blocks:
            if isinstance(block, ToolResult):
                parts += self._tool_result(block)
        for block in message.blocks:
            if not isinstance(block, ToolResult):
                parts += self._part(block)
        if parts:
            is_plain = len(parts) == 1 and parts[0].keys() == {"type", "text"}
            self._turns.say({"role": "user", "content": parts[0]["text"] if is_plain else parts})
        elif not message.blocks:
            self._turns.say({"role": "user", "content": ""})

    def _tool_result(self, block: ToolResult) -> list[Json]:
        """Write a result, and return the parts of it that only a user can send."""
        call_id = shortened_id(block.id, _ID_LIMIT)
        text = "\n".join(item.text for item in block.content if isinstance(item, Text))
        others = [part for item in block.content if not isinstance(item, Text) for part in self._part(item)]
        if others and not text:
            text = "(the result follows in the next message of the user)"
        if block.is_error:
            text = as_error(text)
        content: str | list[Json] = text
        if block.cache and self._profile.cache_control:
            content = [{"type": "text", "text": text, "cache_control": cache_marker(block.cache)}]
        else:
            self._note_losses(block)
        self._turns.answer({"role": "tool", "tool_call_id": call_id, "content": content}, call_id)
        return [{"type": "text", "text": f"Result of the tool call {call_id}:"}, *others] if others else []

    def _system(self, message: Message) -> str | list[Json]:
        parts = [part for block in message.blocks for part in self._part(block)]
        if any("cache_control" in part for part in parts):
            return parts
        # Many servers of OpenAI's kind take no parts from the system.
        return "\n".join(part.get("text", "") for part in parts)

    def _part(self, block: Block) -> list[Json]:
        match block:
            case Text() | Refusal():
                part: Json = {"type": "text", "text": block.text}
            case Image():
                part = {"type": "image_url", "image_url": _image(block)}
            case File():
                part = _file(block)
            case _:
                # Only the assistant thinks and calls tools; what stands elsewhere is a summary at best.
                return []
        mark = None if isinstance(block, Refusal) else block.cache
        if mark and self._profile.cache_control:
            part["cache_control"] = cache_marker(mark)
        elif mark:
            self._losses.field("cache")
        return [part]

    def _note_losses(self, block: Text | Refusal | ToolUse | ToolResult) -> None:
        if isinstance(block, Text) and block.citations:
            self._losses.field("citations")
        mark: CacheMark | None = getattr(block, "cache", None)
        if mark:
            self._losses.field("cache")


def _image(image: Image) -> Json:
    match image.source:
        case Inline():
            url = data_uri(image.source)
        case Link():
            url = image.source.url
        case Stored():
            raise refuse(image.where, "this provider cannot read a file that was uploaded to another")
        case _:
            assert_never(image.source)
    return {"url": url} if image.detail is None else {"url": url, "detail": image.detail}


def _file(file: File) -> Json:
    match file.source:
        case Plain():
            title = f"{file.name}:\n" if file.name else ""
            return {"type": "text", "text": title + file.source.text}
        case Inline(media_type=media_type) if media_type.startswith("audio/"):
            sound = {"data": file.source.data, "format": sound_format(media_type)}
            return {"type": "input_audio", "input_audio": sound}
        case Inline(media_type=media_type) if media_type.startswith("video/"):
            raise refuse(file.where, "this provider takes no video")
        case Inline():
            content = {"filename": file.name or _FILE_NAME, "file_data": data_uri(file.source)}
            return {"type": "file", "file": content}
        case Link():
            raise refuse(file.where, "this provider takes documents inline only; send it as base64")
        case Stored():
            raise refuse(file.where, "this provider cannot read a file that was uploaded to another")
        case _:
            assert_never(file.source)


_FILE_NAME: Final = "document.pdf"
"""OpenAI refuses a file without a name."""
