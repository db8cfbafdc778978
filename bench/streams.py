"""What providers of every dialect stream: one text in many pieces, each event a chunk of its own."""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final
from zlib import crc32

from bench.http1 import LAST_CHUNK, unframed
from bench.payloads import CREATED, DELTA, DIALECTS, DialectName, dump
from plano_extproc.apis import Api


def stream(api: Api, pieces: int) -> list[bytes]:
    """Return the chunks of a whole answer whose text comes in so many pieces."""
    return _STREAMS[api](pieces)


def _paced(name: DialectName) -> Callable[[int], list[bytes]]:
    dialect = DIALECTS[name]

    def chunks(pieces: int) -> list[bytes]:
        _head, *opening = dialect.stream_opening
        closing = [event for event in dialect.stream_closing if event != LAST_CHUNK]
        return [unframed(event) for event in (*opening, *[dialect.stream_event] * pieces, *closing)]

    return chunks


def _responses(pieces: int) -> list[bytes]:
    text = DELTA * pieces
    answer: dict[str, Any] = {
        "id": "resp_bench0123456789abcdefghij",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "model": "bench-model",
        "output": [],
        "usage": None,
    }
    item = {"id": "msg_bench0123456789", "type": "message", "role": "assistant"}
    part = {"type": "output_text", "annotations": [], "logprobs": []}
    done = {**item, "status": "completed", "content": [{**part, "text": text}]}
    usage = {
        "input_tokens": 412,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 128,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 540,
    }
    place = {"output_index": 0}
    inside = {"item_id": item["id"], **place, "content_index": 0}
    told: list[tuple[str, Mapping[str, Any]]] = [
        ("response.created", {"response": answer}),
        ("response.in_progress", {"response": answer}),
        ("response.output_item.added", {**place, "item": {**item, "status": "in_progress", "content": []}}),
        ("response.content_part.added", {**inside, "part": {**part, "text": ""}}),
        *[("response.output_text.delta", {**inside, "delta": DELTA, "logprobs": [], "obfuscation": "x7Kq"})] * pieces,
        ("response.output_text.done", {**inside, "text": text, "logprobs": []}),
        ("response.content_part.done", {**inside, "part": {**part, "text": text}}),
        ("response.output_item.done", {**place, "item": done}),
        ("response.completed", {"response": {**answer, "status": "completed", "output": [done], "usage": usage}}),
    ]
    return [
        b"event: %s\ndata: %s\n\n" % (kind.encode(), dump({"type": kind, "sequence_number": number, **fields}))
        for number, (kind, fields) in enumerate(told)
    ]


def _gemini(pieces: int) -> list[bytes]:
    def event(number: int) -> bytes:
        is_last = number == pieces
        candidate = {"content": {"parts": [{"text": DELTA}], "role": "model"}, "index": 0}
        usage = {"promptTokenCount": 412, "candidatesTokenCount": number, "totalTokenCount": 412 + number}
        value = {
            "candidates": [{**candidate, "finishReason": "STOP"} if is_last else candidate],
            "usageMetadata": usage,
            "modelVersion": "bench-model",
            "responseId": "bench0123456789",
        }
        return b"data: %s\r\n\r\n" % dump(value)

    return [event(number) for number in range(1, pieces + 1)]


def _converse(pieces: int) -> list[bytes]:
    place = {"contentBlockIndex": 0, "p": "abcdefghijkl"}
    piece = _frame("contentBlockDelta", {**place, "delta": {"text": DELTA}})
    usage = {"inputTokens": 412, "outputTokens": 128, "totalTokens": 540}
    return [
        _frame("messageStart", {"role": "assistant", "p": "abcdefgh"}),
        *[piece] * pieces,
        _frame("contentBlockStop", place),
        _frame("messageStop", {"stopReason": "end_turn", "p": "abcd"}),
        _frame("metadata", {"usage": usage, "metrics": {"latencyMs": 912}, "p": "ab"}),
    ]


def _frame(kind: str, value: Mapping[str, Any]) -> bytes:
    """Return one message of Amazon's event stream: lengths, their checksum, headers, payload, checksum of all."""
    headers = b"".join(
        _header(name, text)
        for name, text in (
            (":event-type", kind),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    payload = dump(value)
    lengths = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    message = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def _header(name: str, text: str) -> bytes:
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(text)) + text.encode()


_STREAMS: Final[Mapping[Api, Callable[[int], list[bytes]]]] = {
    "openai.chat": _paced("openai"),
    "anthropic.messages": _paced("anthropic"),
    "openai.responses": _responses,
    "gemini.generate": _gemini,
    "bedrock.converse": _converse,
}
