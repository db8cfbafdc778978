"""A stream of OpenAI's Responses, read.

Items come one after the other, and each is told in pieces and then as a whole. Servers of OpenAI's kind leave out one
or the other: what came in pieces is not told again, and what came in none is told when the whole is known. Only the
events of the response itself end the stream, never those of an item. Calls of tools may be told side by side; then
one is passed on as it arrives and those behind it wait.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.openai_responses.answer import (
    fault_of,
    read_arguments,
    read_call_id,
    read_citation,
    read_citations,
    read_created,
    read_ending,
    read_usage,
)
from plano_extproc.translate.apis.openai_responses.reasoning import PARAGRAPH, read_encrypted, words_of
from plano_extproc.translate.apis.openai_responses.tools import CUSTOM_INPUT
from plano_extproc.translate.chat import Citation, Json, Usage
from plano_extproc.translate.deltas import (
    ArgumentsDelta,
    BlockStart,
    BlockStop,
    CitationDelta,
    Delta,
    Failure,
    Finished,
    Kind,
    Ping,
    RefusalDelta,
    SignatureDelta,
    Start,
    TextDelta,
    ThinkingDelta,
)
from plano_extproc.translate.faults import fault_in
from plano_extproc.translate.framing.sse import KEEPALIVE, Event
from plano_extproc.translate.logprobs import read_tokens
from plano_extproc.translate.reading import event_of, name_of, text_of

_Place = int | str
_Read = Callable[["ResponsesStreamDecoder", Json], None]


class _Item:
    """One item of the output, as far as it is known."""

    __slots__ = ("cited", "id", "is_done", "name", "pieces", "place", "thoughts")

    def __init__(self, place: _Place) -> None:
        self.place = place
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []
        self.is_done = False
        self.cited: list[Citation] = []
        self.thoughts: list[str] = []


class ResponsesStreamDecoder:
    """Reads events by the `type` in their JSON; the `event:` line is not always there."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._out: list[Delta] = []
        self._is_started = False
        self._id = ""
        self._items: dict[_Place, _Item] = {}
        self._places: dict[str, _Place] = {}
        self._open: tuple[_Place, Kind, int] | None = None
        self._parts: set[tuple[_Place, Kind, int]] = set()
        self._said: list[str] = []
        self._live: _Item | None = None
        self._waiting: list[_Item] = []
        self._tool_used = False

    def take(self, event: Event) -> list[Delta]:
        """Return what one event says. Events of unknown types, and of tools that the provider runs, say nothing."""
        if event is KEEPALIVE:
            return [Ping()]
        if event.data == b"[DONE]":
            return []
        told = event_of(event.data)
        kind = told.get("type")
        read = self._EVENTS.get(kind) if isinstance(kind, str) else None
        if read is None:
            if told.get("error"):
                return [Failure(fault_in(told))]
            return []
        self._out = []
        read(self, told)
        return self._out

    def end(self) -> list[Delta]:
        """Refuse an end before that of the response."""
        raise BadProviderAnswer("the provider's stream ended early")

    def _created(self, told: Json) -> None:
        self._start(told.get("response") or {})

    def _start(self, response: Json) -> None:
        if not self._is_started:
            self._is_started = True
            self._id = text_of(response.get("id"))
            self._out.append(Start(self._id, text_of(response.get("model")), read_created(response)))

    def _item(self, told: Json) -> _Item:
        """Return the item that an event is about. Its place tells it better than its id, which some servers change."""
        index, item_id = told.get("output_index"), told.get("item_id")
        place: _Place = index if isinstance(index, int) else self._places.get(str(item_id), str(item_id))
        item = self._items.get(place)
        if item is None:
            self._start({})
            item = self._items[place] = _Item(place)
        return item

    def _added(self, told: Json) -> None:
        whole = told["item"]
        item = self._item({"item_id": whole.get("id"), **told})
        if item_id := text_of(whole.get("id")):
            self._places[item_id] = item.place
        if whole.get("type") in ("function_call", "custom_tool_call"):
            self._name(item, whole)
            self._advance()

    def _say(self, item: _Item, kind: Kind, part: int, piece: Delta) -> None:
        where = (item.place, kind, part)
        if self._open != where:
            self._close()
            self._out.append(BlockStart(kind))
            self._open = where
            self._parts.add(where)
        self._out.append(piece)

    def _text(self, item: _Item, part: int, text: str, likely: Any) -> None:
        if text or likely:
            self._said.append(text)
            self._say(item, "text", part, TextDelta(text, read_tokens(likely) if likely else ()))

    def _text_delta(self, told: Json) -> None:
        self._text(self._item(told), _part_of(told), text_of(told.get("delta")), told.get("logprobs"))

    def _text_done(self, told: Json) -> None:
        item, part = self._item(told), _part_of(told)
        if (item.place, "text", part) not in self._parts:
            self._text(item, part, text_of(told.get("text")), told.get("logprobs"))

    def _annotation(self, told: Json) -> None:
        citation = read_citation(told.get("annotation") or {})
        item = self._item(told)
        if citation and self._open == (item.place, "text", _part_of(told)):
            self._cite(item, citation)

    def _cite(self, item: _Item, citation: Citation) -> None:
        item.cited.append(citation)
        self._out.append(CitationDelta(citation))

    def _refusal_delta(self, told: Json) -> None:
        if text := text_of(told.get("delta")):
            self._say(self._item(told), "refusal", _part_of(told), RefusalDelta(text))

    def _refusal_done(self, told: Json) -> None:
        item, part = self._item(told), _part_of(told)
        if (item.place, "refusal", part) not in self._parts and (text := text_of(told.get("refusal"))):
            self._say(item, "refusal", part, RefusalDelta(text))

    def _think(self, item: _Item, part: str, text: str) -> None:
        if not text:
            return
        if part not in item.thoughts:
            text = PARAGRAPH + text if item.thoughts else text
            item.thoughts.append(part)
        self._say(item, "thinking", 0, ThinkingDelta(text))

    def _thinking_delta(self, told: Json) -> None:
        self._think(self._item(told), _thought_part(told), text_of(told.get("delta")))

    def _thinking_done(self, told: Json) -> None:
        item, part = self._item(told), _thought_part(told)
        if part not in item.thoughts:
            self._think(item, part, text_of(told.get("text")))

    def _name(self, item: _Item, whole: Json) -> None:
        if item.name:
            return
        item.name = name_of(whole)
        item.id = read_call_id(whole, self._id, len(self._items) - 1)
        self._tool_used = True
        if item not in self._waiting:
            self._waiting.append(item)

    def _arguments_delta(self, told: Json) -> None:
        self._argue(self._item(told), text_of(told.get("delta")))

    def _argue(self, item: _Item, text: str) -> None:
        if not text:
            return
        if item.is_done:
            raise BadProviderAnswer("the provider went on with a tool call after it was complete")
        item.pieces.append(text)
        if item is self._live:
            self._out.append(ArgumentsDelta(text))

    def _arguments_done(self, told: Json) -> None:
        self._rest(self._item(told), read_arguments(told))

    def _rest(self, item: _Item, whole: str) -> None:
        """Add what the pieces left out, which is all where there were none."""
        said = "".join(item.pieces)
        if not item.is_done and whole.startswith(said):
            self._argue(item, whole[len(said) :])

    def _advance(self) -> None:
        """Pass on the calls that wait, as far as their turn has come."""
        while self._waiting and self._live is None:
            item = self._waiting.pop(0)
            self._close()
            self._out.append(BlockStart("tool_use", item.id, item.name))
            self._open, self._live = (item.place, "tool_use", 0), item
            if item.pieces:
                self._out.append(ArgumentsDelta("".join(item.pieces)))
            if item.is_done:
                self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._out.append(BlockStop())
        self._open = None
        if self._live is not None:
            self._live.is_done = True
            self._live = None

    def _done(self, told: Json) -> None:
        whole = told["item"]
        item = self._item({"item_id": whole.get("id"), **told})
        read = self._WHOLES.get(whole.get("type"))
        if read is not None and not item.is_done:
            read(self, item, whole)
            item.is_done = True

    def _call_done(self, item: _Item, whole: Json) -> None:
        self._name(item, whole)
        self._rest(item, read_arguments(whole))
        item.is_done = True
        if item is self._live:
            self._close()
        self._advance()

    def _custom_done(self, item: _Item, whole: Json) -> None:
        # Nobody is offered custom tools here; a server that has its own gets them named like functions.
        self._call_done(item, {**whole, "arguments": {CUSTOM_INPUT: text_of(whole.get("input"))}})

    def _message_done(self, item: _Item, whole: Json) -> None:
        parts = whole.get("content") or ()
        told = "".join(text_of(part.get("text")) for part in parts if part.get("type") == "output_text")
        is_new = not any(place == item.place for place, _, _ in self._parts)
        if is_new and told and told == "".join(self._said):
            # The same message once more, under another id.
            return
        for position, part in enumerate(parts):
            where = {"output_index": item.place, "content_index": position}
            if part.get("type") == "output_text":
                self._text_done({**where, "text": part.get("text"), "logprobs": part.get("logprobs")})
                if self._open == (item.place, "text", position):
                    for citation in read_citations(part):
                        if citation not in item.cited:
                            self._cite(item, citation)
            elif part.get("type") == "refusal":
                self._refusal_done({**where, "refusal": part.get("refusal")})
        if self._open and self._open[0] == item.place:
            self._close()

    def _reasoning_done(self, item: _Item, whole: Json) -> None:
        if not item.thoughts:
            self._think(item, "", words_of(whole))
        signature, secret = read_encrypted(text_of(whole.get("id")), text_of(whole.get("encrypted_content")))
        if self._open == (item.place, "thinking", 0):
            self._out += [SignatureDelta(signature)] if signature else []
            self._close()
        elif secret and not item.thoughts:
            self._close()
            self._out += (BlockStart("redacted_thinking", data=secret), BlockStop())
        elif signature and not item.thoughts:
            self._close()
            self._out += (BlockStart("thinking"), SignatureDelta(signature), BlockStop())

    def _end(self, told: Json) -> None:
        response = told["response"]
        self._start(response)
        if not self._items:
            for position, whole in enumerate(response.get("output") or ()):
                self._done({"output_index": position, "item": whole})
        for item in self._waiting:
            item.is_done = True
        self._close()
        self._advance()
        self.usage = read_usage(response.get("usage"), response.get("service_tier"))
        finish, raw = read_ending(response)
        self._out.append(Finished(finish.given(tool_used=self._tool_used), raw, usage=self.usage))

    def _failed(self, told: Json) -> None:
        response = told.get("response") or {}
        self.usage = read_usage(response.get("usage"))
        self._out.append(Failure(fault_of({"status": "failed", **response})))

    def _error(self, told: Json) -> None:
        # OpenAI sends the error within, its documentation has it flat.
        self._out.append(Failure(fault_of({"error": told.get("error") or {**told, "type": None}})))

    def _ping(self, told: Json) -> None:  # noqa: ARG002 - a reader of events
        self._out.append(Ping())

    _EVENTS: ClassVar[dict[str, _Read]] = {
        "response.created": _created,
        "response.in_progress": _created,
        "response.queued": _created,
        "response.output_item.added": _added,
        "response.output_item.done": _done,
        "response.output_text.delta": _text_delta,
        "response.output_text.done": _text_done,
        "response.output_text.annotation.added": _annotation,
        "response.refusal.delta": _refusal_delta,
        "response.refusal.done": _refusal_done,
        "response.reasoning_summary_text.delta": _thinking_delta,
        "response.reasoning_summary_text.done": _thinking_done,
        "response.reasoning_text.delta": _thinking_delta,
        "response.reasoning_text.done": _thinking_done,
        "response.function_call_arguments.delta": _arguments_delta,
        "response.function_call_arguments.done": _arguments_done,
        "response.completed": _end,
        "response.incomplete": _end,
        "response.failed": _failed,
        "response.cancelled": _failed,
        "error": _error,
        "keepalive": _ping,
    }
    _WHOLES: ClassVar[dict[Any, Callable[["ResponsesStreamDecoder", _Item, Json], None]]] = {
        "message": _message_done,
        "reasoning": _reasoning_done,
        "function_call": _call_done,
        "custom_tool_call": _custom_done,
    }


def _part_of(told: Json) -> int:
    index = told.get("content_index")
    return index if isinstance(index, int) else 0


def _thought_part(told: Json) -> str:
    key = "summary_index" if "summary_index" in told else "content_index"
    return f"{key}{told.get(key)}"
