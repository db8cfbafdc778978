"""A stream made whole."""

from typing import assert_never

from plano_extproc.translate.chat import (
    Answer,
    Block,
    Citation,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolUse,
)
from plano_extproc.translate.deltas import (
    ArgumentsDelta,
    BlockStart,
    BlockStop,
    CitationDelta,
    Delta,
    Failure,
    Finished,
    Ping,
    RefusalDelta,
    SignatureDelta,
    Start,
    TextDelta,
    ThinkingDelta,
)
from plano_extproc.translate.reading import arguments_of


class Accumulator:
    """Collects deltas; `answer` is the whole once `Finished` was taken, None before and after a failure."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self._start = Start("", "")
        self._blocks: list[Block] = []
        self._open = BlockStart("text")
        self._text: list[str] = []
        self._signature: str | None = None
        self._citations: list[Citation] = []
        self._tokens: list[Token] = []

    def take(self, delta: Delta) -> None:
        """Add one delta."""
        match delta:
            case TextDelta(text=text, tokens=tokens):
                self._text.append(text)
                self._tokens += tokens
            case ThinkingDelta(text=text) | RefusalDelta(text=text) | ArgumentsDelta(json=text):
                self._text.append(text)
            case BlockStart():
                self._open = delta
                self._text.clear()
                self._citations.clear()
                self._tokens.clear()
                self._signature = None
            case BlockStop():
                self._blocks.append(self._block())
            case SignatureDelta(signature=signature):
                self._signature = signature
            case CitationDelta(citation=citation):
                self._citations.append(citation)
            case Start():
                self._start = delta
            case Finished():
                start = self._start
                self.answer = Answer(
                    id=start.id,
                    model=start.model,
                    blocks=tuple(self._blocks),
                    finish=delta.finish,
                    raw_finish=delta.raw_finish,
                    stop_sequence=delta.stop_sequence,
                    usage=delta.usage,
                    created=start.created,
                )
            case Ping() | Failure():
                pass
            case _:
                assert_never(delta)

    def _block(self) -> Block:
        text = "".join(self._text)
        match self._open.kind:
            case "text":
                return Text(text, citations=tuple(self._citations), tokens=tuple(self._tokens))
            case "thinking":
                return Thinking(text, self._signature)
            case "redacted_thinking":
                return RedactedThinking(self._open.data)
            case "refusal":
                return Refusal(text)
            case "tool_use":
                return ToolUse(self._open.id, self._open.name, arguments_of(text))
            case _:
                assert_never(self._open.kind)
