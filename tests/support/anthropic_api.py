"""Anthropic messages as a scripted provider speaks them: who may call, answers, streams, errors."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from tests.support import anthropic_strict
from tests.support.http_server import Recorded
from tests.support.refusal import Refusal
from tests.support.reply import Finish, Reply, Usage, pieces

Json = dict[str, Any]
CREDENTIAL: Final = "x-api-key"
ROOT: Final = ""
ENDPOINT: Final = "/v1/messages"
HEADERS: Final = (
    ("request-id", "req_scripted0anthropic"),
    ("anthropic-organization-id", "scripted"),
    ("anthropic-ratelimit-requests-limit", "50"),
    ("anthropic-ratelimit-requests-remaining", "49"),
    ("set-cookie", "_cfuvid=scripted; path=/; HttpOnly"),
)
ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}


def authenticate(request: Recorded, key: str | None) -> None:
    """Refuse a request without the key, in either of the two headers, but not in both."""
    if key is None:
        return
    given = [value for name in ("x-api-key", "authorization") if (value := request.header(name)) is not None]
    if not given:
        raise Refusal(401, "x-api-key header is required", "authentication_error")
    if len(given) > 1:
        raise Refusal(401, "both x-api-key and Authorization were sent", "authentication_error")
    if given[0] not in (key, f"Bearer {key}"):
        raise Refusal(401, "invalid x-api-key", "authentication_error")


def check(request: Recorded, body: Json, also_known: frozenset[str]) -> None:
    """Refuse a body, or a version, that the API would refuse."""
    version = request.header("anthropic-version")
    if version is None:
        raise Refusal(400, "anthropic-version: header is required")
    if version not in anthropic_strict.VERSIONS:
        raise Refusal(400, f'anthropic-version: "{version}" is not a valid version')
    anthropic_strict.check(body, version=version, also_known=also_known)


def unknown_path(request: Recorded) -> Refusal:
    """Say that there is nothing at a path."""
    return Refusal(404, f"Not Found: {request.method} {request.path}", "not_found_error")


def unknown_model(model: str) -> Refusal:
    """Say that a model does not exist."""
    return Refusal(404, f"model: {model}", "not_found_error")


def not_json() -> Refusal:
    """Say that the body is no JSON."""
    return Refusal(400, "The request body is not valid JSON: expected value at line 1 column 1")


def error(refusal: Refusal) -> Json:
    """Write an error body."""
    body = {"type": refusal.type, "message": refusal.message}
    return {"type": "error", "error": body, "request_id": "req_scripted0anthropic"}


def whole(reply: Reply, request: Json) -> Json:
    """Write an answer in one piece."""
    return (
        _message(reply, request)
        | {
            "content": _blocks(reply),
            "stop_reason": STOP_REASONS[reply.finish],
            "stop_sequence": reply.stop_sequence,
            "usage": usage(reply.usage),
        }
        | _stop_details(reply)
    )


def stream(reply: Reply, request: Json) -> Iterator[bytes]:
    """Write an answer as the API streams it, one event each."""
    opening = usage(reply.usage) | {"output_tokens": 1}
    yield event("message_start", {"message": _message(reply, request) | {"usage": opening}})
    for index, block in enumerate(_blocks(reply)):
        yield event("content_block_start", {"index": index, "content_block": block | EMPTY[block["type"]]})
        if index == 0:
            yield event("ping", {})
        for delta in _deltas(block):
            yield event("content_block_delta", {"index": index, "delta": delta})
        yield event("content_block_stop", {"index": index})
    ending = {"stop_reason": STOP_REASONS[reply.finish], "stop_sequence": reply.stop_sequence} | _stop_details(reply)
    yield event("message_delta", {"delta": ending, "usage": usage(reply.usage)})
    yield event("message_stop", {})


def event(kind: str, content: Json) -> bytes:
    """Frame an event."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind} | content))


def usage(spent: Usage) -> Json:
    """Write usage; the input's count excludes what was cached or written."""
    return {
        "input_tokens": spent.input,
        "cache_creation_input_tokens": spent.written,
        "cache_read_input_tokens": spent.cached,
        "output_tokens": spent.output,
        "service_tier": "standard",
    }


def _message(reply: Reply, request: Json) -> Json:
    return {
        "id": "msg_01Scripted0Answer",
        "type": "message",
        "role": "assistant",
        "model": reply.model or request["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _stop_details(reply: Reply) -> Json:
    if reply.finish != "refusal":
        return {}
    return {"stop_details": {"type": "refusal", "category": None, "explanation": reply.refusal}}


def _blocks(reply: Reply) -> list[Json]:
    blocks: list[Json] = []
    if reply.thinking:
        blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": "c2NyaXB0ZWQ="})
    if reply.text:
        blocks.append({"type": "text", "text": reply.text})
    for index, call in enumerate(reply.calls):
        ident = call.id or f"toolu_01Scripted{index}"
        blocks.append({"type": "tool_use", "id": ident, "name": call.name, "input": call.arguments})
    return blocks


def _deltas(block: Json) -> list[Json]:
    match block["type"]:
        case "text":
            return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        case "thinking":
            thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
            return [*thoughts, {"type": "signature_delta", "signature": block["signature"]}]
        case _:
            cut = pieces(orjson.dumps(block["input"]).decode()) if block["input"] else []
            return [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *cut]]


EMPTY: Final[dict[str, Json]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}
STOP_REASONS: Final[dict[Finish, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool": "tool_use",
    "refusal": "refusal",
}
