"""What is said in the bench: the requests of two clients, and the answers of their two providers.

The text of a request tells the provider how to stream, as `[[events=100 pace_ms=2]]`. It stands in the
prompt, since a prompt survives every translation.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from bench.http1 import LAST_CHUNK, chunk

DialectName = Literal["openai", "anthropic"]

_DIRECTIVE = re.compile(rb"\[\[events=(\d+) pace_ms=(\d+)\]\]")
CREATED = 1_760_000_000
_SYSTEM = (
    "You are the assistant of a travel agency. Answer in short, plain sentences, name prices in euros and "
    "times in local time, and ask back when a date, a place or the number of travellers is missing. "
)
TURN = (
    "We are two adults and a child, and would like to go from Lisbon to Vienna in the second week of May, by "
    "train if that can be done within a day and a half, else by plane with hand luggage only. "
)
REPLY = "I can offer two connections that fit your dates; shall I compare their prices and travel times? "
DELTA = "a few words more "


@dataclass(frozen=True, slots=True)
class Pace:
    """How many events a streamed answer has, and how long the provider waits before each."""

    events: int
    pace_ms: int = 0

    @classmethod
    def of(cls, body: bytes) -> Self:
        """Read the directive out of a request's body; without one, a hundred events at full speed."""
        found = _DIRECTIVE.search(body)
        return cls(int(found[1]), int(found[2])) if found else cls(100)

    def __str__(self) -> str:
        return f"[[events={self.events} pace_ms={self.pace_ms}]]"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API as bytes: its path, and the answers of its provider, ready to be written."""

    path: str
    client_headers: Mapping[str, str]
    answer: bytes
    stream_opening: tuple[bytes, ...]
    stream_event: bytes
    stream_closing: tuple[bytes, ...]
    answered: bytes
    """Occurs in every good answer that is not a stream, in this dialect only."""
    stream_ended: bytes
    """Occurs at the end of every stream that was not cut."""


def request(dialect: DialectName, model: str, *, authority: str = "127.0.0.1", stream: Pace | None = None) -> bytes:
    """Return a whole HTTP request: about 25 headers and 2 KB of body, as an official client sends it."""
    text = f"{TURN * 4}{stream or ''}"
    turns = [
        {"role": "user", "content": TURN * 2},
        {"role": "assistant", "content": REPLY * 2},
        {"role": "user", "content": text},
    ]
    body: dict[str, Any] = {"model": model, "max_tokens": 1024, "temperature": 0.2}
    if dialect == "openai":
        body["messages"] = [{"role": "system", "content": _SYSTEM * 2}, *turns]
    else:
        body |= {"system": _SYSTEM * 2, "messages": turns}
    if stream:
        body["stream"] = True
    encoded = dump(body)
    spoken = DIALECTS[dialect]
    headers = {"host": authority, **spoken.client_headers, "content-length": str(len(encoded))}
    lines = [f"POST {spoken.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + encoded


def dump(value: object) -> bytes:
    """Return a value as JSON without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def _http_answer(headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        "HTTP/1.1 200 OK",
        "content-type: application/json",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def _http_stream(headers: Mapping[str, str]) -> bytes:
    lines = [
        "HTTP/1.1 200 OK",
        "content-type: text/event-stream; charset=utf-8",
        "cache-control: no-cache",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "transfer-encoding: chunked", "", ""]).encode()


def _named_event(value: Mapping[str, Any]) -> bytes:
    return chunk(b"event: %s\ndata: %s\n\n" % (value["type"].encode(), dump(value)))


def _openai_event(choices: list[dict[str, Any]], **more: object) -> bytes:
    value = {
        "id": "chatcmpl-bench0123456789abcdefghij",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": "bench-model",
        "system_fingerprint": "fp_bench0123",
        "choices": choices,
        **more,
    }
    return chunk(b"data: %s\n\n" % dump(value))


def _openai_choice(delta: Mapping[str, Any], finish_reason: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]


_CLIENT_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "user-agent": "Bench/Python 1.0.0",
    "x-stainless-lang": "python",
    "x-stainless-package-version": "1.0.0",
    "x-stainless-os": "Linux",
    "x-stainless-arch": "x64",
    "x-stainless-runtime": "CPython",
    "x-stainless-runtime-version": "3.11.7",
    "x-stainless-async": "false",
    "x-stainless-retry-count": "0",
    "x-stainless-read-timeout": "600",
    "content-type": "application/json",
    "x-forwarded-proto": "https",
    "x-client-version": "bench-client/3.2",
    "x-session-id": "6d1c2b6e-8c39-4f43-b9be-1f4f3c1c8f10",
    "accept-language": "en-GB,en;q=0.8",
    "cache-control": "no-cache",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "bench=00f067aa0ba902b7",
}

_OPENAI_HEADERS = {
    "openai-organization": "bench",
    "openai-processing-ms": "421",
    "openai-version": "2020-10-01",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999990",
    "x-request-id": "req_bench0123456789",
}
_ANTHROPIC_HEADERS = {
    "anthropic-organization-id": "bench",
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-tokens-limit": "400000",
    "anthropic-ratelimit-tokens-remaining": "399990",
    "request-id": "req_bench0123456789",
}

_OPENAI_USAGE = {
    "prompt_tokens": 412,
    "completion_tokens": 128,
    "total_tokens": 540,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}

_OPENAI = Dialect(
    path="/v1/chat/completions",
    client_headers={**_CLIENT_HEADERS, "authorization": "Bearer sk-bench-0123456789abcdef0123456789abcdef"},
    answer=_http_answer(
        _OPENAI_HEADERS,
        dump(
            {
                "id": "chatcmpl-bench0123456789abcdefghij",
                "object": "chat.completion",
                "created": CREATED,
                "model": "bench-model",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": REPLY * 6, "refusal": None},
                        "logprobs": None,
                        "finish_reason": "stop",
                    }
                ],
                "usage": _OPENAI_USAGE,
                "system_fingerprint": "fp_bench0123",
            }
        ),
    ),
    stream_opening=(
        _http_stream(_OPENAI_HEADERS),
        _openai_event(_openai_choice({"role": "assistant", "content": ""})),
    ),
    stream_event=_openai_event(_openai_choice({"content": DELTA})),
    stream_closing=(
        _openai_event(_openai_choice({}, "stop")),
        _openai_event([], usage=_OPENAI_USAGE),
        chunk(b"data: [DONE]\n\n"),
        LAST_CHUNK,
    ),
    answered=b'"chat.completion"',
    stream_ended=b"data: [DONE]",
)

_ANTHROPIC_MESSAGE = {
    "id": "msg_bench0123456789abcdefghij",
    "type": "message",
    "role": "assistant",
    "model": "bench-model",
    "content": [{"type": "text", "text": REPLY * 7}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 412, "output_tokens": 128},
}

_ANTHROPIC = Dialect(
    path="/v1/messages",
    client_headers={
        **_CLIENT_HEADERS,
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-ant-bench-0123456789abcdef0123456789abcdef",
    },
    answer=_http_answer(_ANTHROPIC_HEADERS, dump(_ANTHROPIC_MESSAGE)),
    stream_opening=(
        _http_stream(_ANTHROPIC_HEADERS),
        _named_event(
            {
                "type": "message_start",
                "message": {**_ANTHROPIC_MESSAGE, "content": [], "stop_reason": None},
            }
        ),
        _named_event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ),
    stream_event=_named_event(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": DELTA}}
    ),
    stream_closing=(
        _named_event({"type": "content_block_stop", "index": 0}),
        _named_event(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 128},
            }
        ),
        _named_event({"type": "message_stop"}),
        LAST_CHUNK,
    ),
    answered=b'"stop_reason"',
    stream_ended=b'"message_stop"',
)

DIALECTS: dict[DialectName, Dialect] = {"openai": _OPENAI, "anthropic": _ANTHROPIC}
