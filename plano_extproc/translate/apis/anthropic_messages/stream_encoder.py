"""A stream of Anthropic's Messages, written."""

from typing import assert_never

import orjson

from plano_extproc.translate.apis.anthropic_messages.answer import (
    SHOWN_ID_LIMIT,
    named,
    write_citation,
    write_stop,
    write_usage,
)
from plano_extproc.translate.chat import Json, Usage
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.deltas import (
    ArgumentsDelta,
    BlockStart,
    BlockStop,
    CitationDelta,
    Delta,
    Failure,
    Finished,
    Mark,
    Ping,
    RefusalDelta,
    SignatureDelta,
    Start,
    TextDelta,
    ThinkingDelta,
)
from plano_extproc.translate.faults import fault_event
from plano_extproc.translate.names import fitted


class MessagesStreamEncoder:
    """Writes events, and counts the blocks."""

    def __init__(self, options: AnswerOptions) -> None:
        """Write a stream; `options` fill in what the provider leaves out."""
        self._options = options
        self._index = -1
        self._delta_head = b""
        self._is_silent = False
        self._refusal: list[str] = []

    def take(self, delta: Delta) -> bytes:
        """Return the events for a delta."""
        match delta:
            case TextDelta(text=text):
                # Only what tells of tokens is empty, and these are not asked for here.
                return self._piece(b'"text_delta","text":', text) if text else b""
            case ArgumentsDelta(json=text):
                return self._piece(b'"input_json_delta","partial_json":', text)
            case ThinkingDelta(text=text):
                return self._piece(b'"thinking_delta","thinking":', text)
            case SignatureDelta(signature=signature):
                return self._piece(b'"signature_delta","signature":', signature)
            case RefusalDelta(text=text):
                self._refusal.append(text)
                return b""
            case CitationDelta(citation=citation):
                told = {"type": "citations_delta", "citation": write_citation(citation)}
                return _event("content_block_delta", {"index": self._index, "delta": told})
            case _:
                return self._mark(delta)

    def _mark(self, delta: Mark) -> bytes:
        match delta:
            case BlockStart():
                return self._block(delta)
            case BlockStop():
                return b"" if self._is_silent else _event("content_block_stop", {"index": self._index})
            case Start():
                return self._start(delta)
            case Ping():
                return _event("ping", {})
            case Finished():
                stop = write_stop(delta.finish, delta.stop_sequence, "".join(self._refusal))
                counts = write_usage(delta.usage or Usage())
                return _event("message_delta", {"delta": stop, "usage": counts}) + _event("message_stop", {})
            case Failure(fault=fault):
                return fault_event("anthropic.messages", fault)
            case _:
                assert_never(delta)

    def _start(self, start: Start) -> bytes:
        message: Json = {
            "id": start.id or self._options.id,
            "type": "message",
            "role": "assistant",
            "model": named(self._options, start.model),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(start.usage or Usage()),
        }
        return _event("message_start", {"message": message})

    def _block(self, block: BlockStart) -> bytes:
        # A refusal is told at the end, beside the content.
        self._is_silent = block.kind == "refusal"
        if self._is_silent:
            return b""
        self._index += 1
        self._delta_head = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":' % self._index
        )
        return _event("content_block_start", {"index": self._index, "content_block": _opened(block)})

    def _piece(self, kind: bytes, text: str) -> bytes:
        return self._delta_head + kind + orjson.dumps(text) + b"}}\n\n"


def _opened(block: BlockStart) -> Json:
    match block.kind:
        case "tool_use":
            return {"type": "tool_use", "id": fitted(block.id, SHOWN_ID_LIMIT), "name": block.name, "input": {}}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "redacted_thinking":
            return {"type": "redacted_thinking", "data": block.data}
        case _:
            return {"type": "text", "text": ""}


def _event(name: str, fields: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **fields}))
