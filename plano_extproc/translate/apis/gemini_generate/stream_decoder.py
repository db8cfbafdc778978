"""A stream of Gemini's API, read. Each event is an answer, with what came since the one before.

Nothing marks the end but the end of the bytes, so a stream without a reason to finish is one that broke off. The reason
may come before the last parts, and after the call of a tool in an event of its own.
"""

import orjson

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.gemini_generate.answer import (
    args_of,
    call_id_of,
    citations_of,
    parts_of,
    raw_finish,
    read_block,
    read_finish,
    read_usage,
    said_in,
    signature_of,
    tokens_of,
)
from plano_extproc.translate.chat import Citation, Finish, Json, Usage
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
from plano_extproc.translate.reading import name_of, text_of


class GenerateStreamDecoder:
    """Reads events."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._out: list[Delta] = []
        self._is_started = False
        self._id = ""
        self._open: Kind | None = None
        self._call_count = 0
        self._sources: dict[Citation, None] = {}
        self._finish: Finish | None = None
        self._raw_finish: str | None = None
        self._explanation = ""

    def take(self, event: Event) -> list[Delta]:
        """Return what one event says."""
        if event is KEEPALIVE:
            return [Ping()]
        told = _told(event.data)
        if told.get("error"):
            return [Failure(fault_in(told))]
        self._out = []
        # Every report is of the whole so far.
        self.usage = read_usage(told.get("usageMetadata")) or self.usage
        if not self._is_started:
            self._is_started = True
            self._id = text_of(told.get("responseId"))
            self._out.append(Start(self._id, text_of(told.get("modelVersion")), usage=self.usage))
        candidates = told.get("candidates") or ()
        for candidate in candidates:
            if not candidate.get("index"):
                self._candidate(candidate)
        finish, blocked, explanation = read_block(told)
        if blocked and not candidates:
            self._finish, self._raw_finish, self._explanation = finish, blocked, explanation
        return self._out

    def end(self) -> list[Delta]:
        """Return the end of the answer."""
        if self._finish is None:
            raise BadProviderAnswer("the provider's stream ended early")
        self._out = []
        finish = self._finish.given(tool_used=self._call_count > 0)
        self._close()
        if self._explanation and finish is Finish.CONTENT_FILTER:
            self._out += (BlockStart("refusal"), RefusalDelta(self._explanation), BlockStop())
        self._out.append(Finished(finish, self._raw_finish, usage=self.usage))
        return self._out

    def _candidate(self, candidate: Json) -> None:
        tokens = tokens_of(candidate)
        for part in parts_of(candidate):
            if call := part.get("functionCall"):
                self._call(part, call)
            elif part.get("thought"):
                self._thought(part)
            elif text := said_in(part):
                self._open_as("text")
                self._out.append(TextDelta(text, tokens))
                tokens = ()
        if tokens and self._open == "text":
            self._out.append(TextDelta("", tokens))
        self._sources |= dict.fromkeys(citations_of(candidate))
        raw = raw_finish(candidate)
        if raw is not None:
            self._finish, self._raw_finish = read_finish(raw), raw
            self._explanation = text_of(candidate.get("finishMessage"))

    def _thought(self, part: Json) -> None:
        text, signature = text_of(part.get("text")), signature_of(part)
        if text or signature:
            self._open_as("thinking")
        if text:
            self._out.append(ThinkingDelta(text))
        if signature:
            self._out.append(SignatureDelta(signature))
            self._close()

    def _call(self, part: Json, call: Json) -> None:
        self._close()
        call_id = call_id_of(part, self._id, self._call_count)
        self._call_count += 1
        self._out.append(BlockStart("tool_use", call_id, name_of(call)))
        if arguments := args_of(call):
            self._out.append(ArgumentsDelta(orjson.dumps(arguments).decode()))
        self._out.append(BlockStop())

    def _open_as(self, kind: Kind) -> None:
        if self._open != kind:
            self._close()
            self._out.append(BlockStart(kind))
            self._open = kind

    def _close(self) -> None:
        if self._open == "text":
            # The sources come with the last words, or after them.
            self._out += map(CitationDelta, self._sources)
            self._sources.clear()
        if self._open is not None:
            self._out.append(BlockStop())
        self._open = None


def _told(data: bytes) -> Json:
    try:
        told = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadProviderAnswer("the provider sent an event that is not valid JSON") from None
    if isinstance(told, list) and len(told) == 1:
        # So do some of Google's servers tell an error.
        told = told[0]
    if isinstance(told, dict):
        return told
    raise BadProviderAnswer("the provider sent an event that is no object")
