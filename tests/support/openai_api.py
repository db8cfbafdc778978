"""OpenAI chat completions as a scripted provider speaks them: who may call, answers, streams, errors."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from tests.support import openai_strict
from tests.support.http_server import Recorded
from tests.support.refusal import Refusal
from tests.support.reply import Finish, Reply, ToolCall, Usage, pieces

Json = dict[str, Any]
CREDENTIAL: Final = "authorization"
ROOT: Final = "/v1"
ENDPOINT: Final = "/v1/chat/completions"
HEADERS: Final = (
    ("x-request-id", "req_scripted0openai"),
    ("openai-organization", "scripted"),
    ("openai-processing-ms", "12"),
    ("openai-version", "2020-10-01"),
    ("x-ratelimit-limit-requests", "500"),
    ("x-ratelimit-remaining-requests", "499"),
    ("set-cookie", "__cf_bm=scripted; path=/; HttpOnly"),
)
ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "server_error",
}


def authenticate(request: Recorded, key: str | None) -> None:
    """Refuse a request without the key."""
    given = request.header("authorization")
    if key is None:
        return
    if given is None:
        message = "You didn't provide an API key. You need to provide your API key in an Authorization header."
        raise Refusal(401, message)
    if given != f"Bearer {key}":
        message = f"Incorrect API key provided: {given[-4:]}."
        raise Refusal(401, message, code="invalid_api_key")


def check(request: Recorded, body: Json, also_known: frozenset[str]) -> None:
    """Refuse a body that the API would refuse."""
    openai_strict.check(body, also_known=also_known)


def unknown_path(request: Recorded) -> Refusal:
    """Say that there is nothing at a path."""
    return Refusal(404, f"Invalid URL ({request.method} {request.path})")


def unknown_model(model: str) -> Refusal:
    """Say that a model does not exist."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return Refusal(404, message, code="model_not_found")


def not_json() -> Refusal:
    """Say that the body is no JSON."""
    message = "We could not parse the JSON body of your request. The OpenAI API expects a JSON payload."
    return Refusal(400, message)


def error(refusal: Refusal) -> Json:
    """Write an error body."""
    body = {"message": refusal.message, "type": refusal.type, "param": refusal.param, "code": refusal.code}
    return {"error": body}


def whole(reply: Reply, request: Json) -> Json:
    """Write an answer in one piece."""
    message: Json = {"role": "assistant", "content": reply.text or None, "refusal": reply.refusal, "annotations": []}
    if reply.refusal is not None:
        message["content"] = None
    if reply.thinking:
        message["reasoning_content"] = reply.thinking
    if reply.calls:
        message["tool_calls"] = [_call(call, index) for index, call in enumerate(reply.calls)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason(reply)}
    return _envelope("chat.completion", reply, request) | {
        "choices": [choice],
        "usage": usage(reply.usage),
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def stream(reply: Reply, request: Json) -> Iterator[bytes]:
    """Write an answer as the API streams it, one event each."""
    wants_usage = (request.get("stream_options") or {}).get("include_usage") is True
    yield _chunk(reply, request, {"role": "assistant", "content": "" if not reply.calls else None, "refusal": None})
    for piece in pieces(reply.thinking):
        yield _chunk(reply, request, {"reasoning_content": piece})
    for piece in pieces("" if reply.refusal is not None else reply.text):
        yield _chunk(reply, request, {"content": piece})
    for piece in pieces(reply.refusal or ""):
        yield _chunk(reply, request, {"refusal": piece})
    for index, call in enumerate(reply.calls):
        started: Json = {"index": index, **_call(call, index)}
        arguments = started["function"]["arguments"]
        started["function"]["arguments"] = ""
        yield _chunk(reply, request, {"tool_calls": [started]})
        for piece in pieces(arguments):
            yield _chunk(reply, request, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield _chunk(reply, request, {}, finish_reason(reply))
    if wants_usage:
        last = _envelope("chat.completion.chunk", reply, request) | {"choices": [], "usage": usage(reply.usage)}
        yield event(last)
    yield b"data: [DONE]\n\n"


def event(chunk: Json) -> bytes:
    """Frame a chunk."""
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def usage(spent: Usage) -> Json:
    """Write usage; the prompt's count includes what was cached."""
    prompt = spent.input + spent.cached + spent.written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": spent.output,
        "total_tokens": prompt + spent.output,
        "prompt_tokens_details": {"cached_tokens": spent.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": spent.reasoning, "audio_tokens": 0},
    }


def finish_reason(reply: Reply) -> str:
    """Name the end of an answer; a refusal in words ends as any answer does."""
    return "stop" if reply.refusal is not None else FINISH_REASONS[reply.finish]


def _envelope(kind: str, reply: Reply, request: Json) -> Json:
    model = reply.model or request["model"]
    return {"id": "chatcmpl-Scripted0Answer", "object": kind, "created": 1_790_000_000, "model": model}


def _chunk(reply: Reply, request: Json, delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    wants_usage = (request.get("stream_options") or {}).get("include_usage") is True
    more: Json = {"service_tier": "default", "system_fingerprint": "fp_scripted", "choices": [choice]}
    if wants_usage:
        more["usage"] = None
    return event(_envelope("chat.completion.chunk", reply, request) | more)


def _call(call: ToolCall, index: int) -> Json:
    function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
    return {"id": call.id or f"call_Scripted{index}", "type": "function", "function": function}


FINISH_REASONS: Final[dict[Finish, str]] = {
    "stop": "stop",
    "length": "length",
    "stop_sequence": "stop",
    "tool": "tool_calls",
    "refusal": "content_filter",
}
