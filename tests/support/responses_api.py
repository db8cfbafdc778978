"""OpenAI responses as a scripted provider speaks them: what is refused, answers, the life of each item in a stream."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from tests.support import openai_api, responses_strict
from tests.support.http_server import Recorded
from tests.support.reply import Reply, ToolCall, Usage, pieces

Json = dict[str, Any]
CREDENTIAL: Final = openai_api.CREDENTIAL
ROOT: Final = "/v1"
ENDPOINT: Final = "/v1/responses"
HEADERS: Final = openai_api.HEADERS
ERROR_TYPES: Final = openai_api.ERROR_TYPES
ID: Final = "resp_Scripted0Answer"

authenticate = openai_api.authenticate
unknown_path = openai_api.unknown_path
unknown_model = openai_api.unknown_model
not_json = openai_api.not_json
error = openai_api.error


def check(request: Recorded, body: Json, also_known: frozenset[str]) -> None:
    """Refuse a body that the API would refuse."""
    responses_strict.check(body, also_known=also_known)


def whole(reply: Reply, request: Json) -> Json:
    """Write an answer in one piece."""
    return _response(reply, request, _status(reply), _items(reply), usage(reply.usage))


def stream(reply: Reply, request: Json) -> Iterator[bytes]:
    """Write an answer as the API streams it: every item is added, filled, done, and told once more at the end."""
    number = iter(range(10_000))

    def event(kind: str, **fields: Any) -> bytes:
        body = orjson.dumps({"type": kind, "sequence_number": next(number), **fields})
        return f"event: {kind}\n".encode() + b"data: " + body + b"\n\n"

    begun = _response(reply, request, "in_progress", [], None)
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    items = _items(reply)
    for index, item in enumerate(items):
        yield event("response.output_item.added", output_index=index, item=item | BEGUN[item["type"]])
        yield from FILLED[item["type"]](event, item, {"item_id": item["id"], "output_index": index})
        yield event("response.output_item.done", output_index=index, item=item)
    status = _status(reply)
    yield event(f"response.{status}", response=_response(reply, request, status, items, usage(reply.usage)))


def usage(spent: Usage) -> Json:
    """Write usage; the input's count includes what was cached."""
    total = spent.input + spent.cached + spent.written
    return {
        "input_tokens": total,
        "input_tokens_details": {"cached_tokens": spent.cached},
        "output_tokens": spent.output,
        "output_tokens_details": {"reasoning_tokens": spent.reasoning},
        "total_tokens": total + spent.output,
    }


def _status(reply: Reply) -> str:
    return "incomplete" if reply.finish in INCOMPLETE else "completed"


def _response(reply: Reply, request: Json, status: str, output: list[Json], spent: Json | None) -> Json:
    reason = INCOMPLETE.get(reply.finish) if status == "incomplete" else None
    return {
        "id": ID,
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "metadata": request.get("metadata") or {},
        "model": reply.model or request["model"],
        "output": output,
        "parallel_tool_calls": request.get("parallel_tool_calls", True),
        "previous_response_id": request.get("previous_response_id"),
        "reasoning": request.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": "default",
        "store": request.get("store", True),
        "temperature": request.get("temperature", 1.0),
        "text": request.get("text") or {"format": {"type": "text"}},
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools") or [],
        "top_p": request.get("top_p", 1.0),
        "truncation": request.get("truncation", "disabled"),
        "usage": spent,
        "user": None,
    }


def _items(reply: Reply) -> list[Json]:
    items: list[Json] = []
    if reply.thinking:
        summary = [{"type": "summary_text", "text": reply.thinking}]
        items.append({"id": "rs_Scripted", "type": "reasoning", "summary": summary})
    said = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
    part = said if reply.refusal is None else {"type": "refusal", "refusal": reply.refusal}
    if reply.text or reply.refusal is not None:
        message = {"id": "msg_Scripted", "type": "message", "role": "assistant", "content": [part]}
        items.append(message | {"status": _status(reply)})
    return items + [_call(call, index) for index, call in enumerate(reply.calls)]


def _call(call: ToolCall, index: int) -> Json:
    return {
        "id": f"fc_Scripted{index}",
        "type": "function_call",
        "status": "completed",
        "call_id": call.id or f"call_Scripted{index}",
        "name": call.name,
        "arguments": orjson.dumps(call.arguments).decode(),
    }


Event = Callable[..., bytes]


def _reasoning(event: Event, item: Json, where: Json) -> Iterator[bytes]:
    for index, part in enumerate(item["summary"]):
        at = where | {"summary_index": index}
        yield event("response.reasoning_summary_part.added", part=part | {"text": ""}, **at)
        for piece in pieces(part["text"]):
            yield event("response.reasoning_summary_text.delta", delta=piece, **at)
        yield event("response.reasoning_summary_text.done", text=part["text"], **at)
        yield event("response.reasoning_summary_part.done", part=part, **at)


def _message(event: Event, item: Json, where: Json) -> Iterator[bytes]:
    for index, part in enumerate(item["content"]):
        at = where | {"content_index": index}
        key = "refusal" if part["type"] == "refusal" else "text"
        more: Json = {} if key == "refusal" else {"logprobs": []}
        kind = "response.refusal" if key == "refusal" else "response.output_text"
        yield event("response.content_part.added", part=part | {key: ""}, **at)
        for piece in pieces(part[key]):
            yield event(f"{kind}.delta", delta=piece, **more, **at)
        yield event(f"{kind}.done", **{key: part[key]}, **more, **at)
        yield event("response.content_part.done", part=part, **at)


def _function_call(event: Event, item: Json, where: Json) -> Iterator[bytes]:
    for piece in pieces(item["arguments"]):
        yield event("response.function_call_arguments.delta", delta=piece, **where)
    yield event("response.function_call_arguments.done", arguments=item["arguments"], name=item["name"], **where)


INCOMPLETE: Final = {"length": "max_output_tokens", "refusal": "content_filter"}
BEGUN: Final[dict[str, Json]] = {
    "reasoning": {"summary": []},
    "message": {"content": [], "status": "in_progress"},
    "function_call": {"arguments": "", "status": "in_progress"},
}
FILLED: Final[dict[str, Callable[[Event, Json, Json], Iterator[bytes]]]] = {
    "reasoning": _reasoning,
    "message": _message,
    "function_call": _function_call,
}
