"""What every stream must keep to, whatever it was made from. Each checker returns the stream's content."""

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, get_args

import orjson
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from plano_extproc.apis import Api
from plano_extproc.translate.framing.sse import KEEPALIVE, SseParser

Json = dict[str, Any]

_ANTHROPIC_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
_RESPONSE_EVENTS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(ResponseStreamEvent)[0])
}
_GEMINI_MORE = {"groundingMetadata", "logprobsResult"}
_PIECES = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "citations_delta": ("text", "citation"),
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
    return CHECKS[api](data)


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
                    case "text", "text":
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


def check_responses(data: bytes) -> Content:
    return _Responses().read(data)


class _Responses:
    """Follows each item from its announcement to its end."""

    def __init__(self) -> None:
        self.content = Content()
        self.identity: tuple[Any, ...] | None = None
        self.output: list[Json] = []
        self.item: Json | None = None
        self.parts: list[Json] = []
        self.part: Json | None = None
        self.pieces = ""
        self.tokens: list[Json] = []
        self.whole: str | None = None
        self.is_over = False

    def read(self, data: bytes) -> Content:
        sequence = 0
        for event in [*(parser := SseParser()).feed(data), *parser.end()]:
            assert not self.is_over, "nothing follows the end"
            if event is KEEPALIVE:
                continue
            told = orjson.loads(event.data)
            kind = told["type"]
            assert event.name.decode() == kind
            assert told["sequence_number"] == sequence, "events are numbered from 0"
            sequence += 1
            if kind == "response.failed":
                # The codes that OpenAI documents are not all that it sends.
                known = {"code": "server_error", "message": "x"}
                _RESPONSE_EVENTS[kind].model_validate(
                    {**told, "response": {**told["response"], "error": known}}, strict=True
                )
            else:
                _RESPONSE_EVENTS[kind].model_validate(told, strict=True)
            if "response" in told:
                self._lifecycle(kind, told["response"], sequence)
            else:
                assert sequence > 2, "the response is announced first"
                self._in_item(kind, told)
        assert self.is_over, "a stream ends well, or in an error"
        return self.content

    def _lifecycle(self, kind: str, response: Json, sequence: int) -> None:
        assert self.identity in (None, (response["id"], response["created_at"], response["model"]))
        self.identity = (response["id"], response["created_at"], response["model"])
        assert response["id"].startswith("resp_")
        assert response["object"] == "response"
        assert response["output"] == self.output, "the output is that of the items, in their order"
        if sequence <= 2:
            assert kind == ("response.created", "response.in_progress")[sequence - 1]
            assert response["status"] == "in_progress"
            return
        self.is_over = True
        status = kind.removeprefix("response.")
        assert response["status"] == status
        if status == "failed":
            self.content.error = response["error"]
            assert response["error"]["message"]
            return
        assert status in ("completed", "incomplete")
        assert (status == "incomplete") == (response["incomplete_details"] is not None)
        assert self.item is None, "every item is done before the end"
        assert all(item.get("status", "completed") == "completed" for item in self.output[:-1])
        if self.output:
            assert self.output[-1].get("status", status) == status
        self.content.finish = (response["incomplete_details"] or {}).get("reason", status)
        self.content.usage = response["usage"]

    def _in_item(self, kind: str, told: Json) -> None:
        assert told["output_index"] == len(self.output), "items come one after the other"
        if kind == "response.output_item.added":
            assert self.item is None, "one item at a time"
            self.item = told["item"]
            assert self.item["id"].startswith(PREFIXES[self.item["type"]])
            assert self.item["id"] not in [item["id"] for item in self.output], "ids of items are their own"
            return
        assert self.item is not None, "what was not announced has no pieces and no end"
        if kind == "response.output_item.done":
            self._item_done(told["item"])
            return
        assert told["item_id"] == self.item["id"]
        if "content_index" in told or "summary_index" in told:
            index = told.get("content_index", told.get("summary_index"))
            assert index == len(self.parts), "parts come one after the other"
        event = kind.removeprefix("response.").rpartition(".")
        assert event[0].removeprefix("function_call_") in EVENTS[self.item["type"]], "pieces are of the item's kind"
        if event[0].endswith("part"):
            self._part(event[2], told["part"])
        elif event[2] == "delta":
            assert told["delta"] or told["logprobs"], "no piece is empty"
            assert self.whole is None
            self.tokens += told.get("logprobs") or ()
            self.pieces += told["delta"]
        elif event[2] == "done":
            self.whole = told[WHOLE[event[0]]]
            assert self.whole == self.pieces, "pieces make up the whole"
        else:
            assert event[0] == "output_text.annotation"
            assert self.part is not None
            assert told["annotation_index"] == len(self.part["annotations"])
            self.part["annotations"].append(told["annotation"])

    def _part(self, event: str, part: Json) -> None:
        if event == "added":
            assert self.part is None
            assert not part.get("text", part.get("refusal"))
            self.part = part
            return
        assert self.part is not None
        assert self.whole is not None
        key = "refusal" if part["type"] == "refusal" else "text"
        likely = {"logprobs": self.tokens} if "logprobs" in part else {}
        assert part == {**self.part, **likely, key: self.whole}, "the part is what was told of it"
        self.parts.append(part)
        kinds = {"output_text": "text", "refusal": "refusal", "summary_text": "thinking"}
        kind = kinds[part["type"]]
        setattr(self.content, kind, getattr(self.content, kind) + self.whole)
        self.part, self.whole, self.pieces, self.tokens = None, None, "", []

    def _item_done(self, item: Json) -> None:
        assert self.item is not None
        assert self.part is None, "every part is done before its item"
        assert {**item, **{key: self.item[key] for key in ("id", "type")}} == item
        match item["type"]:
            case "message":
                assert item["content"] == self.parts != []
            case "reasoning":
                assert item["summary"] == self.parts
                assert self.parts or item["encrypted_content"]
            case "function_call" | "custom_tool_call" as kind:
                key = "input" if kind == "custom_tool_call" else "arguments"
                assert item[key] == self.whole == self.pieces
                assert item["call_id"] == self.item["call_id"]
                self.content.calls.append({"id": item["call_id"], "name": item["name"], "arguments": item[key]})
        self.output.append(item)
        self.item, self.parts, self.whole, self.pieces = None, [], None, ""


PREFIXES = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_", "custom_tool_call": "ctc_"}
EVENTS = {
    "message": ("content_part", "output_text", "refusal", "output_text.annotation"),
    "reasoning": ("reasoning_summary_part", "reasoning_summary_text"),
    "function_call": ("arguments",),
    "custom_tool_call": ("custom_tool_call_input",),
}
WHOLE = {
    "output_text": "text",
    "refusal": "refusal",
    "reasoning_summary_text": "text",
    "function_call_arguments": "arguments",
    "custom_tool_call_input": "input",
}


def check_gemini(data: bytes) -> Content:
    """Check a stream, framed in either way. The names of fields are those of Google's own client."""
    content = Content()
    identity: tuple[Any, ...] | None = None
    for told in _gemini_answers(data):
        assert content.error is None, "nothing follows an error"
        assert content.finish is None, "the reason comes last"
        if "error" in told:
            assert told["error"].keys() == {"code", "message", "status"}
            assert told["error"]["message"]
            assert 400 <= told["error"]["code"] < 600
            content.error = told["error"]
            continue
        assert told.keys() <= {"candidates", "usageMetadata", "modelVersion", "responseId"}
        assert told["responseId"]
        assert identity in (None, (told["responseId"], told["modelVersion"])), "id and model stay the same"
        identity = (told["responseId"], told["modelVersion"])
        (candidate,) = told["candidates"]
        assert candidate.keys() <= {"content", "index", "finishReason", "finishMessage", *_GEMINI_MORE}
        assert candidate["index"] == 0
        assert candidate["content"].keys() == {"parts", "role"}
        assert candidate["content"]["role"] == "model"
        assert candidate["content"]["parts"], "Google's clients call a content without parts broken"
        for part in candidate["content"]["parts"]:
            _gemini_part(part, content)
        content.finish = candidate.get("finishReason")
        content.refusal = candidate.get("finishMessage", "")
        assert ("usageMetadata" in told) <= (content.finish is not None), "the counts come last"
        content.usage = told.get("usageMetadata")
        assert content.finish in (None, "STOP", "MAX_TOKENS", "SAFETY")
    assert (content.finish is None) == (content.error is not None), "a stream ends well, or in an error"
    return content


def _gemini_answers(data: bytes) -> list[Json]:
    if data.startswith(b"["):
        listed: list[Json] = orjson.loads(data)
        return listed
    assert b'data: {"error"' not in data, "Google's clients find an error only where it stands bare"
    events = [*(parser := SseParser(keeps_strays=True)).feed(data), *parser.end()]
    assert all(event.name == b"" and event is not KEEPALIVE for event in events), "there are no names and no comments"
    return [orjson.loads(event.data) for event in events]


def _gemini_part(part: Json, content: Content) -> None:
    assert len(part.keys() & {"text", "functionCall"}) == 1
    assert part.keys() <= {"text", "functionCall", "thought", "thoughtSignature"}
    if "thoughtSignature" in part:
        assert b64decode(part["thoughtSignature"], validate=True), "Google's clients read signatures as base64"
    if call := part.get("functionCall"):
        assert call.keys() == {"id", "name", "args"}
        assert isinstance(call["args"], dict)
        assert call["id"]
        assert call["name"]
        arguments = orjson.dumps(call["args"]).decode()
        content.calls.append({"id": call["id"], "name": call["name"], "arguments": arguments})
    elif part.get("thought"):
        assert part["text"], "no thought is empty"
        content.thinking += part["text"]
    else:
        content.text += part["text"]


CHECKS = {
    "openai.chat": check_chat,
    "anthropic.messages": check_messages,
    "openai.responses": check_responses,
    "gemini.generate": check_gemini,
}
