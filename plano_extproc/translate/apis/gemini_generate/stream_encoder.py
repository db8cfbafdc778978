"""A stream of Gemini's API, written: as server-sent events, or as the JSON list that is sent without `alt=sse`.

Nothing but answers may be in it: Google's clients stumble over comments. Calls of tools come whole.
"""

from typing import assert_never

import orjson

from plano_extproc.translate.apis.gemini_generate.answer import (
    call_part,
    thought_part,
    write_citations,
    write_finish,
    write_tokens,
    write_usage,
)
from plano_extproc.translate.apis.gemini_generate.kept import Kept
from plano_extproc.translate.chat import Citation, Json, RedactedThinking, Thinking, Token, ToolUse
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
from plano_extproc.translate.faults import Fault, fault_body, fault_event
from plano_extproc.translate.framing.json_list import ObjectWriter
from plano_extproc.translate.reading import arguments_of


class GenerateStreamEncoder:
    """Writes answers that hold what is new."""

    def __init__(self, options: AnswerOptions) -> None:
        """Write a stream; `options` fill in what the provider leaves out."""
        self._options = options
        self._is_array = options.framing == "array"
        self._writer = ObjectWriter(is_list=self._is_array)
        self._identity: Json = {}
        self._tail = b""
        self._open = BlockStart("text")
        self._text: list[str] = []
        self._signature: str | None = None
        self._kept = Kept()
        self._sources: list[Citation] = []
        self._refusal: list[str] = []

    def take(self, delta: Delta) -> bytes:
        """Return the events for a delta."""
        match delta:
            case TextDelta(text=text, tokens=tokens):
                return self._part(self._kept.onto({"text": text}), tokens)
            case ThinkingDelta(text=text):
                self._text.append(text)
                return self._part(thought_part(text)) if self._options.include_thoughts else b""
            case ArgumentsDelta(json=text):
                self._text.append(text)
            case SignatureDelta(signature=signature):
                self._signature = signature
            case CitationDelta(citation=citation):
                self._sources.append(citation)
            case RefusalDelta(text=text):
                self._refusal.append(text)
            case _:
                return self._mark(delta)
        return b""

    def _mark(self, delta: Mark) -> bytes:
        match delta:
            case Start():
                self._start(delta)
            case BlockStart():
                self._open, self._signature = delta, None
                self._text.clear()
            case BlockStop():
                return self._block_end()
            case Finished():
                return self._finish(delta)
            case Failure(fault=fault):
                return self._fail(fault)
            case Ping():
                pass
            case _:
                assert_never(delta)
        return b""

    def _start(self, start: Start) -> None:
        self._identity = {
            "modelVersion": start.model or self._options.model,
            "responseId": start.id or self._options.id,
        }
        self._tail = b',"index":0}],' + orjson.dumps(self._identity)[1:]

    def _block_end(self) -> bytes:
        text, opened = "".join(self._text), self._open
        if opened.kind == "tool_use":
            return self._part(self._kept.onto(call_part(ToolUse(opened.id, opened.name, arguments_of(text)))))
        if opened.kind == "thinking":
            self._kept.hold(Thinking(text, self._signature))
        elif opened.kind == "redacted_thinking":
            self._kept.hold(RedactedThinking(opened.data))
        return b""

    def _part(self, part: Json, tokens: tuple[Token, ...] = ()) -> bytes:
        likely = b"," + orjson.dumps(write_tokens(tokens))[1:-1] if tokens else b""
        content = b'{"candidates":[{"content":{"parts":[' + orjson.dumps(part) + b'],"role":"model"}'
        return self._writer.write(content + likely + self._tail)

    def _finish(self, end: Finished) -> bytes:
        candidate: Json = {
            "content": {"parts": [self._kept.onto({"text": ""})], "role": "model"},
            **write_finish(end.finish, "".join(self._refusal)),
            "index": 0,
            **write_citations(self._sources),
        }
        body: Json = {"candidates": [candidate]}
        if end.usage:
            body["usageMetadata"] = write_usage(end.usage)
        return self._writer.write(orjson.dumps({**body, **self._identity})) + self._writer.end()

    def _fail(self, fault: Fault) -> bytes:
        if self._is_array:
            return self._writer.write(fault_body("gemini.generate", fault)) + self._writer.end()
        return fault_event("gemini.generate", fault)
