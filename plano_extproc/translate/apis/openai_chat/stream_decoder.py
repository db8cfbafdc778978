"""A stream of OpenAI's chat, read.

Chat has no blocks: a chunk just holds more of something. Blocks are opened and closed here. Calls of tools may be
told side by side by their index, while blocks come one after the other, so one call is passed on as it arrives and
those behind it wait until it is complete.

The end is held back until `[DONE]`, or the end of the bytes after a `finish_reason`: the token counts come in
between, and some servers report a reason before their last words.
"""

import orjson

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.openai_chat.answer import (
    arguments_text,
    pieces_of,
    read_annotations,
    read_finish,
    read_usage,
    reasoning_of,
    tokens_of,
)
from plano_extproc.translate.chat import Finish, Json, Token, Usage
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
from plano_extproc.translate.names import derived_id
from plano_extproc.translate.reading import event_of, name_of, text_of


class _Call:
    """A call of a tool, as far as it is known."""

    __slots__ = ("arguments", "id", "is_closed", "name")

    def __init__(self, call_id: str) -> None:
        self.id = call_id
        self.name = ""
        self.arguments: list[str] = []
        self.is_closed = False

    def is_complete(self) -> bool:
        text = "".join(self.arguments)
        if not text.rstrip().endswith("}"):
            return False
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        return True


class ChatStreamDecoder:
    """Reads chunks."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._out: list[Delta] = []
        self._is_started = False
        self._id = ""
        self._open: Kind | None = None
        self._calls: dict[int | None, _Call] = {}
        self._live: _Call | None = None
        self._waiting: list[_Call] = []
        self._call_count = 0
        self._thought_aloud = False
        self._finish: Finish | None = None
        self._raw_finish: str | None = None

    def take(self, event: Event) -> list[Delta]:
        """Return what one chunk says."""
        if event is KEEPALIVE:
            return [Ping()]
        self._out = []
        if event.data == b"[DONE]":
            if self._finish is None and not self._is_started:
                raise BadProviderAnswer("the provider's stream holds no answer")
            self._end()
            return self._out
        chunk = event_of(event.data)
        if chunk.get("error"):
            return [Failure(fault_in(chunk))]
        if usage := chunk.get("usage"):
            self.usage = read_usage(usage, chunk.get("service_tier"))
        for choice in chunk.get("choices") or ():
            if not choice.get("index"):
                self._choice(chunk, choice)
        return self._out

    def end(self) -> list[Delta]:
        """Return the end of the answer; `[DONE]` is missing at some servers, a reason to finish at none."""
        if self._finish is None:
            raise BadProviderAnswer("the provider's stream ended early")
        self._out = []
        self._end()
        return self._out

    def _choice(self, chunk: Json, choice: Json) -> None:
        # The first chunk of some servers has no choices, and no id either.
        if not self._is_started:
            self._is_started = True
            self._id = text_of(chunk.get("id"))
            created = chunk.get("created")
            known = created if isinstance(created, int) else None
            self._out.append(Start(self._id, text_of(chunk.get("model")), known, self.usage))
        if usage := choice.get("usage"):
            self.usage = read_usage(usage)
        delta = choice.get("delta")
        if delta:
            self._delta(delta, tokens_of(choice) if choice.get("logprobs") else ())
        reason = choice.get("finish_reason")
        if reason is not None and self._finish is None:
            self._finish = read_finish(reason)
            self._raw_finish = text_of(reason)

    def _delta(self, delta: Json, tokens: tuple[Token, ...]) -> None:
        if thought := reasoning_of(delta):
            self._thought_aloud = True
            self._say("thinking", ThinkingDelta(thought))
        for block in delta.get("thinking_blocks") or ():
            self._thinking_block(block)
        for is_thought, text in pieces_of(delta.get("content")):
            if is_thought:
                self._say("thinking", ThinkingDelta(text))
            else:
                self._say("text", TextDelta(text, tokens))
                tokens = ()
        if tokens and delta.get("content") == "":
            # A part of a character is a token too.
            self._say("text", TextDelta("", tokens))
        if self._open == "text" and (annotations := delta.get("annotations")):
            self._out += map(CitationDelta, read_annotations(annotations))
        if refusal := text_of(delta.get("refusal")):
            self._say("refusal", RefusalDelta(refusal))
        for call in delta.get("tool_calls") or ():
            self._tool_call(call)

    def _say(self, kind: Kind, piece: Delta) -> None:
        if self._open != kind:
            self._close()
            self._out.append(BlockStart(kind))
            self._open = kind
        self._out.append(piece)

    def _thinking_block(self, block: Json) -> None:
        if block.get("type") == "redacted_thinking":
            self._close()
            self._out += (BlockStart("redacted_thinking", data=text_of(block.get("data"))), BlockStop())
            return
        # Where the text also comes as `reasoning_content`, this is the same text once more.
        thought = text_of(block.get("thinking"))
        if thought and not self._thought_aloud:
            self._say("thinking", ThinkingDelta(thought))
        if signature := text_of(block.get("signature")):
            self._say("thinking", SignatureDelta(signature))
            self._close()

    def _tool_call(self, told: Json) -> None:
        index = told.get("index")
        key = index if isinstance(index, int) else None
        function: Json = told.get("function") or {}
        name, arguments = text_of(function.get("name")), arguments_text(function.get("arguments"))
        call_id = text_of(told.get("id"))
        call = self._calls.get(key)
        if call is None or _is_another(call, call_id, name, arguments):
            call = _Call(call_id or derived_id("call_", self._id, self._call_count))
            self._call_count += 1
            self._calls[key] = call
            self._waiting.append(call)
        call.name = call.name or name
        if call.is_closed:
            if arguments.strip():
                raise BadProviderAnswer("the provider went on with a tool call after it was complete")
            return
        if arguments:
            call.arguments.append(arguments)
            if call is self._live:
                self._out.append(ArgumentsDelta(arguments))
        if self._waiting:
            self._advance()

    def _advance(self) -> None:
        """Pass on the calls that wait, as far as their turn has come."""
        while self._waiting and (self._live is None or self._live.is_complete()) and self._waiting[0].name:
            self._begin(self._waiting.pop(0))

    def _begin(self, call: _Call) -> None:
        self._close()
        self._out.append(BlockStart("tool_use", call.id, name_of({"name": call.name})))
        self._open, self._live = "tool_use", call
        if call.arguments:
            self._out.append(ArgumentsDelta("".join(call.arguments)))

    def _close(self) -> None:
        if self._open is not None:
            self._out.append(BlockStop())
        self._open = None
        if self._live is not None:
            self._live.is_closed = True
            self._live = None

    def _end(self) -> None:
        for call in self._waiting:
            self._begin(call)
        self._waiting.clear()
        self._close()
        finish = (self._finish or Finish.OTHER).given(tool_used=self._call_count > 0)
        if not self._is_started:
            self._out.append(Start("", ""))
        self._out.append(Finished(finish, self._raw_finish, usage=self.usage))


def _is_another(call: _Call, call_id: str, name: str, arguments: str) -> bool:
    """Tell a new call from more of the last one: some servers give every call the same index, some no index."""
    if call_id:
        return call_id != call.id
    if not name or not call.name:
        return False
    return name != call.name or (bool(arguments) and call.is_complete())
