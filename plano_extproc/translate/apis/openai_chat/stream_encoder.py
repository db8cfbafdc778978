"""A stream of OpenAI's chat, written."""

from typing import assert_never

import orjson

from plano_extproc.translate.apis.openai_chat.answer import (
    annotation,
    thinking_block,
    write_finish,
    write_logprobs,
    write_usage,
)
from plano_extproc.translate.chat import Block, Citation, Json, RedactedThinking, Thinking, Usage
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


class ChatStreamEncoder:
    """Writes chunks. What all of them share is serialised once."""

    def __init__(self, options: AnswerOptions) -> None:
        """Write a stream; `options` fill in what the provider leaves out."""
        self._options = options
        self._shared = b""
        self._head = b""
        self._end = b',"usage":null}\n\n' if options.include_usage else b"}\n\n"
        self._tail = b'},"finish_reason":null}]' + self._end
        self._call = -1
        self._call_is_bare = False
        self._in_tool = False
        self._characters = 0
        self._block_start = 0
        self._block_sources: list[Citation] = []
        self._cited: list[Json] = []
        self._kept = 0
        self._thought: list[str] = []

    def take(self, delta: Delta) -> bytes:
        """Return the chunks for a delta."""
        match delta:
            case TextDelta(text=text):
                self._characters += len(text)
                if delta.tokens:
                    likely = orjson.dumps(write_logprobs(delta.tokens))
                    return self._chunk(b'"content":' + orjson.dumps(text), b'},"logprobs":' + likely + self._tail[1:])
                return self._chunk(b'"content":' + orjson.dumps(text))
            case ArgumentsDelta(json=text):
                self._call_is_bare = False
                return self._arguments(text)
            case ThinkingDelta(text=text):
                self._thought.append(text)
                return self._chunk(b'"reasoning_content":' + orjson.dumps(text))
            case SignatureDelta(signature=signature):
                thought = Thinking("".join(self._thought), signature)
                return self._keep(thought)
            case CitationDelta(citation=citation):
                self._block_sources.append(citation)
                return b""
            case RefusalDelta(text=text):
                return self._chunk(b'"refusal":' + orjson.dumps(text))
            case _:
                return self._mark(delta)

    def _mark(self, delta: Mark) -> bytes:
        match delta:
            case BlockStart():
                return self._block(delta)
            case BlockStop():
                return self._block_end()
            case Start():
                return self._start(delta)
            case Ping():
                return b": ping\n\n"
            case Finished():
                return self._finish(delta)
            case Failure(fault=fault):
                return fault_event("openai.chat", fault)
            case _:
                assert_never(delta)

    def _start(self, start: Start) -> bytes:
        shared = {
            "id": start.id or self._options.id,
            "object": "chat.completion.chunk",
            "created": start.created or self._options.created,
            "model": start.model or self._options.model,
        }
        self._shared = b"data: " + orjson.dumps(shared)[:-1]
        self._head = self._shared + b',"choices":[{"index":0,"delta":{'
        return self._chunk(b'"role":"assistant","content":""')

    def _chunk(self, delta: bytes, tail: bytes | None = None) -> bytes:
        return self._head + delta + (self._tail if tail is None else tail)

    def _block(self, block: BlockStart) -> bytes:
        self._block_start = self._characters
        self._thought.clear()
        if block.kind == "redacted_thinking":
            return self._keep(RedactedThinking(block.data))
        if block.kind != "tool_use":
            return b""
        self._call += 1
        self._in_tool = self._call_is_bare = True
        call = {
            "index": self._call,
            "id": block.id,
            "type": "function",
            "function": {"name": block.name, "arguments": ""},
        }
        return self._chunk(b'"tool_calls":[' + orjson.dumps(call) + b"]")

    def _keep(self, block: Block) -> bytes:
        """Hand on what the provider wants back in the next turn, whole, and with an index to join it by."""
        indexed = {"index": self._kept, **(thinking_block(block) or {})}
        self._kept += 1
        return self._chunk(b'"thinking_blocks":[' + orjson.dumps(indexed) + b"]")

    def _block_end(self) -> bytes:
        # A stretch of text and its sources come in any order, so they are matched when both are complete.
        length = self._characters - self._block_start
        self._cited += [annotation(source, self._block_start, length) for source in self._block_sources]
        self._block_sources.clear()
        is_bare = self._in_tool and self._call_is_bare
        self._in_tool = False
        return self._arguments("{}") if is_bare else b""

    def _arguments(self, text: str) -> bytes:
        return self._chunk(
            b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]' % (self._call, orjson.dumps(text))
        )

    def _finish(self, end: Finished) -> bytes:
        out: list[bytes] = []
        # Without an index, OpenAI's clients cannot join such a list, so it comes once, whole.
        if self._cited:
            out.append(self._chunk(b'"annotations":' + orjson.dumps(self._cited)))
        reason = orjson.dumps(write_finish(end.finish))
        tier = b',"service_tier":' + orjson.dumps(end.usage.tier) if end.usage and end.usage.tier else b""
        out.append(self._head + b'},"finish_reason":' + reason + b"}]" + tier + self._end)
        if self._options.include_usage:
            counts = orjson.dumps(write_usage(end.usage or Usage()))
            out.append(self._shared + b',"choices":[]' + tier + b',"usage":' + counts + b"}\n\n")
        out.append(b"data: [DONE]\n\n")
        return b"".join(out)
