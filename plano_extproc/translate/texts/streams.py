"""A streamed answer whose texts pass through windows, in any dialect that clients speak, as bytes in and bytes out.

Events stay in their order, and fields that are not known stay as they are. An event in which no text changes goes out
as it came; a channel's last text, if it was held back, in an event of its own before the channel ends.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, Protocol

import orjson

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.chat import Json
from plano_extproc.translate.codec import WRONG_SHAPE
from plano_extproc.translate.framing.json_list import JsonListParser
from plano_extproc.translate.framing.sse import KEEPALIVE, Event, SseParser
from plano_extproc.translate.reading import event_of
from plano_extproc.translate.texts.anthropic_events import AnthropicEvents
from plano_extproc.translate.texts.channels import Channels, WindowFor
from plano_extproc.translate.texts.chat_events import ChatEvents
from plano_extproc.translate.texts.gemini_events import GeminiEvents
from plano_extproc.translate.texts.responses_events import ResponsesEvents


class _Events(Protocol):
    def event(self, told: Json) -> list[Json]: ...
    def end(self) -> list[Json]: ...


class TextStream:
    """One streamed answer. Errors of windows come out of `feed`; then the stream cannot go on."""

    def __init__(self, api: Api, window_for: WindowFor, *, framing: Literal["sse", "array"] = "sse") -> None:
        """Read and write dialect `api`; `array` is Gemini's JSON list. Legacy completions are `openai.chat`."""
        self._events: _Events = _DIALECTS[api](Channels(window_for))
        self._parser = SseParser(keeps_strays=api == "gemini.generate") if framing == "sse" else None
        self._list = JsonListParser() if framing == "array" else None
        # Gemini's errors stand in the stream without a field's name.
        self._bare_errors = api == "gemini.generate"
        self._is_first = True
        self._has_names = False
        self._is_over = False

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return what the client gets for these bytes; `end` says that they are the last.

        Raises `BadProviderAnswer` for an event that is not valid JSON, or of no shape that the dialect has: its texts
        cannot be seen.
        """
        made: list[bytes] = []
        if self._list is not None:
            for data in self._list.feed(chunk):
                self._edited(b"", data, made)
            if end:
                self._close(made)
                made.append(b"" if self._is_first and not self._list.began else b"[]" if self._is_first else b"]")
            return b"".join(made)
        assert self._parser is not None
        events = self._parser.feed(chunk)
        for event in [*events, *self._parser.end()] if end else events:
            self._sse(event, made)
        if end:
            self._close(made)
        return b"".join(made)

    def _sse(self, event: Event, made: list[bytes]) -> None:
        self._has_names = self._has_names or bool(event.name)
        if event is KEEPALIVE:
            made.append(b":\n\n")
        elif event.data == _DONE:
            self._close(made)
            made.append(b"data: [DONE]\n\n")
            self._is_over = True
        else:
            self._edited(event.name, event.data, made)

    def _edited(self, name: bytes, data: bytes, made: list[bytes]) -> None:
        if _LISTED_ERROR.match(data):
            self._close(made)
            made.append(self._framed(name, data))
            return
        told = event_of(data)
        before = orjson.dumps(told)
        for event in self._seen(told):
            if "error" in told and event is told and self._parser is not None and self._bare_errors:
                made.append(data + b"\n\n")
            elif event is told or event.get("type") == told.get("type"):
                after = orjson.dumps(event)
                made.append(self._framed(name, data if after == before else after))
            else:
                made.append(self._written(event))

    def _seen(self, told: Json) -> list[Json]:
        try:
            return self._events.event(told)
        except WRONG_SHAPE:
            raise BadProviderAnswer("the provider sent an event that its API does not know") from None

    def _close(self, made: list[bytes]) -> None:
        if not self._is_over:
            made.extend(self._written(event) for event in self._events.end())

    def _written(self, event: Json) -> bytes:
        name = str(event.get("type", "")).encode() if self._has_names else b""
        return self._framed(name, orjson.dumps(event))

    def _framed(self, name: bytes, data: bytes) -> bytes:
        if self._list is not None:
            before = b"[" if self._is_first else b",\r\n"
            self._is_first = False
            return before + data
        lines = b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"
        return b"event: " + name + b"\n" + lines if name else lines


_DONE: Final = b"[DONE]"
_LISTED_ERROR: Final = re.compile(rb'\[\s*\{\s*"error"')
"""How Gemini tells an error in some streams; the list holds nothing else."""

_DIALECTS: Final[Mapping[Api, type[ChatEvents | ResponsesEvents | AnthropicEvents | GeminiEvents]]] = {
    "openai.chat": ChatEvents,
    "openai.responses": ResponsesEvents,
    "anthropic.messages": AnthropicEvents,
    "gemini.generate": GeminiEvents,
}
