"""An answer that is there at once, as the deltas of a stream, for clients who asked for one."""

from collections.abc import Iterator
from typing import assert_never

import orjson

from plano_extproc.translate.chat import (
    Answer,
    Block,
    File,
    Image,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.deltas import (
    ArgumentsDelta,
    BlockStart,
    BlockStop,
    CitationDelta,
    Delta,
    Finished,
    RefusalDelta,
    SignatureDelta,
    Start,
    TextDelta,
    ThinkingDelta,
)


def told(answer: Answer) -> Iterator[Delta]:
    """Yield the deltas of a whole answer, in the order that `deltas` promises."""
    yield Start(answer.id, answer.model, answer.created, answer.usage)
    for block in answer.blocks:
        yield from _block(block)
    yield Finished(answer.finish, answer.raw_finish, answer.stop_sequence, answer.usage)


def _block(block: Block) -> Iterator[Delta]:
    match block:
        case Text():
            yield BlockStart("text")
            if block.text:
                yield TextDelta(block.text, block.tokens)
            yield from map(CitationDelta, block.citations)
        case Thinking():
            yield BlockStart("thinking")
            if block.text:
                yield ThinkingDelta(block.text)
            if block.signature is not None:
                yield SignatureDelta(block.signature)
        case RedactedThinking():
            yield BlockStart("redacted_thinking", data=block.data)
        case ToolUse():
            yield BlockStart("tool_use", block.id, block.name)
            yield ArgumentsDelta(orjson.dumps(block.input).decode())
        case Refusal():
            yield BlockStart("refusal")
            if block.text:
                yield RefusalDelta(block.text)
        case Image() | File() | ToolResult():
            # No stream has a word for what a model does not write.
            return
        case _:
            assert_never(block)
    yield BlockStop()
