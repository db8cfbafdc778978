"""What every stream must keep to, whatever it was made from. Each checker returns the stream's content."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionChunk
from pydantic import TypeAdapter

from plano_extproc.apis import Api
from plano_extproc.translate.framing.sse import KEEPALIVE, SseParser

_ANTHROPIC_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
_PIECES = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}


@dataclass
class Content:
    text: str = ""
    thinking: str = ""
    refusal: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    finish: str | None = None
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


def check_stream(api: Api, data: bytes) -> Content:
    return {"openai.chat": check_chat, "anthropic.messages": check_messages}[api](data)


def check_chat(data: bytes) -> Content:
    content = Content()
    is_done = has_role = False
    shared: tuple[Any, ...] | None = None
    for event in [*(parser := SseParser()).feed(data), *parser.end()]:
        assert not is_done, "nothing follows [DONE]"
        assert content.error is None, "nothing follows an error"
        if event is KEEPALIVE:
            continue
        assert event.name == b"", "chat does not name its events"
        if event.data == b"[DONE]":
            is_done = True
            continue
        told = orjson.loads(event.data)
        if "error" in told:
            assert told["error"]["message"]
            assert told["error"].keys() == {"message", "type", "param", "code"}
            content.error = told["error"]
            continue
        chunk = ChatCompletionChunk.model_validate(told, strict=True)
        assert shared in (None, (chunk.id, chunk.created, chunk.model)), "id, created and model stay the same"
        shared = (chunk.id, chunk.created, chunk.model)
        assert chunk.id
        assert content.usage is None, "the counts come last"
        if not chunk.choices:
            assert content.finish, "the counts come after the reason"
            assert chunk.usage is not None
            content.usage = told["usage"]
            continue
        (choice,) = chunk.choices
        assert choice.index == 0
        assert content.finish is None, "the reason comes once, after all content"
        delta = choice.delta
        assert bool(delta.role) != has_role, "the role comes in the first chunk and in no other"
        has_role = True
        content.text += delta.content or ""
        content.refusal += delta.refusal or ""
        content.thinking += told["choices"][0]["delta"].get("reasoning_content", "")
        for call in delta.tool_calls or ():
            assert call.function
            if call.id:
                assert call.index == len(content.calls), "indexes are dense"
                assert call.function.name
                content.calls.append({"id": call.id, "name": call.function.name, "arguments": ""})
            else:
                assert call.index == len(content.calls) - 1
                assert not call.function.name
            content.calls[-1]["arguments"] += call.function.arguments or ""
        content.finish = choice.finish_reason
    assert is_done != (content.error is not None), "a stream ends well, or in an error"
    assert is_done == (content.finish is not None)
    if is_done:
        assert all(isinstance(orjson.loads(call["arguments"]), dict) for call in content.calls)
    return content


def check_messages(data: bytes) -> Content:  # noqa: C901 (one state machine, told in one piece)
    content = Content()
    is_started = is_stopped = False
    opened: str | None = None
    index = -1
    for event in [*(parser := SseParser()).feed(data), *parser.end()]:
        told = orjson.loads(event.data)
        assert event.name.decode() == told["type"]
        assert not is_stopped, "nothing follows message_stop"
        assert content.error is None, "nothing follows an error"
        if told["type"] == "ping":
            continue
        if told["type"] == "error":
            assert told["error"]["message"]
            assert told["error"]["type"]
            content.error = told["error"]
            continue
        _ANTHROPIC_EVENT.validate_python(told, strict=True)
        assert is_started != (told["type"] == "message_start"), "one message_start, and first"
        match told["type"]:
            case "message_start":
                is_started = True
                assert told["message"]["id"]
                assert told["message"]["model"]
            case "content_block_start":
                assert opened is None
                assert content.finish is None
                index += 1
                assert told["index"] == index
                opened = told["content_block"]["type"]
                if opened == "tool_use":
                    block = told["content_block"]
                    content.calls.append({"id": block["id"], "name": block["name"], "arguments": ""})
            case "content_block_delta":
                kind, key = _PIECES[told["delta"]["type"]]
                assert (told["index"], kind) == (index, opened), "a piece is of the kind of the open block"
                piece = told["delta"][key]
                assert piece, "no piece is empty"
                match kind, key:
                    case "tool_use", _:
                        content.calls[-1]["arguments"] += piece
                    case "text", _:
                        content.text += piece
                    case _, "thinking":
                        content.thinking += piece
            case "content_block_stop":
                assert told["index"] == index
                assert opened is not None, "every block stops once"
                opened = None
            case "message_delta":
                assert opened is None
                assert content.finish is None, "one message_delta"
                content.finish = told["delta"]["stop_reason"]
                content.usage = told["usage"]
                content.refusal = (told["delta"].get("stop_details") or {}).get("explanation", "")
            case "message_stop":
                assert content.finish, "message_delta comes before message_stop"
                is_stopped = True
    assert is_stopped != (content.error is not None), "a stream ends well, or in an error"
    return content
