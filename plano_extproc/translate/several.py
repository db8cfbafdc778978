"""A stream of several answers to one request, as OpenAI's chat and Gemini have it.

Each answer has a translation of its own, which reads and writes it as if it were the only one; here the provider's
events are parted by their choices, and what is made of them gets its place back.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import orjson

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, GatewayError
from plano_extproc.translate.chat import Json, Usage
from plano_extproc.translate.codec import Framing
from plano_extproc.translate.faults import error_body, error_event
from plano_extproc.translate.framing.json_list import ObjectWriter
from plano_extproc.translate.framing.sse import KEEPALIVE, SseParser

CHOICES: Final[Mapping[Api, str]] = {"openai.chat": "choices", "gemini.generate": "candidates"}
"""The dialects that have several answers, and where an event holds them."""


class One(Protocol):
    """The translation of one answer: a `StreamTranslation`."""

    finished: bool

    @property
    def usage(self) -> Usage | None:
        """Return the token counts that the provider has told."""

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return what the client is to get for `chunk`."""


class SeveralStreams:
    """Translates as a `StreamTranslation` does, from one of these dialects to the other."""

    def __init__(self, client: Api, provider: Api, framing: Framing, make: Callable[[], One]) -> None:
        """Read from `provider` for `client`; `make` gives the translation of one answer, put as events."""
        self._client = client
        self._source, self._target = CHOICES[provider], CHOICES[client]
        self._is_array = framing == "array"
        self._writer = ObjectWriter(is_list=self._is_array)
        self._make = make
        self._frames = SseParser()
        self._streams: dict[int, One] = {}
        self._counts = b""
        self.finished = False
        self.failed = False

    @property
    def usage(self) -> Usage | None:
        """Return the token counts that the provider has told, which are those of all answers."""
        return next((stream.usage for stream in self._streams.values() if stream.usage), None)

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return what the client is to get for `chunk`; empty swallows it. `end` says that nothing follows."""
        out: list[bytes] = []
        try:
            for event in [*self._frames.feed(chunk), *(self._frames.end() if end else ())]:
                if event is not KEEPALIVE and not self._is_over:
                    self._read(event.data, out)
        except BadProviderAnswer as error:
            out.append(self.fail(error))
        if end and not self._is_over:
            self._each(b"", out, end=True)
        return b"".join(out)

    def fail(self, error: GatewayError) -> bytes:
        """Return the event for an error from elsewhere; empty after the end."""
        if self._is_over:
            return b""
        self.failed = True
        if self._is_array:
            return self._writer.write(error_body(self._client, error)) + self._writer.end()
        return error_event(self._client, error)

    @property
    def _is_over(self) -> bool:
        return self.finished or self.failed

    def _read(self, data: bytes, out: list[bytes]) -> None:
        for index, told in self._parted(data):
            line = b"data: " + orjson.dumps(told) + b"\n\n"
            if index is None:
                self._each(line, out)
            else:
                self._write(index, self._stream(index).feed(line, end=False), out)
            if self._is_over:
                return

    def _parted(self, data: bytes) -> list[tuple[int | None, Any]]:
        """Return the parts of an event, each with its place; None is for all of them."""
        try:
            told = orjson.loads(data)
            held = told.get(self._source)
            if held:
                parts = {one.get("index") or 0: [{**one, "index": 0}] for one in held}
                # The counts beside a choice are those of all.
                rest: dict[int, list[Json]] = {index: [] for index in self._streams if index not in parts}
                return [(index, {**told, self._source: part}) for index, part in {**parts, **rest}.items()]
        except (orjson.JSONDecodeError, AttributeError, TypeError):
            if data == b"[DONE]":
                return [(None, orjson.Fragment(data))]
            raise BadProviderAnswer("the provider sent an event that its API does not know") from None
        return [(None, told)]

    def _stream(self, index: int) -> One:
        if index not in self._streams:
            self._streams[index] = self._make()
        return self._streams[index]

    def _each(self, line: bytes, out: list[bytes], *, end: bool = False) -> None:
        if not self._streams:
            self._stream(0)
        for index, stream in self._streams.items():
            self._write(index, stream.feed(line, end), out)
            if self.failed:
                return
        if all(stream.finished for stream in self._streams.values()):
            self.finished = True
            if self._client == "openai.chat":
                out.append(self._counts + b"data: [DONE]\n\n")
            else:
                out.append(self._writer.end())

    def _write(self, index: int, made: bytes, out: list[bytes]) -> None:
        """Write the events of one answer, in its place."""
        for event in filter(None, made.split(b"\n\n")):
            data = event.removeprefix(b"data: ")
            if data == b"[DONE]" or event.startswith(b":"):
                continue
            told: Json = orjson.loads(data)
            if "error" in told:
                self.failed = True
                out.append(self._writer.write(data) + self._writer.end() if self._is_array else event + b"\n\n")
                return
            if not told[self._target]:
                # Told by each of them, and the same.
                self._counts = event + b"\n\n"
                continue
            told[self._target][0]["index"] = index
            out.append(self._writer.write(orjson.dumps(told)))
