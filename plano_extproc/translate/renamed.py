"""Answers that go back as they came, but for the name of the model, which becomes the one that the client asked for.

Some clients believe only an answer whose model is named as they named it. For a client of another dialect than the
provider's a `Translation` sees to it; this is for the same dialect on both sides. All other bytes stay as they are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from plano_extproc.apis import Api
from plano_extproc.errors import GatewayError
from plano_extproc.translate.faults import error_event
from plano_extproc.translate.framing.sse import MAX_EVENT_BYTES

_LINES: Final = re.compile(rb"(?<=[\r\n])")
_STRING: Final = rb'"(?:[^"\\]|\\.)*"'


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a dialect names the model: its key, and within a stream the object around it ("" for none).

    `is_once` says that only one event of a stream does.
    """

    key: str
    around: str
    is_once: bool = False


class Renamed:
    """Reads an answer for a client that asked for `model`. Stands where a `Translation` stands for other dialects."""

    stream_type: Final = "text/event-stream"

    def __init__(self, api: Api, model: str) -> None:
        """Read answers of a dialect that clients speak."""
        self._api = api
        self._model = model

    def is_stream(self, content_type: bytes) -> bool:
        """Tell by its `content-type` whether an answer is streamed."""
        return content_type.partition(b";")[0].strip().lower() == self.stream_type.encode()

    def response(self, body: bytes) -> bytes:
        """Return a whole answer; one that makes no sense stays as it is."""
        return _renamed(body, _PLACES[self._api].key, "", self._model)

    def error(self, status: int, body: bytes) -> bytes:  # noqa: ARG002 - the signature of `Translation`
        """Return the provider's error, which names no model."""
        return body

    def stream(self) -> "RenamedStream":
        """Return what reads a streamed answer."""
        return RenamedStream(self._api, self._model)


class RenamedStream:
    """Changes the name in the events of a stream. Holds no more than one line that is not complete.

    `is_over` says that nothing of what follows changes, and nothing is held; `failed` that an error was told.
    """

    def __init__(self, api: Api, model: str) -> None:
        self._api = api
        self._model = model
        self._place = _PLACES[api]
        self._rest = b""
        self.is_over = False
        self.failed = False

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return what the client is to get for `chunk`. `end` says that nothing follows."""
        data = self._rest + chunk
        self._rest = b""
        if self.is_over:
            return data
        made: list[bytes] = []
        lines = _LINES.split(data)
        for position, line in enumerate(lines):
            is_whole = end or line[-1:] in (b"\r", b"\n")
            if self.is_over:
                made += lines[position:]
                break
            if not is_whole and len(line) <= MAX_EVENT_BYTES:
                self._rest = line
            else:
                made.append(self._line(line))
        return b"".join(made)

    def fail(self, error: GatewayError) -> bytes:
        """Return the event for an error from elsewhere, such as a broken content encoding."""
        self.failed = True
        return error_event(self._api, error)

    def _line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:"):
            return line
        told = line[5:].rstrip(b"\r\n")
        made = _renamed(told, self._place.key, self._place.around, self._model)
        if made is told:
            return line
        self.is_over = self._place.is_once
        return b"data:" + made + line[5 + len(told) :]


def _renamed(data: bytes, key: str, around: str, model: str) -> bytes:
    quoted = b'"%b"' % key.encode()
    if quoted not in data:
        return data
    try:
        told: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return data
    holder = told.get(around) if around and isinstance(told, dict) else told
    if not isinstance(holder, dict) or not isinstance(holder.get(key), str):
        return data
    found = re.search(quoted + rb"\s*:\s*(" + _STRING + rb")", data)
    if found and data.count(quoted) == 1:
        return b"".join((data[: found.start(1)], orjson.dumps(model), data[found.end(1) :]))
    # The key stands elsewhere too, as in a tool's arguments, so that bytes do not tell which is which.
    holder[key] = model
    return orjson.dumps(told)


_PLACES: Final[Mapping[Api, _Place]] = {
    "openai.chat": _Place("model", ""),
    "openai.responses": _Place("model", "response"),
    "anthropic.messages": _Place("model", "message", is_once=True),
    "gemini.generate": _Place("modelVersion", ""),
}
