"""A stream of Anthropic's Messages, read. Its events are almost the neutral ones; what is out of order is refused.

Events and blocks of unknown types are skipped, as the API's documentation of versioning asks of clients.
"""

from collections.abc import Callable
from typing import ClassVar, Final

import orjson

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.anthropic_messages.answer import (
    citation_of,
    explanation_of,
    merge_usage,
    read_finish,
)
from plano_extproc.translate.chat import Finish, Json, Usage
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
from plano_extproc.translate.faults import fault_in
from plano_extproc.translate.framing.sse import KEEPALIVE, Event
from plano_extproc.translate.reading import event_of, name_of, text_of

_ANY_TIME: Final = frozenset({"message_start", "ping", "error"})
"""Events that need no `message_start` before them."""

_Read = Callable[["MessagesStreamDecoder", Json], list[Delta]]


class MessagesStreamDecoder:
    """Reads events by the `type` in their JSON; the `event:` line is not always there."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._is_started = False
        self._index: int | None = None
        self._kind: str | None = None
        self._pending_input: Json | None = None
        self._tool_used = False
        self._stop: Json = {}

    def take(self, event: Event) -> list[Delta]:
        """Return what one event says."""
        if event is KEEPALIVE:
            return [Ping()]
        told = event_of(event.data)
        read = self._EVENTS.get(told["type"])
        if read is None:
            return []
        if not self._is_started and told["type"] not in _ANY_TIME:
            raise BadProviderAnswer(f"the provider's stream begins with {told['type']}")
        return read(self, told)

    def end(self) -> list[Delta]:
        """Refuse an end without `message_stop`."""
        raise BadProviderAnswer("the provider's stream ended early")

    def _message_start(self, told: Json) -> list[Delta]:
        if self._is_started:
            return []
        self._is_started = True
        message = told["message"]
        self.usage = merge_usage(None, message.get("usage"))
        return [Start(text_of(message.get("id")), text_of(message.get("model")), usage=self.usage)]

    def _block_start(self, told: Json) -> list[Delta]:
        out = self._close()
        block = told["content_block"]
        self._index = told["index"]
        self._kind = block["type"]
        match self._kind:
            case "text":
                out.append(BlockStart("text"))
                return out + self._text(block) + [made for c in block.get("citations") or () for made in _cited(c)]
            case "thinking":
                out.append(BlockStart("thinking"))
                return out + self._thinking(block) + self._signature(block)
            case "redacted_thinking":
                out.append(BlockStart("redacted_thinking", data=text_of(block.get("data"))))
            case "tool_use":
                self._tool_used = True
                # The input comes in pieces, or whole here: known is which when the block ends.
                self._pending_input = block.get("input") or None
                out.append(BlockStart("tool_use", text_of(block.get("id")), name_of(block)))
            case _:
                self._kind = None
        return out

    def _block_delta(self, told: Json) -> list[Delta]:
        if told["index"] != self._index:
            raise BadProviderAnswer("the provider sent a piece of a block that is not open")
        delta = told["delta"]
        found = self._PIECES.get(delta["type"])
        if self._kind is None or found is None:
            return []
        kind, read = found
        if kind != self._kind:
            raise BadProviderAnswer(f"the provider sent a {delta['type']} in a block of type {self._kind}")
        return read(self, delta)

    def _text(self, delta: Json) -> list[Delta]:
        text = text_of(delta.get("text"))
        return [TextDelta(text)] if text else []

    def _thinking(self, delta: Json) -> list[Delta]:
        text = text_of(delta.get("thinking"))
        return [ThinkingDelta(text)] if text else []

    def _signature(self, delta: Json) -> list[Delta]:
        signature = text_of(delta.get("signature"))
        return [SignatureDelta(signature)] if signature else []

    def _input(self, delta: Json) -> list[Delta]:
        text = text_of(delta.get("partial_json"))
        if not text:
            return []
        self._pending_input = None
        return [ArgumentsDelta(text)]

    def _citation(self, delta: Json) -> list[Delta]:
        return _cited(delta["citation"])

    def _block_stop(self, told: Json) -> list[Delta]:
        # A second end of the same block is nothing new.
        return self._close() if told["index"] == self._index else []

    def _close(self) -> list[Delta]:
        out: list[Delta] = []
        if self._pending_input is not None:
            out.append(ArgumentsDelta(orjson.dumps(self._pending_input).decode()))
        if self._kind is not None:
            out.append(BlockStop())
        self._index = self._kind = self._pending_input = None
        return out

    def _message_delta(self, told: Json) -> list[Delta]:
        self.usage = merge_usage(self.usage, told.get("usage"))
        self._stop |= {key: value for key, value in (told.get("delta") or {}).items() if value is not None}
        return []

    def _message_stop(self, told: Json) -> list[Delta]:  # noqa: ARG002 - a reader of events
        out = self._close()
        if explanation := explanation_of(self._stop):
            out += (BlockStart("refusal"), RefusalDelta(explanation), BlockStop())
        raw = self._stop.get("stop_reason")
        finish: Finish = read_finish(raw).given(tool_used=self._tool_used)
        stop_sequence = text_of(self._stop.get("stop_sequence")) or None
        out.append(Finished(finish, raw if isinstance(raw, str) else None, stop_sequence, self.usage))
        return out

    def _ping(self, told: Json) -> list[Delta]:  # noqa: ARG002 - a reader of events
        return [Ping()]

    def _error(self, told: Json) -> list[Delta]:
        return [Failure(fault_in(told))]

    _EVENTS: ClassVar[dict[str, _Read]] = {
        "message_start": _message_start,
        "content_block_start": _block_start,
        "content_block_delta": _block_delta,
        "content_block_stop": _block_stop,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
        "ping": _ping,
        "error": _error,
    }
    _PIECES: ClassVar[dict[str, tuple[str, _Read]]] = {
        "text_delta": ("text", _text),
        "citations_delta": ("text", _citation),
        "thinking_delta": ("thinking", _thinking),
        "signature_delta": ("thinking", _signature),
        "input_json_delta": ("tool_use", _input),
    }


def _cited(citation: Json) -> list[Delta]:
    source = citation_of(citation)
    return [CitationDelta(source)] if source else []
